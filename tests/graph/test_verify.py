from __future__ import annotations

import numpy as np
import pytest

from glassgrad.errors import GraphError, ShapeError
from glassgrad.graph import Node, Tensor, TensorSpec, constant, placeholder, verify
from glassgrad.ops.elementwise import Add, Exp
from glassgrad.ops.reduction import Sum

FLOAT = np.dtype("float32")


def planted(operation: object, inputs: tuple[Tensor, ...], *specs: TensorSpec) -> list[Tensor]:
    return [Tensor.of_node(Node(operation, inputs, specs), 0)]  # type: ignore[arg-type]


def test_a_right_graph_passes() -> None:
    x = placeholder((2, 3))
    verify([(x * 2).sum(), x.softmax()])


@pytest.mark.parametrize(
    "spec, message",
    [
        (TensorSpec((3,), FLOAT), r"makes float32\[2\] of its inputs. The node says float32\[3\]"),
        (TensorSpec((2,), np.dtype("float64")), "says float64"),
        (TensorSpec((2,), np.dtype("int32")), "says int32"),
        (TensorSpec((-2,), FLOAT), "no tensor can have"),
        (TensorSpec((2.0,), FLOAT), "no tensor can have"),  # type: ignore[arg-type]
        (TensorSpec((np.int64(2),), FLOAT), "no tensor can have"),  # type: ignore[arg-type]
        (TensorSpec((2,), np.dtype("float16")), "no tensor can have"),
    ],
)
def test_a_wrong_spec_is_found(spec: TensorSpec, message: str) -> None:
    wrong = planted(Exp(), (placeholder((2,)),), spec)
    with pytest.raises(GraphError, match=message):
        verify(wrong)
    with pytest.raises(GraphError):  # below another node as well
        verify(planted(Sum((0,)), tuple(wrong), TensorSpec((), FLOAT)))


def test_too_many_outputs_are_found() -> None:
    spec = TensorSpec((2,), FLOAT)
    with pytest.raises(GraphError, match=r"The node says float32\[2\], float32\[2\]"):
        verify(planted(Exp(), (placeholder((2,)),), spec, spec))


def test_a_node_without_outputs_is_found() -> None:
    nothing = Node(Exp(), (placeholder((2,)),), ())
    user = Tensor.of_node(Node(Exp(), (Tensor.of_node(nothing, 0),), ()), 0)
    with pytest.raises(GraphError, match="no outputs"):
        verify([user])


def test_a_link_to_a_missing_output_is_found() -> None:
    x = constant([1.0, 2.0])
    missing = Tensor.of_node(x.node, 1)
    with pytest.raises(GraphError, match="reads output 1"):
        verify(planted(Exp(), (missing,), TensorSpec((2,), FLOAT)))


def test_inputs_that_do_not_fit_are_found() -> None:
    inputs = placeholder((2,)), placeholder((3,))
    with pytest.raises(ShapeError):
        verify(planted(Add(), inputs, TensorSpec((2,), FLOAT)))


def test_a_wrong_leaf_is_found() -> None:
    with pytest.raises(GraphError, match="no tensor can have"):
        verify([placeholder((2,)) + 0.0, Tensor.of_node(
            Node(constant(1.0).node.operation, (), (TensorSpec((-1,), FLOAT),)), 0)])  # fmt: skip
