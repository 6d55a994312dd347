"""The formula of an operation and its chain rule, run on names and written line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from glassgrad.errors import GradientError
from glassgrad.gradients import differentiate
from glassgrad.graph import (
    Formula,
    Tensor,
    apply,
    float_type,
    placeholder,
    substitute,
)
from glassgrad.lens.handbook.example import Example
from glassgrad.lens.opening import Opening
from glassgrad.lens.writing import Writer

__all__ = ["Derivation", "FormulaLine", "derivation_of"]

# The usual letters; in braces where they have an index, so that they may get another.
LETTERS = {
    "kernel": "W",
    "recurrent_kernel": "U",
    "bias": "b",
    "query": "Q",
    "key": "K",
    "value": "V",
    "condition": "c",
    "h0": "{h_0}",
    "c0": "{c_0}",
    "h_t": "{h_t}",
}


@dataclass(frozen=True)
class FormulaLine:
    """A quantity and what it is computed from, by the names of inputs and of lines before it."""

    name: Formula
    formula: Formula


@dataclass(frozen=True)
class Derivation:
    """An operation and its chain rule on the shapes of its example.

    Args:
        forward: the lines that compute the outputs.
        rules: the lines that compute the gradients of the inputs from that of the first output.
        without: the inputs that have no gradient.
        refusal: what is said to who asks for a gradient, where that is refused.
        shapes: of the inputs and outputs, by name.
    """

    forward: tuple[FormulaLine, ...]
    rules: tuple[FormulaLine, ...]
    without: tuple[str, ...]
    refusal: str
    shapes: Mapping[str, tuple[int, ...]]


def derivation_of(example: Example) -> Derivation:
    """Run an operation and its chain rule on placeholders, and write both.

    Example:
        >>> from glassgrad.lens.handbook.examples import examples
        >>> (rule,) = derivation_of(examples()["Tanh"]).rules
        >>> print(rule.name.plain, "=", rule.formula.plain)
        dL/dx = dL/dy * (1 - y ** 2)
    """
    with float_type("float64"):
        inputs = {
            name: placeholder(array.shape, array.dtype, name)
            for name, array in example.arrays().items()
        }
        results = apply(example.operation, tuple(inputs.values()))
        outputs = dict(zip(example.outputs, results, strict=True))
        forward = _forward(example, inputs, outputs)
        slopes, refusal = Slopes.none(len(inputs)), ""
        if results[0].dtype.kind == "f" and not example.rule_of:
            try:
                slopes = Slopes.through(results, tuple(inputs.values()))
            except GradientError as error:
                refusal = str(error)
        rules = _rules(inputs, outputs, slopes)
    return Derivation(
        forward,
        rules,
        tuple(name for name, slope in zip(inputs, slopes.found, strict=True) if slope is None),
        refusal,
        {name: tensor.shape for name, tensor in {**inputs, **outputs}.items()},
    )


def symbol(name: str) -> Formula:
    r"""A name in both forms: one letter is slanted, a word is upright.

    Example:
        >>> symbol("x").latex, symbol("labels").latex, symbol("kernel").latex
        ('x', '\\mathrm{labels}', 'W')
    """
    if name in LETTERS:
        return Formula(name, LETTERS[name])
    escaped = name.replace("_", r"\_")
    return Formula(name, name if len(name) == 1 else rf"\mathrm{{{escaped}}}")


def slope_of(name: str) -> Formula:
    """The derivative of the loss by a quantity, in both forms."""
    return Formula(f"dL/d{name}", rf"\frac{{\partial L}}{{\partial {symbol(name).latex}}}")


@dataclass(frozen=True)
class Slopes:
    """The gradient that comes in, and those that go out."""

    incoming: Tensor | None
    found: tuple[Tensor | None, ...]

    @classmethod
    def none(cls, count: int) -> Slopes:
        """Where there is no gradient."""
        return cls(None, (None,) * count)

    @classmethod
    def through(cls, outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> Slopes:
        """The chain rule for a gradient of the first output."""
        incoming = placeholder(outputs[0].shape, outputs[0].dtype, "g")
        given = (incoming, *(None for _ in outputs[1:]))
        return cls(incoming, tuple(differentiate(outputs, given, inputs)))


def _forward(
    example: Example, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
) -> tuple[FormulaLine, ...]:
    """The notation of the operation where it has one, else its definition."""
    operation, names = example.operation, [symbol(name) for name in inputs]
    if all(operation.is_written(number) for number in range(len(outputs))):
        return tuple(
            FormulaLine(symbol(name), operation.formula(names, number))
            for number, name in enumerate(outputs)
        )
    known = list(zip(inputs.values(), names, strict=True))
    return lines_of([(symbol(name), tensor) for name, tensor in outputs.items()], known)


def _rules(
    inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor], slopes: Slopes
) -> tuple[FormulaLine, ...]:
    if slopes.incoming is None:
        return ()
    # What the forward pass computed is read, not computed again.
    computed = {name: placeholder(t.shape, t.dtype, name) for name, t in outputs.items()}
    known = [(tensor, symbol(name)) for name, tensor in {**computed, **inputs}.items()]
    known.append((slopes.incoming, slope_of(next(iter(outputs)))))
    present = [(slope_of(n), s) for n, s in zip(inputs, slopes.found, strict=True) if s is not None]
    found = substitute(
        [slope for _, slope in present],
        {old.key: new for old, new in zip(outputs.values(), computed.values(), strict=True)},
    )
    wanted = [(name, slope) for (name, _), slope in zip(present, found, strict=True)]
    return lines_of(wanted, known)


def lines_of(
    wanted: Sequence[tuple[Formula, Tensor]], known: Sequence[tuple[Tensor, Formula]]
) -> tuple[FormulaLine, ...]:
    """Write tensors as formulas of what is known.

    What is used more than once, and what would make a formula too long, has a line of its own
    before.

    Args:
        wanted: the tensors with the names that they are to have.
        known: what the formulas may name.
    """
    numbers = count(1)

    def name(_: Tensor) -> Formula:
        number = next(numbers)
        return Formula(f"t{number}", f"{{t_{{{number}}}}}")

    writer = Writer({tensor.key: name for tensor, name in known}, name)
    made = [writer.tidy(tensor) for tensor in Opening()([tensor for _, tensor in wanted])]
    writer.name_shared(made)
    written = [writer.formula(tensor) for tensor in made]
    return (
        *(FormulaLine(name, formula) for _, name, formula in writer.parts),
        *(FormulaLine(name, one) for (name, _), one in zip(wanted, written, strict=True)),
    )
