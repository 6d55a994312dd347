"""Operations on each element by itself, with NumPy's broadcasting."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import DtypeError, GradientError, ShapeError
from glassgrad.graph import Binding, Constant, Notation, Primitive, Tensor, TensorSpec, as_tensor
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
    "Erf",
    "Erfinv",
    "Exp",
    "Expm1",
    "FloatOnly",
    "Greater",
    "GreaterEqual",
    "Heaviside",
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
    "erf",
    "erfinv",
    "exp",
    "expm1",
    "greater",
    "greater_equal",
    "heaviside",
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
    "require_floats",
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

# Cody, "Rational Chebyshev approximations for the error function", 1969: the coefficients of
# numerators and denominators, highest power first. Near 0 of erf(x) / x in x², elsewhere of
# (1 - erf(x)) exp(x²) in x.
ERF_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3),
)  # fmt: skip
ERF_FAR = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
     1.23033935480374942e3),
)  # fmt: skip
ERF_MIDDLE = 0.46875  # up to which the approximation near 0 holds
ERF_SATURATED = 6.0  # beyond this erf is 1 in float64

# Wichura, "Algorithm AS 241: the percentage points of the normal distribution", 1988 (PPND16):
# coefficients for q / z near the centre, and for z in both parts of a tail.
QUANTILE_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
     4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
     1.3314166789178437745e2, 3.3871328727963666080),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
     2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
     4.2313330701600911252e1, 1.0),
)  # fmt: skip
QUANTILE_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
     4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940,
     2.05319162663775882187, 1.0),
)  # fmt: skip
QUANTILE_FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580,
     5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0),
)  # fmt: skip


@functools.lru_cache(maxsize=4096)
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
        dtypes = [tensor.dtype for tensor in inputs]
        common = promote(*dtypes)
        if dtypes.count(common) == len(dtypes):
            return inputs
        return tuple(t if t.dtype == common else cast(t, common) for t in inputs)

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """Broadcast the shapes."""
        return TensorSpec(broadcast_shapes(*[spec.shape for spec in inputs]), inputs[0].dtype)


def require_floats(operation: str, spec: TensorSpec) -> None:
    """A function of real numbers does not give an integer for an integer.

    Raises:
        DtypeError: the numbers are no floats.
    """
    if spec.dtype.kind != "f":
        raise DtypeError(
            f"{operation} needs floats. Got {spec.dtype}; convert with .cast('float32')."
        )


class FloatOnly(Elementwise):
    """A function of real numbers: integers must be cast first."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """Refuse integers, for which the result would not be an integer."""
        spec = super().shape(*inputs)
        require_floats(self.name, spec)
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

    notation = Notation("{a} / {b:tight}", r"\frac{{{a}}}{{{b}}}", Binding.PRODUCT, Binding.SIGN)

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
        exponent = b - 1
        if may_be_zero(b):  # x ** 0 is 1 everywhere, and 0 times 0 ** -1 would be no number
            exponent = where(equal(a, 0.0), where(equal(b, 0.0), 0.0, exponent), exponent)
        return g * b * a**exponent, g * y * log(where(a > 0, a, 1.0))


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


class Erf(FloatOnly):
    """Error function: y = 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x.

    (1 + erf(x / sqrt(2))) / 2 is the probability that a standard normal number is below x.
    """

    notation = Notation("erf({x})", r"\operatorname{{erf}}({x})")

    def forward(self, xp, x):
        t = xp.minimum(xp.abs(xp.asarray(x, dtype="float64")), ERF_SATURATED)
        near = t * quotient(ERF_NEAR, xp.minimum(t, ERF_MIDDLE) ** 2)
        far = 1 - xp.exp(-t * t) * quotient(ERF_FAR, t)
        y = xp.copysign(xp.where(t <= ERF_MIDDLE, near, far), x)
        return xp.asarray(y, dtype=x.dtype)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g * (2 / math.sqrt(math.pi)) * exp(-square(x)),)


class Erfinv(FloatOnly):
    """Inverse of the error function: erf(y) = x; NaN outside [-1, 1].

    sqrt(2) erfinv(2 p - 1) is the number below which a standard normal one is with probability p.
    """

    notation = Notation("erfinv({x})", r"\operatorname{{erf}}^{{-1}}({x})")

    def forward(self, xp, x):
        q = xp.asarray(x, dtype="float64") / 2
        tail = xp.where(xp.abs(q) < 0.5, 0.5 - xp.abs(q), 0.5)  # the ends are put in below
        r = xp.sqrt(-xp.log(tail))
        far = xp.where(r <= 5, quotient(QUANTILE_TAIL, r - 1.6), quotient(QUANTILE_FAR, r - 5))
        centre = q * quotient(QUANTILE_CENTRE, 0.180625 - xp.minimum(xp.abs(q), 0.425) ** 2)
        z = xp.where(xp.abs(q) <= 0.425, centre, xp.copysign(far, q))
        z = xp.where(xp.abs(q) < 0.5, z, xp.where(xp.abs(q) == 0.5, xp.copysign(np.inf, q), np.nan))
        return xp.asarray(z / math.sqrt(2), dtype=x.dtype)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (g * (math.sqrt(math.pi) / 2) * exp(square(y)),)


class Heaviside(FloatOnly):
    """The threshold unit of McCulloch and Pitts: 1 from 0 on, 0 below; it cannot be trained."""

    notation = Notation("heaviside({x}, 1)", r"\operatorname{{H}}({x})")

    def forward(self, xp, x):
        return xp.heaviside(x, 1)

    def chain_rule(self, gradients, outputs, inputs):
        """Refuse: a gradient of 0 everywhere would look like training, and teach nothing.

        Raises:
            GradientError: always.
        """
        raise GradientError(
            "Heaviside has no useful gradient: it is flat on both sides of its jump, so that "
            "nothing is learned through it. Use its smooth form, sigmoid, or relu instead; or "
            "detach() what goes in, if it shall stay as it is."
        )


class Sigmoid(FloatOnly):
    """Squash every element into (0, 1): y = 1 / (1 + exp(-x))."""

    notation = Notation("1 / (1 + exp(-{x:tight}))", r"\sigma({x})", Binding.PRODUCT, Binding.ATOM)

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


def quotient(polynomials: tuple[Sequence[float], Sequence[float]], x: Any) -> Any:
    """One polynomial divided by another, given by coefficients from the highest power down."""
    above, below = polynomials
    numerator, denominator = above[0], below[0]
    for a, b in zip(above[1:], below[1:], strict=True):
        numerator, denominator = numerator * x + a, denominator * x + b
    return numerator / denominator


def may_be_zero(x: Tensor) -> bool:
    """Whether a tensor, when it is computed, may hold a 0: the values of constants are known."""
    operation = x.node.operation
    return not isinstance(operation, Constant) or not np.all(operation.value)


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
erf, erfinv, heaviside = Erf(), Erfinv(), Heaviside()
equal, not_equal, less, less_equal = Equal(), NotEqual(), Less(), LessEqual()
greater, greater_equal = Greater(), GreaterEqual()
stop_gradient = StopGradient()


def clip(x: Any, x_min: float, x_max: float) -> Tensor:
    """Keep every element within [x_min, x_max]; integers within integers stay integers."""
    tensor = as_tensor(x)
    if tensor.dtype.kind == np.array([x_min, x_max]).dtype.kind == "i":
        return minimum(maximum(tensor, x_min), x_max)
    return Clip(float(x_min), float(x_max))(tensor)
