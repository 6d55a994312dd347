"""A picture shows every layer and what flows between them; the sizes are those of the gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import Variable, layers, utils
from glassgrad.errors import ArgumentError, DataError, NotBuiltError, ShapeError
from glassgrad.layers import Dense, Input
from glassgrad.lens import Picture, draw, plot
from glassgrad.models import Model, Sequential
from tests.lens.picturing import networks as small
from tests.lens.picturing.networks import NETWORKS, Example, made, numbers
from tests.models.test_model import LAYERS

Lines = dict[tuple[str, str], float | None]


def picture(network: Callable[[], Example], **how: Any) -> Picture:
    model, x, y = made(network)
    return model.plot(x=x, y=y, **how)


def lines(found: Picture) -> Lines:
    return {(flow.source, flow.target): flow.gradient for flow in found.flows}


def names(found: Picture) -> list[str]:
    return [box.name for box in found.boxes]


def details(found: Picture, name: str) -> tuple[str, ...]:
    return next(box.details for box in found.boxes if box.name == name)


# ---- what is drawn


@pytest.mark.parametrize("network", NETWORKS)
def test_every_layer_has_a_box_and_is_reached(network: Callable[[], Example]) -> None:
    model, x, y = made(network)
    for found in (model.plot(), model.plot(x=x, y=y)):
        drawn = set(names(found))
        assert len(drawn) == len(found.boxes)
        wanted = {one.name for one in model.layers if not isinstance(one, layers.InputLayer)}
        assert wanted <= drawn
        ends = {end for flow in found.flows for end in (flow.source, flow.target)}
        assert ends == drawn


@pytest.mark.parametrize("network", NETWORKS)
def test_the_layers_inside_are_drawn_as_well(network: Callable[[], Example]) -> None:
    model, x, y = made(network)
    found = model.plot(x=x, y=y, depth=9)
    assert {flow.source for flow in found.flows} <= set(names(found))
    assert len(found.boxes) >= len(model.plot(x=x, y=y).boxes)


def test_the_forward_picture() -> None:
    model, _, _ = made(small.branches)
    found = model.plot()
    assert set(lines(found)) == {
        ("words", "of_words"), ("figures", "of_figures"), ("of_words", "joined"),
        ("of_figures", "joined"), ("joined", "price"), ("joined", "kind"),
    }  # fmt: skip
    assert details(found, "of_words") == ("Dense, relu", "(None, 3)", "12 parameters")
    assert details(found, "joined") == ("Concatenate", "(None, 5)")
    assert set(lines(found).values()) == {None}
    assert found.subtitle == "42 parameters"


def test_shapes_may_be_left_out() -> None:
    model, _, _ = made(small.branches)
    assert details(model.plot(show_shapes=False), "joined") == ("Concatenate",)


def test_open_lengths_besides_the_batch() -> None:
    model = Sequential([Input((None, 3)), layers.Conv1D(2, 3, name="conv"), layers.LSTM(4)])
    assert details(model.plot(), "conv")[1] == "(None, None, 2)"


def test_the_whole_way_from_data_to_loss() -> None:
    found = picture(small.branches)
    assert {"y0", "y1", "loss"} <= set(names(found))
    assert {("price", "loss"), ("kind", "loss"), ("y0", "loss")} <= set(lines(found))
    assert details(found, "loss") == ("mean squared error", "penalty")
    assert found.subtitle.startswith("loss ")


def test_a_shared_layer_is_drawn_for_each_call() -> None:
    found = picture(small.shared)
    assert ("twice", "twice (2)") in lines(found)
    assert details(found, "twice")[-1] == "20 parameters"
    assert details(found, "twice (2)")[-1] == "with the same parameters"


def test_what_hands_on_its_input_stands_in_its_place() -> None:
    found = lines(picture(small.handing_on))
    assert {("first", "before"), ("first", "same"), ("same", "after")} <= set(found)
    assert ("same", "before") not in found
    assert ("first", "after") not in found
    assert found["first", "same"] == found["same", "after"] > 0


def test_a_model_inside_is_one_box_or_its_layers() -> None:
    assert names(picture(small.nested)) == ["x", "inner", "out", "y", "loss"]
    assert names(picture(small.nested, depth=2))[1:3] == ["inner/a", "inner/b"]


def test_operations_beside_layers() -> None:
    assert set(lines(picture(small.own))) == {
        ("x", "inner"), ("inner", "multiply"), ("multiply", "tanh"), ("tanh", "add"), ("x", "add"),
        ("add", "loss"), ("y", "loss"),
    }  # fmt: skip


def test_frozen_layers_say_so() -> None:
    model, x, y = made(small.chain)
    model.layers[0].trainable = False
    found = model.plot(x=x, y=y)
    assert details(found, "hidden_0")[-1] == "36 parameters, frozen"
    assert lines(found)["hidden_0", "hidden_1"] is None  # nobody asks for it
    assert next(box for box in found.boxes if box.name == "hidden_0").gradient is None


# ---- sizes of gradients


def test_along_a_chain_they_are_the_gradients_of_the_outputs() -> None:
    model, x, y = made(small.chain)
    found = lines(model.plot(x=x, y=y, training=False))
    hidden = [f"hidden_{number}" for number in range(4)]
    expected = model.gradients(x, y, of=hidden)
    for name, after in zip(hidden, [*hidden[1:], "out"], strict=True):
        assert found[name, after] == pytest.approx(np.linalg.norm(expected[name]), rel=1e-5)
    assert found["x", "hidden_0"] is None
    assert found["out", "loss"] > found["hidden_0", "hidden_1"] > 0


@pytest.mark.parametrize("network", NETWORKS)
def test_boxes_show_the_gradient_of_all_parameters(network: Callable[[], Example]) -> None:
    model, x, y = made(network)
    found = model.plot(x=x, y=y, training=False)
    for layer in model.layers:
        box = next((one for one in found.boxes if one.name == layer.name), None)
        variables = layer.trainable_variables
        if box is not None and variables:
            slopes = model.gradients(x, y, of=variables).values()
            norm = np.sqrt(sum(float(np.sum(np.square(slope, dtype=float))) for slope in slopes))
            assert box.gradient == pytest.approx(norm, rel=1e-4)


def test_each_way_carries_its_share() -> None:
    model, x, y = made(small.residual)
    found = lines(model.plot(x=x, y=y))
    kernel, bias, inner, _ = model.get_weights()
    hidden = x @ kernel + bias
    delta = 2 * (model.predict(x, verbose=0) - y) / y.size  # dL/d(prediction)
    assert hidden.shape == delta.shape
    assert found["add", "loss"] == pytest.approx(np.linalg.norm(delta), rel=1e-5)
    assert found["first", "add"] == pytest.approx(np.linalg.norm(delta), rel=1e-5)
    assert found["inner", "add"] == pytest.approx(np.linalg.norm(delta), rel=1e-5)
    assert found["first", "inner"] == pytest.approx(np.linalg.norm(delta @ inner.T), rel=1e-5)


def test_softmax_and_loss_are_one_step() -> None:
    model, x, y = made(small.with_activation_layer)
    found = model.plot(x=x, y=y)
    delta = (model.predict(x, verbose=0) - np.eye(3)[y]) / len(y)  # p - y
    assert lines(found)["out", "chances"] == pytest.approx(np.linalg.norm(delta), rel=1e-5)
    assert lines(found)["chances", "loss"] is None
    assert ("out", "loss") not in lines(found)
    assert details(found, "chances")[-1] == "one step with the loss"


@pytest.mark.parametrize("network", NETWORKS)
def test_an_explanation_has_the_same_picture(network: Callable[[], Example]) -> None:
    model, x, y = made(network)
    explained, plotted = glassgrad.explain(model, x, y).picture, model.plot(x=x, y=y)
    assert names(explained) == names(plotted)
    assert lines(explained).keys() == lines(plotted).keys()
    for pair, size in lines(plotted).items():
        assert lines(explained)[pair] == (size if size is None else pytest.approx(size, rel=1e-9))


def test_per_element() -> None:
    found = picture(small.chain, per_element=True)
    flow = next(flow for flow in found.flows if flow.source == "out")
    assert flow.elements == 12
    assert flow.per_element == pytest.approx(flow.gradient / np.sqrt(12))
    assert found.svg != picture(small.chain).svg


def test_the_weights_of_examples_count() -> None:
    model, x, y = made(small.residual)
    one = lines(model.plot(x=x, y=y, sample_weight=[1.0, 0.0, 0.0]))
    other = lines(model.plot(x=x[:1], y=y[:1]))
    assert one["add", "loss"] == pytest.approx(other["add", "loss"] / 3, rel=1e-6)


def test_drawing_changes_nothing() -> None:
    model, x, y = made(small.convolutional)
    before = model.get_weights()
    model.plot(x=x, y=y)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# ---- operations


def one_by_one() -> Any:
    x, target = (Variable(v, name=n, trainable=False) for v, n in ((0.5, "x"), (1.0, "target")))
    w1, w2 = Variable(0.8, name="w1"), Variable(-0.4, name="w2")
    return ((x * w1).sigmoid() * w2 - target).square()


def test_the_operations_of_a_small_loss() -> None:
    found = draw(one_by_one())
    h = 1 / (1 + np.exp(-0.4))
    error = -0.4 * h - 1
    values = {(flow.source, flow.target): flow.value for flow in found.flows}
    assert values == {
        ("x", "t1"): None, ("target", "t4"): None,
        ("t4", "t5"): pytest.approx(2 * error, rel=1e-6),
        ("t3", "t4"): pytest.approx(2 * error, rel=1e-6),
        ("t2", "t3"): pytest.approx(2 * error * -0.4, rel=1e-6),
        ("w2", "t3"): pytest.approx(2 * error * h, rel=1e-6),
        ("t1", "t2"): pytest.approx(2 * error * -0.4 * h * (1 - h), rel=1e-6),
        ("w1", "t1"): pytest.approx(2 * error * -0.4 * h * (1 - h) * 0.5, rel=1e-6),
    }  # fmt: skip
    assert {box.kind for box in found.boxes} == {"data", "parameter", "operation", "loss"}
    assert found.direction == "right"


def test_the_names_are_those_of_the_explanation() -> None:
    explained = glassgrad.explain(one_by_one())
    titles = {box.title for box in explained.picture.boxes}
    for line in explained.forward:
        assert f"{line.name.plain} = {line.formula.plain}" in titles


def test_a_parameter_that_is_used_twice_adds_up() -> None:
    w = Variable(3.0, name="w")
    found = draw(w * w + w)
    assert ("3", "dL/dw = 7") in [box.details for box in found.boxes]
    assert sum(flow.value for flow in found.flows if flow.source == "w") == 7


def test_arrays_are_named_by_shape_and_norm() -> None:
    w = Variable(np.full((2, 2), 2.0), name="w")
    box = draw((w * w).sum()).boxes[0]
    assert box.details == ("(2, 2), norm 4", "dL/dw = (2, 2), norm 8")


# ---- files, names, mistakes


def test_a_picture_is_written(tmp_path: Path) -> None:
    model, x, y = made(small.chain)
    path = tmp_path / "chain.svg"
    found = model.plot(path, x, y)
    assert path.read_text("utf-8") == found.svg == found._repr_svg_()
    assert utils.plot_model(model, tmp_path / "again.svg").svg == model.plot(show_shapes=False).svg
    assert "inner/a" in names(utils.plot_model(made(small.nested)[0], None, expand_nested=True))


def test_only_svg_is_written(tmp_path: Path) -> None:
    model, _, _ = made(small.chain)
    with pytest.raises(ArgumentError, match=r"written as \.svg.*'.*model\.png'"):
        model.plot(tmp_path / "model.png")
    assert not list(tmp_path.iterdir())


def test_from_left_to_right() -> None:
    model, _, _ = made(small.chain)
    assert model.plot(rankdir="LR").direction == "right"
    with pytest.raises(ArgumentError, match=r"rankdir must be 'TB' or 'LR'. Got 'XY'"):
        model.plot(rankdir="XY")


@pytest.mark.parametrize("depth", [0, -1])
def test_the_depth_is_at_least_one(depth: int) -> None:
    with pytest.raises(ArgumentError, match="depth must be a positive integer"):
        made(small.chain)[0].plot(depth=depth)


def test_targets_need_inputs() -> None:
    with pytest.raises(ArgumentError, match="Got no x"):
        made(small.chain)[0].plot(y=[1])


def test_data_that_do_not_fit() -> None:
    model, x, y = made(small.chain)
    with pytest.raises(ShapeError):
        model.plot(x=x[:, :2], y=y)
    with pytest.raises(DataError):
        model.plot(x=x, y=y[:2])


def test_what_is_missing_is_said() -> None:
    model = Sequential([Input((2,)), Dense(1)])
    with pytest.raises(NotBuiltError, match="compile"):
        model.plot(x=numbers(2, 2), y=numbers(2, 1))
    with pytest.raises(NotBuiltError, match="does not know its input yet"):
        Sequential([Dense(1)]).plot()


@pytest.mark.parametrize("target", [3, None, "model", np.ones(2)])
def test_what_cannot_be_drawn(target: Any) -> None:
    with pytest.raises(ArgumentError, match="What is drawn is"):
        draw(target)
    with pytest.raises(ArgumentError):
        plot(target)
    with pytest.raises(ArgumentError, match="What is drawn is"):
        utils.plot_model(target)


def test_too_many_boxes() -> None:
    w = total = Variable([1.0, 2.0], name="w")
    for _ in range(700):
        total = total * 1.01
    with pytest.raises(ArgumentError, match=r"at most 600 boxes\. Got 702"):
        draw(total.sum())
    for _ in range(130):
        w = w * 1.01
    assert glassgrad.explain(w.sum()).picture is None


def test_draw_takes_an_explanation_and_a_model() -> None:
    model, x, y = made(small.residual)
    explained = glassgrad.explain(model, x, y)
    assert draw(explained) is explained.picture
    assert lines(draw(model)) == lines(model.plot())
    assert lines(draw(model, x, y)) == lines(model.plot(x=x, y=y))


def test_a_model_of_symbols_that_are_reshaped() -> None:
    x = Input((4,))
    hidden = glassgrad.ops.reshape(Dense(4, name="first")(x), (-1, 2, 2))
    found = Model(x, layers.Flatten(name="flat")(hidden)).plot()
    assert ("first", "flat") in lines(found)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_can_be_drawn(name: str) -> None:
    shape, make = LAYERS[name]
    found = Sequential([Input(shape), make()]).plot(depth=3)
    assert any(box.kind == "layer" for box in found.boxes)
    assert found.svg.endswith("</svg>")
