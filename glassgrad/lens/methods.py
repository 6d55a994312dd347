"""What looks at a model, as methods of the model."""

from __future__ import annotations

from glassgrad.lens.attribution import saliency
from glassgrad.lens.derivatives import gradients_of
from glassgrad.lens.picturing import plot

__all__ = ["ModelMethods"]


class ModelMethods:
    """The methods that `lens` adds to every model; the package attaches them."""

    plot = plot
    gradients = gradients_of
    saliency = saliency
