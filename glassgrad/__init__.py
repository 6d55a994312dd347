"""glassgrad: neural networks with a backpropagation engine that is open to view.

Example:
    >>> import glassgrad
    >>> x = glassgrad.Tensor([[1.0, 2.0]], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad.numpy()
    array([[2., 4.]], dtype=float32)
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from glassgrad import errors, graph, ops
from glassgrad.attachments import attach
from glassgrad.execute.eager import EagerEvaluator
from glassgrad.execute.executor import Executor, register_executor, use
from glassgrad.execute.functions import (
    function,
    grad,
    hessian,
    hessian_vector_product,
    install_random_states,
    jacobian,
    value_and_grad,
)
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Variable, float_type
from glassgrad.graph.tensor import install_evaluator
from glassgrad.random_seed import new_random_state, set_random_seed

if TYPE_CHECKING:
    from glassgrad import (
        activations,
        callbacks,
        config,
        constraints,
        datasets,
        detection,
        doctor,
        initializers,
        layers,
        lens,
        losses,
        metrics,
        models,
        optimizers,
        random,
        regularizers,
        runs,
        saving,
        utils,
    )
    from glassgrad.execute.cpu.threads import get_num_threads, set_num_threads
    from glassgrad.layers import Input, Layer
    from glassgrad.lens import check_gradients, explain
    from glassgrad.lens.doctor.doctor import Doctor
    from glassgrad.lens.doctor.repair.mending import repair
    from glassgrad.models import Model, Sequential

__version__ = "0.1.0"

__all__ = [
    "Doctor",
    "Input",
    "Layer",
    "Model",
    "Sequential",
    "Tensor",
    "Variable",
    "activations",
    "callbacks",
    "check_gradients",
    "config",
    "constraints",
    "datasets",
    "detection",
    "doctor",
    "errors",
    "explain",
    "float_type",
    "function",
    "get_num_threads",
    "grad",
    "gradients",
    "graph",
    "hessian",
    "hessian_vector_product",
    "initializers",
    "jacobian",
    "layers",
    "lens",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "random",
    "regularizers",
    "repair",
    "runs",
    "saving",
    "set_num_threads",
    "set_random_seed",
    "use",
    "utils",
    "value_and_grad",
]

# Loaded when they are first asked for, so that `import glassgrad` takes a moment only.
_LATER = {
    **{
        name: (f"glassgrad.{name}", None)
        for name in (
            "activations",
            "callbacks",
            "config",
            "constraints",
            "datasets",
            "detection",
            "initializers",
            "layers",
            "lens",
            "losses",
            "metrics",
            "models",
            "optimizers",
            "random",
            "regularizers",
            "runs",
            "saving",
            "utils",
        )
    },
    "Doctor": ("glassgrad.lens.doctor", "Doctor"),
    "Input": ("glassgrad.layers", "Input"),
    "Layer": ("glassgrad.layers", "Layer"),
    "Model": ("glassgrad.models", "Model"),
    "Sequential": ("glassgrad.models", "Sequential"),
    "check_gradients": ("glassgrad.lens", "check_gradients"),
    "doctor": ("glassgrad.doctor", None),
    "explain": ("glassgrad.lens", "explain"),
    "get_num_threads": ("glassgrad.execute.cpu.threads", "get_num_threads"),
    "repair": ("glassgrad.lens.doctor", "repair"),
    "set_num_threads": ("glassgrad.execute.cpu.threads", "set_num_threads"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'glassgrad' has no attribute {name!r}")
    module, attribute = _LATER[name]
    loaded = import_module(module)
    value = loaded if attribute is None else getattr(loaded, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


def _cpu_executor() -> Executor:
    from glassgrad.execute.cpu.program import CpuExecutor  # large

    return CpuExecutor()


def _method_of_models(name: str) -> Callable[[], Any]:
    return lambda: getattr(import_module("glassgrad.lens.methods").ModelMethods, name)


for _method in ("gradients", "plot", "saliency"):
    attach("Model", _method, _method_of_models(_method))
install_evaluator(EagerEvaluator())
install_random_states(new_random_state)
register_executor("reference", ReferenceExecutor)
register_executor("cpu", _cpu_executor)
