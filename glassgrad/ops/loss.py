"""Softmax and the losses that are stable only as a whole."""

from __future__ import annotations

from typing import Any

from glassgrad.errors import ShapeError
from glassgrad.graph import Composite, Notation, Tensor, TensorSpec
from glassgrad.ops.elementwise import (
    Add,
    absolute,
    exp,
    log,
    log1p,
    maximum,
    sigmoid,
    stop_gradient,
)
from glassgrad.ops.indexing import OneHot, require_indices
from glassgrad.ops.movement import reshape
from glassgrad.ops.reduction import max as largest
from glassgrad.ops.reduction import sum as total


def require_classes(operation: str, spec: TensorSpec) -> None:
    """A distribution needs a last axis to run over.

    Raises:
        ShapeError: there is none, or it is empty.
    """
    if spec.rank == 0 or spec.shape[-1] == 0:
        raise ShapeError(
            f"{operation} runs over the last axis, which must have at least one "
            f"element. Got shape {spec.shape}."
        )


class OverClasses(Composite):
    """The base of what runs over the last axis."""

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """Refuse an absent or empty last axis."""
        require_classes(self.name, inputs[0])
        return super().shape(*inputs)


class Softmax(OverClasses):
    """Probabilities over the last axis: y_j = exp(x_j) / sum_k exp(x_k)."""

    notation = Notation(
        "exp({x}) / sum(exp({x}), axis=-1, keepdims=True)", r"\operatorname{{softmax}}({x})"
    )

    def definition(self, x):
        powers = exp(x - stop_gradient(largest(x, axis=-1, keepdims=True)))
        return powers / total(powers, axis=-1, keepdims=True)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (y,) = gradients, outputs
        return (y * (g - total(g * y, axis=-1, keepdims=True)),)


class LogSoftmax(OverClasses):
    """Logarithm of softmax: y_j = x_j - ln sum_k exp(x_k)."""

    notation = Notation(
        "log(exp({x}) / sum(exp({x}), axis=-1, keepdims=True))", r"\ln\operatorname{{softmax}}({x})"
    )

    def definition(self, x):
        shifted = x - stop_gradient(largest(x, axis=-1, keepdims=True))
        return shifted - log(total(exp(shifted), axis=-1, keepdims=True))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x,) = gradients, inputs
        return (g - softmax(x) * total(g, axis=-1, keepdims=True),)


class SoftmaxCrossEntropy(OverClasses):
    """Cross-entropy of softmax over the last axis: y = -sum_j p_j ln softmax(x)_j."""

    notation = Notation(
        "-sum({p} * log(exp({x}) / sum(exp({x}), axis=-1, keepdims=True)), axis=-1)",
        r"-\sum_j {p:tight}_j \ln\operatorname{{softmax}}({x})_j",
    )
    prepare = Add.prepare

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """One number for each distribution."""
        p, x = inputs
        if p.shape != x.shape:
            raise ShapeError(
                f"Probabilities and logits must have one shape. Got {p.shape} and {x.shape}."
            )
        return super().shape(p, x)

    def definition(self, p, x):
        return -total(p * log_softmax(x), axis=-1)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (p, x) = gradients, inputs
        g = reshape(g, (*g.shape, 1))
        to_logits = g * (softmax(x) * total(p, axis=-1, keepdims=True) - p)
        return -g * log_softmax(x), to_logits


class SparseSoftmaxCrossEntropy(OverClasses):
    """Cross-entropy of softmax for labels given as integers: y = -ln softmax(x)_label."""

    notation = Notation(
        "-log(take_along_axis(exp({x}) / sum(exp({x}), axis=-1, keepdims=True), "
        "expand_dims({labels}, -1), -1))[..., 0]",
        r"-\ln\operatorname{{softmax}}({x})_{{{labels}}}",
    )

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """One number for each label."""
        x, labels = inputs
        require_indices(self.name, labels)
        if labels.shape != x.shape[:-1]:
            raise ShapeError(
                f"Logits of shape {x.shape} want labels of shape {x.shape[:-1]}. "
                f"Got {labels.shape}."
            )
        return super().shape(x, labels)

    def definition(self, x, labels):
        return SoftmaxCrossEntropy()(OneHot(x.shape[-1], str(x.dtype))(labels), x)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x, labels) = gradients, inputs
        g = reshape(g, (*g.shape, 1))
        return g * (softmax(x) - OneHot(x.shape[-1], str(x.dtype))(labels)), None


class SigmoidCrossEntropy(Composite):
    """Binary cross-entropy of a sigmoid: y = -p ln s(x) - (1 - p) ln(1 - s(x))."""

    notation = Notation(
        "-({p} * log(1 / (1 + exp(-{x:tight}))) "
        "+ (1 - {p:tight}) * log(1 - 1 / (1 + exp(-{x:tight}))))",
        r"-\left({p:tight}\ln\sigma({x}) + (1-{p:tight})\ln(1-\sigma({x}))\right)",
    )
    prepare = Add.prepare

    def definition(self, p, x):
        return maximum(x, 0.0) - x * p + log1p(exp(-absolute(x)))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (p, x) = gradients, inputs
        return -g * x, g * (sigmoid(x) - p)


softmax, log_softmax = Softmax(), LogSoftmax()


def softmax_cross_entropy(probabilities: Any, logits: Any) -> Tensor:
    """Cross-entropy between given probabilities and the softmax of logits, over the last axis."""
    return SoftmaxCrossEntropy()(probabilities, logits)


def sparse_softmax_cross_entropy(labels: Any, logits: Any) -> Tensor:
    """Cross-entropy between integer labels and the softmax of logits, over the last axis."""
    return SparseSoftmaxCrossEntropy()(logits, labels)


def sigmoid_cross_entropy(probabilities: Any, logits: Any) -> Tensor:
    """Binary cross-entropy between given probabilities and the sigmoid of logits."""
    return SigmoidCrossEntropy()(probabilities, logits)


__all__ = [
    "LogSoftmax",
    "SigmoidCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "SparseSoftmaxCrossEntropy",
    "log_softmax",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]
