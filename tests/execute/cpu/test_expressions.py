"""Every operation of the catalogue, by kernels or by what takes their place."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.errors import GlassgradError
from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.executor import Executor
from glassgrad.graph import Primitive, Tensor, placeholder
from glassgrad.graph.operation import Array
from glassgrad.ops import loss, where
from glassgrad.ops.activation import RealFunction
from glassgrad.ops.catalogue import operations
from tests.differences import placeholders
from tests.execute.cpu.comparison import CPU, REFERENCE, assert_agrees, cpu
from tests.ops.cases import CASES, Case, as_float

CASES_IN_A_KERNEL = 12

# The operations that run in NumPy today, and why. A kernel for one of them ends its row here.
WITHOUT_KERNEL: dict[str, str] = {}


class Carrier:
    """Ties cases of one size to one group, so that dozens of them share a kernel."""

    def __init__(self) -> None:
        self.inputs: list[Tensor] = []
        self.arrays: list[Array] = []
        self.members: dict[int, list[Tensor]] = {}
        self.latest: dict[int, Tensor] = {}

    def tie(self, tensors: list[Tensor]) -> list[Tensor]:
        size = max(tensor.size for tensor in tensors)
        return [self._tied(tensor) if 1 < tensor.size == size else tensor for tensor in tensors]

    def _tied(self, tensor: Tensor) -> Tensor:
        members = self.members.setdefault(tensor.size, [])
        if len(members) % CASES_IN_A_KERNEL == 0:
            self.inputs.append(placeholder((tensor.size,), "float32", "carrier"))
            self.arrays.append(np.ones(tensor.size, np.float32))
            self.latest[tensor.size] = self.inputs[-1] > 0
        members.append(tensor)
        condition = self.latest[tensor.size].reshape(tensor.shape)
        return where(condition, tensor, tensor)


Row = tuple[str, Case, list[Array]]


def first_of_each(rows: list[Row]) -> list[Row]:
    found: dict[type, Row] = {}
    for row in rows:
        found.setdefault(type(row[1].build("float64")), row)
    return list(found.values())


def is_other_primitive(case: Case) -> bool:
    operation = case.build("float64")
    return not operation.is_elementwise and isinstance(operation, Primitive)


ALL: list[Row] = [(case.name, case, case.arrays("float64")) for case in CASES]
# How an element is read does not depend on the operation (see test_generate), and composites
# are made of primitives: of both, one case is enough.
SAMPLES = [row for row in ALL if row in first_of_each(ALL) or is_other_primitive(row[1])]
EXTREMES: list[Row] = [
    (f"{case.name} {number}", case, [as_float(values, "float64") for values in arrays])
    for case in CASES
    if isinstance(
        case.build("float64"),
        Primitive | RealFunction | loss.Softmax | loss.SigmoidCrossEntropy,
    )
    for number, arrays in enumerate(case.extremes)
]


def run_all(rows: list[Row], dtype: str, executor: Executor) -> list[tuple[str, list[Array]]]:
    """The results of all cases by one program."""
    carrier = Carrier()
    outputs: list[Tensor] = []
    counts: list[int] = []
    for _, case, samples in rows:
        arrays = [as_float(sample, dtype) for sample in samples]
        inputs = placeholders(arrays)
        carrier.inputs += inputs
        carrier.arrays += arrays
        result = case.build(dtype)(*carrier.tie(inputs))
        results = result if isinstance(result, tuple) else (result,)
        outputs += results
        counts.append(len(results))
    values = iter(executor.compile(outputs, carrier.inputs)(*carrier.arrays))
    names = [name for name, _, _ in rows]
    return [(n, [next(values) for _ in range(c)]) for n, c in zip(names, counts, strict=True)]


@pytest.mark.parametrize(
    "dtype, rows",
    [("float32", SAMPLES), ("float32", EXTREMES), ("float64", first_of_each(ALL))],
    ids=["samples", "extremes", "float64"],
)
def test_every_operation_agrees_with_the_reference(dtype: str, rows: list[Row]) -> None:
    found = run_all(rows, dtype, CPU)
    expected = run_all(rows, dtype, REFERENCE)
    exact = run_all(rows, "float64", REFERENCE)
    for (name, ours), (_, theirs), (_, wide) in zip(found, expected, exact, strict=True):
        for arrays in zip(ours, theirs, wide, strict=True):
            assert_agrees(*arrays, name)


def fallbacks(case: Case, dtype: str = "float32") -> set[str]:
    """The operations that have no kernel for a case whose floats have this dtype."""
    inputs = placeholders([as_dtype(array, dtype) for array in case.arrays("float32")])
    try:
        result = case.build("float32")(*inputs)
    except GlassgradError:  # the operation wants floats
        return set()
    program = cpu(result if isinstance(result, tuple) else (result,), inputs)
    launches = [launch for launch in program.plan.launches if launch.kind is Kind.REFERENCE]
    return {launch.nodes[0].operation.name for launch in launches}


def as_dtype(array: Array, dtype: str) -> Array:
    return array.astype(dtype) if array.dtype.kind == "f" else array


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "uint32", "int64"])
def test_whole_numbers_have_kernels_too(dtype: str) -> None:
    with np.errstate(invalid="ignore"):
        cases = [case for _, case, _ in first_of_each(ALL)]
        found = set().union(*(fallbacks(case, dtype) for case in cases))
    assert found - set(WITHOUT_KERNEL) == set()


def test_what_has_no_kernel_is_known_with_its_reason() -> None:
    found = set().union(*(fallbacks(case) for case in CASES))
    assert found - set(WITHOUT_KERNEL) == set(), "these lost their kernel, or need one"
    assert set(WITHOUT_KERNEL) - found == set(), "these have a kernel now: delete their row"
    assert set(WITHOUT_KERNEL) <= set(operations())
