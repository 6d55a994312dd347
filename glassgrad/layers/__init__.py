"""Layers, by Keras's names."""

from glassgrad.layers.activation import ELU, Activation, LeakyReLU, ReLU, Softmax
from glassgrad.layers.dense import Dense
from glassgrad.layers.input import Input, InputLayer
from glassgrad.layers.layer import Layer, Shape, deserialize, get, register
from glassgrad.layers.preprocessing import Rescaling
from glassgrad.layers.regularization import Dropout
from glassgrad.layers.reshaping import Flatten
from glassgrad.serialization import serialize

__all__ = [
    "ELU",
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Rescaling",
    "Shape",
    "Softmax",
    "deserialize",
    "get",
    "register",
    "serialize",
]
