"""What a computation is: immutable tensors, the nodes that make them, variables, graphs."""

from glassgrad.graph.dtypes import default_float, float_type
from glassgrad.graph.graph import Graph, evaluate, rewrite, substitute, trace_graph, walk
from glassgrad.graph.masks import carry_mask, mask_of, masks_of
from glassgrad.graph.notation import Binding, Formula, Notation
from glassgrad.graph.operation import Composite, Operation, Primitive, TensorSpec
from glassgrad.graph.show import Names, formula_of, show
from glassgrad.graph.tensor import (
    Constant,
    Leaf,
    Node,
    Placeholder,
    Read,
    Tensor,
    Variable,
    apply,
    as_tensor,
    constant,
    placeholder,
    scope,
)
from glassgrad.graph.trace import RandomState, Trace, current_trace, tracing
from glassgrad.graph.verify import verify

__all__ = [
    "Binding",
    "Composite",
    "Constant",
    "Formula",
    "Graph",
    "Leaf",
    "Names",
    "Node",
    "Notation",
    "Operation",
    "Placeholder",
    "Primitive",
    "RandomState",
    "Read",
    "Tensor",
    "TensorSpec",
    "Trace",
    "Variable",
    "apply",
    "as_tensor",
    "carry_mask",
    "constant",
    "current_trace",
    "default_float",
    "evaluate",
    "float_type",
    "formula_of",
    "mask_of",
    "masks_of",
    "placeholder",
    "rewrite",
    "scope",
    "show",
    "substitute",
    "trace_graph",
    "tracing",
    "verify",
    "walk",
]
