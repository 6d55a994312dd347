"""What every layer is: weights, and a function of tensors that uses them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from operator import index
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from glassgrad import initializers, regularizers
from glassgrad.errors import ArgumentError, NotBuiltError, ShapeError
from glassgrad.graph import (
    Tensor,
    Trace,
    Variable,
    as_tensor,
    current_trace,
    default_float,
    placeholder,
    scope,
    tracing,
)
from glassgrad.graph.dtypes import resolve_dtype
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import evaluator
from glassgrad.naming import snake_case, unique_name
from glassgrad.random_seed import next_generator, random_state_of_call
from glassgrad.serialization import Configurable, Registry

__all__ = ["Layer", "Shape", "deserialize", "get", "register", "require_count"]

Shape: TypeAlias = tuple[int | None, ...]


class Layer(Configurable):
    """A function of tensors with weights of its own.

    A subclass makes its weights in ``build``, with ``add_weight``, when the shape of the input is
    known, and says in ``call`` what it computes. Layers kept in attributes, or in lists and
    dictionaries there, are part of it, and their weights are among its weights.

    Args:
        name: what it is called; by default its class in snake_case, numbered: dense, dense_1.
        trainable: whether an optimizer may change its weights.
        dtype: of its weights; floats of another dtype are cast to it on the way in. The default
            float (float32) by default.

    Raises:
        DtypeError: the dtype is unknown.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(input_shape[-1:], "ones", name="factor")
        ...
        ...     def call(self, inputs):
        ...         return inputs * self.factor
        >>> scale = Scale(name="scale")
        >>> scale([[1.0, 2.0]]).numpy()
        array([[1., 2.]], dtype=float32)
        >>> scale.weights
        [<Variable 'scale/factor' float32[2]>]
    """

    def __init__(
        self, *, name: str | None = None, trainable: bool = True, dtype: DTypeLike | None = None
    ) -> None:
        self._own_weights: list[tuple[Variable, bool]] = []  # with: is it meant to be trained?
        self._penalties: dict[Variable, regularizers.RegularizerLike] = {}
        self._losses: list[Tensor] = []
        self._trainable = bool(trainable)
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.dtype = default_float() if dtype is None else resolve_dtype(dtype)
        self.built = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _remembers(cls.build)  # type: ignore[method-assign]

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable):
            self._track(value)
        object.__setattr__(self, name, value)

    # ---- what a subclass writes

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of a shape; a batch may have the length ``None``."""
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes; an argument ``training`` says whether it learns just now."""
        raise NotImplementedError(f"{type(self).__name__} must write call(inputs).")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output; ``None`` stays for lengths that are open.

        Found by following the layer at two sizes; a layer that is not built is built by it.
        """
        small, large = (self._follow(_filled(input_shape, size)) for size in (2, 3))
        return tuple(a if a == b else None for a, b in zip(small.shape, large.shape, strict=True))

    # ---- calling

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Build the layer if that is still to be done, and apply it.

        Outside a trace the updates of weights that the layer makes apply at once, and ``losses``
        holds the penalties.

        Args:
            inputs: a tensor, an array or numbers; a list of them for layers with several inputs.
            args: further arguments of ``call``.
            training: whether it learns just now; by default what the trace under way says, and
                False without one.
            kwargs: further arguments of ``call``.

        Raises:
            ShapeError: the shape does not fit the layer.
        """
        self._require_initialized()
        trace = current_trace()
        if trace is None:
            return self._call_at_once(inputs, args, kwargs, bool(training))
        tensors = self._enter(inputs)
        with _learning(trace, training), scope(self.name):
            if not self.built:
                self.build(_shapes(tensors))
                self.built = True
            if "training" in inspect.signature(self.call).parameters:
                kwargs["training"] = trace.training
            outputs = self.call(tensors, *args, **kwargs)
            self._add_penalties(trace)
        return outputs

    def _call_at_once(
        self, inputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool
    ) -> Any:
        trace = Trace(training=training, random=random_state_of_call() if training else None)
        with tracing(trace):
            outputs = self(inputs, *args, **kwargs)
        self._losses = trace.losses
        updates = list(trace.updates.items())
        values = evaluator().evaluate([value for _, value in updates])
        for (variable, _), value in zip(updates, values, strict=True):
            variable.assign(value)
        return outputs

    def _enter(self, inputs: Any) -> Any:
        """Tensors of the layer's dtype; a list of tensors stays a list."""
        if isinstance(inputs, list | tuple) and any(
            isinstance(one, Tensor | np.ndarray) for one in inputs
        ):
            return [self._enter(one) for one in inputs]
        tensor = as_tensor(inputs)
        is_other_float = tensor.dtype.kind == "f" and tensor.dtype != self.dtype
        return tensor.cast(self.dtype) if is_other_float else tensor

    def _follow(self, input_shape: Any) -> Any:
        with tracing(Trace()):
            if _is_shape(input_shape):
                return self(placeholder(input_shape, self.dtype))
            return self([placeholder(shape, self.dtype) for shape in input_shape])

    def _require_initialized(self) -> None:
        if "built" not in vars(self):
            raise NotBuiltError(
                f"{type(self).__name__}.__init__ must call super().__init__() before anything else."
            )

    # ---- weights

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "glorot_uniform",
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        regularizer: Any = None,
        name: str = "weight",
    ) -> Variable:
        """Make a weight; its first value comes from the seed under way.

        Args:
            shape: its shape.
            initializer: a name, an initializer, or a function of shape and dtype.
            dtype: its dtype; that of the layer by default.
            trainable: whether it is meant to be trained; statistics are not.
            regularizer: a name, a regularizer, or a function that gives a scalar.
            name: what it is called within the layer.

        Raises:
            ArgumentError: the shape has open lengths.
            UnknownNameError: initializer or regularizer has an unknown name.
        """
        if None in shape or min(shape, default=0) < 0:
            raise ArgumentError(
                f"A weight needs a shape without open lengths. Got {tuple(shape)} for {name!r} "
                f"of layer {self.name!r}."
            )
        chosen = self.dtype if dtype is None else resolve_dtype(dtype)
        value = initializers.initialize(
            initializers.require(initializer), shape, chosen, next_generator()
        )
        weight = Variable(
            value, name=f"{self.name}/{name}", trainable=trainable and self.trainable, dtype=chosen
        )
        self._track(weight, trainable)
        penalty = regularizers.get(regularizer)
        if penalty is not None:
            self._penalties[weight] = penalty
        return weight

    def _track(self, weight: Variable, trainable: bool | None = None) -> None:
        self._require_initialized()
        if all(weight is not known for known, _ in self._own_weights):
            meant = weight.trainable if trainable is None else trainable
            self._own_weights.append((weight, meant))

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may change the weights; set it to False to freeze them."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for weight, meant in self._own_weights:
            weight.trainable = meant and self._trainable
        for layer in self._sublayers():
            layer.trainable = value

    @property
    def weights(self) -> list[Variable]:
        """All weights, each once: its own that are trained, its other ones, those of its layers."""
        own = [w for w, meant in self._own_weights if meant]
        own += [w for w, meant in self._own_weights if not meant]
        inner = [weight for layer in self._sublayers() for weight in layer.weights]
        return list(dict.fromkeys((*own, *inner)))

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that an optimizer may change."""
        if not self.trainable:
            return []
        inner = {weight for layer in self._sublayers() for weight in layer.trainable_weights}
        inner.update(weight for weight, _ in self._own_weights if weight.trainable)
        return [weight for weight in self.weights if weight in inner]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that no optimizer changes: statistics, and those that are frozen."""
        trainable = set(self.trainable_weights)
        return [weight for weight in self.weights if weight not in trainable]

    @property
    def variables(self) -> list[Variable]:
        """Another name of ``weights``."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """Another name of ``trainable_weights``."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Another name of ``non_trainable_weights``."""
        return self.non_trainable_weights

    def get_weights(self) -> list[Array]:
        """Copies of all weights, in the order of ``weights``."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all weights; either all fit or none is changed.

        Args:
            weights: arrays in the order of ``weights``.

        Raises:
            NotBuiltError: there are no weights yet.
            ShapeError: their number or a shape differs.
        """
        arrays = [np.asarray(weight) for weight in weights]
        own = self.weights
        if arrays and not own and not self.built:
            raise NotBuiltError(
                f"Layer {self.name!r} has no weights yet: call it once, or build(input_shape)."
            )
        given, expected = [a.shape for a in arrays], [w.shape for w in own]
        if given != expected:
            raise ShapeError(
                f"Layer {self.name!r} has weights of shapes {expected}. Got shapes {given}."
            )
        for weight, array in zip(own, arrays, strict=True):
            weight.assign(array)

    def count_params(self) -> int:
        """How many numbers the weights hold.

        Raises:
            NotBuiltError: the layer is not built, so nobody knows.
        """
        if not self.built:
            raise NotBuiltError(
                f"Layer {self.name!r} is not built: call it once, or build(input_shape)."
            )
        return sum(weight.spec.size for weight in self.weights)

    def _sublayers(self) -> list[Layer]:
        found = [layer for value in vars(self).values() for layer in _layers_in(value)]
        return list(dict.fromkeys(found))

    # ---- losses

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to the loss of the step; to be called in ``call``.

        Raises:
            ShapeError: it is no scalar.
            NotBuiltError: no call is under way.
        """
        tensor = as_tensor(loss)
        if tensor.shape:
            raise ShapeError(f"A loss must be a scalar. Got shape {tensor.shape}; sum it first.")
        trace = current_trace()
        if trace is None:
            raise NotBuiltError("add_loss belongs into call(): no call of a layer is under way.")
        trace.losses.append(tensor)

    @property
    def losses(self) -> list[Tensor]:
        """Penalties and added losses of the last call outside a trace."""
        return list(self._losses)

    def _add_penalties(self, trace: Trace) -> None:
        for weight, penalty in self._penalties.items():
            if weight.trainable and weight not in trace.penalized:
                trace.penalized.add(weight)
                with scope("penalty"):
                    trace.losses.append(penalty(weight.tensor))

    def __repr__(self) -> str:
        state = "" if self.built else ", not built"
        return f"<{type(self).__name__} {self.name!r}{state}>"


_registry: Registry[Layer] = Registry("layer", Layer)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register


@contextmanager
def _learning(trace: Trace, training: bool | None) -> Iterator[None]:
    """Let a layer, and those inside it, be told something else than the trace says."""
    before = trace.training
    trace.training = before if training is None else bool(training)
    try:
        yield
    finally:
        trace.training = before


def _remembers(build: Callable[..., None]) -> Callable[..., None]:
    """After ``build`` a layer is built."""

    @wraps(build)
    def built(self: Layer, *args: Any, **kwargs: Any) -> None:
        self._require_initialized()
        build(self, *args, **kwargs)
        self.built = True

    return built


def _layers_in(value: Any) -> Iterator[Layer]:
    if isinstance(value, Layer):
        yield value
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _layers_in(entry)
    elif isinstance(value, dict):
        yield from _layers_in(list(value.values()))


def require_count(name: str, value: Any, least: int = 1) -> int:
    """A number of things: units of a layer, examples of a batch.

    Raises:
        ArgumentError: it is no integer, or below ``least``.
    """
    try:
        count = index(value)
    except TypeError:
        count = least - 1
    if count < least or isinstance(value, bool):
        wanted = "a positive integer" if least == 1 else f"an integer from {least}"
        raise ArgumentError(f"{name} must be {wanted}. Got {value!r}.")
    return count


def _is_shape(shape: Any) -> bool:
    return all(length is None or isinstance(length, int) for length in shape)


def _shapes(tensors: Any) -> Any:
    return [_shapes(one) for one in tensors] if isinstance(tensors, list) else tensors.shape


def _filled(shape: Any, size: int) -> Any:
    if not _is_shape(shape):
        return [_filled(one, size) for one in shape]
    return tuple(size if length is None else length for length in shape)
