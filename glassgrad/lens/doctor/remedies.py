"""The remedies that findings prescribe, each made in one place so that one sentence serves all."""

from __future__ import annotations

from glassgrad.lens.doctor.finding import Remedy

__all__ = [
    "RELU_FAMILY",
    "another_activation",
    "another_initializer",
    "another_learning_rate",
    "another_optimizer",
    "another_recurrent_layer",
    "clipping",
    "early_stopping",
    "larger_batch",
    "longer_training",
    "look_at_data",
    "look_at_labels",
    "loss_and_output",
    "more_units",
    "normalization",
    "regularization",
    "residual",
    "roll_back",
    "standardize",
    "thaw",
    "unit_variance",
    "warm_up",
]

#: Activations that hand on about half of the variance, by Keras's names.
RELU_FAMILY = ("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "swish", "mish", "celu")
#: The initialiser that keeps the variance of an activation's inputs.
MATCHED = {**dict.fromkeys(RELU_FAMILY, "he_normal"), "selu": "lecun_normal"}


def matched_initializer(activation: str | None) -> str:
    """The initialiser that fits an activation: He's, LeCun's, or Glorot's."""
    return MATCHED.get(activation or "linear", "glorot_uniform")


def another_initializer(name: str | None = None, layer: str | None = None) -> Remedy:
    """Weights drawn anew, by a named rule or each by the one that fits its activation."""
    where, whose = (f"the kernel of {layer}", "its") if layer else ("the kernels", "their")
    usual = (
        f"by the rule of {whose} activation: He for the ReLU family, Glorot for tanh and sigmoid"
    )
    return Remedy(
        "initializer", f"Draw {where} anew {f'with {name}' if name else usual}.", layer, name
    )


def unit_variance() -> Remedy:
    """Kernels scaled on the data."""
    return Remedy(
        "unit_variance", "Scale every kernel so that its outputs have variance 1 on the data."
    )


def another_learning_rate(factor: float) -> Remedy:
    """The learning rate times a factor."""
    sentence = (
        f"Multiply the learning rate by {factor:g}."
        if factor > 1
        else f"Divide the learning rate by {1 / factor:g}."
    )
    return Remedy("learning_rate", sentence, value=factor)


def warm_up() -> Remedy:
    """A learning rate that grows."""
    return Remedy("warm_up", "Let the learning rate grow from 0 over the first tenth of the steps.")


def clipping(norm: float = 1.0) -> Remedy:
    """Shorter gradients."""
    return Remedy("clip", f"Shorten the gradients to a global norm of {norm:g}.", value=norm)


def another_activation(name: str, layer: str | None = None) -> Remedy:
    """Another non-linearity."""
    where = f"in {layer}" if layer else "in the hidden layers"
    return Remedy("activation", f"Use {name} {where}.", layer, name)


def normalization(layer: str | None = None) -> Remedy:
    """Normalised pre-activations."""
    where = f"the activation of {layer}" if layer else "the activations"
    return Remedy("normalization", f"Normalise before {where}.", layer)


def residual() -> Remedy:
    """Connections around layers."""
    return Remedy("residual", "Add residual connections around hidden layers of equal width.")


def standardize() -> Remedy:
    """Inputs of mean 0 and deviation 1."""
    return Remedy(
        "standardize",
        "Put a Normalization layer, adapted to the training data, in front of the network.",
    )


def another_optimizer(name: str = "adam") -> Remedy:
    """Another rule of updates."""
    return Remedy("optimizer", f"Train with {name} at its usual learning rate.", value=name)


def loss_and_output(loss: str, activation: str, units: int) -> Remedy:
    """A loss, a last activation and a number of units that belong together."""
    last = f"Dense({units})" if activation == "linear" else f"Dense({units}, {activation!r})"
    words = f"End in {last}, and compile with loss={loss!r}"
    if loss.endswith("crossentropy"):
        words += "; or leave the activation out, and let the loss take logits (from_logits=True)"
    value = {"loss": loss, "activation": activation, "units": units}
    return Remedy("loss_and_output", f"{words}.", value=value)


def early_stopping() -> Remedy:
    """The best weights instead of the last."""
    return Remedy(
        "early_stopping",
        "Stop after 3 epochs without a better validation loss, and restore the best weights.",
        value=3,
    )


def regularization() -> Remedy:
    """Weights that stay small, and units that are left out."""
    return Remedy("regularization", "Add dropout and an L2 penalty on the kernels.")


def another_recurrent_layer(layer: str | None = None, name: str = "LSTM") -> Remedy:
    """A recurrent layer whose gradients last."""
    return Remedy(
        "recurrent_layer", f"Use {name} instead of {layer or 'the simple recurrence'}.", layer, name
    )


def more_units(factor: float = 4) -> Remedy:
    """A larger network."""
    return Remedy(
        "more_units", f"Give the hidden layers {factor:g} times as many units.", value=factor
    )


def longer_training(factor: float = 3) -> Remedy:
    """More epochs."""
    return Remedy("longer_training", f"Train {factor:g} times as long.", value=factor)


def larger_batch(factor: int = 4) -> Remedy:
    """More examples a step."""
    return Remedy("larger_batch", f"Use batches of {factor} times as many examples.", value=factor)


def thaw(layer: str | None = None) -> Remedy:
    """Let parameters learn."""
    return Remedy("thaw", f"Let {layer or 'the frozen layers'} learn.", layer)


def connect(layer: str | None = None) -> Remedy:
    """Let the loss reach parameters."""
    return Remedy(
        "connect", f"Connect {layer or 'the parameters'} to the loss, or remove them.", layer
    )


def roll_back() -> Remedy:
    """The last good weights."""
    return Remedy("roll_back", "Go back to the last weights with a good loss.")


def look_at_labels() -> Remedy:
    """A person has to look."""
    return Remedy(
        "labels", "Look at pairs of inputs and labels: are they shuffled, constant, or noise?"
    )


def look_at_data() -> Remedy:
    """A person has to look."""
    return Remedy("data", "Look at the data: do the inputs contain what the targets ask for?")
