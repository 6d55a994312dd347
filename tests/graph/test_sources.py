"""Nodes that know which line of the user's code made them, where somebody records it."""

from __future__ import annotations

import inspect

import pytest

from glassgrad import Tensor, gradients, layers, models, ops
from glassgrad.graph import Trace, placeholder, tracing, walk
from glassgrad.graph.sources import Line, line_of_caller, recorded_sources

HERE = __file__


def line_here(above: int = 0) -> Line:
    """The line that calls this function, or one above it."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return Line(HERE, frame.f_back.f_lineno - above)


class Doubled(layers.Layer):
    """A layer of one's own."""

    def __init__(self) -> None:
        super().__init__(name="doubled")

    def call(self, inputs: Tensor) -> Tensor:
        """Twice the inputs."""
        return inputs * 2.0


def test_nothing_is_recorded_unless_somebody_asks() -> None:
    assert Tensor([1.0]).exp().node.source is None


def test_the_innermost_line_of_the_users_code() -> None:
    def logarithm(x: Tensor) -> Tensor:
        return ops.log(x)

    with recorded_sources():
        found = logarithm(Tensor([1.0])).node.source
    assert found is not None
    assert found.line == line_here(above=5)._replace(number=found.line.number)
    assert found.line.text == "return ops.log(x)"
    assert found.behind is None


def test_what_called_the_recorder_is_no_source() -> None:
    with recorded_sources():
        node = Tensor([1.0]).exp().node
    assert node.source is not None
    assert node.source.line is None


def test_a_layer_knows_where_it_was_made() -> None:
    dense, here = layers.Dense(2), line_here()
    own, below = Doubled(), line_here()
    assert (dense.line_of_code, own.line_of_code) == (here, below)


def test_what_a_layer_of_the_package_does_comes_from_where_it_was_made() -> None:
    x = layers.Input((3,))
    dense = layers.Dense(2, activation="tanh")
    model = models.Model(x, dense(x))
    with recorded_sources(), tracing(Trace()):
        node = model(placeholder((1, 3))).node
    assert node.source is not None
    assert node.source.line == dense.line_of_code


def test_operations_on_symbolic_tensors_know_their_line() -> None:
    x = layers.Input((3,))
    y, here = ops.log(x), line_here()
    with recorded_sources(), tracing(Trace()):
        node = models.Model(x, y)(placeholder((1, 3))).node
    assert node.source is not None
    assert node.source.line == here


def test_gradients_know_what_they_lead_back_through() -> None:
    x = placeholder((2,))
    with recorded_sources():
        root = ops.sqrt(x)
        (slope,) = gradients(root.sum(), [x])
    assert slope is not None
    made = [node for node in walk([slope]) if node.source and node.source.behind is root.node]
    assert {node.operation.name for node in made} >= {"Divide"}
    assert all(node.scope.endswith("backward") for node in made)


def test_rewritten_graphs_keep_their_sources() -> None:
    x = placeholder((2,))
    with recorded_sources():
        y = (x * 2.0).detach().exp()
    from glassgrad.graph import rewrite

    def spare(node, inputs):  # type: ignore[no-untyped-def]
        return inputs if node.operation.name == "StopGradient" else None

    (copy,) = rewrite([y], spare)
    assert copy.node is not y.node
    assert copy.node.source is y.node.source is not None


def test_the_line_of_a_caller_outside_of_the_package() -> None:
    assert line_of_caller() == line_here()


@pytest.mark.parametrize("line", [Line("no such file.py", 3), Line(HERE, 10**6)])
def test_a_line_that_cannot_be_read_has_no_text(line: Line) -> None:
    assert line.text == ""
