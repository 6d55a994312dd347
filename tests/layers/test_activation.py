from __future__ import annotations

import pytest

from glassgrad import layers
from glassgrad.errors import UnknownNameError
from glassgrad.graph import Tensor


def test_a_name_or_a_function() -> None:
    assert layers.Activation("relu")([[1.0, -1.0]]).numpy().tolist() == [[1.0, 0.0]]
    assert layers.Activation(lambda x: x * 2.0)([[1.0]]).numpy().tolist() == [[2.0]]
    assert layers.Activation("softmax").compute_output_shape((None, 3)) == (None, 3)
    assert layers.Activation("relu").weights == []


def test_the_result_is_the_operation_itself() -> None:
    y = layers.Activation("softmax", name="probabilities")(Tensor([[1.0, 2.0]]))
    assert y.node.operation.name == "Softmax"
    assert y.node.scope == "probabilities"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'sigmoid'"):
        layers.Activation("sigmoidd")
