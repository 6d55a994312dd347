"""Data sets that can be loaded by name or path.

`load("digits")` gives a `Dataset` with everything training needs; `digits.load_data()` and
`mnist.load_data()` give plain tuples of arrays, as Keras does.
"""

from glassgrad.datasets import digits, mnist
from glassgrad.datasets.registry import Dataset, load, names

__all__ = ["Dataset", "digits", "load", "mnist", "names"]
