"""What may be said about a comparison: which differences exceed the spread, and which do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from glassgrad.lens.comparing.differences import LEVEL, MOST_SEEDS, Difference
from glassgrad.lens.comparing.plan import FACTORS
from glassgrad.lens.comparing.setting import optimizer_of
from glassgrad.lens.comparing.trial import DIVERGED, FAILED

if TYPE_CHECKING:
    from glassgrad.lens.comparing.comparison import Comparison, Standing

__all__ = ["listed", "setting_of", "statement_of"]


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words in a row.

    Example:
        >>> listed(["relu"]), listed(["relu", "elu", "gelu"])
        ('relu', 'relu, elu and gelu')
    """
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


# ---- what was done


def setting_of(comparison: Comparison) -> list[str]:
    """Sentences on data, network, training and seeds."""
    plan, kind = comparison.plan, comparison.kind
    told = [
        comparison.dataset,
        f"What varies is the {kind.subject}. The same for all: {plan.base.described(kind.option)}.",
        kind.note,
        *_rates(comparison),
        f"Each is trained from {_seeds(plan.seeds)}: a seed "
        "decides first weights, order of the examples and dropout. Results are those after the "
        "last epoch, without dropout; ± is the standard deviation over the seeds. Trainings that "
        "diverged are counted, and are no part of a mean.",
        f"Seconds are of training alone, {_side_by_side(comparison)}, the median. "
        "Gradient flow is the size of the gradient in the first layer's kernel divided by that in "
        "the last one's (root mean squares of their elements, the median): below 1 the gradient "
        "shrinks on its way back.",
    ]
    return [sentence for sentence in told if sentence]


def _seeds(count: int) -> str:
    return f"{count} seed{'s' * (count != 1)}"


def _side_by_side(comparison: Comparison) -> str:
    counts = sorted({one.side_by_side for one in comparison.outcomes})
    if counts == [1]:
        return "one training at a time"
    return f"{listed([str(count) for count in counts], 'or')} trainings side by side"


def _rates(comparison: Comparison) -> Iterator[str]:
    """Where learning rates come from, if contenders differ in them."""
    if comparison.tuned:
        factors = listed([f"{factor:g}" for factor in FACTORS])
        chosen = ", ".join(f"{one.name} {one.chosen:g}" for one in comparison.tuned)
        yield (
            f"Learning rates: for each the best of {factors} times the usual one, by the "
            f"validation result from one seed that does not count: {chosen}."
        )
        edges = [one.name for one in comparison.tuned if one.is_at_the_edge]
        if edges:
            yield f"At the edge of that grid, so that a better one may lie beyond: {listed(edges)}."
    elif comparison.plan.kind == "optimizers":
        usual = [
            f"{one.name} {optimizer_of(one.setting.optimizer).get_config()['learning_rate']:g}"
            for one in comparison.contenders
        ]
        yield (
            f"Each has its usual learning rate: {', '.join(usual)}. So this compares defaults, not "
            "what the methods can do; with tuning (--tune) each gets the best rate of a small grid."
        )


# ---- what came out


def statement_of(comparison: Comparison) -> list[str]:
    """Sentences on what is better, what cannot be told apart, and what would be needed for it."""
    told = [_of_failures(one) for one in comparison.standings if one.count(FAILED)]
    told += _of_divergence(comparison.standings)
    if len(comparison.ranked) < 2:
        return [*told, "There are no two contenders whose trainings all ended: nothing to compare."]
    if not comparison.differences:
        return [*told, "One seed shows no spread, so nothing can be said about differences."]
    best = comparison.ranked[0]
    alike = [one for one in comparison.differences if best in _pair(one) and not one.is_told_apart]
    told.append(_of_the_best(comparison, alike))
    told += _of_the_worse(comparison)
    told += _of_those_that_learned_nothing(comparison)
    told += _of_needs(comparison, alike)
    told.append(_of_the_method(comparison))
    return told


def _pair(difference: Difference) -> tuple[str, str]:
    return difference.first, difference.second


def _of_failures(standing: Standing) -> str:
    failed = [one for one in standing.outcomes if one.status == FAILED]
    seeds = listed([str(one.seed) for one in failed])
    return (
        f"{standing.name} failed from {'seed' if len(failed) == 1 else 'seeds'} {seeds}, and is "
        f"left out of what follows: {failed[0].reason}"
    )


def _of_divergence(standings: Sequence[Standing]) -> list[str]:
    found = [
        f"{one.name} in {one.count(DIVERGED)} of {len(one.outcomes)} trainings"
        for one in standings
        if one.count(DIVERGED)
    ]
    if not found:
        return []
    return [f"Diverged, and left out of what follows: {listed(found)}."]


def _of_the_best(comparison: Comparison, alike: Sequence[Difference]) -> str:
    """Whether there is a winner."""
    measure, best = comparison.measure, comparison.ranked[0]
    means = {one.name: one.score(measure.name).mean for one in comparison.standings}
    whole = f"the highest mean {measure.words}, {measure.shown(means[best])}"
    seeds = f"with {_seeds(comparison.plan.seeds)}"
    if not alike:
        number = len(comparison.ranked) - 1
        others = f"each of the {number} others" if number > 1 else "the other"
        return f"{best} has {whole}, and is better than {others}."
    details = [
        f"{one.second} ({'difference ' * (number == 0)}{measure.shown_difference(one.mean)} ± "
        f"{measure.shown_difference(one.margin)}{measure.unit * (number == 0)})"
        for number, one in enumerate(alike)
    ]
    return (
        f"No winner: {best} has {whole}, and {seeds} cannot be told apart from {listed(details)}."
    )


def _of_the_worse(comparison: Comparison) -> Iterator[str]:
    """Who is worse than whom; those worse than the same ones together."""
    apart = [one for one in comparison.differences if one.is_told_apart]
    ranked, measure = comparison.ranked, comparison.measure
    beaten: dict[tuple[str, ...], list[str]] = {}
    for name in ranked:
        better = tuple(one.first for one in apart if one.second == name)
        if better:
            beaten.setdefault(better, []).append(name)
    for better, worse in beaten.items():
        gaps = sorted(one.mean for one in apart if one.second in worse and one.first in better)
        least, most = (measure.shown_difference(gap) for gap in (gaps[0], gaps[-1]))
        gap = least if least == most else f"{least} to {most}"
        above = ranked[: ranked.index(worse[0])]
        them = f"all {len(better)} above" if len(better) == len(above) > 3 else listed(better)
        verb = "is" if len(worse) == 1 else "are"
        yield f"{listed(worse)} {verb} worse than {them} (by {gap}{measure.unit})."


def _of_those_that_learned_nothing(comparison: Comparison) -> Iterator[str]:
    """Who does no better than somebody who does not look at the inputs."""
    measure = comparison.measure
    most = measure.baseline + measure.resolution
    found = [
        one.name
        for one in comparison.standings
        if one.name in comparison.ranked and max(one.scores(measure.name)) <= most
    ]
    if found:
        verb = "has" if len(found) == 1 else "have"
        yield (
            f"{listed(found)} {verb} learned nothing: without a look at the inputs "
            f"{measure.shown(measure.baseline)} is reached."
        )


def _of_needs(comparison: Comparison, alike: Sequence[Difference]) -> Iterator[str]:
    """How many seeds would settle what is open about the best."""
    if not alike:
        return
    needed = [
        f"about {_round(one.seeds_needed):,} for {one.second}"
        if one.seeds_needed is not None
        else f"more than {MOST_SEEDS:,} for {one.second}"
        for one in alike
    ]
    yield (
        f"If differences and spreads are what {_seeds(comparison.plan.seeds)} show, which is "
        f"rough, the seeds needed to tell {comparison.ranked[0]} apart are {listed(needed)}."
    )


def _round(count: int) -> int:
    """A rough number: two digits and zeros."""
    unit = int(10 ** max(len(str(count)) - 2, 0))
    return -(-count // unit) * unit


def _of_the_method(comparison: Comparison) -> str:
    differences = comparison.differences
    apart = sum(one.is_told_apart for one in differences)
    verb = "differs" if apart == 1 else "differ"
    count = len(differences)
    pairs = "The pair" if count == 1 else f"{apart} of {count} pairs"
    if count == 1:
        verb = "differs" if apart else "does not differ"
    correction = "" if count == 1 else " with Holm's correction for all pairs"
    return (
        f"{pairs} {verb} by more than chance explains: paired t tests over "
        f"{_seeds(comparison.plan.seeds)}, {LEVEL:.0%} in all{correction}; a difference counts "
        "where it exceeds what stands after ±. Other data, or another division of these, may "
        "give another order."
    )
