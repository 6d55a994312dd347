"""Circular and hyperbolic functions of every element, and their inverses."""

from __future__ import annotations

from glassgrad.graph import Notation
from glassgrad.ops.elementwise import FloatOnly, sqrt, square

__all__ = [
    "Arccos",
    "Arccosh",
    "Arcsin",
    "Arcsinh",
    "Arctan",
    "Arctanh",
    "Cos",
    "Cosh",
    "Sin",
    "Sinh",
    "Tan",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cos",
    "cosh",
    "sin",
    "sinh",
    "tan",
]


class Sin(FloatOnly):
    """Sine of an angle in radians."""

    notation = Notation("sin({x})", r"\sin({x})")

    def forward(self, xp, x):
        return xp.sin(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g * cos(x),)


class Cos(FloatOnly):
    """Cosine of an angle in radians."""

    notation = Notation("cos({x})", r"\cos({x})")

    def forward(self, xp, x):
        return xp.cos(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (-g * sin(x),)


class Tan(FloatOnly):
    """Tangent of an angle in radians."""

    notation = Notation("tan({x})", r"\tan({x})")

    def forward(self, xp, x):
        return xp.tan(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (g * (1 + square(y)),)


class Arcsin(FloatOnly):
    """The angle in [-π/2, π/2] whose sine is x; NaN outside [-1, 1]."""

    notation = Notation("arcsin({x})", r"\arcsin({x})")

    def forward(self, xp, x):
        return xp.arcsin(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g / sqrt(1 - square(x)),)


class Arccos(FloatOnly):
    """The angle in [0, π] whose cosine is x; NaN outside [-1, 1]."""

    notation = Notation("arccos({x})", r"\arccos({x})")

    def forward(self, xp, x):
        return xp.arccos(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (-g / sqrt(1 - square(x)),)


class Arctan(FloatOnly):
    """The angle in [-π/2, π/2] whose tangent is x."""

    notation = Notation("arctan({x})", r"\arctan({x})")

    def forward(self, xp, x):
        return xp.arctan(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g / (1 + square(x)),)


class Sinh(FloatOnly):
    """Hyperbolic sine: y = (exp(x) - exp(-x)) / 2."""

    notation = Notation("sinh({x})", r"\sinh({x})")

    def forward(self, xp, x):
        return xp.sinh(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g * cosh(x),)


class Cosh(FloatOnly):
    """Hyperbolic cosine: y = (exp(x) + exp(-x)) / 2."""

    notation = Notation("cosh({x})", r"\cosh({x})")

    def forward(self, xp, x):
        return xp.cosh(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g * sinh(x),)


class Arcsinh(FloatOnly):
    """The number whose hyperbolic sine is x."""

    notation = Notation("arcsinh({x})", r"\operatorname{{arsinh}}({x})")

    def forward(self, xp, x):
        return xp.arcsinh(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g / sqrt(1 + square(x)),)


class Arccosh(FloatOnly):
    """The number not below 0 whose hyperbolic cosine is x; NaN below 1."""

    notation = Notation("arccosh({x})", r"\operatorname{{arcosh}}({x})")

    def forward(self, xp, x):
        return xp.arccosh(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g / (sqrt(x - 1) * sqrt(x + 1)),)


class Arctanh(FloatOnly):
    """The number whose hyperbolic tangent is x; NaN outside [-1, 1]."""

    notation = Notation("arctanh({x})", r"\operatorname{{artanh}}({x})")

    def forward(self, xp, x):
        return xp.arctanh(x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g / (1 - square(x)),)


sin, cos, tan = Sin(), Cos(), Tan()
arcsin, arccos, arctan = Arcsin(), Arccos(), Arctan()
sinh, cosh = Sinh(), Cosh()
arcsinh, arccosh, arctanh = Arcsinh(), Arccosh(), Arctanh()
