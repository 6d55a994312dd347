"""Keras as the oracle: loaded once, on its PyTorch backend, in both float types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glassgrad.graph import float_type
from tests.keras_parity.comparison import TOLERANCES, Precision

HERE = Path(__file__).resolve().parent
# Warnings that Keras causes inside itself, told by message and module.
OF_KERAS = (
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning:"
    "keras.src.backend",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everywhere else warnings stay errors."""
    for item in items:
        if item.path.is_relative_to(HERE):
            for warning in OF_KERAS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Keras itself, whatever a person's own ``~/.keras/keras.json`` says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_TORCH_DEVICE", "cpu")
        import keras
        import torch

        if keras.backend.backend() != "torch":
            pytest.fail(f"Keras was loaded before, on {keras.backend.backend()}, and not on torch.")
        torch.set_num_threads(1)  # more of them wait for each other where tests run side by side
        yield keras


@pytest.fixture(params=TOLERANCES)
def precision(
    request: pytest.FixtureRequest, keras: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Precision]:
    """Both libraries compute in one float type, and say how closely they must agree."""
    from keras.src.backend.common import dtypes

    dtype = request.param
    # Keras lets float64 meet float64 in float32, which is what JAX does by default.
    monkeypatch.delitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64")
    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    with float_type(dtype):
        yield Precision(dtype, TOLERANCES[dtype])
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(before)
