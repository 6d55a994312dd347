"""Optimizers, by Keras's names."""

from glassgrad.optimizers.adam import Adam
from glassgrad.optimizers.optimizer import Optimizer, deserialize, get, register
from glassgrad.optimizers.sgd import SGD
from glassgrad.serialization import serialize

__all__ = ["SGD", "Adam", "Optimizer", "deserialize", "get", "register", "serialize"]
