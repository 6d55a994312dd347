"""An explanation as LaTeX: a document for a lecture, or its body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens.explanation import (
    ExplainedLayer,
    ExplainedUpdate,
    ExplainedWeight,
    Explanation,
    FollowedEntry,
    Line,
)
from glassgrad.lens.render.story import Skipped, change_in_words, flow, shortened, sum_in_words

__all__ = ["escaped", "factor", "latex_of", "number", "value_of"]

PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath, amssymb, longtable}
\allowdisplaybreaks
"""
MOST_ELEMENTS = 16
MOST_COLUMNS = 6
MOST_CONTRIBUTIONS = 40
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "–": "--", "…": r"\dots{}", "·": r"$\cdot$",
}  # fmt: skip


def latex_of(explanation: Explanation, *, document: bool = True) -> str:
    r"""Write an explanation as LaTeX.

    Args:
        explanation: what is to be written.
        document: whether it is a whole document, which amsmath and longtable suffice for, or its
            body.

    Example:
        >>> from glassgrad import Variable, explain
        >>> text = latex_of(explain((Variable(3.0, name="w") * 2.0).square()))
        >>> text.startswith(r"\documentclass"), r"\begin{align*}" in text
        (True, True)
    """
    body = "\n".join(_body(explanation))
    if not document:
        return body + "\n"
    title = rf"\title{{Backpropagation: {escaped(explanation.title)}}}"
    begin = r"\date{}" + "\n" + r"\begin{document}" + "\n" + r"\maketitle"
    return f"{PREAMBLE}{title}\n{begin}\n{body}\n\\end{{document}}\n"


def escaped(text: str) -> str:
    r"""Plain text for LaTeX.

    Example:
        >>> print(escaped("50 % of w_1"))
        50 \% of w\_1
    """
    return "".join(SPECIAL.get(character, character) for character in text)


def number(value: float, digits: int = 6) -> str:
    r"""A number for a formula.

    Example:
        >>> print(number(0.25), number(1.5e-9), number(float("-inf")))
        0.25 1.5 \cdot 10^{-9} -\infty
    """
    if not np.isfinite(value):
        return {"nan": r"\text{NaN}", "inf": r"\infty", "-inf": r"-\infty"}[str(float(value))]
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def factor(value: float, digits: int = 15) -> str:
    r"""A number in a product, in parentheses where it is more than digits.

    Example:
        >>> print(factor(0.25), factor(-3.0))
        0.25 \left(-3\right)
    """
    return _enclosed(number(value, digits))


def value_of(array: Array, digits: int = 4) -> str:
    """A value for a formula: a number, a small matrix, or the norm of what is larger."""
    value = np.asarray(array)
    if value.size == 1:
        return number(float(value.reshape(())), 6)
    fits = value.ndim <= 2 and value.size <= MOST_ELEMENTS and value.shape[-1] <= MOST_COLUMNS
    if not fits or not value.size:
        size = number(float(np.linalg.norm(value.astype(np.float64))), digits)
        shape = r" \times ".join(map(str, value.shape))
        return rf"\left[{shape},\ \left\|\cdot\right\| = {size}\right]"
    rows = [" & ".join(number(float(one), digits) for one in row) for row in np.atleast_2d(value)]
    return r"\begin{pmatrix}" + r" \\ ".join(rows) + r"\end{pmatrix}"


def _body(explanation: Explanation) -> Iterator[str]:
    yield rf"The loss is $L = {value_of(explanation.loss.value)}$."
    for note in explanation.notes:
        yield escaped(note)
    yield r"\section*{Given}"
    yield from _aligned(explanation.given)
    for layer in shortened(explanation.layers):
        if isinstance(layer, Skipped):
            yield rf"\par\dots\ {escaped(layer.sentence)}."
        else:
            yield from _layer(layer)
    for weight in explanation.weights:
        yield from _weight(weight)
    for entry in explanation.entries:
        yield from _entry(entry)
    yield from _updates(explanation.updates)
    if len(explanation.layers) > 1:
        yield from _table(explanation)


def _layer(layer: ExplainedLayer) -> Iterator[str]:
    kind = f" ({escaped(layer.kind)})" if layer.kind else ""
    yield rf"\section*{{{escaped(layer.name)}{kind}}}"
    if layer.forward:
        yield r"\paragraph{Forward}"
        yield from _aligned(layer.forward)
    yield r"\paragraph{Backward}"
    yield from _aligned([*layer.incoming, *layer.rules])
    words = change_in_words(layer)
    if words:
        yield rf"\noindent {escaped(words[0].upper() + words[1:])}."


def _aligned(lines: Sequence[Line]) -> Iterator[str]:
    yield r"\begin{align*}"
    yield " \\\\\n".join(_line(line) for line in lines)
    yield r"\end{align*}"


def _line(line: Line) -> str:
    right = "" if line.formula is None else f"&= {line.formula.latex} \\\\\n"
    return f"{line.name.latex} {right}&= {value_of(line.value)}"


def _weight(weight: ExplainedWeight) -> Iterator[str]:
    gradient = weight.gradient.latex
    yield rf"\section*{{The derivative by ${weight.name.latex}$}}"
    yield r"\begin{align*}"
    rows = []
    for product in weight.products:
        factors = product.factors
        rows += [
            rf"{gradient} &\mathrel{{+}}= " if len(weight.products) > 1 else f"{gradient} &= ",
        ]
        rows[-1] += r" \cdot ".join(f.name.latex for f in factors)
        rows.append("&= " + r" \cdot ".join(_enclosed(f.formula.latex) for f in factors))
        rows.append("&= " + r" \cdot ".join(factor(f.value) for f in factors))
        rows.append(f"&= {number(product.value, 15)}")
    if len(weight.products) > 1:
        rows.append(f"{gradient} &= {number(weight.value, 15)}")
    yield " \\\\\n".join(rows)
    yield r"\end{align*}"
    yield f"The central difference of the loss is ${number(weight.difference, 12)}$."


def _enclosed(text: str) -> str:
    is_simple = text.replace(".", "").isalnum()
    return text if is_simple else rf"\left({text}\right)"


def _entry(entry: FollowedEntry) -> Iterator[str]:
    yield rf"\section*{{{escaped(entry.name)}, number by number}}"
    yield rf"The rule is ${entry.rule.latex}$, the weight {number_of(entry.weight_value)}."
    if entry.contributions:
        yield from _contributions(entry)
    words = sum_in_words(entry)
    yield rf"\noindent {words[0].upper()}{words[1:]}."


def _contributions(entry: FollowedEntry) -> Iterator[str]:
    yield r"\begin{longtable}{lrlrr}"
    yield r"comes in & & times & & adds \\ \hline"
    for one in entry.contributions[:MOST_CONTRIBUTIONS]:
        yield (
            rf"{escaped(one.incoming)} & {number_of(one.gradient)} & "
            rf"{escaped(one.operand or 'local derivative')} & {number_of(one.derivative)} & "
            rf"{number_of(one.product)} \\"
        )
    rest = entry.contributions[MOST_CONTRIBUTIONS:]
    if rest:
        added = number_of(sum(one.product for one in rest))
        yield rf"\dots\ {len(rest)} more & & & & {added} \\"
    yield r"\hline"
    yield rf"sum & & & & {number_of(entry.value)} \\"
    yield r"\end{longtable}"


def number_of(value: float) -> str:
    """A number in a text."""
    return f"${number(value)}$"


def _updates(updates: Sequence[ExplainedUpdate]) -> Iterator[str]:
    if not updates:
        return
    first = updates[0]
    yield rf"\section*{{The update ({escaped(first.optimizer)})}}"
    yield from _aligned([line for line in first.lines if line.label != "given"])
    if len(updates) > 1:
        yield "Every other parameter goes the same way."


def _table(explanation: Explanation) -> Iterator[str]:
    yield r"\section*{The gradient on its way, by its norm}"
    yield r"\begin{longtable}{lrrrr}"
    yield r"layer & parameters & comes in & goes out & factor \\ \hline"
    for passage in flow(explanation):
        cells = ["--" if one is None else f"${number(one, 4)}$" for one in passage.numbers]
        yield rf"{escaped(passage.name)} & {' & '.join(cells)} \\"
    yield r"\end{longtable}"
