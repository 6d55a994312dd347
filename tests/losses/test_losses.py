from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as torch_nn

from glassgrad import losses
from glassgrad.errors import ArgumentError, DataError, DtypeError, ShapeError, UnknownNameError
from glassgrad.graph import Tensor, current_trace, verify

rng = np.random.default_rng(0)
REAL = rng.normal(size=(6, 4)) * 3
OTHER = rng.normal(size=(6, 4))
PROBABILITIES = np.exp(REAL) / np.exp(REAL).sum(-1, keepdims=True)
TARGETS = np.exp(OTHER) / np.exp(OTHER).sum(-1, keepdims=True)
LABELS = np.array([0, 3, 1, 2, 2, 0])
BITS = (OTHER > 0).astype(float)
BETWEEN = 1 / (1 + np.exp(-REAL))
SIGNS = 2 * BITS - 1
ONE_HOT = np.eye(4)[LABELS]
PARTLY_IGNORED = np.array([0, -1, 1, 2, -1, 0])
WEIGHTS = rng.random(6)


def smooth(targets: Any, amount: float) -> torch.Tensor:
    return torch.tensor(targets) * (1 - amount) + amount / targets.shape[-1]


def unlike(p: torch.Tensor) -> torch.Tensor:
    """Probabilities as Keras prepares them."""
    return (p / p.sum(-1, keepdim=True)).clip(1e-7, 1 - 1e-7)


def hinges(y: torch.Tensor) -> torch.Tensor:
    return (1 - torch.tensor(SIGNS) * y).clamp(min=0)


# name, loss, targets, predictions, the values by PyTorch
TABLE: list[tuple[str, Any, Any, Any, Callable[[torch.Tensor], torch.Tensor]]] = [
    (
        "squares",
        losses.MeanSquaredError,
        OTHER,
        REAL,
        lambda y: torch_nn.mse_loss(y, torch.tensor(OTHER), reduction="none").mean(-1),
    ),
    (
        "distances",
        losses.MeanAbsoluteError,
        OTHER,
        REAL,
        lambda y: torch_nn.l1_loss(y, torch.tensor(OTHER), reduction="none").mean(-1),
    ),
    (
        "percentages",
        losses.MeanAbsolutePercentageError,
        OTHER,
        REAL,
        lambda y: 100 * ((y - torch.tensor(OTHER)) / torch.tensor(OTHER)).abs().mean(-1),
    ),
    (
        "logarithms",
        losses.MeanSquaredLogarithmicError,
        abs(OTHER),
        abs(REAL),
        lambda y: (torch.log(y + 1) - torch.tensor(abs(OTHER) + 1).log()).square().mean(-1),
    ),
    (
        "Huber",
        losses.Huber,
        OTHER,
        REAL,
        lambda y: torch_nn.huber_loss(y, torch.tensor(OTHER), reduction="none").mean(-1),
    ),
    (
        "Huber, narrow",
        lambda **k: losses.Huber(0.3, **k),
        OTHER,
        REAL,
        lambda y: torch_nn.huber_loss(y, torch.tensor(OTHER), reduction="none", delta=0.3).mean(-1),
    ),
    (
        "log-cosh",
        losses.LogCosh,
        OTHER,
        REAL,
        lambda y: torch.log(torch.cosh(y - torch.tensor(OTHER))).mean(-1),
    ),
    (
        "cosine",
        losses.CosineSimilarity,
        OTHER,
        REAL,
        lambda y: -torch_nn.cosine_similarity(y, torch.tensor(OTHER), dim=-1),
    ),
    ("hinge", losses.Hinge, SIGNS, REAL, lambda y: hinges(y).mean(-1)),
    ("hinge of bits", losses.Hinge, BITS, REAL, lambda y: hinges(y).mean(-1)),
    ("squared hinge", losses.SquaredHinge, BITS, REAL, lambda y: hinges(y).square().mean(-1)),
    (
        "categorical hinge",
        losses.CategoricalHinge,
        ONE_HOT,
        REAL,
        lambda y: (
            1
            + ((1 - torch.tensor(ONE_HOT)) * y).max(-1).values
            - y[torch.arange(6), torch.tensor(LABELS)]
        ).clamp(min=0),
    ),
    (
        "divergence",
        losses.KLDivergence,
        TARGETS,
        PROBABILITIES,
        lambda y: torch_nn.kl_div(y.log(), torch.tensor(TARGETS), reduction="none").sum(-1),
    ),
    (
        "Poisson",
        losses.Poisson,
        abs(OTHER),
        abs(REAL),
        lambda y: torch_nn.poisson_nll_loss(
            y, torch.tensor(abs(OTHER)), log_input=False, eps=1e-7, reduction="none"
        ).mean(-1),
    ),
    (
        "binary",
        losses.BinaryCrossentropy,
        BITS,
        BETWEEN,
        lambda y: torch_nn.binary_cross_entropy(y, torch.tensor(BITS), reduction="none").mean(-1),
    ),
    (
        "binary of logits, smoothed",
        lambda **k: losses.BinaryCrossentropy(True, 0.2, **k),
        BITS,
        REAL,
        lambda y: torch_nn.binary_cross_entropy_with_logits(
            y, torch.tensor(BITS) * 0.8 + 0.1, reduction="none"
        ).mean(-1),
    ),
    (
        "categorical",
        losses.CategoricalCrossentropy,
        TARGETS,
        3 * PROBABILITIES,
        lambda y: -(torch.tensor(TARGETS) * unlike(y).log()).sum(-1),
    ),
    (
        "categorical, smoothed",
        lambda **k: losses.CategoricalCrossentropy(label_smoothing=0.1, **k),
        TARGETS,
        PROBABILITIES,
        lambda y: -(smooth(TARGETS, 0.1) * unlike(y).log()).sum(-1),
    ),
    (
        "categorical of logits",
        lambda **k: losses.CategoricalCrossentropy(from_logits=True, **k),
        TARGETS,
        REAL,
        lambda y: torch_nn.cross_entropy(y, torch.tensor(TARGETS), reduction="none"),
    ),
    (
        "sparse",
        losses.SparseCategoricalCrossentropy,
        LABELS,
        2 * PROBABILITIES,
        lambda y: -unlike(y).log()[torch.arange(6), torch.tensor(LABELS)],
    ),
    (
        "sparse of logits",
        lambda **k: losses.SparseCategoricalCrossentropy(from_logits=True, **k),
        LABELS,
        REAL,
        lambda y: torch_nn.cross_entropy(y, torch.tensor(LABELS), reduction="none"),
    ),
]
ids = [row[0] for row in TABLE]


def reduced(values: torch.Tensor, weights: Any, reduction: str) -> torch.Tensor:
    if weights is not None:
        values = values * torch.tensor(weights)
    if reduction == "mean_with_sample_weight" and weights is not None:
        return values.sum() / weights.sum()
    return values.sum() if reduction == "sum" else values.mean()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight"]
)
@pytest.mark.parametrize("name, loss, y_true, y_pred, oracle", TABLE, ids=ids)
def test_value_and_gradient(
    name: str, loss: Any, y_true: Any, y_pred: Any, oracle: Any, reduction: str, weights: Any
) -> None:
    ours = Tensor(y_pred, requires_grad=True, dtype="float64")
    target = Tensor(y_true, dtype="float64" if y_true.dtype.kind == "f" else None)
    given = None if weights is None else Tensor(weights, dtype="float64")
    value = loss(reduction=reduction)(target, ours, sample_weight=given)
    verify([value])
    value.backward()
    theirs = torch.tensor(y_pred, requires_grad=True)
    expected = reduced(oracle(theirs), weights, reduction)
    expected.backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    assert value.item() == pytest.approx(expected.item(), rel=1e-10)
    assert ours.grad.numpy() == pytest.approx(theirs.grad.numpy(), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("name, loss, y_true, y_pred, oracle", TABLE, ids=ids)
def test_values_stay_apart_without_reduction(
    name: str, loss: Any, y_true: Any, y_pred: Any, oracle: Any
) -> None:
    expected = oracle(torch.tensor(y_pred)).numpy()
    for reduction in (None, "none"):
        values = loss(reduction=reduction)(y_true, y_pred)
        assert values.shape == (6,)
        assert values.numpy() == pytest.approx(expected, rel=1e-5)


def test_targets_of_one_column_meet_predictions_of_one_axis() -> None:
    column, line = OTHER[:, :1], REAL[:, 0]
    expected = np.mean((OTHER[:, 0] - REAL[:, 0]) ** 2)
    assert losses.MeanSquaredError()(column, line).item() == pytest.approx(expected, rel=1e-6)
    assert losses.MeanSquaredError()(line, column).item() == pytest.approx(expected, rel=1e-6)


def test_labels_may_stand_in_a_column_and_have_any_integer_type() -> None:
    loss = losses.SparseCategoricalCrossentropy()
    expected = loss(LABELS, PROBABILITIES).item()
    for labels in (LABELS[:, None], LABELS.astype("uint8"), LABELS.astype("float32")):
        assert loss(labels, PROBABILITIES).item() == pytest.approx(expected)


def test_small_labels_do_not_wrap_around_many_classes() -> None:
    predictions = np.full((1, 300), 1.0)
    predictions[0, 44] = 5.0
    loss = losses.SparseCategoricalCrossentropy()(np.array([44], np.uint8), predictions)
    assert loss.item() == pytest.approx(-np.log(5 / 304), rel=1e-5)


def test_weights_of_examples_reach_every_value() -> None:
    values = (OTHER.reshape(2, 3, 4) - REAL.reshape(2, 3, 4)) ** 2
    loss = losses.MeanSquaredError()
    weights = np.array([1.0, 3.0])
    expected = (values.mean(-1) * weights[:, None]).mean()
    for given in (weights, weights[:, None]):
        found = loss(OTHER.reshape(2, 3, 4), REAL.reshape(2, 3, 4), sample_weight=given)
        assert found.item() == pytest.approx(expected, rel=1e-5)
    weighted_mean = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    found = weighted_mean(OTHER.reshape(2, 3, 4), REAL.reshape(2, 3, 4), sample_weight=weights)
    expected = (values.mean(-1) * weights[:, None]).sum() / (3 * weights.sum())
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_weights_of_zero_and_empty_batches_give_zero() -> None:
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert loss(OTHER, REAL, sample_weight=np.zeros(6)).item() == 0
    assert losses.MeanSquaredError()(np.zeros((0, 3)), np.zeros((0, 3))).item() == 0


def test_certain_and_wrong_probabilities_are_clipped() -> None:
    clipped = -np.log(np.float32(1e-7))
    assert losses.CategoricalCrossentropy()([[1.0, 0.0]], [[0.0, 1.0]]).item() == pytest.approx(
        clipped
    )
    assert losses.BinaryCrossentropy()([[1.0]], [[0.0]]).item() == pytest.approx(clipped)
    assert losses.BinaryCrossentropy()([[1.0]], [[1.0]]).item() == pytest.approx(0, abs=2e-7)


# ---- names and bad input


@pytest.mark.parametrize(
    "name, kind",
    [
        ("mse", "mean_squared_error"),
        ("MSE", "mean_squared_error"),
        ("mape", "mean_absolute_percentage_error"),
        ("MAPE", "mean_absolute_percentage_error"),
        ("msle", "mean_squared_logarithmic_error"),
        ("MSLE", "mean_squared_logarithmic_error"),
        ("kld", "kl_divergence"),
        ("KLD", "kl_divergence"),
        ("KLDivergence", "kl_divergence"),
        ("huber", "huber"),
        ("Huber", "huber_loss"),
        ("log_cosh", "log_cosh"),
        ("logcosh", "log_cosh"),
        ("cosine_similarity", "cosine_similarity"),
        ("poisson", "poisson"),
        ("squared_hinge", "squared_hinge"),
        ("ce", "crossentropy"),
        ("mean_absolute_error", "mean_absolute_error"),
        ("bce", "binary_crossentropy"),
        ("categorical_crossentropy", "categorical_crossentropy"),
        ("sparse_categorical_crossentropy", "sparse_categorical_crossentropy"),
        ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
    ],
)
def test_names(name: str, kind: str) -> None:
    loss = losses.as_loss(name)
    assert isinstance(loss, losses.Loss)
    assert loss.name == kind


def test_get_gives_functions_for_their_names() -> None:
    assert losses.get("mse") is losses.mean_squared_error
    assert losses.get("mean_squared_error") is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert losses.get(None) is None


def test_a_function_of_ones_own() -> None:
    def cubes(y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ((y_true - y_pred).abs() ** 3).mean(axis=-1)

    loss = losses.as_loss(cubes)
    assert loss.name == "cubes"
    assert loss([[0.0, 0.0]], [[1.0, 2.0]]).item() == pytest.approx(4.5)


def test_nothing_is_left_on_a_trace() -> None:
    losses.MeanSquaredError()(OTHER, REAL)
    assert current_trace() is None


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: losses.MeanSquaredError(reduction="avg"), ArgumentError, "'avg'"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=1.5), ArgumentError, "1.5"),
        (lambda: losses.CategoricalCrossentropy(label_smoothing=-1), ArgumentError, "-1"),
        (lambda: losses.Huber(0.0), ArgumentError, "above 0. Got 0.0"),
        (lambda: losses.huber(REAL, REAL, delta=np.inf), ArgumentError, "above 0. Got inf"),
        (lambda: losses.CosineSimilarity(axis=2)(REAL, REAL), ArgumentError, r"Axes must lie"),
        (lambda: losses.CategoricalCrossentropy(axis=5)(REAL, REAL), ArgumentError, "Axes must"),
        (
            lambda: losses.SparseCategoricalCrossentropy(ignore_class=0.5),
            ArgumentError,
            "an integer or None. Got 0.5",
        ),
        (lambda: losses.MeanSquaredError(dtype="float16"), DtypeError, "float16"),
        (lambda: losses.LossFunctionWrapper("huber", detla=1), ArgumentError, "huber takes other"),
        (lambda: losses.CategoricalHinge()(LABELS, REAL), ShapeError, "one shape"),
        (lambda: losses.as_loss("msee"), UnknownNameError, "'mse'"),
        (lambda: losses.as_loss(None), ArgumentError, "loss must be"),
        (lambda: losses.as_loss(3), ArgumentError, "loss must be"),
        (
            lambda: losses.MeanSquaredError()(np.zeros((4, 1)), np.zeros((4, 3))),
            ShapeError,
            r"y_true of shape \(4, 1\) and y_pred of shape \(4, 3\)",
        ),
        (
            lambda: losses.CategoricalCrossentropy()(np.zeros(4, int), np.ones((4, 3))),
            ShapeError,
            "sparse_categorical_crossentropy",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy()(np.zeros((4, 3)), np.ones((4, 3))),
            ShapeError,
            "categorical form",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy()(np.zeros(5, int), np.ones((4, 3))),
            ShapeError,
            r"one label each, of shape \(4,\)",
        ),
        (
            lambda: losses.MeanSquaredError()(REAL, REAL, sample_weight=np.ones(5)),
            ShapeError,
            r"shape of the values \(6,\).*Got \(5,\)",
        ),
        (
            lambda: losses.MeanSquaredError()(REAL, REAL, sample_weight=np.ones((6, 4))),
            ShapeError,
            r"Got \(6, 4\)",
        ),
        (lambda: losses.MeanSquaredError()("a", REAL), DtypeError, "numbers"),
        (lambda: losses.Loss()(REAL, REAL), NotImplementedError, "must write call"),
    ],
)
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_one_class_is_warned_of() -> None:
    one = np.ones((3, 1))
    with pytest.warns(UserWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy(one, one)
    with pytest.warns(UserWarning, match="one class"):
        losses.sparse_categorical_crossentropy(np.zeros(3, int), one)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses.binary_crossentropy(one, one)


@pytest.mark.parametrize("label", [5, -1, 0.5])
def test_a_label_that_is_no_class_is_refused(label: float) -> None:
    with pytest.raises(DataError, match=r"whole numbers in \[0, 2\)"):
        losses.SparseCategoricalCrossentropy()([label], [[0.5, 0.5]])
