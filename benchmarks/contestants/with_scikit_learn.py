"""scikit-learn's network: the same layers, loss and optimizer, without a penalty on weights."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from benchmarks.cases import Case
from benchmarks.contestants import Trainer
from benchmarks.networks import ADAM, NETWORKS

__all__ = ["trainer"]


def trainer(case: Case, variant: str) -> Trainer:
    """The network of a case; ``partial_fit`` goes through all batches once."""
    x, y = NETWORKS["mlp"].data(case)
    classes = np.arange(case.sizes[-1])
    model = MLPClassifier(
        case.sizes[1:-1],
        alpha=0,
        batch_size=case.batch,
        learning_rate_init=ADAM["learning_rate"],
        beta_1=ADAM["beta_1"],
        beta_2=ADAM["beta_2"],
        epsilon=ADAM["epsilon"],
        shuffle=False,
    )
    # Its arrays exist after a first step, which leaves traces in the optimizer: only there do
    # the common weights find their places, so that its losses are near the others', not equal.
    model.partial_fit(x[: case.batch], y[: case.batch], classes=classes)
    weights = NETWORKS["mlp"].weights(case)
    for places, values in ((model.coefs_, weights[::2]), (model.intercepts_, weights[1::2])):
        for place, value in zip(places, values, strict=True):
            place[...] = value

    def run(steps: int) -> None:
        for _ in range(steps // case.batches):
            model.partial_fit(x, y)

    return Trainer(run, lambda: float(log_loss(y, model.predict_proba(x), labels=classes)))
