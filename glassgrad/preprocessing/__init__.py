"""How raw data become the arrays that a network takes: tables of named columns, and images."""

from glassgrad.preprocessing.base import Preprocessing, deserialize
from glassgrad.preprocessing.encoder import TableEncoder
from glassgrad.preprocessing.images import ImageEncoder
from glassgrad.preprocessing.table import Table

__all__ = ["ImageEncoder", "Preprocessing", "Table", "TableEncoder", "deserialize"]
