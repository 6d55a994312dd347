"""Softmax and the losses that are stable only as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glassgrad.errors import ShapeError
from glassgrad.graph import Binding, Composite, Notation, Tensor, TensorSpec
from glassgrad.ops.elementwise import (
    Add,
    absolute,
    clip,
    exp,
    log,
    log1p,
    maximum,
    sigmoid,
    stop_gradient,
    where,
)
from glassgrad.ops.indexing import OneHot, require_indices
from glassgrad.ops.movement import reshape
from glassgrad.ops.reduction import max as largest
from glassgrad.ops.reduction import sum as total

__all__ = [
    "BinaryCrossEntropy",
    "CrossEntropy",
    "LogSoftmax",
    "SigmoidCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "SparseCrossEntropy",
    "SparseSoftmaxCrossEntropy",
    "binary_cross_entropy",
    "cross_entropy",
    "log_softmax",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "sparse_cross_entropy",
    "sparse_softmax_cross_entropy",
]


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


def require_one_shape(names: str, a: TensorSpec, b: TensorSpec) -> None:
    """Two distributions are compared element by element.

    Raises:
        ShapeError: their shapes differ.
    """
    if a.shape != b.shape:
        raise ShapeError(f"{names} must have one shape. Got {a.shape} and {b.shape}.")


def require_labels(operation: str, name: str, x: TensorSpec, labels: TensorSpec) -> None:
    """Each distribution has one label.

    Raises:
        DtypeError: the labels are no integers.
        ShapeError: there are more or fewer labels than distributions.
    """
    require_classes(operation, x)
    require_indices(operation, labels)
    if labels.shape != x.shape[:-1]:
        raise ShapeError(
            f"{name} of shape {x.shape} want labels of shape {x.shape[:-1]}. Got {labels.shape}."
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
        "exp({x}) / sum(exp({x}), axis=-1, keepdims=True)",
        r"\operatorname{{softmax}}({x})",
        Binding.PRODUCT,
        Binding.ATOM,
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
        Binding.SIGN,
    )
    prepare = Add.prepare

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """One number for each distribution."""
        p, x = inputs
        require_one_shape("Probabilities and logits", p, x)
        return super().shape(p, x)

    def definition(self, p, x):
        # What cannot happen costs nothing, however impossible the logits call it: 0 ln 0 = 0.
        return -total(where(p.equal(0.0), 0.0, p * log_softmax(x)), axis=-1)

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
        Binding.SIGN,
    )

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """One number for each label."""
        x, labels = inputs
        require_labels(self.name, "Logits", x, labels)
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
        Binding.SIGN,
    )
    prepare = Add.prepare

    def definition(self, p, x):
        return maximum(x, 0.0) - x * p + log1p(exp(-absolute(x)))

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (p, x) = gradients, inputs
        return -g * x, g * (sigmoid(x) - p)


@dataclass(frozen=True)
class CrossEntropy(Composite):
    """Cross-entropy of given probabilities over the last axis: y = -sum_j p_j ln q_j.

    Before, q is divided by its sum and kept within [epsilon, 1 - epsilon], so that the logarithm
    stays finite. What came out of a softmax is better compared by ``SoftmaxCrossEntropy``.
    """

    epsilon: float = 1e-7
    notation = Notation(
        "-sum({p} * log(clip({q} / sum({q}, axis=-1, keepdims=True), {epsilon}, 1 - {epsilon})), "
        "axis=-1)",
        r"-\sum_j {p:tight}_j \ln\operatorname{{clip}}"
        r"\left(\frac{{{q:tight}_j}}{{\sum_k {q:tight}_k}}, {epsilon}, 1-{epsilon}\right)",
        Binding.SIGN,
    )
    prepare = Add.prepare

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """One number for each distribution."""
        p, q = inputs
        require_one_shape("True and predicted probabilities", p, q)
        require_classes(self.name, q)
        return super().shape(p, q)

    def definition(self, p, q):
        shares = q / total(q, axis=-1, keepdims=True)
        return -total(p * log(clip(shares, self.epsilon, 1 - self.epsilon)), axis=-1)


@dataclass(frozen=True)
class SparseCrossEntropy(Composite):
    """Cross-entropy of probabilities for labels given as integers: y = -ln q_label.

    Before, q is divided by its sum and kept within [epsilon, 1 - epsilon].
    """

    epsilon: float = 1e-7
    notation = Notation(
        "-log(clip(take_along_axis({q} / sum({q}, axis=-1, keepdims=True), "
        "expand_dims({labels}, -1), -1), {epsilon}, 1 - {epsilon}))[..., 0]",
        r"-\ln\operatorname{{clip}}\left("
        r"\frac{{{q:tight}_{{{labels}}}}}{{\sum_k {q:tight}_k}}, {epsilon}, 1-{epsilon}\right)",
        Binding.SIGN,
    )

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """One number for each label."""
        q, labels = inputs
        require_labels(self.name, "Probabilities", q, labels)
        return super().shape(q, labels)

    def definition(self, q, labels):
        return CrossEntropy(self.epsilon)(OneHot(q.shape[-1], str(q.dtype))(labels), q)


@dataclass(frozen=True)
class BinaryCrossEntropy(Composite):
    """Binary cross-entropy of probabilities: y = -p ln q - (1 - p) ln(1 - q), element by element.

    Before, q is kept within [epsilon, 1 - epsilon]. What came out of a sigmoid is better compared
    by ``SigmoidCrossEntropy``.
    """

    epsilon: float = 1e-7
    notation = Notation(
        "-({p} * log(clip({q}, {epsilon}, 1 - {epsilon})) "
        "+ (1 - {p:tight}) * log(1 - clip({q}, {epsilon}, 1 - {epsilon})))",
        r"-\left({p:tight}\ln q + (1-{p:tight})\ln(1-q)\right),\; "
        r"q = \operatorname{{clip}}({q}, {epsilon}, 1-{epsilon})",
        Binding.SIGN,
    )
    prepare = Add.prepare

    def definition(self, p, q):
        kept = clip(q, self.epsilon, 1 - self.epsilon)
        return -(p * log(kept) + (1 - p) * log(1 - kept))


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


def cross_entropy(probabilities: Any, predicted: Any, epsilon: float = 1e-7) -> Tensor:
    """Cross-entropy between given and predicted probabilities, over the last axis."""
    return CrossEntropy(epsilon)(probabilities, predicted)


def sparse_cross_entropy(labels: Any, predicted: Any, epsilon: float = 1e-7) -> Tensor:
    """Cross-entropy between integer labels and predicted probabilities, over the last axis."""
    return SparseCrossEntropy(epsilon)(predicted, labels)


def binary_cross_entropy(probabilities: Any, predicted: Any, epsilon: float = 1e-7) -> Tensor:
    """Binary cross-entropy between given and predicted probabilities, element by element."""
    return BinaryCrossEntropy(epsilon)(probabilities, predicted)
