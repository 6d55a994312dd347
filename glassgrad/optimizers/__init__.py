"""Optimizers, by Keras's names."""

from glassgrad.optimizers.adam import Adam
from glassgrad.optimizers.optimizer import Optimizer, deserialize, get, register
from glassgrad.optimizers.rmsprop import RMSprop
from glassgrad.optimizers.sgd import SGD
from glassgrad.serialization import serialize

__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "deserialize", "get", "register", "serialize"]
