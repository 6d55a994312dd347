"""Kernels of single operations, written by hand: one family a file, attached by type."""

from glassgrad.execute.cpu.kernels import (
    attention,
    convolution,
    cumulative,
    indexing,
    movement,
    ordering,
    pooling,
    products,
    recurrent,
    reductions,
    winograd,
)
from glassgrad.execute.cpu.kernels.work import (
    Bits,
    Complaint,
    Rows,
    Scratch,
    Work,
    rows_of,
    work_of,
)

__all__ = [
    "Bits",
    "Complaint",
    "Rows",
    "Scratch",
    "Work",
    "attention",
    "convolution",
    "cumulative",
    "indexing",
    "movement",
    "ordering",
    "pooling",
    "products",
    "recurrent",
    "reductions",
    "rows_of",
    "winograd",
    "work_of",
]
