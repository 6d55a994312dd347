"""Data sets that can be loaded by name or path.

`load("digits")` gives a `Dataset` with everything training needs, and so does
`load("flowers.csv", target="kind")`; `digits.load_data()` and `mnist.load_data()` give plain tuples
of arrays, as Keras does.
"""

from glassgrad.datasets import digits, fashion_mnist, mnist
from glassgrad.datasets.dataset import Dataset
from glassgrad.datasets.reading import read_table
from glassgrad.datasets.registry import Offer, load, names, offers
from glassgrad.datasets.splitting import split
from glassgrad.preprocessing import Table, TableEncoder

__all__ = [
    "Dataset",
    "Offer",
    "Table",
    "TableEncoder",
    "digits",
    "fashion_mnist",
    "load",
    "mnist",
    "names",
    "offers",
    "read_table",
    "split",
]
