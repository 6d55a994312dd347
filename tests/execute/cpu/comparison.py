"""The CPU executor against the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from glassgrad.execute.cpu.program import CpuExecutor, CpuProgram
from glassgrad.execute.executor import Executor
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Tensor, Variable, verify
from glassgrad.graph.operation import Array

CPU = CpuExecutor(threads=1)
REFERENCE = ReferenceExecutor()

# What is left where numbers of order 1, or thousands of them, cancel depends on who rounds.
FLOOR = {"float32": 4e-6, "float64": 1e-12}


@dataclass
class Case:
    """A program as it is handed to an executor."""

    outputs: Sequence[Tensor]
    inputs: Sequence[Tensor] = ()
    arrays: Sequence[Array] = ()
    updates: Mapping[Variable, Tensor] = field(default_factory=dict)
    variables: Sequence[Variable] = ()


def cpu(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor] = (),
    updates: Mapping[Variable, Tensor] | None = None,
) -> CpuProgram:
    """Compile for one thread, after verifying the graph."""
    verify([*outputs, *(updates or {}).values()])
    return CPU.compile(outputs, inputs, updates)


def results_of(executor: Executor, case: Case, steps: int = 1) -> list[Array]:
    """The outputs of some steps, and the variables after them."""
    program = executor.compile(case.outputs, case.inputs, case.updates)
    results = [result for _ in range(steps) for result in program(*case.arrays)]
    return [*results, *(variable.numpy() for variable in case.variables)]


def check(build: Callable[[str], Case], dtype: str = "float32", steps: int = 1) -> None:
    """Compare what ``build`` makes for a dtype with the reference, and that with float64."""
    found = results_of(CPU, build(dtype), steps)
    expected = results_of(REFERENCE, build(dtype), steps)
    exact = results_of(REFERENCE, build("float64"), steps)
    for place, arrays in enumerate(zip(found, expected, exact, strict=True)):
        assert_agrees(*arrays, place)


def assert_agrees(found: Array, expected: Array, exact: Array, place: object = "") -> None:
    """As close to the exact result as the reference, about; equal where nothing is rounded."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), place
    if found.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected, err_msg=str(place))
        return
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite], err_msg=str(place))
    if not finite.any():
        return
    error = np.max(np.abs(found[finite] - exact[finite]))
    own_error = np.max(np.abs(expected[finite] - exact[finite]))
    scale = np.max(np.abs(exact[finite]))
    relative = 1e-12 if found.dtype == np.float64 else 1e-5
    limit = max(relative * scale, 4 * own_error, FLOOR[str(found.dtype)])
    assert error <= limit, f"{place}: off by {error:.2g} where {limit:.2g} is allowed"
