"""A dense layer over any axes, which an equation names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from glassgrad import activations, constraints, initializers, ops, regularizers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Variable
from glassgrad.initializers import VarianceScaling
from glassgrad.layers.input_spec import InputSpec
from glassgrad.layers.layer import Layer, Shape, register

__all__ = ["EinsumDense"]

FORMS = re.compile(
    r"(?P<left>\.\.\.)?(?P<inputs>[a-zA-Z]+)(?P<right>(?(left)|(\.\.\.)?)),"
    r"(?P<kernel>[a-zA-Z]+)->(?(left)\.\.\.)(?P<output>[a-zA-Z]+)(?P<end>\.\.\.)?"
)


@dataclass(frozen=True)
class Equation:
    """The letters of the axes of input, kernel and output, and on which side further axes lie."""

    inputs: str
    kernel: str
    output: str
    elided: str

    @cached_property
    def is_rows_by_matrix(self) -> bool:
        """Whether the kernel is one matrix as it lies, and the rest of the input its rows."""
        rows = [letter for letter in self.inputs if letter not in self.kernel]
        entering = [letter for letter in self.inputs if letter in self.kernel]
        leaving = [letter for letter in self.output if letter in self.kernel]
        return self.elided != "right" and (
            self.inputs == "".join((*rows, *entering))
            and self.kernel == "".join((*entering, *leaving))
            and self.output == "".join((*rows, *leaving))
        )

    def lengths(self, input_shape: Shape, output_shape: Shape) -> dict[str, int | None]:
        """How long the axis of each letter is.

        Args:
            input_shape: with the batch.
            output_shape: with the batch.
        """
        lengths: dict[str, int | None] = {}
        for letters, shape in ((self.inputs, input_shape), (self.output, output_shape)):
            named = shape[len(shape) - len(letters) :] if self.elided == "left" else shape
            for letter, length in zip(letters, named, strict=False):
                known = lengths.get(letter)
                if None not in (known, length) and known != length:
                    raise ShapeError(
                        f"Axis {letter!r} has one length. Got {known} of input {input_shape} and "
                        f"{length} of output {output_shape}."
                    )
                lengths[letter] = length if known is None else known
        return lengths


def read_equation(equation: str) -> Equation:
    """Take an equation apart.

    Raises:
        ArgumentError: it is none of the forms that the layer knows.
    """
    found = FORMS.fullmatch(equation.replace(" ", ""))
    if found is None or bool(found["right"]) != bool(found["end"]):
        raise ArgumentError(
            "An equation has the form 'ab,bc->ac', '...b,bc->...c' or 'ab...,bc->ac...'. "
            f"Got {equation!r}."
        )
    inputs, kernel, output = found["inputs"], found["kernel"], found["output"]
    for letters in (inputs, kernel, output):
        if len(set(letters)) < len(letters):
            raise ArgumentError(f"Each axis is named once in {letters!r} of {equation!r}.")
    if set(kernel) - set(inputs) - set(output) or set(output) - set(inputs) - set(kernel):
        raise ArgumentError(
            "Each axis of the kernel is one of the input or of the output, and each axis of the "
            f"output comes from somewhere. Got {equation!r}."
        )
    return Equation(
        inputs, kernel, output, "left" if found["left"] else "right" * bool(found["end"])
    )


@register()
class EinsumDense(Layer):
    """Sums of products over axes that an equation names: y = activation(einsum(x, W) + b).

    Args:
        equation: input, kernel and output as in ``ops.einsum``; "abc,cd->abd" is a ``Dense``. The
            input and the output may have further axes at one end: "...c,cd->...d".
        output_shape: the lengths of the axes of the output after the batch; ``None`` where the
            input gives them. A number stands for one axis.
        activation: a name such as "relu", or a function of a tensor; none by default.
        bias_axes: the letters of the axes of the output along which b differs; by default there is
            no bias.
        kernel_initializer: how W begins; the fans of its random numbers are the lengths that the
            input and the output give it.
        bias_initializer: how b begins.
        kernel_regularizer: a penalty on W.
        bias_regularizer: a penalty on b.
        kernel_constraint: a rule that W keeps after each step.
        bias_constraint: a rule that b keeps.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the equation has none of these forms, or the bias has an axis that the
            output lacks.
        ShapeError: on the call, shapes contradict the equation or each other.

    Example:
        >>> layer = EinsumDense("abc,cde->abde", output_shape=(None, 2, 4), bias_axes="de")
        >>> layer([[[1.0, 2.0, 3.0]]]).shape
        (1, 1, 2, 4)
        >>> [weight.shape for weight in layer.weights]
        [(3, 2, 4), (2, 4)]
    """

    supports_masking = True

    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.equation = equation
        self.letters = read_equation(equation)
        self.output_shape = (
            (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        )
        self.activation = activations.get(activation)
        missing = set(bias_axes or "") - set(self.letters.output)
        if missing:
            raise ArgumentError(
                f"bias_axes must be axes of the output {self.letters.output!r}. Got {bias_axes!r}."
            )
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.require(kernel_initializer)
        self.bias_initializer = initializers.require(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape: Shape) -> None:
        whole = self._whole_output(input_shape)
        lengths = self.letters.lengths(tuple(input_shape), whole)
        self.kernel = self.add_weight(
            self._known(lengths, self.letters.kernel),
            self._fanned_initializer(),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.bias_axes:
            self.bias = self.add_weight(
                self._bias_shape(lengths, len(whole) - len(self.letters.output)),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(ndim=len(input_shape))

    def call(self, inputs: Tensor) -> Tensor:
        whole = self._whole_output(inputs.shape)
        self.letters.lengths(inputs.shape, whole)
        if not self.letters.is_rows_by_matrix or not self._is_bias_of_columns:
            sums = ops.einsum(self.equation, inputs, self.kernel)
            return self.activation(sums if self.bias is None else sums + self.bias)
        # The bias goes where a product of matrices ends, so that both can be one kernel.
        entering = sum(letter in self.letters.kernel for letter in self.letters.inputs)
        rows = inputs.shape[: inputs.ndim - entering]
        leaving = self.kernel.shape[entering:]
        matrix = self.kernel.tensor.reshape((prod(self.kernel.shape[:entering]), prod(leaving)))
        sums = inputs.reshape((prod(rows), matrix.shape[0])) @ matrix
        if self.bias is not None:
            sums = sums + self.bias.tensor.reshape((matrix.shape[1],))
        return self.activation(sums.reshape((*rows, *leaving)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        whole = self._whole_output(input_shape)
        lengths = self.letters.lengths(tuple(input_shape), whole)
        named = tuple(lengths[letter] for letter in self.letters.output)
        if self.letters.elided == "left":
            return (*whole[: len(whole) - len(named)], *named)
        return (*named, *whole[len(named) :])

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the input, where the axes that it is about are still the first ones."""
        pairs = zip(self.letters.inputs, self.letters.output, strict=False)
        kept = next((n for n, (a, b) in enumerate(pairs) if a != b), len(self.letters.output))
        if self.letters.elided == "left":
            kept += inputs.ndim - len(self.letters.inputs)
        return previous_mask if previous_mask is None or previous_mask.ndim <= kept else None

    @property
    def _is_bias_of_columns(self) -> bool:
        leaving = [letter for letter in self.letters.output if letter in self.letters.kernel]
        return self.bias_axes is None or self.bias_axes == "".join(leaving)

    def _whole_output(self, input_shape: Sequence[int | None]) -> Shape:
        """The shape of the output with the batch and the axes that have no letter."""
        elided = len(input_shape) - len(self.letters.inputs)
        if elided < 0 or (elided and not self.letters.elided):
            raise ShapeError(
                f"Layer {self.name!r} expected {len(self.letters.inputs)} axes, as in "
                f"{self.equation!r}. Full shape received: {tuple(input_shape)}."
            )
        before = tuple(input_shape[: max(elided, 1)] if self.letters.elided == "left" else ())
        after = tuple(input_shape[len(input_shape) - elided :] if not before and elided else ())
        whole = (*(before or input_shape[:1]), *self.output_shape, *after)
        if len(whole) != len(self.letters.output) + elided:
            raise ShapeError(
                f"Layer {self.name!r} expected an output_shape with an entry for each axis of "
                f"{self.letters.output!r} after the batch. Got {self.output_shape}."
            )
        return whole

    def _known(self, lengths: Mapping[str, int | None], letters: str) -> tuple[int, ...]:
        found = tuple(lengths[letter] for letter in letters)
        if None in found:
            raise ShapeError(
                f"Layer {self.name!r} has weights for axes {letters!r}, so their lengths must be "
                f"known. Got {found}."
            )
        return tuple(length for length in found if length is not None)

    def _bias_shape(self, lengths: Mapping[str, int | None], elided: int) -> tuple[int, ...]:
        """From the first axis on that has a bias, with 1 for the others."""
        output, axes = self.letters.output, self.bias_axes or ""
        last = output[min(map(output.index, axes)) :]
        own = dict(zip(axes, self._known(lengths, axes), strict=True))
        ones = elided if self.letters.elided == "right" else 0
        return (*(own.get(letter, 1) for letter in last), *(1,) * ones)

    def _fanned_initializer(self) -> Any:
        """The initializer, told which axes of the kernel enter and which leave."""
        own = self.kernel_initializer
        if not isinstance(own, VarianceScaling) or own.input_axes is not None:
            return own
        kernel, output = self.letters.kernel, self.letters.output
        axes = {
            "input_axes": [n for n, letter in enumerate(kernel) if letter not in output],
            "output_axes": [n for n, letter in enumerate(kernel) if letter in output],
        }
        return type(own).from_config({**own.get_config(), **axes})
