"""An explanation as plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from glassgrad.lens.explanation import (
    ExplainedLayer,
    ExplainedUpdate,
    ExplainedWeight,
    Explanation,
    FollowedEntry,
    Line,
)
from glassgrad.lens.render.numbers import array_text, number_text, shape_text
from glassgrad.lens.render.story import (
    FLOW,
    Skipped,
    change_in_words,
    flow,
    shortened,
    sum_in_words,
)

__all__ = ["text_of"]

EXACT = 15  # digits of numbers that a reader follows by hand
MOST_CONTRIBUTIONS = 40
EQUALS = "      = "  # before the value of a line above


def text_of(explanation: Explanation, width: int = 88, digits: int = 6) -> str:
    """Write an explanation as text.

    Args:
        explanation: what is to be written.
        width: of the lines, where formulas and names allow it.
        digits: significant digits of the numbers; a network of scalars is written with 15.

    Example:
        >>> from glassgrad import Variable, explain
        >>> w = Variable(3.0, name="w")
        >>> print(text_of(explain((w * 2.0).square())).splitlines()[0])
        a loss   L = 36
    """
    writer = _Writer(width, EXACT if explanation.weights else digits)
    return "\n".join(line.rstrip() for line in writer.everything(explanation)).rstrip()


class _Writer:
    """Lines of text of a given width."""

    def __init__(self, width: int, digits: int) -> None:
        self.width = max(width, 40)
        self.digits = digits

    def everything(self, explanation: Explanation) -> Iterator[str]:
        """The parts of an explanation, in the order of reading."""
        loss = explanation.loss
        value = ", ".join(array_text(loss.value, self.digits))
        yield f"{explanation.title}   {loss.name.plain} = {value}"
        for note in explanation.notes:
            yield from self._prose(note)
        yield ""
        yield from self._heading("given")
        for line in explanation.given:
            yield from self.given(line)
        for layer in shortened(explanation.layers):
            yield ""
            if isinstance(layer, Skipped):
                yield from self._prose(f"… {layer.sentence}", "")
            else:
                yield from self.layer(layer)
        for weight in explanation.weights:
            yield ""
            yield from self.weight(weight)
        for entry in explanation.entries:
            yield ""
            yield from self.entry(entry)
        if explanation.updates:
            yield ""
            yield from self.updates(explanation.updates)
        if len(explanation.layers) > 1:
            yield ""
            yield from self.table(explanation)

    def given(self, line: Line) -> Iterator[str]:
        """What was there before: its numbers where they fit on the line."""
        name = f"  {line.name.plain}"
        value = array_text(line.value, self.digits, self.width)
        is_whole = len(value) == 1 and "…" not in value[0]
        if is_whole and len(name) + len(value[0]) + 3 <= self.width:
            yield f"{name} = {value[0]}"
        else:
            yield f"{name}   {shape_text(line)}, norm {number_text(line.norm, 4)}"

    # ---- layers

    def layer(self, layer: ExplainedLayer) -> Iterator[str]:
        """One layer: what it computes, what comes in, the rules, what goes out."""
        yield from self._heading(layer.name or "the loss", layer.kind)
        if layer.forward:
            yield "  forward"
            for line in layer.forward:
                yield from self.line(line)
        yield "  backward"
        for line in layer.incoming:
            yield from self.line(line, "comes in")
        for line in layer.rules:
            yield from self.line(line)
        yield from self._prose(change_in_words(layer))

    def line(self, line: Line, remark: str = "") -> Iterator[str]:
        """A quantity: name, formula, value; on one line where it fits."""
        right = "" if line.formula is None else f" = {line.formula.plain}"
        value = array_text(line.value, self.digits, self.width - len(EQUALS))
        size = f"   {shape_text(line)}" if line.shape and line.value.size != 1 else ""
        said = f"   {remark}" if remark else ""
        whole = f"    {line.name.plain}{right} = {value[0]}{said}"
        if len(value) == 1 and len(whole) <= self.width and not size:
            yield whole
            return
        yield from self._prose(f"{line.name.plain}{right}{size}{said}", "    ")
        for number, text in enumerate(value):
            yield (" " * len(EQUALS) if number else EQUALS) + text

    def _prose(self, text: str, indent: str = "  ") -> Iterator[str]:
        yield from wrap(
            text,
            self.width,
            initial_indent=indent,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )

    def _heading(self, title: str, kind: str = "") -> Iterator[str]:
        head = f"── {title}{f'   {kind}' if kind else ''} "
        yield head + "─" * max(self.width - len(head), 3)

    # ---- numbers one by one

    def weight(self, weight: ExplainedWeight) -> Iterator[str]:
        """The derivative by a scalar weight: symbols, formulas, numbers, result, difference."""
        gradient = weight.gradient.plain
        count = len(weight.products)
        paths = "" if count == 1 else f", over {count} paths"
        yield from self._heading(f"{gradient}, symbol by symbol and number by number{paths}")
        for product in weight.products:
            symbols = " · ".join(factor.name.plain for factor in product.factors)
            yield from self._prose(f"{gradient}{'' if count == 1 else ' gains'} = {symbols}")
            left = max(len(factor.name.plain) for factor in product.factors)
            middle = max(len(factor.formula.plain) for factor in product.factors)
            for factor in product.factors:
                name, is_computed = (
                    factor.name.plain.ljust(left),
                    factor.formula.plain.ljust(middle),
                )
                yield f"    {name} = {is_computed} = {number_text(factor.value, self.digits)}"
            numbers = " · ".join(
                _signed(number_text(factor.value, self.digits)) for factor in product.factors
            )
            yield from self._prose(numbers, "    ")
            yield f"{EQUALS}{number_text(product.value, self.digits)}"
        if count > 1:
            yield f"  {gradient} = the sum = {number_text(weight.value, self.digits)}"
        gap = abs(weight.difference - weight.value)
        yield from self._prose(
            f"central difference of the loss: {number_text(weight.difference, 12)} "
            f"(apart by {number_text(gap, 2)})"
        )

    def entry(self, entry: FollowedEntry) -> Iterator[str]:
        """One entry of a gradient: everything that is added."""
        yield from self._heading(f"{entry.name}, number by number")
        value = number_text(entry.weight_value, self.digits)
        yield from self._prose(f"{entry.weight} = {value}; the rule: {entry.rule.plain}")
        rows = [
            (
                one.incoming,
                number_text(one.gradient, self.digits),
                one.operand or "local derivative",
                number_text(one.derivative, self.digits),
                number_text(one.product, self.digits),
            )
            for one in entry.contributions[:MOST_CONTRIBUTIONS]
        ]
        header = ("comes in", "", "times", "", "adds")
        widths = [max(len(row[n]) for row in [header, *rows]) for n in range(5)]
        for row in [header, *rows] if rows else []:
            a, b, c, d, e = (text.ljust(w) for text, w in zip(row, widths, strict=True))
            yield f"    {a} {b}   {c} {d}   {e}"
        rest = entry.contributions[MOST_CONTRIBUTIONS:]
        if rest:
            sum_of_rest = number_text(sum(one.product for one in rest), self.digits)
            yield f"    … and {len(rest):,} more, which add {sum_of_rest}"
        value = number_text(entry.value, self.digits)
        yield from self._prose(f"{sum_in_words(entry)}: {entry.name} = {value}")

    def updates(self, updates: Sequence[ExplainedUpdate]) -> Iterator[str]:
        """What the optimizer makes of the parameters: the formula of one, the change of all."""
        first = updates[0]
        yield from self._heading(f"the update of {first.name.plain}", first.optimizer)
        for line in first.lines:
            if line.label == "given" and line.name.plain != first.name.plain:
                yield from self.line(line)
        for line in first.lines:
            if line.label != "given":
                yield from self.line(line)
        if len(updates) > 1:
            yield "  every parameter goes the same way:"
        left = max(len(update.name.plain) for update in updates)
        for update in updates[1:] and updates:
            moved, size = number_text(update.moved, 4), number_text(update.size, 4)
            yield f"    {update.name.plain:<{left}}   moves by {moved}, with a norm of {size}"

    # ---- the whole way

    def table(self, explanation: Explanation) -> Iterator[str]:
        """Layer by layer: how large the gradient is, and what becomes of it."""
        yield from self._heading("the gradient on its way, by its norm")
        rows = [
            (
                passage.name,
                *("–" if number is None else number_text(number, 4) for number in passage.numbers),
            )
            for passage in flow(explanation)
        ]
        widths = [max(len(row[n]) for row in [FLOW, *rows]) for n in range(len(FLOW))]
        for row in [FLOW, *rows]:
            name, *numbers = (
                text.ljust(w) if n == 0 else text.rjust(w)
                for n, (text, w) in enumerate(zip(row, widths, strict=True))
            )
            yield f"  {name}   {'   '.join(numbers)}"


def _signed(number: str) -> str:
    """A negative factor stands in parentheses."""
    return f"({number})" if number.startswith("-") else number
