"""What a row of a table is, and when two results are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import gradients
from glassgrad.graph import (
    Tensor,
    Trace,
    Variable,
    default_float,
    placeholder,
    tracing,
    verify,
)
from tests.keras_parity.differences import NUMBERS, covering

Array = np.ndarray[Any, Any]

TOLERANCES = {"float32": 1e-5, "float64": 1e-10}


@dataclass(frozen=True)
class Case:
    """One thing that both libraries make from the same name and the same arguments.

    Args:
        name: the public name.
        arguments: those of the constructor, or of the function.
        inputs: what kind of numbers it is compared on; each family knows its kinds.
        note: what the row is about, where name and arguments do not say it.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: Any = None
    note: str = ""

    def make(self, family: Any) -> Any:
        """The object of a library's family, by the row's name and arguments."""
        return getattr(family, self.name)(**self.arguments)

    def __str__(self) -> str:
        arguments = ",".join(f"{key}={value}" for key, value in self.arguments.items())
        return " ".join(filter(None, [f"{self.name}({arguments})", self.note]))


@dataclass(frozen=True)
class Precision:
    """A float type, and how far results may lie apart, relative to the largest entry."""

    dtype: str
    tolerance: float

    def about(self, subject: str) -> Precision:
        """The precision for one subject, wider where the table of differences says why."""
        row = covering(NUMBERS, subject)
        if row is None or row.tolerance is None:
            return self
        return replace(self, tolerance=max(self.tolerance, row.tolerance))

    def floats(self, array: Any) -> Array:
        """Floats in this type; integers and booleans as they are."""
        array = np.asarray(array)
        return array.astype(self.dtype) if array.dtype.kind == "f" else array

    def require_same(self, ours: Any, theirs: Any, what: str = "") -> None:
        """Compare shapes, and every entry with the tolerance times the largest one."""
        a, b = as_array(ours), as_array(theirs)
        assert a.shape == b.shape, f"{what}: shape {a.shape}, Keras has {b.shape}"
        finite = np.abs(b[np.isfinite(b)], dtype="float64")
        allowed = self.tolerance * max(1e-3, finite.max(initial=0.0))
        np.testing.assert_allclose(a, b, rtol=0, atol=allowed, err_msg=what)

    def require_all_same(
        self, ours: Sequence[Any], theirs: Sequence[Any], what: Iterable[str]
    ) -> None:
        """Compare results pair by pair."""
        for a, b, name in zip(ours, theirs, what, strict=True):
            self.require_same(a, b, name)


def as_array(value: Any) -> Array:
    """The numbers of a result of either library, in float64 or integers."""
    if isinstance(value, Tensor | Variable):
        value = value.numpy()
    value = getattr(value, "value", value)  # one of Keras's variables holds a tensor
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    return array.astype("float64") if array.dtype.kind in "fb" else array


def evaluate(
    build: Any, arrays: Sequence[Array], by: Sequence[Variable] = (), training: bool = False
) -> tuple[Array, list[Array]]:
    """The output of a graph, and the gradients of its weighted sum plus all penalties.

    Args:
        build: takes tensors, gives a tensor.
        arrays: what it is built for; gradients are taken by those that are floats.
        by: variables by which gradients are taken as well.
        training: what layers inside are told; the updates that they make are applied.
    """
    inputs = [placeholder(array.shape, array.dtype, f"x{n}") for n, array in enumerate(arrays)]
    with tracing(Trace(training=training)) as trace:
        output = build(*inputs)
        loss = (output * Tensor(weights_of(output.shape), dtype=default_float())).sum()
        for penalty in trace.losses:
            loss = loss + penalty
    sources = [*(x for x in inputs if x.dtype.kind == "f"), *(one.tensor for one in by)]
    slopes = [
        Tensor(np.zeros(source.shape), dtype=source.dtype) if slope is None else slope
        for slope, source in zip(gradients(loss, sources), sources, strict=True)
    ]
    verify([output, *slopes, *trace.updates.values()])
    program = ReferenceExecutor().compile([output, *slopes], inputs, trace.updates)
    value, *rest = program(*arrays)
    return value, rest


def evaluate_keras(
    build: Any, arrays: Sequence[Array], by: Sequence[Any] = (), losses: Any = tuple
) -> tuple[Array, list[Array]]:
    """The same by Keras.

    Args:
        build: takes PyTorch's tensors, gives one.
        arrays: what it is called with.
        by: Keras's variables by which gradients are taken as well.
        losses: gives the penalties, after the call.
    """
    import torch

    tensors = [torch.tensor(array, requires_grad=array.dtype.kind == "f") for array in arrays]
    output = build(*tensors)
    loss = (output * torch.tensor(weights_of(tuple(output.shape)))).sum() + sum(losses())
    sources = [*(x for x in tensors if x.requires_grad), *(one.value for one in by)]
    if not loss.requires_grad:
        return as_array(output), [np.zeros(tuple(source.shape)) for source in sources]
    slopes = torch.autograd.grad(loss, sources, allow_unused=True, materialize_grads=True)
    return as_array(output), [as_array(slope) for slope in slopes]


def weights_of(shape: tuple[int, ...]) -> Array:
    """Factors that make a scalar of a result, so that every entry has a gradient of its own."""
    return np.random.default_rng(5).uniform(0.5, 1.5, shape)
