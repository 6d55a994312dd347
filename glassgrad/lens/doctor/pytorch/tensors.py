"""Tensors of PyTorch as arrays."""

from __future__ import annotations

from typing import Any

from glassgrad.graph.operation import Array

__all__ = ["as_array", "is_real", "is_tensor"]


def as_array(tensor: Any) -> Array:
    """The values of a tensor, without a copy where NumPy can read them where they are."""
    values = tensor.detach().cpu()
    is_half = values.is_floating_point() and values.dtype.itemsize < 4
    array: Array = (values.float() if is_half else values).numpy()
    return array


def is_tensor(value: Any) -> bool:
    """Whether something is a tensor."""
    import torch

    return isinstance(value, torch.Tensor)


def is_real(value: Any) -> bool:
    """Whether something is a tensor of real numbers, and not a single one."""
    return is_tensor(value) and value.is_floating_point() and value.ndim > 0
