"""Models, by Keras's names."""

from glassgrad.models.model import Model
from glassgrad.models.sequential import Sequential, load_model

__all__ = ["Model", "Sequential", "load_model"]
