"""Every initializer: constants to the digit, random numbers in moments and distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from glassgrad import initializers
from tests.keras_parity.comparison import Case, Precision, as_array

SHAPE = (150, 200)
SHAPES = (SHAPE, (3, 5, 40, 50), (30000,))

CONSTANT = (
    Case("Zeros"),
    Case("Ones"),
    Case("Constant"),
    Case("Constant", {"value": 2.5}),
    Case("Identity"),
    Case("Identity", {"gain": 3.0}),
)
RANDOM = (
    Case("RandomNormal"),
    Case("RandomNormal", {"mean": 1.0, "stddev": 0.2}),
    Case("RandomUniform"),
    Case("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
    Case("TruncatedNormal"),
    Case("TruncatedNormal", {"mean": 1.0, "stddev": 0.2}),
    Case("VarianceScaling"),
    Case("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}),
    Case("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
    *map(Case, ("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform")),
    *map(Case, ("LecunNormal", "LecunUniform")),
)
ORTHOGONAL = (Case("Orthogonal"), Case("Orthogonal", {"gain": 0.5}))
CASES = (*CONSTANT, *RANDOM, *ORTHOGONAL)


@pytest.mark.parametrize("case", CONSTANT, ids=str)
def test_a_constant_initializer_is_that_of_keras(
    case: Case, keras: Any, precision: Precision
) -> None:
    for shape in ((4, 4), (3, 5)):
        ours, theirs = case.make(initializers)(shape), case.make(keras.initializers)(shape)
        precision.require_same(as_array(ours), theirs, str(shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("case", RANDOM, ids=str)
def test_a_random_initializer_is_distributed_as_that_of_keras(
    case: Case, shape: tuple[int, ...], keras: Any
) -> None:
    """The samples are fixed by their seeds, so that the test always gives the same answer."""
    ours = as_array(getattr(initializers, case.name)(**case.arguments, seed=1)(shape)).ravel()
    other = getattr(keras.initializers, case.name)(**case.arguments, seed=2)
    theirs = as_array(other(shape)).ravel()
    deviation = theirs.std()
    assert abs(ours.mean() - theirs.mean()) < 6 * deviation * np.sqrt(2 / ours.size)
    assert ours.std() == pytest.approx(deviation, rel=0.03)
    ends = np.array([[sample.min(), sample.max()] for sample in (ours, theirs)])
    tolerance = 1.0 if "Normal" in case.name or "normal" in str(case) else 0.01
    np.testing.assert_allclose(ends[0], ends[1], atol=tolerance * deviation)
    assert ks_2samp(ours, theirs).pvalue > 1e-3


@pytest.mark.parametrize("case", ORTHOGONAL, ids=str)
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 3, 4)], ids=str)
def test_an_orthogonal_initializer_is_orthogonal_as_that_of_keras(
    case: Case, shape: tuple[int, ...], keras: Any, precision: Precision
) -> None:
    samples = (case.make(initializers)(shape), case.make(keras.initializers)(shape))
    ours, theirs = (as_array(sample).reshape(-1, shape[-1]) for sample in samples)
    if ours.shape[0] < ours.shape[1]:
        ours, theirs = ours.T, theirs.T
    assert precision.dtype  # both compute in it
    np.testing.assert_allclose(ours.T @ ours, theirs.T @ theirs, atol=2e-6)


def test_an_orthogonal_initializer_prefers_no_direction(keras: Any) -> None:
    """Entries of a random rotation have mean 0, variance 1/n, and the distribution of Keras's."""
    ours = as_array(initializers.Orthogonal(seed=1)((60, 60))).ravel()
    theirs = as_array(keras.initializers.Orthogonal(seed=2)((60, 60))).ravel()
    assert ks_2samp(ours, theirs).pvalue > 1e-3
