"""Networks as pictures: boxes, lines, and gradients as colours."""

from glassgrad.lens.picturing.picture import Box, Flow, Picture
from glassgrad.lens.picturing.plotting import draw, picture_of, picture_of_derivation, plot

__all__ = ["Box", "Flow", "Picture", "draw", "picture_of", "picture_of_derivation", "plot"]
