"""An explanation as Markdown with formulas, as GitHub and notebooks show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from glassgrad.lens.explanation import (
    ExplainedLayer,
    ExplainedUpdate,
    ExplainedWeight,
    Explanation,
    FollowedEntry,
    Line,
)
from glassgrad.lens.render.latex import factor, number, value_of
from glassgrad.lens.render.numbers import number_text
from glassgrad.lens.render.story import (
    FLOW,
    Skipped,
    change_in_words,
    flow,
    shortened,
    sum_in_words,
)

__all__ = ["markdown_of"]

MOST_CONTRIBUTIONS = 40
ADDED = ("comes in", "", "times", "", "adds")


def markdown_of(explanation: Explanation) -> str:
    """Write an explanation as Markdown, with formulas in fences, as GitHub sets them.

    Between dollar signs GitHub would take backslashes for its own.

    Example:
        >>> from glassgrad import Variable, explain
        >>> text = markdown_of(explain((Variable(3.0, name="w") * 2.0).square()))
        >>> text.splitlines()[0]
        '# Backpropagation: a loss'
    """
    return "\n".join(_body(explanation)) + "\n"


def _body(explanation: Explanation) -> Iterator[str]:
    yield f"# Backpropagation: {_text(explanation.title)}"
    yield ""
    yield f"The loss is ${explanation.loss.name.latex} = {value_of(explanation.loss.value)}$."
    for note in explanation.notes:
        yield _text(note)
    yield from ["", "## Given"]
    yield from _formulas(explanation.given)
    for layer in shortened(explanation.layers):
        if isinstance(layer, Skipped):
            yield from ["", f"… {layer.sentence}."]
        else:
            yield from _layer(layer)
    for weight in explanation.weights:
        yield from _weight(weight)
    for entry in explanation.entries:
        yield from _entry(entry)
    yield from _updates(explanation.updates)
    if len(explanation.layers) > 1:
        yield from ["", "## The gradient on its way, by its norm", ""]
        yield from _flow(explanation)


def _layer(layer: ExplainedLayer) -> Iterator[str]:
    kind = f" ({_text(layer.kind)})" if layer.kind else ""
    yield from ["", f"## {_text(layer.name)}{kind}"]
    if layer.forward:
        yield from ["", "Forward:"]
        yield from _formulas(layer.forward)
    yield from ["", "Backward:"]
    yield from _formulas([*layer.incoming, *layer.rules])
    words = change_in_words(layer)
    if words:
        yield from ["", f"{words[0].upper()}{words[1:]}."]


def _formulas(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        right = "" if line.formula is None else f" = {line.formula.latex}"
        yield from _display(f"{line.name.latex}{right} = {value_of(line.value)}")


def _display(latex: str) -> list[str]:
    return ["", "```math", latex, "```"]


def _weight(weight: ExplainedWeight) -> Iterator[str]:
    yield from ["", f"## The derivative by ${weight.name.latex}$"]
    sign = "=" if len(weight.products) == 1 else r"\mathrel{+}="
    for product in weight.products:
        factors = product.factors
        symbols = r" \cdot ".join(f.name.latex for f in factors)
        numbers = r" \cdot ".join(factor(f.value) for f in factors)
        yield from [*_display(f"{weight.gradient.latex} {sign} {symbols}"), ""]
        rows = [
            (f"${f.name.latex}$", f"${f.formula.latex}$", number_text(f.value, 15)) for f in factors
        ]
        yield from _table(("local derivative", "is", "value"), rows)
        yield from _display(f"{numbers} = {number(product.value, 15)}")
    yield ""
    yield (
        f"${weight.gradient.latex} = {number(weight.value, 15)}$; "
        f"the central difference of the loss is {number_text(weight.difference, 12)}."
    )


def _entry(entry: FollowedEntry) -> Iterator[str]:
    yield from ["", f"## `{entry.name}`, number by number", ""]
    yield f"`{entry.weight}` is {number_text(entry.weight_value)}; the rule: ${entry.rule.latex}$"
    yield ""
    rows = [
        (
            f"`{one.incoming}`",
            number_text(one.gradient),
            f"`{one.operand}`" if one.operand else "local derivative",
            number_text(one.derivative),
            number_text(one.product),
        )
        for one in entry.contributions[:MOST_CONTRIBUTIONS]
    ]
    rest = entry.contributions[MOST_CONTRIBUTIONS:]
    if rest:
        added = number_text(sum(one.product for one in rest))
        rows.append((f"… {len(rest):,} more", "", "", "", added))
    rows.append(("**sum**", "", "", "", f"**{number_text(entry.value)}**"))
    if entry.contributions:
        yield from [*_table(ADDED, rows), ""]
    words = sum_in_words(entry)
    yield f"{words[0].upper()}{words[1:]}."


def _updates(updates: Sequence[ExplainedUpdate]) -> Iterator[str]:
    if not updates:
        return
    yield from ["", f"## The update ({_text(updates[0].optimizer)})"]
    yield from _formulas([line for line in updates[0].lines if line.label != "given"])
    if len(updates) > 1:
        yield from ["", "Every other parameter goes the same way."]


def _flow(explanation: Explanation) -> Iterator[str]:
    rows = [
        (
            _text(passage.name),
            *("–" if one is None else number_text(one, 4) for one in passage.numbers),
        )
        for passage in flow(explanation)
    ]
    yield from _table(FLOW, rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in [header, ["---"] * len(header), *rows]:
        cells = [cell.replace("|", r"\vert ") for cell in row]
        yield f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Plain text, in which nothing is a sign of Markdown."""
    return "".join(f"\\{one}" if one in "\\`*_[]<>$|" else one for one in text)
