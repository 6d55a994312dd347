"""Operations on each element by itself, with NumPy's broadcasting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import DtypeError, ShapeError
from glassgrad.graph import Binding, Notation, Primitive, Tensor, TensorSpec
from glassgrad.graph.dtypes import promote, resolve_dtype

__all__ = [
    "BOOL",
    "Absolute",
    "Add",
    "Arithmetic",
    "Cast",
    "Clip",
    "Comparison",
    "Divide",
    "Elementwise",
    "Equal",
    "Exp",
    "Expm1",
    "FloatOnly",
    "Greater",
    "GreaterEqual",
    "Less",
    "LessEqual",
    "Log",
    "Log1p",
    "Maximum",
    "Minimum",
    "Multiply",
    "Negative",
    "NotEqual",
    "Power",
    "Relu",
    "Sigmoid",
    "Sign",
    "Sqrt",
    "Square",
    "StopGradient",
    "Subtract",
    "Tanh",
    "Where",
    "absolute",
    "add",
    "broadcast_shapes",
    "cast",
    "clip",
    "divide",
    "equal",
    "exp",
    "expm1",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "power",
    "relu",
    "share_of_winner",
    "sigmoid",
    "sign",
    "sqrt",
    "square",
    "stop_gradient",
    "subtract",
    "tanh",
    "where",
]

BOOL = np.dtype("bool")


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in which shapes meet.

    Raises:
        ShapeError: two lengths differ and neither is 1.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " and ".join(map(str, shapes))
        raise ShapeError(
            f"Shapes must be equal or 1 in every dimension, counted from the right. Got {listed}."
        ) from None


@dataclass(frozen=True)
class Elementwise(Primitive):
    """The base of all: one common dtype, one broadcast shape."""

    is_elementwise = True

    def prepare(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Cast the inputs to the dtype in which they meet."""
        common = promote(*(tensor.dtype for tensor in inputs))
        return tuple(t if t.dtype == common else cast(t, common) for t in inputs)

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """Broadcast the shapes."""
        return TensorSpec(broadcast_shapes(*(spec.shape for spec in inputs)), inputs[0].dtype)


class FloatOnly(Elementwise):
    """A function of real numbers: integers must be cast first."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """Refuse integers, for which the result would not be an integer."""
        spec = super().shape(*inputs)
        if spec.dtype.kind != "f":
            raise DtypeError(
                f"{self.name} needs floats. Got {spec.dtype}; convert with .cast('float32')."
            )
        return spec


class Arithmetic(Elementwise):
    """What can be done with numbers, and not with truth."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """Refuse booleans."""
        spec = super().shape(*inputs)
        if spec.dtype == BOOL:
            raise DtypeError(f"{self.name} needs numbers. Got {spec.dtype}; convert with .cast().")
        return spec


class Comparison(Elementwise):
    """A question with the answer true or false; it has no gradient."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """Booleans of the broadcast shape."""
        return TensorSpec(super().shape(*inputs).shape, BOOL)

    def chain_rule(self, gradients, outputs, inputs):
        """Nothing flows through a comparison."""
        return (None,) * len(inputs)


class Add(Elementwise):
    """Sum: y = a + b."""

    notation = Notation("{a} + {b}", "{a} + {b}", Binding.SUM)

    def forward(self, xp, a, b):
        return xp.add(a, b)

    def chain_rule(self, gradients, outputs, inputs):
        (g,) = gradients
        return g, g


class Subtract(Arithmetic):
    """Difference: y = a - b."""

    notation = Notation("{a} - {b:tight}", "{a} - {b:tight}", Binding.SUM)

    def forward(self, xp, a, b):
        return xp.subtract(a, b)

    def chain_rule(self, gradients, outputs, inputs):
        (g,) = gradients
        return g, -g


class Multiply(Elementwise):
    """Product: y = a b."""

    notation = Notation("{a} * {b:tight}", r"{a} \cdot {b:tight}", Binding.PRODUCT)

    def forward(self, xp, a, b):
        return xp.multiply(a, b)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (a, b) = gradients, inputs
        return g * b, g * a


class Divide(FloatOnly):
    """Quotient: y = a / b."""

    notation = Notation("{a} / {b:tight}", r"\frac{{{a}}}{{{b}}}", Binding.PRODUCT)

    def forward(self, xp, a, b):
        return xp.divide(a, b)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,), (_, b) = gradients, outputs, inputs
        return g / b, -g * y / b


class Power(FloatOnly):
    """Power: y = a ** b, with the limit 0 for b's gradient where a is 0."""

    notation = Notation("{a:tight} ** {b:tight}", "{a:tight}^{{{b}}}", Binding.POWER)

    def forward(self, xp, a, b):
        return xp.power(a, b)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,), (a, b) = gradients, outputs, inputs
        return g * b * a ** (b - 1), g * y * log(where(a > 0, a, 1.0))


class Maximum(Elementwise):
    """The larger of two; equal ones share the gradient."""

    notation = Notation("maximum({a}, {b})", r"\max({a}, {b})")

    def forward(self, xp, a, b):
        return xp.maximum(a, b)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (a, b) = gradients, inputs
        return g * share_of_winner(a, b), g * share_of_winner(b, a)


class Minimum(Elementwise):
    """The smaller of two; equal ones share the gradient."""

    notation = Notation("minimum({a}, {b})", r"\min({a}, {b})")

    def forward(self, xp, a, b):
        return xp.minimum(a, b)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (a, b) = gradients, inputs
        return g * share_of_winner(b, a), g * share_of_winner(a, b)


class Negative(Arithmetic):
    """Sign turned: y = -x."""

    notation = Notation("-{x}", "-{x}", Binding.SIGN)

    def forward(self, xp, x):
        return xp.negative(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,) = gradients
        return (-g,)


class Absolute(Elementwise):
    """Distance from zero: y = |x|."""

    notation = Notation("abs({x})", r"\left|{x}\right|")

    def forward(self, xp, x):
        return xp.abs(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g * sign(x),)


class Sign(Arithmetic):
    """-1, 0 or 1; flat almost everywhere, so it has no gradient."""

    notation = Notation("sign({x})", r"\operatorname{{sign}}({x})")

    def forward(self, xp, x):
        return xp.sign(x)

    def chain_rule(self, gradients, outputs, inputs):
        return (None,)


class Exp(FloatOnly):
    """Exponential: y = e ** x."""

    notation = Notation("exp({x})", "e^{{{x}}}")

    def forward(self, xp, x):
        return xp.exp(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (g * y,)


class Expm1(FloatOnly):
    """e ** x - 1, exact for small x."""

    notation = Notation("expm1({x})", r"\operatorname{{expm1}}({x})")

    def forward(self, xp, x):
        return xp.expm1(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (g * (y + 1),)


class Log(FloatOnly):
    """Natural logarithm."""

    notation = Notation("log({x})", r"\ln({x})")

    def forward(self, xp, x):
        return xp.log(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g / x,)


class Log1p(FloatOnly):
    """ln(1 + x), exact for small x."""

    notation = Notation("log1p({x})", r"\ln(1 + {x})")

    def forward(self, xp, x):
        return xp.log1p(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g / (1 + x),)


class Sqrt(FloatOnly):
    """Square root."""

    notation = Notation("sqrt({x})", r"\sqrt{{{x}}}")

    def forward(self, xp, x):
        return xp.sqrt(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (0.5 * g / y,)


class Square(Elementwise):
    """y = x x."""

    notation = Notation("{x:tight} ** 2", "{x:tight}^2", Binding.POWER)

    def forward(self, xp, x):
        return xp.multiply(x, x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (2 * g * x,)


class Sigmoid(FloatOnly):
    """Squash every element into (0, 1): y = 1 / (1 + exp(-x))."""

    notation = Notation("1 / (1 + exp(-{x:tight}))", r"\sigma({x})", Binding.PRODUCT)

    def forward(self, xp, x):
        decay = xp.exp(-xp.abs(x))  # never overflows
        return xp.where(x >= 0, 1, decay) / (1 + decay)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs  # dL/dx = dL/dy · y (1 − y)
        return (g * y * (1 - y),)


class Tanh(FloatOnly):
    """Squash every element into (-1, 1)."""

    notation = Notation("tanh({x})", r"\tanh({x})")

    def forward(self, xp, x):
        return xp.tanh(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (g * (1 - square(y)),)


class Relu(Arithmetic):
    """Rectified linear unit: y = max(x, 0), with gradient 0 at 0."""

    notation = Notation("maximum({x}, 0)", r"\operatorname{{ReLU}}({x})")

    def forward(self, xp, x):
        return xp.maximum(x, 0)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (where(y > 0, g, 0.0),)


@dataclass(frozen=True)
class Clip(FloatOnly):
    """Keep every element within [low, high]; outside, no gradient flows."""

    low: float = 0.0
    high: float = 1.0
    notation = Notation("clip({x}, {low}, {high})", r"\operatorname{{clip}}({x}, {low}, {high})")

    def forward(self, xp, x):
        return xp.clip(x, self.low, self.high)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (where(x >= self.low, where(x <= self.high, g, 0.0), 0.0),)


class Equal(Comparison):
    """a = b?"""

    notation = Notation("{a:tight} == {b:tight}", "{a} = {b}", Binding.COMPARISON)

    def forward(self, xp, a, b):
        return xp.equal(a, b)


class NotEqual(Comparison):
    """a ≠ b?"""

    notation = Notation("{a:tight} != {b:tight}", r"{a} \ne {b}", Binding.COMPARISON)

    def forward(self, xp, a, b):
        return xp.not_equal(a, b)


class Less(Comparison):
    """a < b?"""

    notation = Notation("{a:tight} < {b:tight}", "{a} < {b}", Binding.COMPARISON)

    def forward(self, xp, a, b):
        return xp.less(a, b)


class LessEqual(Comparison):
    """a ≤ b?"""

    notation = Notation("{a:tight} <= {b:tight}", r"{a} \le {b}", Binding.COMPARISON)

    def forward(self, xp, a, b):
        return xp.less_equal(a, b)


class Greater(Comparison):
    """a > b?"""

    notation = Notation("{a:tight} > {b:tight}", "{a} > {b}", Binding.COMPARISON)

    def forward(self, xp, a, b):
        return xp.greater(a, b)


class GreaterEqual(Comparison):
    """a ≥ b?"""

    notation = Notation("{a:tight} >= {b:tight}", r"{a} \ge {b}", Binding.COMPARISON)

    def forward(self, xp, a, b):
        return xp.greater_equal(a, b)


class Where(Elementwise):
    """Choose: y = a where the condition holds, else b."""

    notation = Notation(
        "where({condition}, {a}, {b})",
        r"\begin{{cases}}{a}&{condition}\\{b}&\text{{else}}\end{{cases}}",
    )

    def prepare(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Only the two choices share a dtype."""
        condition, *choices = inputs
        return condition, *super().prepare(tuple(choices))

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """Broadcast all three."""
        if inputs[0].dtype != BOOL:
            raise DtypeError(f"The condition must be boolean. Got {inputs[0].dtype}.")
        return TensorSpec(broadcast_shapes(*(spec.shape for spec in inputs)), inputs[1].dtype)

    def forward(self, xp, condition, a, b):
        return xp.where(condition, a, b)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (condition, *_) = gradients, inputs
        return None, where(condition, g, 0.0), where(condition, 0.0, g)


@dataclass(frozen=True)
class Cast(Elementwise):
    """The same numbers in another dtype."""

    dtype: str = "float32"
    notation = Notation("{x:tight}.astype('{dtype}')", r"\mathrm{{{dtype}}}({x})")

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The input's shape."""
        return TensorSpec(inputs[0].shape, np.dtype(self.dtype))

    def forward(self, xp, x):
        return xp.asarray(x, dtype=self.dtype)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,), (x,) = gradients, outputs, inputs
        is_smooth = x.dtype.kind == y.dtype.kind == "f"
        return (cast(g, x.dtype) if is_smooth else None,)


class StopGradient(Elementwise):
    """The same numbers; backpropagation treats them as constant."""

    notation = Notation("({x})", r"\overline{{{x}}}")

    def forward(self, xp, x):
        return xp.asarray(x)

    def chain_rule(self, gradients, outputs, inputs):
        return (None,)


def share_of_winner(a: Tensor, b: Tensor) -> Tensor:
    """The part of the gradient that a gets for not being beaten by b: 0, a half or 1."""
    return 0.5 * (cast(a >= b, a.dtype) + cast(a > b, a.dtype))


def cast(x: Any, dtype: Any) -> Tensor:
    """The same numbers as ``dtype``."""
    return Cast(str(resolve_dtype(dtype)))(x)


add, subtract, multiply, divide, power = Add(), Subtract(), Multiply(), Divide(), Power()
maximum, minimum, where = Maximum(), Minimum(), Where()
negative, absolute, sign, square = Negative(), Absolute(), Sign(), Square()
exp, expm1, log, log1p, sqrt = Exp(), Expm1(), Log(), Log1p(), Sqrt()
sigmoid, tanh, relu = Sigmoid(), Tanh(), Relu()
equal, not_equal, less, less_equal = Equal(), NotEqual(), Less(), LessEqual()
greater, greater_equal = Greater(), GreaterEqual()
stop_gradient = StopGradient()


def clip(x: Any, low: float, high: float) -> Tensor:
    """Keep every element within [low, high]."""
    return Clip(float(low), float(high))(x)
