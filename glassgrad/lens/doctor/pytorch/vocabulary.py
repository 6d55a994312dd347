"""What the functions and modules of PyTorch are called here: layers, activations, losses."""

from __future__ import annotations

from typing import Final

from glassgrad.lens.doctor.activity import BY_NAME, Function

__all__ = [
    "ACTIVATIONS",
    "ATTENTIONS",
    "LOSSES",
    "NORMALIZATIONS",
    "PRODUCTS",
    "RECURRENCES",
    "activation_named",
]

#: Functions that multiply with a kernel, and the layer that does so in Keras.
PRODUCTS: Final = {
    "linear": "Dense",
    "addmm": "Dense",
    "mm": "Dense",
    "matmul": "Dense",
    "__matmul__": "Dense",
    "einsum": "EinsumDense",
    "conv1d": "Conv1D",
    "conv2d": "Conv2D",
    "conv3d": "Conv3D",
    "conv_transpose1d": "Conv1DTranspose",
    "conv_transpose2d": "Conv2DTranspose",
    "conv_transpose3d": "Conv3DTranspose",
    "embedding": "Embedding",
}

#: Functions whose axis of channels is the second one.
CHANNELS_FIRST: Final = frozenset(
    {name for name in PRODUCTS if name.startswith("conv")}
    | {"batch_norm", "group_norm", "instance_norm"}
)

NORMALIZATIONS: Final = {
    "batch_norm": "BatchNormalization",
    "layer_norm": "LayerNormalization",
    "group_norm": "GroupNormalization",
    "instance_norm": "GroupNormalization",
    "rms_norm": "RMSNormalization",
}

RECURRENCES: Final = {
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn_tanh": "SimpleRNN",
    "rnn_relu": "SimpleRNN",
}

ATTENTIONS: Final = frozenset({"scaled_dot_product_attention", "multi_head_attention_forward"})

_ACTIVATIONS: Final = {
    "relu": "relu",
    "relu6": "relu6",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "logsigmoid": "sigmoid",
    "hardsigmoid": "hard_sigmoid",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "selu": "selu",
    "silu": "silu",
    "gelu": "gelu",
    "mish": "mish",
    "softplus": "softplus",
    "softsign": "softsign",
    "softmax": "softmax",
    "log_softmax": "log_softmax",
    "exp": "exponential",
}
ACTIVATIONS: Final = _ACTIVATIONS | {f"{name}_": keras for name, keras in _ACTIVATIONS.items()}

#: Losses, by Keras's names, and whether they read logits. That of ``cross_entropy`` and
#: ``nll_loss`` depends on the targets.
LOSSES: Final = {
    "cross_entropy": ("sparse_categorical_crossentropy", True),
    "nll_loss": ("sparse_categorical_crossentropy", False),
    "binary_cross_entropy": ("binary_crossentropy", False),
    "binary_cross_entropy_with_logits": ("binary_crossentropy", True),
    "mse_loss": ("mean_squared_error", False),
    "l1_loss": ("mean_absolute_error", False),
    "huber_loss": ("huber", False),
    "smooth_l1_loss": ("huber", False),
    "poisson_nll_loss": (None, False),
    "kl_div": (None, False),
    "gaussian_nll_loss": (None, False),
    "ctc_loss": (None, False),
}


def activation_named(function: str) -> Function | None:
    """The activation that a function of PyTorch computes, if it is one.

    Example:
        >>> activation_named("relu_").name, activation_named("add")
        ('relu', None)
    """
    name = ACTIVATIONS.get(function)
    if name is None:
        return None
    return BY_NAME.get(name, Function(name))
