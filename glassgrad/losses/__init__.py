"""What training makes small: the distance between predictions and targets, as one number.

A loss gives a value for each example (``call``) and then their mean (``__call__``). The functions
of the same names give the values alone.

Cross-entropies of probabilities are what Keras computes: probabilities are kept within
[1e-7, 1 - 1e-7]. Where they come straight from a softmax or a sigmoid, ``fuse_probabilities``
replaces them by the exact and stable form on the logits, before differentiation.
"""

from glassgrad.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    crossentropy,
    resolve_crossentropy,
    sparse_categorical_crossentropy,
)
from glassgrad.losses.fusion import fuse_probabilities
from glassgrad.losses.loss import (
    Loss,
    LossFunctionWrapper,
    as_loss,
    deserialize,
    get,
    register,
)
from glassgrad.losses.margin import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from glassgrad.losses.probabilistic import KLDivergence, Poisson, kl_divergence, poisson
from glassgrad.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from glassgrad.serialization import serialize

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "as_loss",
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "crossentropy",
    "deserialize",
    "fuse_probabilities",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "register",
    "resolve_crossentropy",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]
