"""glassgrad: neural networks with a backpropagation engine that is open to view."""

from glassgrad.execute.eager import EagerEvaluator
from glassgrad.graph import Tensor, Variable
from glassgrad.graph.tensor import install_evaluator

install_evaluator(EagerEvaluator())
from glassgrad.gradients import gradients
