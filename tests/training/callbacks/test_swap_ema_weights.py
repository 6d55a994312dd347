"""The averages of the weights are evaluated and saved, and the weights are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.callbacks import Callback, LambdaCallback, ModelCheckpoint, SwapEMAWeights
from glassgrad.errors import ArgumentError
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD, LossScaleOptimizer
from tests.training.callbacks.fake import Interrupt
from tests.training.small import assert_identical, compiled, inputs, labels

# A weight that each step halves, and its averages with momentum 0.5; the first is the weight.
WEIGHTS, AVERAGES = [0.5, 0.25, 0.125], [0.5, 0.375, 0.25]
DATA = [[1.0]], [[0.0]]


def halving(wrap: Any = lambda optimizer: optimizer) -> Sequential:
    model = Sequential([Input((1,)), Dense(1, use_bias=False, kernel_initializer="ones")])
    optimizer = wrap(SGD(0.25, use_ema=True, ema_momentum=0.5))
    model.compile(optimizer, "mse", executor="reference")
    return model


def weight(model: Any) -> float:
    return float(model.get_weights()[0][0, 0])


@pytest.mark.parametrize("on_epoch", [False, True])
@pytest.mark.parametrize("wrap", [lambda optimizer: optimizer, LossScaleOptimizer])
def test_the_averages_are_evaluated_and_the_weights_trained(on_epoch: bool, wrap: Any) -> None:
    model, at_begin, at_end = halving(wrap), [], []
    watch = LambdaCallback(
        on_train_batch_end=lambda batch, logs: at_begin.append(weight(model)),
        on_epoch_end=lambda epoch, logs: at_end.append(weight(model)),
    )
    history = model.fit(
        *DATA, epochs=3, verbose=0, validation_data=DATA,
        callbacks=[SwapEMAWeights(on_epoch), watch],
    )  # fmt: skip
    assert [loss**0.5 for loss in history.history["val_loss"]] == pytest.approx(AVERAGES)
    assert at_begin == pytest.approx(WEIGHTS)
    assert at_end == pytest.approx(AVERAGES if on_epoch else WEIGHTS)
    assert weight(model) == pytest.approx(AVERAGES[-1])  # fit ends with the averages


def test_training_stopped_early_ends_with_the_averages() -> None:
    def stop(epoch: int, logs: Any) -> None:
        model.stop_training = epoch == 1

    model = halving()
    stopping = LambdaCallback(on_epoch_end=stop)
    model.fit(*DATA, epochs=9, verbose=0, callbacks=[SwapEMAWeights(True), stopping])
    assert weight(model) == pytest.approx(AVERAGES[1])


def test_evaluation_and_prediction() -> None:
    model = halving()
    model.fit(*DATA, epochs=3, verbose=0)
    model.set_weights([np.array([[8.0]])])
    swap = SwapEMAWeights()
    assert model.evaluate(*DATA, verbose=0, callbacks=[swap]) ** 0.5 == pytest.approx(AVERAGES[-1])
    assert model.predict(DATA[0], callbacks=[swap]) == pytest.approx(AVERAGES[-1])
    assert weight(model) == 8.0


def test_what_is_saved_are_the_averages(tmp_path: Path) -> None:
    model = halving()
    saving = ModelCheckpoint(tmp_path / "{epoch}", save_weights_only=True)
    model.fit(*DATA, epochs=3, verbose=0, callbacks=[SwapEMAWeights(True), saving])
    for epoch, average in enumerate(AVERAGES, 1):
        model.load_weights(tmp_path / str(epoch))
        assert weight(model) == pytest.approx(average)


@pytest.mark.parametrize("interrupted_at", [(1, 0), (1, 1)])
@pytest.mark.parametrize("on_epoch", [False, True])
def test_a_resumed_run_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_epoch: bool, interrupted_at: tuple[int, int]
) -> None:
    monkeypatch.setattr("glassgrad.training.loop.SECONDS_BETWEEN_CHECKPOINTS", -1.0)

    def train(name: str, *others: Callback) -> Any:
        model = compiled(optimizer=SGD(0.1, use_ema=True, ema_momentum=0.9))
        data = (inputs(), labels())
        model.fit(
            *data, 4, 3, verbose=0, validation_data=data, checkpoint=tmp_path / name,
            callbacks=[SwapEMAWeights(on_epoch), *others],
        )  # fmt: skip
        return model

    with pytest.raises(KeyboardInterrupt):
        train("resumed", Interrupt(*interrupted_at))
    resumed, whole = train("resumed"), train("whole")
    assert_identical(resumed, whole)
    assert resumed.history.history == whole.history.history
    assert_identical(train("whole"), whole)  # one that has ended


def test_without_averages() -> None:
    with pytest.raises(ArgumentError, match=r"keeps averages.*Got Adam.*Adam\(use_ema=True\)"):
        compiled().fit(inputs(), labels(), verbose=0, callbacks=[SwapEMAWeights()])
