"""How an operation is written: a plain, executable form and a LaTeX form."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["Binding", "Formula", "Notation"]


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
    """An expression in both forms, with the strength that decides about parentheses."""

    plain: str
    latex: str
    binding: Binding = Binding.ATOM


@dataclass(frozen=True)
class Notation:
    r"""Templates for the plain and the LaTeX form of an operation.

    ``{x}`` stands for the operand ``x``, and is put in parentheses where it binds less tightly
    than the operation. An operand that the template itself encloses (``exp({x})``,
    ``\frac{{{x}}}{{{y}}}``) never is. ``{y:tight}`` wants an operand that binds more tightly:
    the right side of a difference, the base of a power. Any other field is a parameter of the
    operation, written as it prints.

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
        latex = {name: (one.latex, one.binding) for name, one in operands.items()}
        return Formula(
            self._fill(self.plain, plain, parameters, ("(", ")")),
            self._fill(self.latex, latex, parameters, (r"\left(", r"\right)")),
            self.binding,
        )

    def _fill(
        self,
        template: str,
        operands: Mapping[str, tuple[str, Binding]],
        parameters: Mapping[str, object],
        parentheses: tuple[str, str],
    ) -> str:
        pieces = list(string.Formatter().parse(template))
        text = ""
        for position, (literal, name, form, _) in enumerate(pieces):
            text += literal
            if name is None:
                continue
            if name not in operands:
                text += str(parameters[name])
                continue
            written, binding = operands[name]
            following = pieces[position + 1][0] if position + 1 < len(pieces) else ""
            needed = self.binding + 1 if form == "tight" else self.binding
            if binding < needed and not _is_enclosed(text, following):
                written = parentheses[0] + written + parentheses[1]
            text += written
        return text


def _is_enclosed(before: str, after: str) -> bool:
    return before.rstrip()[-1:] in tuple("([{,") and after.lstrip()[:1] in tuple(")]},")
