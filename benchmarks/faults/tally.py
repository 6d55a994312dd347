"""What the answers come to: who was found, named and mended, and what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.faults.examining import HEALTHY
from benchmarks.faults.program import Fault, Half, Program
from benchmarks.faults.programs import programs
from glassgrad.lens.doctor.finding import FAULTS

__all__ = ["GOALS", "Answers", "Tally", "failures", "is_real", "is_repaired", "missed", "tallies"]

Answers = Sequence[Mapping[str, Any]]

#: Shares that are wanted; of false alarms at most, of all else at least.
GOALS = {"detected": 0.98, "named": 0.90, "false alarms": 0.02, "repaired": 0.95}

REPAIRED = 0.95
"""The share of the healthy twin's improvement that a mended network has to reach."""

CLEARLY_WORSE = 0.9
"""The share of the healthy twin's improvement that a sick network must not reach."""


@dataclass(frozen=True)
class Tally:
    """Counts of some runs: each is (how many of them, of how many).

    Args:
        pairs: how many of them were run.
        detected: runs of sick networks with a finding.
        named: those whose first finding is the fault.
        layer: those whose first finding is in the layer, where the fault is in one.
        repaired: networks that were mended.
        at_random: the same, by random search.
        false_alarms: runs of healthy networks with a finding.
        overhead: what the doctor takes, as a share of training: the median.
        added: the same in seconds.
    """

    pairs: int
    detected: tuple[int, int]
    named: tuple[int, int]
    layer: tuple[int, int]
    repaired: tuple[int, int]
    at_random: tuple[int, int]
    false_alarms: tuple[int, int]
    overhead: float | None
    added: float | None


def tallies(answers: Answers, half: Half) -> dict[str, Tally]:
    """Counts by the code of the fault, and of "all" of a half, with its healthy twins.

    Args:
        answers: those of `carry_out`; those that have failed count as not found, not mended.
        half: whose programs are counted.

    Returns:
        Tallies by code, in the order of the catalogue, and "all" at the end.
    """
    faults = {(program.name, fault.name): fault for program, fault in pairs_of(half)}
    here = [one for one in answers if one["half"] == half]
    sick = {key: [a for a in here if (a["program"], a["fault"]) == key] for key in faults}
    healthy = [one for one in here if one["fault"] == HEALTHY]
    found = {}
    for code in FAULTS:
        chosen = {key: fault for key, fault in faults.items() if fault.code == code}
        found[code] = _tally(chosen, sick, healthy, [])
    return {**found, "all": _tally(faults, sick, healthy, healthy)}


def _tally(
    faults: Mapping[tuple[str, str], Fault],
    sick: Mapping[tuple[str, str], Answers],
    twins: Answers,
    counted_as_healthy: Answers,
) -> Tally:
    runs = [(fault, one) for key, fault in faults.items() for one in sick[key]]
    watched = [(fault, one) for fault, one in runs if one["kind"] == "examine"]
    with_layer = [(fault, one) for fault, one in watched if fault.layer]
    mended = [one for fault, one in runs if one["kind"] == "mend" and fault.mendable]
    searched = [one for fault, one in runs if one["kind"] == "search_at_random"]
    calm = [one for one in counted_as_healthy if one["kind"] == "examine"]
    seconds = [
        (one["seconds"], one["seconds_with_doctor"])
        for one in [*(one for _, one in watched), *calm]
        if "seconds_with_doctor" in one
    ]
    return Tally(
        pairs=sum(bool(sick[key]) for key in faults),
        detected=_count(is_detected(one) for _, one in watched),
        named=_count(is_named(fault, one) for fault, one in watched),
        layer=_count(first(one).get("layer") == fault.layer for fault, one in with_layer),
        repaired=_count(is_repaired(one, twins) for one in mended),
        at_random=_count(is_repaired(one, twins) for one in searched),
        false_alarms=_count(is_detected(one) for one in calm),
        overhead=_median(b / a - 1 for a, b in seconds),
        added=_median(b - a for a, b in seconds),
    )


def pairs_of(half: Half) -> Iterator[tuple[Program, Fault]]:
    """All programs of a half with each of their faults."""
    for program in programs(half):
        for fault in program.faults:
            yield program, fault


# ---- one run


def first(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first finding; nothing where there is none."""
    findings = answer.get("findings") or [{}]
    return dict(findings[0])


def is_detected(answer: Mapping[str, Any]) -> bool:
    """Whether anything was found."""
    return bool(answer.get("findings"))


def is_named(fault: Fault, answer: Mapping[str, Any]) -> bool:
    """Whether the first finding is the fault."""
    return first(answer).get("code") in (fault.code, *fault.also)


def is_repaired(answer: Mapping[str, Any], twins: Answers) -> bool:
    """Whether a mended network is about as good as its healthy twin of the same seed."""
    healthy = _healthy_improvement(answer, twins)
    return healthy is not None and answer.get("improvement", 0.0) >= REPAIRED * healthy


def is_real(answers: Answers, twins: Answers) -> bool:
    """Whether a fault does harm: clearly worse than the healthy twin for all seeds but one."""
    worse = [
        one.get("improvement", 0.0) < CLEARLY_WORSE * (_healthy_improvement(one, twins) or 0.0)
        for one in answers
    ]
    return bool(worse) and sum(worse) >= max(1, len(worse) - 1)


def _healthy_improvement(answer: Mapping[str, Any], twins: Answers) -> float | None:
    same = (
        one["improvement"]
        for one in twins
        if (one["program"], one["seed"]) == (answer["program"], answer["seed"])
        and "improvement" in one
    )
    return next(same, None)


def _median(numbers: Iterable[float]) -> float | None:
    known = list(numbers)
    return median(known) if known else None


def _count(truths: Iterable[bool]) -> tuple[int, int]:
    known = list(truths)
    return sum(known), len(known)


# ---- what is wanted


def missed(tally: Tally) -> list[str]:
    """The goals that a half has not reached, as sentences; those that nobody ran do not count."""
    shares = {
        "detected": tally.detected,
        "named": tally.named,
        "false alarms": tally.false_alarms,
        "repaired": tally.repaired,
    }
    sentences = []
    for name, (hits, runs) in shares.items():
        is_too_many = name == "false alarms"
        if runs and (hits / runs > GOALS[name] if is_too_many else hits / runs < GOALS[name]):
            bound = "at most" if is_too_many else "at least"
            sentences.append(f"{name}: {hits / runs:.1%}, wanted {bound} {GOALS[name]:.0%}")
    if tally.at_random[1] and tally.repaired[0] <= tally.at_random[0]:
        sentences.append(
            f"repaired: {tally.repaired[0]}, no more than {tally.at_random[0]} by random search"
        )
    return sentences


def failures(answers: Answers, half: Half) -> Iterator[str]:
    """What went wrong, and what was found instead: a line for all seeds that say the same."""
    faults = {(program.name, fault.name): fault for program, fault in pairs_of(half)}
    twins = [one for one in answers if one["fault"] == HEALTHY]
    seeds: dict[tuple[str, str], list[str]] = {}
    for one in answers:
        if one["half"] != half:
            continue
        problem = _problem(one, faults.get((one["program"], one["fault"])), twins)
        if problem:
            run = f"{one['program']}/{one['fault']}"
            seeds.setdefault((run, problem), []).append(str(one["seed"]))
    for (run, problem), found in seeds.items():
        yield f"{run} seed{'s' if len(found) > 1 else ''} {' '.join(found)}: {problem}"


def _problem(answer: Mapping[str, Any], fault: Fault | None, twins: Answers) -> str | None:
    if "error" in answer:
        return f"{answer['kind']} failed: {answer['error']}"
    if answer["kind"] == "mend" and fault and fault.mendable and not is_repaired(answer, twins):
        healthy = _healthy_improvement(answer, twins)
        wanted = "unknown" if healthy is None else f"{REPAIRED * healthy:.3f}"
        return f"not repaired: improvement {answer['improvement']:.3f}, wanted {wanted}"
    if answer["kind"] != "examine":
        return None
    if answer.get("improvement_with_doctor", answer["improvement"]) != answer["improvement"]:
        return "the doctor has changed the training"
    said = ", ".join(_shown(finding) for finding in answer["findings"]) or "nothing"
    if fault is None:
        return f"false alarm: {said}" if answer["findings"] else None
    if not is_named(fault, answer):
        return f"{fault.code} expected, found {said}"
    if fault.layer and first(answer).get("layer") != fault.layer:
        return f"{fault.code} in {fault.layer} expected, found {said}"
    return None


def _shown(finding: Mapping[str, Any]) -> str:
    return f"{finding['code']} in {finding['layer']}" if finding["layer"] else str(finding["code"])
