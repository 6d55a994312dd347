"""A plan as a text that can be read without knowing the code."""

from __future__ import annotations

from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.plan import Launch, Plan

__all__ = ["describe"]

EXPLANATIONS = {
    Kind.LOOP: "element by element, in one pass over memory",
    Kind.PRODUCT: "a matrix product; what follows is applied while the tile is in cache",
    Kind.COLUMN_SUM: "the sum of each column",
    Kind.COPY: "a value put where it belongs",
    Kind.UPDATE: "one formula over all parameters, in place",
    Kind.REFERENCE: "no kernel: NumPy, called from the plan",
}


def describe(plan: Plan) -> str:
    """Write a plan: a heading, then a paragraph for each launch."""
    return "\n".join([_heading(plan), ""])


def _heading(plan: Plan) -> str:
    return f"{len(plan.launches)} launches"
