"""An operation of one's own: what it computes, and its chain rule, in one class.

python examples/own_operation.py
"""

import glassgrad
from glassgrad import ops
from glassgrad.graph import Notation
from glassgrad.ops.activation import RealFunction


class Bump(RealFunction):
    """A bell around zero: y = exp(-x²)."""

    notation = Notation("exp(-{x} ** 2)", r"e^{{-{x}^2}}")

    def definition(self, x):
        """What is computed, by operations that are there already."""
        return ops.exp(-ops.square(x))

    def chain_rule(self, gradients, outputs, inputs):
        """dL/dx = dL/dy · y · (-2 x)."""
        (g,), (y,), (x,) = gradients, outputs, inputs
        return (g * y * (-2 * x),)


if __name__ == "__main__":
    bump = Bump()
    slope = glassgrad.grad(bump)
    print(f"at 0.5 the slope is {slope(0.5)}, and the curvature {glassgrad.grad(slope)(0.5)}\n")
    x = glassgrad.Variable(0.5, name="x")
    print(glassgrad.explain(bump(x)))
    print(glassgrad.check_gradients(bump, [0.5, -1.0, 0.0]))
