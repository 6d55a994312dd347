"""Comparisons that people ask for, and the honest statement of what they show."""

from glassgrad.lens.comparing.comparing import compare
from glassgrad.lens.comparing.comparison import Comparison

__all__ = ["Comparison", "compare"]
