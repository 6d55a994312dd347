"""PyTorch and glassgrad build the same networks from the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import glassgrad
from benchmarks.cases import Case
from benchmarks.contestants import keras_models, pytorch_models
from benchmarks.networks import NETWORKS

TINY = [
    Case("mlp", 3, (6, 8, 4)),
    Case("cnn", 3, (9, 2, 3, 4, 5, 6)),
    Case("resnet", 3, (8, 2, 3, 4, 5, 2, 6)),
    Case("lstm", 3, (4, 3, 5, 6)),
    Case("gru", 3, (4, 3, 5, 6)),
    Case("gpt", 3, (7, 5, 8, 2, 2)),
]


@pytest.fixture(autouse=True)
def _reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The definitions need no compiled code."""
    monkeypatch.setenv("GLASSGRAD_EXECUTOR", "reference")


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.network)
def test_what_they_say_is_the_same(case: Case) -> None:
    x = NETWORKS[case.network].data(case)[0][: case.batch]
    theirs, ours = pytorch_models.model(case).eval(), keras_models.model(glassgrad, case)
    with torch.no_grad():
        expected = theirs(pytorch_models.inputs(case, x)).numpy()
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_every_network_is_compared() -> None:
    assert {case.network for case in TINY} == NETWORKS.keys() - {"product"}


def test_pytorch_trains_one_bias_of_a_long_short_term_memory() -> None:
    """The other would have the same gradient, and the step were twice as long."""
    frozen = [
        name
        for name, parameter in pytorch_models.model(TINY[3]).named_parameters()
        if not parameter.requires_grad
    ]
    assert frozen == ["layer.bias_hh_l0"]
