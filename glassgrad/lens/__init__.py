"""Looking: the backward pass explained, step by step."""

from glassgrad.lens.explaining import ExplainedStep, Explanation, explain

__all__ = ["ExplainedStep", "Explanation", "explain"]
