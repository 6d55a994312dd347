"""The chain rule: graph in, graph out, with a record of its steps."""

from glassgrad.gradients import rules
from glassgrad.gradients.jacobian import jacobians
from glassgrad.gradients.reverse import Step, differentiate, gradients, leaves_of
from glassgrad.gradients.rules import CompositeGradient

__all__ = [
    "CompositeGradient",
    "Step",
    "differentiate",
    "gradients",
    "jacobians",
    "leaves_of",
    "rules",
]
