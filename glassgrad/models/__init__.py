"""Models, by Keras's names."""

from glassgrad.layers import Input
from glassgrad.models.model import Model
from glassgrad.models.sequential import Sequential, clone_model, load_model, model_from_json
from glassgrad.models.unit_variance import Scaling, lsuv

__all__ = [
    "Input",
    "Model",
    "Scaling",
    "Sequential",
    "clone_model",
    "load_model",
    "lsuv",
    "model_from_json",
]
