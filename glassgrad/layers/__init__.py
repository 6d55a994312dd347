"""Layers, by Keras's names."""

from glassgrad.layers.activation import Activation
from glassgrad.layers.dense import Dense
from glassgrad.layers.input import Input, InputLayer
from glassgrad.layers.layer import Layer, Shape, deserialize, get, register
from glassgrad.layers.preprocessing import Rescaling
from glassgrad.layers.regularization import Dropout
from glassgrad.layers.reshaping import Flatten
from glassgrad.serialization import serialize

__all__ = [
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "Rescaling",
    "Shape",
    "deserialize",
    "get",
    "register",
    "serialize",
]
