"""The operations of neural networks under the name that Keras groups them by: ``ops.nn.relu``."""

from __future__ import annotations

from typing import Any

from glassgrad import ops

NAMES = (
    "dot_product_attention",
    "average_pool",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "elu",
    "gelu",
    "hard_sigmoid",
    "leaky_relu",
    "log_softmax",
    "max_pool",
    "normalize",
    "one_hot",
    "relu",
    "relu6",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "threshold_relu",
)
__all__ = list(NAMES)


def __getattr__(name: str) -> Any:
    """Found in ``glassgrad.ops`` when it is asked for: this module is part of that one."""
    if name not in NAMES:
        raise AttributeError(f"module 'glassgrad.ops.nn' has no attribute {name!r}")
    return getattr(ops, name)


def __dir__() -> list[str]:
    return list(NAMES)
