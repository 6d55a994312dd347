"""Models, by Keras's names."""

from glassgrad.layers import Input
from glassgrad.models.cloning import clone_model
from glassgrad.models.model import Model
from glassgrad.models.sequential import Sequential, load_model, model_from_json
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
