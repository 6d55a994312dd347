"""Looking: the backward pass explained, step by step."""

from glassgrad.lens.attribution import saliency, saliency_picture
from glassgrad.lens.check import GradientCheck, check_gradients
from glassgrad.lens.comparing import Comparison, compare
from glassgrad.lens.contours import LossPlane, loss_plane
from glassgrad.lens.derivatives import gradients_of
from glassgrad.lens.explaining import explain
from glassgrad.lens.explanation import ExplainedStep, Explanation
from glassgrad.lens.picturing import Box, Flow, Picture, draw, plot
from glassgrad.lens.racing import SURFACES, Race, Races, Runner, Surface, race, race_everywhere
from glassgrad.lens.range_test import RangeTest, lr_find
from glassgrad.lens.slice import LossSlice, loss_slice

__all__ = [
    "SURFACES",
    "Box",
    "Comparison",
    "ExplainedStep",
    "Explanation",
    "Flow",
    "GradientCheck",
    "LossPlane",
    "LossSlice",
    "Picture",
    "Race",
    "Races",
    "RangeTest",
    "Runner",
    "Surface",
    "check_gradients",
    "compare",
    "draw",
    "explain",
    "gradients_of",
    "loss_plane",
    "loss_slice",
    "lr_find",
    "plot",
    "race",
    "race_everywhere",
    "saliency",
    "saliency_picture",
]
