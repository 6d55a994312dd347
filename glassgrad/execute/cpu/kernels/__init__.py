"""Kernels of single operations, written by hand: one family a file, attached by type."""

from glassgrad.execute.cpu.kernels import (
    cumulative,
    indexing,
    movement,
    ordering,
    products,
    recurrent,
    reductions,
)
from glassgrad.execute.cpu.kernels.work import Bits, Complaint, Scratch, Work, work_of

__all__ = [
    "Bits",
    "Complaint",
    "Scratch",
    "Work",
    "cumulative",
    "indexing",
    "movement",
    "ordering",
    "products",
    "recurrent",
    "reductions",
    "work_of",
]
