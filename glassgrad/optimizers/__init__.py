"""Optimizers, by Keras's names."""

from glassgrad.optimizers import schedules
from glassgrad.optimizers.adadelta import Adadelta
from glassgrad.optimizers.adagrad import Adagrad
from glassgrad.optimizers.adam import Adam
from glassgrad.optimizers.adamax import Adamax
from glassgrad.optimizers.adamw import AdamW
from glassgrad.optimizers.ftrl import Ftrl
from glassgrad.optimizers.lamb import Lamb
from glassgrad.optimizers.lion import Lion
from glassgrad.optimizers.loss_scale import LossScaleOptimizer
from glassgrad.optimizers.nadam import Nadam
from glassgrad.optimizers.optimizer import Optimizer, deserialize, get, register
from glassgrad.optimizers.rmsprop import RMSprop
from glassgrad.optimizers.sgd import SGD
from glassgrad.serialization import serialize

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "register",
    "schedules",
    "serialize",
]
