"""How an operation is written: a plain, executable form and a LaTeX form."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["Binding", "Formula", "Notation", "latex_of_number"]

# What nothing can pull apart, in both forms: x, t12, hidden.kernel; x, \beta, \mathrm{labels}.
# A letter with an index is none: a second index would make it another one.
NAME = re.compile(r"[A-Za-z_][\w.]*")
LETTER = re.compile(r"[A-Za-z]|\\mathrm\{[^{}]*\}|\\[A-Za-z]+")


class Binding(IntEnum):
    """How tightly an expression holds together, from a comparison to a single symbol."""

    COMPARISON = 1
    SUM = 2
    PRODUCT = 3
    SIGN = 4
    POWER = 5
    ATOM = 6


@dataclass(frozen=True)
class Formula:
    """An expression in both forms, with the strength that decides about parentheses.

    ``latex_binding`` is that of the LaTeX form where it differs: a fraction holds together.
    """

    plain: str
    latex: str
    binding: Binding = Binding.ATOM
    latex_binding: Binding | None = None


@dataclass(frozen=True)
class Notation:
    r"""Templates for the plain and the LaTeX form of an operation.

    ``{x}`` stands for the operand ``x``, and is put in parentheses where it binds less tightly
    than the operation. An operand that the template itself encloses (``exp({x})``,
    ``\frac{{{x}}}{{{y}}}``) never is. ``{y:tight}`` wants an operand that binds more tightly, or a
    single symbol: the right side of a difference, the base of a power, what has an index. Any other
    field is a parameter of the operation, written as it prints.

    The plain form is a NumPy expression (``exp`` means ``numpy.exp``): the tests evaluate it.

    Example:
        >>> difference = Notation("{x} - {y:tight}", "{x} - {y:tight}", Binding.SUM)
        >>> a, b = Formula("a", "a"), Formula("b - c", "b - c", Binding.SUM)
        >>> difference.write({"x": a, "y": b}).plain
        'a - (b - c)'
    """

    plain: str
    latex: str
    binding: Binding = field(default=Binding.ATOM)
    latex_binding: Binding | None = None

    @property
    def operands(self) -> tuple[str, ...]:
        """The names of the fields, in the order of their first appearance in the plain form."""
        names = (name for _, name, _, _ in string.Formatter().parse(self.plain) if name)
        return tuple(dict.fromkeys(names))

    def write(
        self, operands: Mapping[str, Formula], parameters: Mapping[str, object] | None = None
    ) -> Formula:
        """Fill in operands and parameters."""
        parameters = parameters or {}
        plain = {name: (one.plain, one.binding) for name, one in operands.items()}
        latex = {
            name: (one.latex, one.latex_binding or one.binding) for name, one in operands.items()
        }
        numbers = {
            name: latex_of_number(value) if isinstance(value, float) else value
            for name, value in parameters.items()
        }
        return Formula(
            _fill(self.plain, self.binding, plain, parameters, PLAIN),
            _fill(self.latex, self.latex_binding or self.binding, latex, numbers, LATEX),
            self.binding,
            self.latex_binding,
        )


@dataclass(frozen=True)
class Form:
    """How parentheses look, what needs none, and what encloses an operand like a pair of them."""

    parentheses: tuple[str, str]
    symbol: re.Pattern[str]
    opening: tuple[str, ...]
    closing: tuple[str, ...]

    def encloses(self, before: str, after: str) -> bool:
        """Whether an operand between two pieces of a template stands by itself."""
        return before.rstrip().endswith(self.opening) and after.lstrip().startswith(self.closing)


PLAIN = Form(("(", ")"), NAME, ("(", "[", "{", ","), (")", "]", "}", ","))
LATEX = Form(
    (r"\left(", r"\right)"),
    LETTER,
    (*PLAIN.opening, "&", r"\\", r"\begin{cases}"),
    (*PLAIN.closing, "&", r"\\"),
)


def latex_of_number(value: float) -> str:
    """A number as it prints, with powers of ten written out.

    Example:
        >>> latex_of_number(0.5), latex_of_number(1e-07)
        ('0.5', '10^{-7}')
    """
    if value == float("inf"):
        return r"\infty"
    digits, found, exponent = str(value).partition("e")
    if not found:
        return digits
    power = f"10^{{{int(exponent)}}}"
    return power if digits == "1" else rf"{digits} \cdot {power}"


def _fill(
    template: str,
    strength: Binding,
    operands: Mapping[str, tuple[str, Binding]],
    parameters: Mapping[str, object],
    form: Form,
) -> str:
    pieces = list(string.Formatter().parse(template))
    text = ""
    for position, (literal, name, wish, _) in enumerate(pieces):
        text += literal
        if name is None:
            continue
        if name not in operands:
            text += str(parameters[name])
            continue
        written, binding = operands[name]
        following = pieces[position + 1][0] if position + 1 < len(pieces) else ""
        needed = strength + 1 if wish == "tight" else strength
        holds = binding >= needed or form.symbol.fullmatch(written)
        if not holds and not form.encloses(text, following):
            written = form.parentheses[0] + written + form.parentheses[1]
        text += written
    return text
