"""Functions between layers that are made of simpler ones, each element by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from glassgrad.graph import Binding, Composite, Notation, Tensor, TensorSpec
from glassgrad.ops.elementwise import (
    absolute,
    clip,
    erf,
    exp,
    expm1,
    log1p,
    maximum,
    minimum,
    require_floats,
    sigmoid,
    square,
    tanh,
    where,
)

__all__ = [
    "ApproximateGelu",
    "Elu",
    "Gelu",
    "HardSigmoid",
    "LeakyRelu",
    "Mish",
    "RealFunction",
    "Relu6",
    "Selu",
    "Silu",
    "Softplus",
    "Softsign",
    "ThresholdRelu",
    "approximate_gelu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "leaky_relu",
    "mish",
    "normal_probability",
    "relu6",
    "selu",
    "silu",
    "softplus",
    "softsign",
    "threshold_relu",
]

# The fixed point of Klambauer et al.: mean 0 and variance 1 in, mean 0 and variance 1 out.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


class RealFunction(Composite):
    """The base of all: a function of one real number, of each element by itself."""

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """Refuse integers."""
        (x,) = inputs
        require_floats(self.name, x)
        return super().shape(x)


class Softplus(RealFunction):
    """A smooth relu: y = ln(1 + exp(x)), whose derivative is sigmoid(x)."""

    notation = Notation("log(1 + exp({x}))", r"\ln(1 + e^{{{x}}})")

    def definition(self, x):
        return maximum(x, 0.0) + log1p(exp(-absolute(x)))  # never overflows

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g * sigmoid(x),)


class Softsign(RealFunction):
    """Squash into (-1, 1), slower than tanh: y = x / (1 + |x|)."""

    notation = Notation(
        "{x} / (1 + abs({x}))",
        r"\frac{{{x}}}{{1 + \left|{x}\right|}}",
        Binding.PRODUCT,
        Binding.SIGN,
    )

    def definition(self, x):
        return x / (1 + absolute(x))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g / square(1 + absolute(x)),)


class Silu(RealFunction):
    """Sigmoid linear unit, also called swish: y = x sigmoid(x)."""

    notation = Notation("{x} / (1 + exp(-{x:tight}))", r"{x} \cdot \sigma({x})", Binding.PRODUCT)

    def definition(self, x):
        return x * sigmoid(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,), (x,) = gradients, outputs, inputs
        s = sigmoid(x)  # dy/dx = s + x s (1 − s)
        return (g * (s + y * (1 - s)),)


class Gelu(RealFunction):
    """Gaussian error linear unit: y = x P(Z <= x) with a standard normal number Z."""

    notation = Notation(
        "{x} * 0.5 * (1 + erf({x} / 2 ** 0.5))",
        r"\frac{{{x}}}{{2}} \left(1 + \operatorname{{erf}}\left(\frac{{{x}}}{{\sqrt{{2}}}}\right)"
        r"\right)",
        Binding.PRODUCT,
    )

    def definition(self, x):
        return x * normal_probability(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        density = exp(-0.5 * square(x)) / math.sqrt(2 * math.pi)  # the derivative of P(Z <= x)
        return (g * (normal_probability(x) + x * density),)


class ApproximateGelu(RealFunction):
    """Gelu with a tanh in place of the error function.

    y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))).
    """

    notation = Notation(
        "{x} * 0.5 * (1 + tanh((2 / pi) ** 0.5 * ({x} + 0.044715 * ({x}) ** 3)))",
        r"\frac{{{x}}}{{2}} \left(1 + \tanh\left(\sqrt{{\frac{{2}}{{\pi}}}} "
        r"\left({x} + 0.044715 ({x})^3\right)\right)\right)",
        Binding.PRODUCT,
    )

    def definition(self, x):
        kept = clip(x, -10.0, 10.0)  # beyond, the tanh is -1 or 1, and x³ might overflow
        bent = kept + 0.044715 * kept * square(kept)
        return x * (0.5 * (1 + tanh(math.sqrt(2 / math.pi) * bent)))


class Mish(RealFunction):
    """Smooth, and unbounded above only: y = x tanh(softplus(x))."""

    notation = Notation(
        "{x} * tanh(log(1 + exp({x})))", r"{x} \cdot \tanh(\ln(1 + e^{{{x}}}))", Binding.PRODUCT
    )

    def definition(self, x):
        return x * tanh(softplus(x))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        t = tanh(softplus(x))  # dy/dx = t + x (1 − t²) σ(x)
        return (g * (t + x * (1 - square(t)) * sigmoid(x)),)


class Relu6(RealFunction):
    """Relu that stops at 6: y = min(max(x, 0), 6), with gradient 0 at both ends."""

    notation = Notation("clip({x}, 0, 6)", r"\operatorname{{ReLU6}}({x})")

    def definition(self, x):
        return clip(x, 0.0, 6.0)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (where(y > 0, where(y < 6, g, 0.0), 0.0),)


class HardSigmoid(RealFunction):
    """Three straight lines in place of a sigmoid: y = relu6(x + 3) / 6."""

    notation = Notation(
        "clip({x} + 3, 0, 6) / 6",
        r"\frac{{\operatorname{{ReLU6}}({x} + 3)}}{{6}}",
        Binding.PRODUCT,
        Binding.SIGN,
    )

    def definition(self, x):
        return relu6(x + 3) / 6

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (where(y > 0, where(y < 1, g / 6, 0.0), 0.0),)


@dataclass(frozen=True)
class LeakyRelu(RealFunction):
    """Relu that lets something through below 0: y = x above 0, else negative_slope x."""

    negative_slope: float = 0.2
    notation = Notation(
        "where({x} > 0, {x}, {negative_slope} * {x})",
        r"\begin{{cases}}{x}&{x} > 0\\{negative_slope} {x}&\text{{else}}\end{{cases}}",
    )

    def definition(self, x):
        return where(x > 0, x, self.negative_slope * x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (where(x > 0, g, self.negative_slope * g),)


@dataclass(frozen=True)
class ThresholdRelu(RealFunction):
    """Relu in its most general form: three straight lines.

    y = negative_slope (x - threshold) up to the threshold, else min(x, max_value).
    """

    negative_slope: float = 0.0
    max_value: float = math.inf
    threshold: float = 0.0
    notation = Notation(
        "where({x} <= {threshold}, {negative_slope} * ({x} - {threshold}), "
        "minimum({x}, {max_value}))",
        r"\begin{{cases}}{negative_slope} \left({x} - {threshold}\right)&{x} \le {threshold}\\"
        r"\min({x}, {max_value})&\text{{else}}\end{{cases}}",
    )

    def definition(self, x):
        # Without a slope no product with 0, which would make minus infinity NaN.
        below = self.negative_slope * (x - self.threshold) if self.negative_slope else 0.0
        above = x if math.isinf(self.max_value) else minimum(x, self.max_value)
        return where(x <= self.threshold, below, above)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        above = where(x < self.max_value, g, 0.0)
        return (where(x <= self.threshold, self.negative_slope * g, above),)


@dataclass(frozen=True)
class Elu(RealFunction):
    """Exponential linear unit: y = x above 0, else alpha (exp(x) - 1)."""

    alpha: float = 1.0
    notation = Notation(
        "where({x} > 0, {x}, {alpha} * expm1({x}))",
        r"\begin{{cases}}{x}&{x} > 0\\{alpha} \left(e^{{{x}}} - 1\right)&\text{{else}}"
        r"\end{{cases}}",
    )

    def definition(self, x):
        return where(x > 0, x, self.alpha * expm1(minimum(x, 0.0)))  # never overflows

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,), (x,) = gradients, outputs, inputs
        return (where(x > 0, g, g * (y + self.alpha)),)


class Selu(RealFunction):
    """Elu with the constants under which activations keep mean 0 and variance 1.

    y = 1.0507 elu(x, 1.6733), if the weights are drawn with variance 1 / inputs.
    """

    notation = Notation(
        f"{SELU_SCALE} * where({{x}} > 0, {{x}}, {SELU_ALPHA} * expm1({{x}}))",
        r"\operatorname{{SELU}}({x})",
        Binding.PRODUCT,
        Binding.ATOM,
    )

    def definition(self, x):
        return SELU_SCALE * elu(x, SELU_ALPHA)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,), (x,) = gradients, outputs, inputs
        return (where(x > 0, SELU_SCALE * g, g * (y + SELU_SCALE * SELU_ALPHA)),)


softplus: Callable[[Any], Tensor] = Softplus()
softsign: Callable[[Any], Tensor] = Softsign()
silu: Callable[[Any], Tensor] = Silu()
relu6: Callable[[Any], Tensor] = Relu6()
hard_sigmoid: Callable[[Any], Tensor] = HardSigmoid()
selu: Callable[[Any], Tensor] = Selu()


gelu: Callable[[Any], Tensor] = Gelu()
approximate_gelu: Callable[[Any], Tensor] = ApproximateGelu()
mish: Callable[[Any], Tensor] = Mish()


def normal_probability(x: Tensor) -> Tensor:
    """The probability that a standard normal number is at most x."""
    return 0.5 * (1 + erf(x * math.sqrt(0.5)))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """The element itself above 0, else negative_slope times it."""
    return LeakyRelu(float(negative_slope))(x)


def threshold_relu(
    x: Any, negative_slope: float = 0.0, max_value: float = math.inf, threshold: float = 0.0
) -> Tensor:
    """The element up to max_value above the threshold, else a line that rises to 0 there."""
    return ThresholdRelu(float(negative_slope), float(max_value), float(threshold))(x)


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """The element itself above 0, else alpha (exp(x) - 1)."""
    return Elu(float(alpha))(x)
