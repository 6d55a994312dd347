"""The protocol that every executor follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from glassgrad.errors import DtypeError, GraphError, ShapeError, UnknownNameError
from glassgrad.execute import executor
from glassgrad.execute.executor import (
    Executor,
    current_executor,
    executor_named,
    register_executor,
    use,
)
from glassgrad.execute.reference import ReferenceExecutor, ReferenceProgram
from glassgrad.graph import Tensor, Variable, constant, placeholder


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Only the executors of these tests, and no choice yet; both are forgotten afterwards."""
    made: list[str] = []

    def maker(name: str) -> Any:
        def make() -> Executor:
            made.append(name)
            fresh = ReferenceExecutor()
            fresh.name = name
            return fresh

        return make

    monkeypatch.setattr(executor, "_makers", {})
    monkeypatch.setattr(executor, "_made", {})
    monkeypatch.setattr(executor, "_chosen", [])
    monkeypatch.delenv("GLASSGRAD_EXECUTOR", raising=False)
    for name in ("cpu", "reference"):
        register_executor(name, maker(name))
    return made


# ---- the choice


def test_the_default_is_cpu(names: list[str]) -> None:
    assert current_executor().name == executor_named(None).name == "cpu"
    assert names == ["cpu"]  # the other one is not even made


def test_use_chooses(names: list[str]) -> None:
    use("reference")
    assert current_executor().name == "reference"
    use("cpu")
    assert current_executor().name == "cpu"


def test_the_environment_chooses_where_use_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_EXECUTOR", "reference")
    assert current_executor().name == "reference"
    use("cpu")
    assert current_executor().name == "cpu"


def test_an_empty_environment_chooses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_EXECUTOR", "")
    assert current_executor().name == "cpu"


def test_an_executor_is_made_once(names: list[str]) -> None:
    assert executor_named("reference") is executor_named("reference")
    assert names == ["reference"]


def test_an_executor_names_itself() -> None:
    mine = ReferenceExecutor()
    assert executor_named(mine) is mine


@pytest.mark.parametrize("choose", [use, executor_named])
def test_an_unknown_name_gets_the_nearest(choose: Any) -> None:
    with pytest.raises(
        UnknownNameError, match=r"'referense'. Did you mean 'reference'.*cpu, reference"
    ):
        choose("referense")
    with pytest.raises(UnknownNameError, match="Known are: cpu, reference"):
        choose("zzz")


def test_an_unknown_name_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_EXECUTOR", "gpu")
    with pytest.raises(UnknownNameError, match=r"'gpu'. Did you mean 'cpu'"):
        current_executor()


# ---- programs


def compiled(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor] = (), **more: Any
) -> ReferenceProgram:
    return ReferenceExecutor().compile(outputs, inputs, **more)


@pytest.mark.parametrize("arrays", [(), ([1.0, 2.0], [1.0, 2.0])])
def test_as_many_arrays_as_inputs(arrays: tuple[Any, ...]) -> None:
    x = placeholder((2,))
    with pytest.raises(ShapeError, match=rf"wants 1 arrays\. Got {len(arrays)}"):
        compiled([x], [x])(*arrays)


@pytest.mark.parametrize("array", [1.0, [1.0], [[1.0, 2.0]], np.zeros((2, 1))])
def test_arrays_have_the_compiled_shape(array: Any) -> None:
    x = placeholder((2,))
    with pytest.raises(ShapeError, match=r"compiled for shape \(2,\). Got \("):
        compiled([x], [x])(array)


@pytest.mark.parametrize(
    "dtype, array",
    [
        ("float32", np.zeros(2)),
        ("float32", np.zeros(2, np.int64)),
        ("float32", [0, 0]),
        ("float64", np.zeros(2, np.float32)),
        ("int32", np.zeros(2, np.int64)),
        ("float32", Tensor([0.0, 0.0])),
        ("float32", Variable([0.0, 0.0])),
        ("float32", np.zeros((2, 2), np.float32)[:, 0]),
    ],
)
def test_arrays_are_converted(dtype: str, array: Any) -> None:
    x = placeholder((2,), dtype)
    (y,) = compiled([x + 1], [x])(array)
    np.testing.assert_array_equal(y, np.ones(2, dtype), strict=True)


@pytest.mark.parametrize("dtype", ["int32", "bool", "uint8"])
def test_floats_do_not_become_whole_numbers_in_silence(dtype: str) -> None:
    x = placeholder((2,), dtype)
    with pytest.raises(DtypeError, match=rf"wants {dtype}\. Got float64"):
        compiled([x], [x])([0.5, 1.5])


def test_inputs_are_placeholders() -> None:
    x = placeholder((2,))
    with pytest.raises(GraphError, match=r"Inputs of a program are placeholders\. Got <Tensor"):
        compiled([x * 2], [x * 1])


def test_every_placeholder_is_an_input() -> None:
    x, y = placeholder((2,), label="x"), placeholder((2,), label="y")
    with pytest.raises(GraphError, match=r"label=y\), which is not among its inputs"):
        compiled([x + y], [x])


def test_an_input_may_be_unused() -> None:
    x, unused = placeholder((2,)), placeholder((3,))
    np.testing.assert_array_equal(compiled([x * 2], [unused, x])(np.ones(3), [1, 2])[0], [2, 4])


@pytest.mark.parametrize("value", [constant([1.0]), constant([1.0, 2.0], "float64")])
def test_an_update_fits_its_variable(value: Tensor) -> None:
    v = Variable([1.0, 2.0], name="w")
    with pytest.raises(GraphError, match=r"update of 'w' must be float32\[2\]"):
        compiled([], updates={v: value})


def test_a_program_without_outputs_is_a_program() -> None:
    v = Variable([1.0])
    assert compiled([], updates={v: v * 2})() == []
    assert v.numpy() == 2


def test_what_a_program_computes() -> None:
    v = Variable([1.0])
    y, after = v * 3, v * 2
    program = compiled([y], updates={v: after})
    assert [t.key for t in program.roots] == [y.key, after.key]


def test_a_refused_call_changes_nothing() -> None:
    v, x = Variable([1.0]), placeholder((1,))
    program = compiled([], [x], updates={v: v + x})
    with pytest.raises(ShapeError):
        program([1.0, 2.0])
    assert v.numpy() == 1
