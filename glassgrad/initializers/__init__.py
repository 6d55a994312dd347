"""How weights begin: constants, and random numbers scaled to the size of a layer.

An initializer is called with a shape and a NumPy generator; the layer hands the generator over,
so that one seed decides all weights of a model. A ``seed`` of the initializer's own overrides it.
What begins by the data instead of by the shapes is a function of a model: see
``glassgrad.models.lsuv``.
"""

from glassgrad.initializers.constants import Constant, Identity, Ones, Zeros
from glassgrad.initializers.initializer import (
    Initializer,
    deserialize,
    get,
    initialize,
    register,
    require,
)
from glassgrad.initializers.random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from glassgrad.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    compute_fans,
)
from glassgrad.serialization import serialize

# Keras's other names of the same classes.
zeros, ones, constant, identity = Zeros, Ones, Constant, Identity
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, orthogonal = VarianceScaling, Orthogonal
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "initialize",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "register",
    "require",
    "serialize",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]
