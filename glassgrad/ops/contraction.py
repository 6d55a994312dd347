"""Sums of products over named axes: ``einsum``, and what it is best known for."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError, shown
from glassgrad.graph import Composite, Notation, Tensor, TensorSpec, as_tensor, constant
from glassgrad.ops.elementwise import Elementwise, cast, equal, where
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import reshape, transpose
from glassgrad.ops.reduction import normalize_axes, sum

__all__ = ["Einsum", "dot", "einsum", "outer", "tensordot"]

ELLIPSIS = "..."
# What no user writes: the axes of an ellipsis, counted from the last.
HIDDEN = "αβγδεζηθικλμνξοπρστυφχψω"


@dataclass(frozen=True)
class Equation:
    """What goes in and what comes out, a letter for each axis."""

    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class Term:
    """A tensor and a letter for each of its axes."""

    tensor: Tensor
    letters: str

    def lengths(self) -> dict[str, int]:
        """How long the axis of each letter is."""
        return dict(zip(self.letters, self.tensor.shape, strict=True))

    def arranged(self, letters: Iterable[str]) -> Term:
        """The axes in the order of these letters."""
        wanted = "".join(letters)
        if wanted == self.letters:
            return self
        order = [self.letters.index(letter) for letter in wanted]
        return Term(transpose(self.tensor, order), wanted)

    def without(self, letters: Iterable[str]) -> Term:
        """The sum over the axes of these letters."""
        axes = [self.letters.index(letter) for letter in letters]
        rest = "".join(x for n, x in enumerate(self.letters) if n not in axes)
        return Term(sum(self.tensor, axes), rest) if axes else self


@dataclass(frozen=True)
class Einsum(Composite):
    """Einstein's summation: products of elements, summed over what the output does not name."""

    equation: str
    notation = Notation("einsum('{equation}', {inputs})", r"\operatorname{{einsum}}({inputs})")

    prepare = Elementwise.prepare

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """Check letters and lengths."""
        equation = read_equation(self.equation, [spec.rank for spec in inputs])
        lengths: dict[str, int] = {}
        for letters, spec in zip(equation.inputs, inputs, strict=True):
            for letter, length in zip(letters, spec.shape, strict=True):
                known = lengths.setdefault(letter, length)
                if 1 not in (known, length) and known != length:
                    raise ShapeError(
                        f"An axis has one length wherever {self.equation!r} names it. Got "
                        f"{known} and {length} in shapes {', '.join(str(x.shape) for x in inputs)}."
                    )
                lengths[letter] = length if known == 1 else known
        return super().shape(*inputs)

    def definition(self, *inputs):
        equation = read_equation(self.equation, [x.ndim for x in inputs])
        terms = [
            diagonal(Term(x, letters)) for x, letters in zip(inputs, equation.inputs, strict=True)
        ]
        terms = without_repetition(terms)
        result, *rest = terms
        while rest:
            following, *rest = rest
            kept = set(equation.output).union(*(term.letters for term in rest))
            result = product(result, following, kept)
        result = result.without(x for x in result.letters if x not in equation.output)
        return result.arranged(equation.output).tensor


def read_equation(equation: str, ranks: Sequence[int]) -> Equation:
    """Take an equation apart; an ellipsis becomes letters of its own.

    Raises:
        ArgumentError: it cannot be read, or does not fit the tensors.
    """
    written = equation.replace(" ", "")
    left, arrow, right = written.partition("->")
    sides = left.split(",")
    if len(sides) != len(ranks):
        raise ArgumentError(
            f"{equation!r} names {len(sides)} tensors, separated by commas. Got {len(ranks)}."
        )
    for side in (*sides, right):
        rest = side.replace(ELLIPSIS, "", 1)
        if not set(rest) <= set(string.ascii_letters):
            raise ArgumentError(
                "An equation consists of letters, commas, one '->' and an ellipsis '...' for each "
                f"tensor at most. Got {equation!r}."
            )
    inputs = tuple(
        _spelled_out(side, rank, equation) for side, rank in zip(sides, ranks, strict=True)
    )
    hidden = "".join(x for x in reversed(HIDDEN) if any(x in letters for letters in inputs))
    if not arrow:  # the letters that occur once, in their alphabetical order
        joined = "".join(inputs)
        once = sorted(x for x in set(joined) if joined.count(x) == 1 and x not in HIDDEN)
        return Equation(inputs, hidden + "".join(once))
    output = right.replace(ELLIPSIS, hidden)
    if len(set(output)) < len(output) or not set(output) <= set("".join(inputs)):
        raise ArgumentError(
            f"The output of {equation!r} must name axes of the inputs, each once. Got {right!r}."
        )
    return Equation(inputs, output)


def _spelled_out(side: str, rank: int, equation: str) -> str:
    named = len(side.replace(ELLIPSIS, ""))
    hidden = rank - named
    if hidden < 0 or (hidden and ELLIPSIS not in side) or hidden > len(HIDDEN):
        raise ArgumentError(
            f"{side!r} in {equation!r} names {named} axes. Got a tensor of {rank} axes; write "
            "'...' for axes that need no name."
        )
    return side.replace(ELLIPSIS, HIDDEN[:hidden][::-1])


def diagonal(term: Term) -> Term:
    """Where a letter is repeated, the elements whose places on its axes are equal."""
    for letter in set(term.letters):
        while term.letters.count(letter) > 1:
            first = term.letters.index(letter)
            second = term.letters.index(letter, first + 1)
            term = _diagonal_of(term, first, second)
    return term


def _diagonal_of(term: Term, first: int, second: int) -> Term:
    x, letters = term.tensor, term.letters
    if x.shape[first] != x.shape[second]:
        raise ShapeError(
            f"Axes of one name have one length. Got {x.shape[first]} and {x.shape[second]} of "
            f"shape {x.shape}."
        )
    place = constant(np.arange(x.shape[first], dtype=np.int32))
    rows, columns = ([-1 if n == axis else 1 for n in range(x.ndim)] for axis in (first, second))
    is_on_it = equal(reshape(place, rows), reshape(place, columns))
    kept = sum(where(is_on_it, x, cast(0, x.dtype)), second)
    return Term(kept, letters[:second] + letters[second + 1 :])


def without_repetition(terms: Sequence[Term]) -> list[Term]:
    """Drop axes of length 1 that meet longer ones: their element is the same all along."""
    longest: dict[str, int] = {}
    for term in terms:
        for letter, length in term.lengths().items():
            longest[letter] = length if longest.get(letter, 1) == 1 else longest[letter]
    shortened = []
    for term in terms:
        kept = {x: n for x, n in term.lengths().items() if n == longest[x]}
        shortened.append(Term(reshape(term.tensor, tuple(kept.values())), "".join(kept)))
    return shortened


def product(a: Term, b: Term, kept: set[str]) -> Term:
    """Multiply two terms, and sum over what they alone have and nobody wants to keep."""
    a = a.without(x for x in a.letters if x not in b.letters and x not in kept)
    b = b.without(x for x in b.letters if x not in a.letters and x not in kept)
    lengths = a.lengths() | b.lengths()
    shared = [x for x in a.letters if x in b.letters]
    batch, summed = [x for x in shared if x in kept], [x for x in shared if x not in kept]
    left = [x for x in a.letters if x not in shared]
    right = [x for x in b.letters if x not in shared]
    letters = "".join((*batch, *left, *right))
    result_shape = [lengths[x] for x in letters]
    if not summed:
        outer = a.arranged((*batch, *left)).tensor
        inner = b.arranged((*batch, *right)).tensor
        spread = [*(lengths[x] for x in (*batch, *left)), *[1] * len(right)]
        narrow = [*(lengths[x] for x in batch), *[1] * len(left), *(lengths[x] for x in right)]
        return Term(reshape(outer, spread) * reshape(inner, narrow), letters)
    transposed_a, rows = _matrices(a, batch, left, summed)
    turned_b, columns = _matrices(b, batch, summed, right)
    matrices = MatMul(transposed_a, turned_b)(rows, columns)
    return Term(reshape(matrices, result_shape), letters)


def _matrices(
    term: Term, batch: list[str], rows: list[str], columns: list[str]
) -> tuple[bool, Tensor]:
    """A term as matrices, and whether they are transposed: as they lie, if that is possible."""
    transposed = (
        term.letters == "".join((*batch, *columns, *rows)) != "".join((*batch, *rows, *columns))
    )
    first, second = (columns, rows) if transposed else (rows, columns)
    arranged = term.arranged((*batch, *first, *second))
    lengths = arranged.lengths()
    sizes = [lengths[x] for x in batch]
    matrix = [prod(lengths[x] for x in letters) for letters in (first, second)]
    return transposed, reshape(arranged.tensor, (*sizes, *matrix))


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Einstein's summation: multiply tensors and sum over the axes that the output does not name.

    Formula: "ij,jk->ik" means y_ik = sum over j of a_ij b_jk.

    Args:
        subscripts: a letter for each axis of each tensor, tensors separated by commas, then "->"
            and the axes of the result. Without an arrow it has the letters that occur once, in
            alphabetical order. A letter that a tensor repeats takes its diagonal; "..." stands
            for any further axes, which broadcast.
        operands: the tensors, of one dtype or of such as can be promoted.

    Raises:
        ArgumentError: the equation cannot be read, or does not fit the tensors.
        ShapeError: axes of one name have different lengths.

    Example:
        >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0]).numpy()
        array([21., 43.], dtype=float32)
        >>> einsum("ii", [[1.0, 2.0], [3.0, 4.0]]).item()
        5.0
    """
    if not operands:
        raise ArgumentError("einsum wants at least one tensor. Got none.")
    return Einsum(subscripts)(*operands)


def tensordot(x1: Any, x2: Any, axes: int | Sequence[int | Sequence[int]] = 2) -> Tensor:
    """Sum of products over some axes of two tensors; the rest of the first, then of the second.

    Args:
        x1: a tensor.
        x2: a tensor.
        axes: how many of the last axes of the first and the first axes of the second are summed
            over; or a pair, the axes of the first and those of the second.

    Raises:
        ArgumentError: there are no such axes, or more of the one than of the other.
        ShapeError: their lengths differ.

    Example:
        >>> tensordot([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]).item()
        5.0
    """
    a, b = as_tensor(x1), as_tensor(x2)
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise ArgumentError(
                f"axes must be a number of axes that both tensors have. Got {axes} for shapes "
                f"{a.shape} and {b.shape}."
            )
        pairs = [(a.ndim - axes + n, n) for n in range(axes)]
    elif len(axes) != 2:
        raise ArgumentError(
            "axes must be a number, or a pair: axes of the first tensor and of the second. "
            f"Got {shown(axes)}."
        )
    else:
        first, second = ([n] if isinstance(n, int) else list(n) for n in axes)
        if len(first) != len(second):
            raise ArgumentError(f"axes must be two lists of one length. Got {axes}.")
        for given, tensor in ((first, a), (second, b)):
            normalize_axes(given, tensor.ndim)
        pairs = [(m % a.ndim, n % b.ndim) for m, n in zip(first, second, strict=True)]
    names = iter(string.ascii_letters)
    left = [next(names) for _ in range(a.ndim)]
    met = {n: left[m] for m, n in pairs}
    right = [met.get(n) or next(names) for n in range(b.ndim)]
    kept = [x for x in left if x not in met.values()] + [
        x for n, x in enumerate(right) if n not in met
    ]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", a, b)


def dot(x1: Any, x2: Any) -> Tensor:
    """Sum of products over the last axis of the first and the last but one of the second.

    Two vectors give a scalar, matrices their product; a scalar multiplies.

    Args:
        x1: a tensor.
        x2: a tensor; of a vector the only axis is meant.

    Raises:
        ShapeError: the lengths differ.

    Example:
        >>> dot([1.0, 2.0], [3.0, 4.0]).item()
        11.0
    """
    a, b = as_tensor(x1), as_tensor(x2)
    if not a.ndim or not b.ndim:
        return a * b
    return tensordot(a, b, (a.ndim - 1, max(b.ndim - 2, 0)))


def outer(x1: Any, x2: Any) -> Tensor:
    """Product of each element of the first with each of the second, as a matrix.

    Args:
        x1: a tensor; its elements are taken as one line.
        x2: a tensor; its elements are taken as one line.

    Example:
        >>> outer([1.0, 2.0], [3.0, 4.0]).numpy()
        array([[3., 4.],
               [6., 8.]], dtype=float32)
    """
    a, b = as_tensor(x1), as_tensor(x2)
    return reshape(a, (a.size, 1)) * reshape(b, (1, b.size))
