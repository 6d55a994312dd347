"""Layers, by Keras's names."""

from glassgrad.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from glassgrad.layers.augmentation import (
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from glassgrad.layers.categories import CategoryEncoding, Discretization
from glassgrad.layers.dense import Dense
from glassgrad.layers.embedding import Embedding
from glassgrad.layers.functions import Identity, Lambda
from glassgrad.layers.input import Input, InputLayer
from glassgrad.layers.input_spec import InputSpec
from glassgrad.layers.layer import Layer, Shape, deserialize, get, register
from glassgrad.layers.lookup import IntegerLookup, StringLookup
from glassgrad.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from glassgrad.layers.normalization import (
    BatchNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from glassgrad.layers.preprocessing import Normalization, Rescaling
from glassgrad.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
)
from glassgrad.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from glassgrad.serialization import serialize

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "CategoryEncoding",
    "Concatenate",
    "Dense",
    "Discretization",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Shape",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "StringLookup",
    "Subtract",
    "UnitNormalization",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "get",
    "maximum",
    "minimum",
    "multiply",
    "register",
    "serialize",
    "subtract",
]
