"""Sums of products over named axes, with the chain rule that a person writes: another such sum."""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.graph import Tensor
from glassgrad.graph.operation import Gradients
from glassgrad.ops.contraction import Einsum

__all__ = ["Contraction", "as_contraction"]


class Contraction(Einsum):
    """An ``einsum`` in which every axis has one length and meets another, or stays.

    Formula: for y = einsum("ab,bc->ac", u, v), dL/du = einsum("ac,bc->ab", dL/dy, v).
    """

    def chain_rule(
        self, gradients: Gradients, outputs: tuple[Tensor, ...], inputs: tuple[Tensor, ...]
    ) -> Gradients:
        """In place of each operand the gradient, for the letters of the operand."""
        (g,) = gradients
        terms, output = _terms(self.equation)
        slopes = []
        for place, wanted in enumerate(terms):
            others = [n for n in range(len(inputs)) if n != place]
            left = ",".join([output, *(terms[n] for n in others)])
            slopes.append(Contraction(f"{left}->{wanted}")(g, *(inputs[n] for n in others)))
        return tuple(slopes)


def as_contraction(operation: Einsum, inputs: Sequence[Tensor]) -> Contraction | None:
    """The operation with a rule of its own, or ``None``.

    Diagonals, ellipses, axes of one term alone and broadcast ones would need more than one sum.

    Example:
        >>> x = Tensor([[1.0, 2.0]])
        >>> as_contraction(Einsum("ij->i"), [x]) is None
        True
        >>> as_contraction(Einsum("ij,kj"), [x, x])
        Contraction(equation='ij,kj->ik')
    """
    if "." in operation.equation:
        return None
    terms, output = _terms(operation.equation)
    lengths: dict[str, set[int]] = {}
    for term, tensor in zip(terms, inputs, strict=True):
        for letter, length in zip(term, tensor.shape, strict=True):
            lengths.setdefault(letter, set()).add(length)
    is_plain = all(len(set(term)) == len(term) for term in (*terms, output)) and all(
        len(several) == 1 for several in lengths.values()
    )
    meets = all(
        set(term) <= set(output).union(*(terms[n] for n in range(len(terms)) if n != place))
        for place, term in enumerate(terms)
    )
    return Contraction(f"{','.join(terms)}->{output}") if is_plain and meets else None


def _terms(equation: str) -> tuple[list[str], str]:
    left, arrow, output = equation.replace(" ", "").partition("->")
    if not arrow:
        output = "".join(sorted(x for x in set(left) - {","} if left.count(x) == 1))
    return left.split(","), output
