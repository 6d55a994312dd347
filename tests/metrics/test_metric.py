"""How a result is read: a number outside a trace, a tensor inside, by either executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import layers, metrics, models, ops
from glassgrad.errors import NotBuiltError
from glassgrad.execute.executor import executor_named
from glassgrad.graph import Tensor, Trace, Variable, placeholder, tracing, verify

rng = np.random.default_rng(0)
LABELS = rng.integers(0, 4, 8)
ONE_HOT = np.eye(4)[LABELS].astype("float32")
SCORES = rng.random((8, 4)).astype("float32")
SCORES /= SCORES.sum(1, keepdims=True)
WEIGHTS = rng.random(8).astype("float32")

MAKERS: dict[str, Callable[[], metrics.Metric]] = {
    kind.__name__: kind
    for kind in (
        metrics.AUC, metrics.Accuracy, metrics.BinaryAccuracy, metrics.BinaryCrossentropy,
        metrics.CategoricalAccuracy, metrics.CategoricalCrossentropy, metrics.CategoricalHinge,
        metrics.CosineSimilarity, metrics.F1Score, metrics.FBetaScore, metrics.FalseNegatives,
        metrics.FalsePositives, metrics.Hinge, metrics.KLDivergence, metrics.LogCoshError,
        metrics.MeanAbsoluteError, metrics.MeanAbsolutePercentageError, metrics.MeanSquaredError,
        metrics.MeanSquaredLogarithmicError, metrics.Poisson, metrics.Precision, metrics.R2Score,
        metrics.Recall, metrics.RootMeanSquaredError, metrics.SquaredHinge,
        metrics.TopKCategoricalAccuracy, metrics.TrueNegatives, metrics.TruePositives,
    )
} | {
    "PR": lambda: metrics.AUC(curve="PR"),
    "PRGAIN": lambda: metrics.AUC(curve="PRGAIN", summation_method="majoring"),
    "AUC of labels": lambda: metrics.AUC(10, multi_label=True, label_weights=[1, 2, 0, 1]),
    "ConfusionMatrix": lambda: metrics.ConfusionMatrix(4),
    "PrecisionAtRecall": lambda: metrics.PrecisionAtRecall(0.5),
    "RecallAtPrecision": lambda: metrics.RecallAtPrecision(0.3),
    "SensitivityAtSpecificity": lambda: metrics.SensitivityAtSpecificity(0.5),
    "SpecificityAtSensitivity": lambda: metrics.SpecificityAtSensitivity(0.5),
    "best two": lambda: metrics.Precision(top_k=2, class_id=1),
    "thresholds": lambda: metrics.Recall([0.1, 0.3]),
    "adjusted": lambda: metrics.R2Score(None, num_regressors=2),
}  # fmt: skip


@pytest.mark.parametrize("executor", ["reference", "cpu"])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_inside_a_trace_the_result_is_a_tensor_that_counts_the_step(
    make: Callable[[], metrics.Metric], executor: str
) -> None:
    traced, eager = make(), make()
    y_true, y_pred, weights = placeholder((8, 4)), placeholder((8, 4)), placeholder((8,))
    with tracing(Trace()) as trace:
        traced.update_state(y_true, y_pred, weights)
        result = traced.result()
    assert isinstance(result, Tensor)
    assert set(trace.updates) == set(traced.variables)
    verify([result, *trace.updates.values()])
    program = executor_named(executor).compile([result], [y_true, y_pred, weights], trace.updates)
    for batch in (ONE_HOT, SCORES), (ONE_HOT[::-1].copy(), SCORES):
        found = program(*batch, WEIGHTS)[0]
        eager.update_state(*batch, WEIGHTS)
        assert found == pytest.approx(np.asarray(eager.result()), rel=1e-4, abs=1e-6)
        assert np.asarray(traced.result()) == pytest.approx(found, rel=1e-6, abs=1e-9)
    assert type(eager.result()) in (float, np.ndarray)
    assert np.shape(eager.result()) == result.shape


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_reset_forgets_everything(make: Callable[[], metrics.Metric]) -> None:
    metric, fresh = make(), make()
    metric.update_state(ONE_HOT, SCORES)
    metric.reset_state()
    metric.update_state(SCORES.round(), ONE_HOT * 0.5 + 0.1)
    fresh.update_state(SCORES.round(), ONE_HOT * 0.5 + 0.1)
    # NaN where a score does not exist
    assert np.array_equal(metric.result(), fresh.result(), equal_nan=True)


def test_a_result_of_its_own_memory() -> None:
    matrix = metrics.ConfusionMatrix(2)
    matrix.update_state([0, 1], [0, 1])
    result = matrix.result()
    result[:] = 7
    assert matrix.result().tolist() == [[1, 0], [0, 1]]


def test_a_metric_of_ones_own_by_a_graph_of_its_state() -> None:
    class Spread(metrics.Metric):
        def __init__(self, name: str = "spread", dtype: Any = None) -> None:
            super().__init__(dtype, name)
            self.highest = self.add_weight((), "zeros", name="highest")
            self.lowest = self.add_weight(name="lowest")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            highest = ops.max(y_pred).cast("float64")
            self.highest.assign(ops.maximum(self.highest, highest))
            self.lowest.assign(ops.minimum(self.lowest, ops.min(y_pred).cast("float64")))

        def value(self) -> Tensor:
            return self.highest - self.lowest

    spread = Spread()
    assert spread([0.0], [3.0, -2.0]) == 5.0
    assert spread([0.0], [1.0, -4.0]) == 7.0
    assert type(spread.result()) is float


def test_a_metric_as_keras_writes_it() -> None:
    class Average(metrics.Metric):
        def __init__(self, name: str = "average", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.total = self.add_weight(name="total", initializer="zeros")
            self.batches = self.add_variable(shape=(), initializer="zeros", name="batches")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.total.assign(self.total + ops.mean(y_pred).cast("float64"))
            self.batches.assign(self.batches + 1)

        def result(self) -> Any:
            return self.total / self.batches

    model = models.Sequential([layers.Input((4,)), layers.Dense(4, "softmax")])
    model.compile("sgd", "crossentropy", metrics=[Average()], executor="reference")
    history = model.fit(SCORES, LABELS, epochs=2, verbose=0).history
    assert history["average"] == pytest.approx([0.25, 0.25])
    assert all(type(one) is float for one in history["average"])


def test_what_a_value_reads_besides_the_state_is_read_each_time() -> None:
    factor = Variable(2.0, name="factor")

    class Scaled(metrics.Mean):
        def value(self) -> Tensor:
            return super().value() * factor

    scaled = Scaled()
    assert scaled([3.0]) == 6.0
    factor.assign(10.0)
    assert scaled.result() == 30.0


@pytest.mark.parametrize("make", [
    metrics.F1Score, metrics.R2Score, lambda: metrics.AUC(multi_label=True),
])  # fmt: skip
def test_a_result_before_the_first_data(make: Callable[[], metrics.Metric]) -> None:
    with pytest.raises(NotBuiltError, match="call update_state"):
        make().result()


def test_arrays_in_logs(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = models.Sequential([layers.Input((4,)), layers.Dense(4, "softmax")])
    kinds = [metrics.F1Score(), metrics.ConfusionMatrix(4), metrics.Recall([0.1, 0.9])]
    model.compile("sgd", "categorical_crossentropy", metrics=kinds, executor="reference")
    first = model.fit(
        SCORES, ONE_HOT, epochs=1, verbose=2, checkpoint=tmp_path / "run",
        validation_data=(SCORES, ONE_HOT),
    )  # fmt: skip
    assert [one.shape for one in first.history["confusion_matrix"]] == [(4, 4)]
    assert first.history["val_f1_score"][0].shape == (4,)
    again = model.fit(
        SCORES, ONE_HOT, epochs=2, verbose=2, checkpoint=tmp_path / "run",
        validation_data=(SCORES, ONE_HOT),
    )  # fmt: skip
    assert [np.sum(one) for one in again.history["confusion_matrix"]] == [8.0, 8.0]
    assert "f1_score [" in capsys.readouterr().err
