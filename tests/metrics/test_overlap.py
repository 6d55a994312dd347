"""Intersection over union: counted by plain loops, with everything that does not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import layers, metrics, models
from glassgrad.errors import ArgumentError, ShapeError

rng = np.random.default_rng(0)
TRUE = rng.integers(0, 4, (3, 5, 6))
PRED = np.where(rng.random(TRUE.shape) < 0.6, TRUE, rng.integers(0, 4, TRUE.shape))
WEIGHTS = rng.random(TRUE.shape)
SCORES = np.eye(4)[PRED] + 0.3 * rng.random((*PRED.shape, 4))


def by_hand(
    true: Any, pred: Any, weights: Any, classes: Any, ignored: int | None = None, last: int = 3
) -> float:
    """The mean over the classes that occur, pixel by pixel."""
    found = []
    for one in classes:
        both = either = 0.0
        for t, p, w in zip(np.ravel(true), np.ravel(pred), np.ravel(weights), strict=True):
            if t == ignored or not 0 <= t <= last or not 0 <= p <= last:
                continue
            both += w * (t == one and p == one)
            either += w * (t == one or p == one)
        if either:
            found.append(both / either)
    return float(np.mean(found)) if found else 0.0


MAKERS: list[tuple[str, Any, Any, Any, Any]] = [
    ("all", lambda: metrics.MeanIoU(4), TRUE, PRED, {"classes": range(4)}),
    ("some", lambda: metrics.IoU(4, [1, 3]), TRUE, PRED, {"classes": [1, 3]}),
    ("ignoring one", lambda: metrics.MeanIoU(4, ignore_class=2), TRUE, PRED,
     {"classes": range(4), "ignored": 2}),
    ("void pixels", lambda: metrics.MeanIoU(3), np.where(TRUE == 3, 255, TRUE), PRED,
     {"classes": range(3), "last": 2}),
    ("a class too many", lambda: metrics.MeanIoU(9), TRUE, PRED, {"classes": range(9), "last": 8}),
    ("scores", lambda: metrics.MeanIoU(4, sparse_y_pred=False), TRUE, SCORES,
     {"classes": range(4)}),
    ("vectors", lambda: metrics.OneHotMeanIoU(4), np.eye(4)[TRUE], SCORES, {"classes": range(4)}),
    ("some of vectors", lambda: metrics.OneHotIoU(4, [0, 2]), np.eye(4)[TRUE], SCORES,
     {"classes": [0, 2]}),
    ("classes first", lambda: metrics.IoU(4, [2], sparse_y_pred=False, axis=1), TRUE,
     np.moveaxis(SCORES, -1, 1), {"classes": [2]}),
]  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("name, make, true, pred, counted", MAKERS, ids=[row[0] for row in MAKERS])
def test_pixels_of_all_batches_count(
    name: str, make: Any, true: Any, pred: Any, counted: Any, weighted: bool
) -> None:
    metric = make()
    assert metric.result() == 0.0
    for part in (slice(0, 2), slice(2, 3)):
        metric.update_state(true[part], pred[part], WEIGHTS[part] if weighted else None)
    labels = true.argmax(-1) if true.shape != TRUE.shape else true
    weights = WEIGHTS if weighted else np.ones(TRUE.shape)
    expected = by_hand(labels, PRED, weights, **counted)
    assert 0.2 < expected < 0.9
    assert metric.result() == pytest.approx(expected, rel=1e-12 if not weighted else 1e-6)
    metric.reset_state()
    assert metric.result() == 0.0


def test_weights_of_examples_and_columns_of_labels() -> None:
    metric = metrics.MeanIoU(4)
    metric.update_state(TRUE[..., None], PRED, sample_weight=[0.5, 0.0, 2.0])
    weights = np.broadcast_to(np.array([0.5, 0.0, 2.0])[:, None, None], TRUE.shape)
    assert metric.result() == pytest.approx(by_hand(TRUE, PRED, weights, range(4)), rel=1e-12)


def test_a_threshold_makes_yes_and_no() -> None:
    metric = metrics.BinaryIoU([1], threshold=0.3)
    metric.update_state([1, 1, 0, 0], [0.3, 0.2, 0.5, 0.1])
    assert metric.result() == pytest.approx(1 / 3)  # the threshold itself is a yes
    logits = metrics.BinaryIoU(threshold=0)
    logits.update_state([True, False, True], [3.0, -2.0, -1.0])
    assert logits.result() == 0.5


def test_counts_are_exact_beyond_single_precision() -> None:
    metric = metrics.BinaryIoU([1])
    metric.update_state([1.0], [1.0], sample_weight=[2**24 + 1])
    metric.update_state([1.0], [0.0])
    assert metric.result() == (2**24 + 1) / (2**24 + 2)


@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_it_follows_a_model(executor: str) -> None:
    model = models.Sequential([layers.Input((6,)), layers.Dense(4, "softmax")])
    model.compile(
        "sgd",
        "sparse_categorical_crossentropy",
        metrics=[metrics.MeanIoU(4, name="iou", sparse_y_pred=False)],
        executor=executor,
    )
    x, y = rng.normal(size=(32, 6)).astype("float32"), rng.integers(0, 4, 32)
    found = model.evaluate(x, y, batch_size=12, verbose=0, return_dict=True)["iou"]
    guesses = model.predict(x, verbose=0).argmax(-1)
    assert found == pytest.approx(by_hand(y, guesses, np.ones(32), range(4)), rel=1e-12)


def test_a_name_stands_for_it() -> None:
    assert metrics.get("binary_io_u").name == "binary_io_u"
    assert metrics.as_metric("binary_focal_crossentropy", TRUE, PRED).name.startswith("binary")


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: metrics.IoU(3, [3]), ArgumentError, r"the classes 0 to 2. Got \[3\]"),
        (lambda: metrics.IoU(3, [-1]), ArgumentError, r"Got \[-1\]"),
        (lambda: metrics.IoU(3, []), ArgumentError, r"Got \[\]"),
        (lambda: metrics.BinaryIoU([2]), ArgumentError, "0 to 1"),
        (lambda: metrics.MeanIoU(0), ArgumentError, "from 1 on. Got 0"),
        (lambda: metrics.MeanIoU(2.5), ArgumentError, "num_classes"),  # type: ignore[arg-type]
        (lambda: metrics.MeanIoU(4)(TRUE, SCORES), ShapeError, "must have one shape"),
        (lambda: metrics.MeanIoU(4)(TRUE, PRED[:2]), ShapeError, "must have one shape"),
        (lambda: metrics.MeanIoU(4)(TRUE, PRED, np.ones(5)), ShapeError, "sample weights"),
        (lambda: metrics.MeanIoU(4, sparse_y_pred=False, axis=7)(TRUE, SCORES), ArgumentError,
         "Axes must lie"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
