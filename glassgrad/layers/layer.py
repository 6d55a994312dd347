"""What every layer is: weights, and a function of tensors that uses them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial, wraps
from operator import index
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from glassgrad import constraints, initializers, regularizers
from glassgrad.arguments import checked, checked_before
from glassgrad.errors import ArgumentError, NotBuiltError, ShapeError
from glassgrad.graph import (
    Tensor,
    Trace,
    Variable,
    as_tensor,
    carry_mask,
    constant,
    current_trace,
    default_float,
    mask_of,
    masks_of,
    placeholder,
    scope,
    substitute,
    tracing,
)
from glassgrad.graph.dtypes import resolve_dtype, to_array
from glassgrad.graph.operation import Array
from glassgrad.graph.sources import line_of_caller
from glassgrad.graph.symbolic import Call, filled, has_symbols, record
from glassgrad.graph.tensor import current_scope, evaluator
from glassgrad.graph.trace import LayerCall
from glassgrad.graph.trees import flatten, leaves_of, map_tree, rebuild
from glassgrad.layers.input_spec import InputSpec, Shape
from glassgrad.naming import snake_case, unique_name
from glassgrad.random_seed import next_generator, random_state_of_call
from glassgrad.serialization import Configurable, Registry

__all__ = ["Layer", "Shape", "deserialize", "get", "register", "require_count", "takes_mask"]


MISSING: Any = object()  # None is a value


class OfTheOnlyCall:
    """What a layer's one call on symbolic tensors took or gave.

    No property, so that a layer of one's own may keep something else under the same name.
    """

    def __init__(self, read: Callable[[Call], Any]) -> None:
        self.read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Layer | None, kind: type) -> Any:
        if layer is None:
            return self
        if not layer.calls:
            raise NotBuiltError(
                f"Layer {layer.name!r} has no {self.name} yet: call it on a symbolic tensor, such "
                "as Input(shape), or on the result of another layer."
            )
        if len(layer.calls) > 1:
            raise ArgumentError(
                f"Layer {layer.name!r} was called {len(layer.calls)} times, so its {self.name} is "
                f"not unique. Keep the tensor that you mean, or take layer.calls[0].{self.name}s."
            )
        return self.read(layer.calls[0])


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
        activity_regularizer: a penalty on each output, divided by the length of the batch.
        given: ``input_shape``, the shape of one example, or ``input_dim``, its only length; taken
            from the first layer of a ``Sequential`` model in place of ``Input(shape)``.

    Raises:
        DtypeError: the dtype is unknown.
        TypeError: there is no argument of a name.
        UnknownNameError: the regularizer has an unknown name.

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

    input_spec: InputSpec | None = None
    """What the input must look like; checked on every call, where a subclass sets it."""

    supports_masking: bool = False
    """Whether the output carries a mask where the input does; see ``compute_mask``."""

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: DTypeLike | None = None,
        activity_regularizer: Any = None,
        **given: Any,
    ) -> None:
        self._own_weights: list[tuple[Variable, bool]] = []  # with: is it meant to be trained?
        self._penalties: dict[Variable, regularizers.RegularizerLike] = {}
        self._losses: list[Tensor] = []
        self.calls: list[Call] = []  # on symbolic tensors
        self._trainable = bool(trainable)
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.dtype = default_float() if dtype is None else resolve_dtype(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.shape_of_examples = _shape_of_examples(type(self).__name__, **given)
        self.built = False
        self.line_of_code = line_of_caller(self)  # that made the layer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _remembers(checked_before(cls.build))  # type: ignore[method-assign]
        if "compute_mask" in vars(cls) and "supports_masking" not in vars(cls):
            cls.supports_masking = True
        if "compute_output_shape" in vars(cls):
            cls.compute_output_shape = checked(cls.compute_output_shape)  # type: ignore[method-assign]

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
        samples = (_map_shapes(partial(filled, sample=one), input_shape) for one in (0, 1))
        small, large = (flatten(self._follow(shape)) for shape in samples)
        pairs = zip(small[0], large[0], strict=True)
        return rebuild(small[1], (common_shape(a.shape, b.shape) for a, b in pairs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask that the output carries: by default that of the input.

        It is asked for where ``supports_masking`` is set, as it is for a subclass that writes this.

        Args:
            inputs: what the layer was called on.
            previous_mask: the mask of the input, or of several in their structure; booleans, True
                for what counts; ``None`` where all does.
        """
        return previous_mask

    input = OfTheOnlyCall(lambda call: call.arguments[0])
    output = OfTheOnlyCall(lambda call: call.outputs)

    # ---- calling

    @checked_before
    def __call__(
        self, inputs: Any = MISSING, *args: Any, training: bool | None = None, **kwargs: Any
    ) -> Any:
        """Build the layer if that is still to be done, and apply it.

        Outside a trace the updates of weights that the layer makes apply at once, and ``losses``
        holds the penalties.

        Args:
            inputs: a tensor, an array or numbers; a list of them for layers with several inputs.
                Also by the name that it has in ``call``.
            args: further arguments of ``call``.
            training: whether it learns just now; by default what the trace under way says, and
                False without one.
            kwargs: further arguments of ``call``. An argument ``mask`` is handed the mask that
                the input carries, and an argument ``NAME_mask`` that of the argument ``NAME``,
                where they are not given.

        Raises:
            ShapeError: the shape does not fit the layer.

        Warns:
            UserWarning: the input carries a mask, and the layer does not hand it on.
        """
        self._require_initialized()
        if inputs is MISSING:
            inputs = self._taken_by_name(kwargs)
        if has_symbols(inputs, *args, *kwargs.values()):
            return self._record(inputs, args, kwargs, training)
        trace = current_trace()
        if trace is None:
            return self._call_at_once(inputs, args, kwargs, bool(training))
        tensors = self._enter(inputs)
        with _learning(trace, training), scope(self.name):
            if not self.built:
                self._build_for(tensors, args, kwargs)
            self._check_input_spec(tensors)
            masks, previous = self._masks_told(tensors, args, kwargs)
            outputs = self.call(tensors, *args, **kwargs | masks, **self._told(trace))
            self.built = True
            self._hand_mask_on(tensors, outputs, previous)
            self._add_activity_penalties(outputs, trace)
            self._add_penalties(trace)
            trace.calls.append(LayerCall(self, current_scope(), tensors, outputs))
        return outputs

    def _taken_by_name(self, kwargs: dict[str, Any]) -> Any:
        """The first argument of ``call``, where it comes among those by name."""
        name = next(iter(inspect.signature(self.call).parameters), "inputs")
        if name not in kwargs:
            raise TypeError(f"{type(self).__name__} {self.name!r} must be called on {name}.")
        return kwargs.pop(name)

    def _build_for(self, tensors: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Hand ``build`` the shape of the input, and, as ``x_shape``, that of an argument x."""
        wanted = list(inspect.signature(self.build).parameters)
        if not wanted:
            return self.build()  # type: ignore[call-arg]  # written without the argument
        given: dict[str, Any] = {}
        if any(name.endswith("_shape") for name in wanted[1:]):
            given = inspect.signature(self.call).bind(tensors, *args, **kwargs).arguments
        values = {name: given.get(name.removesuffix("_shape")) for name in wanted[1:]}
        shapes = {name: _shapes_of(self._enter(x)) for name, x in values.items() if x is not None}
        return self.build(_shapes_of(tensors), **shapes)

    def _told(self, trace: Trace) -> dict[str, bool]:
        """What ``call`` is handed if it has an argument of that name."""
        function = getattr(self.call, "__func__", self.call)
        return {"training": trace.training} if "training" in _names_taken(function) else {}

    def _masks_told(
        self, inputs: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """Masks for the arguments of ``call`` that take one, and that of the first argument."""
        function = getattr(self.call, "__func__", self.call)
        sources = _sources_of_masks(function)
        if not sources:
            return {}, masks_of(inputs)
        names = [name for name in _names_in_order(function) if name != "self"]
        by_position = dict(zip(names, (inputs, *args), strict=False))
        values = {**by_position, **kwargs}
        masks = {
            name: masks_of(values.get(source))
            if values.get(name) is None
            else map_tree(_as_mask, values[name], is_leaf=holds_numbers)
            for name, source in sources.items()
        }
        previous = masks["mask"] if "mask" in masks else masks_of(inputs)
        return {name: mask for name, mask in masks.items() if name not in by_position}, previous

    def _hand_mask_on(self, inputs: Any, outputs: Any, previous: Any) -> None:
        """Let the outputs carry their mask, unless ``call`` has seen to it."""
        if not self.supports_masking:
            if leaves_of(previous):
                warnings.warn(
                    f"Layer {self.name!r}, a {type(self).__name__}, does not hand on the mask that "
                    "its input carries: what follows takes padding for data. A layer of your own "
                    "that may do so sets supports_masking = True.",
                    stacklevel=3,
                )
            return
        tensors = leaves_of(outputs)
        if all(mask_of(tensor) is not None for tensor in tensors):
            return
        found = self.compute_mask(inputs, previous)
        for tensor, mask in zip(tensors, _in_a_row(found), strict=False):
            if mask_of(tensor) is None:
                carry_mask(tensor, mask)

    def _record(
        self, inputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None
    ) -> Any:
        """Note the call, to be run again for tensors."""
        told = {} if training is None else {"training": bool(training)}
        outputs = record(self, (inputs, *args), kwargs | told)
        symbols = leaves_of(outputs)
        if not symbols:
            raise ArgumentError(
                f"Layer {self.name!r} must return tensors from call(). Got {outputs!r}."
            )
        self.calls.append(symbols[0].call)
        return outputs

    def _call_at_once(
        self, inputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool
    ) -> Any:
        random = random_state_of_call() if training else None
        trace = Trace(training=training, random=random, runs=True)
        with tracing(trace):
            outputs = self(inputs, *args, **kwargs)
        self._losses = trace.losses
        updates = list(trace.updates.items())
        values = evaluator().evaluate([value for _, value in updates])
        outputs = _seeing_values_of_now(outputs, trace.updates)
        for (variable, _), value in zip(updates, values, strict=True):
            variable.assign(value)
        return outputs

    def _enter(self, inputs: Any) -> Any:
        """Tensors of the layer's dtype; a list or dictionary of tensors stays one."""
        if inputs is None:
            raise ArgumentError(f"Layer {self.name!r} must be called on a tensor. Got None.")
        return map_tree(self._as_own, inputs, is_leaf=holds_numbers)

    def _as_own(self, value: Any) -> Tensor:
        tensor = as_tensor(value)
        is_other_float = tensor.dtype.kind == "f" and tensor.dtype != self.dtype
        return carry_mask(tensor.cast(self.dtype), mask_of(tensor)) if is_other_float else tensor

    def _check_input_spec(self, tensors: Any) -> None:
        if self.input_spec is not None and isinstance(tensors, Tensor):
            self.input_spec.check(self.name, tensors.shape)

    def _follow(self, input_shape: Any) -> Any:
        with tracing(Trace()):
            return self(_map_shapes(lambda shape: placeholder(shape, self.dtype), input_shape))

    def _require_initialized(self) -> None:
        if "built" not in vars(self):
            raise NotBuiltError(
                f"{type(self).__name__}.__init__ must call super().__init__() before anything else."
            )

    # ---- weights

    @checked_before
    def add_weight(
        self,
        shape: Sequence[int | None] = (),
        initializer: Any = "glorot_uniform",
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str = "weight",
    ) -> Variable:
        """Make a weight; its first value comes from the seed under way.

        Args:
            shape: its shape.
            initializer: a name, an initializer, or a function of shape and dtype.
            dtype: its dtype; that of the layer by default.
            trainable: whether it is meant to be trained; statistics are not.
            regularizer: a name, a regularizer, or a function that gives a scalar.
            constraint: a name, a constraint, or a function that gives the value to be kept.
            name: what it is called within the layer.

        Raises:
            ArgumentError: the shape has open lengths.
            UnknownNameError: initializer, regularizer or constraint has an unknown name.
        """
        lengths = [length for length in shape if length is not None]
        if len(lengths) < len(shape) or min(lengths, default=0) < 0:
            raise ArgumentError(
                f"A weight needs a shape without open lengths. Got {tuple(shape)} for {name!r} "
                f"of layer {self.name!r}."
            )
        chosen = self.dtype if dtype is None else resolve_dtype(dtype)
        value = initializers.initialize(
            initializers.require(initializer), lengths, chosen, next_generator()
        )
        weight = Variable(
            value,
            name=f"{self.name}/{name}",
            trainable=trainable and self.trainable,
            dtype=chosen,
            constraint=constraints.get(constraint),
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
        for layer in self.sublayers:
            layer.trainable = value

    @property
    def weights(self) -> list[Variable]:
        """All weights, each once: its own that are trained, its other ones, those of its layers."""
        found = [w for w, meant in self._own_weights if meant]
        found += [w for w, meant in self._own_weights if not meant]
        for layer in self.sublayers:
            found += layer.weights
        return list(dict.fromkeys(found))

    @property
    def own_trainable_weights(self) -> list[Variable]:
        """Those of its own weights, and not of its layers', that are marked as trainable."""
        return [weight for weight, _ in self._own_weights if weight.trainable]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that an optimizer may change."""
        trained = set(_trained(self))
        return [weight for weight in self.weights if weight in trained]

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

    @checked_before
    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all weights; either all fit or none is changed.

        Args:
            weights: arrays in the order of ``weights``.

        Raises:
            NotBuiltError: there are no weights yet.
            ShapeError: their number or a shape differs.
        """
        arrays = [_as_numbers(weight) for weight in weights]
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

    @property
    def sublayers(self) -> list[Layer]:
        """The layers that it is made of, each once."""
        found: dict[Layer, None] = {}  # in order; this is asked often, of deep networks, too
        for name, value in vars(self).items():
            if isinstance(value, HOLDERS_OF_LAYERS) and name not in BOOKS:
                _find_layers(value, found)
        return list(found)

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
        trace.added.append((self, tensor))

    @property
    def losses(self) -> list[Tensor]:
        """Penalties and added losses: of the calls of the trace under way, or of the last call."""
        trace = current_trace()
        if trace is None:
            return list(self._losses)
        own = set(_with_sublayers(self))
        return [loss for layer, loss in trace.added if layer in own]

    def _add_activity_penalties(self, outputs: Any, trace: Trace) -> None:
        if self.activity_regularizer is None:
            return
        for output in leaves_of(outputs):
            with scope("penalty"):
                examples = max(output.shape[0], 1) if output.shape else 1
                trace.added.append((self, self.activity_regularizer(output) / examples))

    def _add_penalties(self, trace: Trace) -> None:
        for weight, penalty in self._penalties.items():
            if weight.trainable and weight not in trace.penalized:
                trace.penalized.add(weight)
                with scope("penalty"):
                    trace.added.append((self, penalty(weight.tensor)))

    def __repr__(self) -> str:
        state = "" if self.built else ", not built"
        return f"<{type(self).__name__} {self.name!r}{state}>"


_registry: Registry[Layer] = Registry("layer", Layer)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register


def _shape_of_examples(
    kind: str,
    input_shape: Sequence[int | None] | None = None,
    input_dim: int | None = None,
    **unknown: Any,
) -> Shape | None:
    """What the layer was told about its input when it was made."""
    if unknown:
        raise TypeError(f"{kind} got an unexpected keyword argument {next(iter(unknown))!r}.")
    if input_dim is not None:
        return (input_dim,)
    return None if input_shape is None else tuple(input_shape)


def _seeing_values_of_now(outputs: Any, variables: Iterable[Variable]) -> Any:
    """Outputs that are evaluated after variables have changed, as if before."""
    values = {one.tensor.key: constant(one.numpy(), one.dtype) for one in variables}
    if not values:
        return outputs
    tensors, structure = flatten(outputs)
    fixed = zip(tensors, substitute(tensors, values), strict=True)
    return rebuild(structure, (carry_mask(new, mask_of(old)) for old, new in fixed))


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


@lru_cache(maxsize=1024)
def _names_taken(function: Callable[..., Any]) -> frozenset[str]:
    """The names of a function's arguments, which take Python longer to find than a call takes."""
    return frozenset(inspect.signature(function).parameters)


@lru_cache(maxsize=1024)
def _names_in_order(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


@lru_cache(maxsize=1024)
def _sources_of_masks(function: Callable[..., Any]) -> dict[str, str]:
    """Which arguments of ``call`` are masks, and the argument that carries each."""
    names = [name for name in _names_in_order(function) if name != "self"]
    sources = {f"{name}_mask": name for name in names} | {"mask": names[0] if names else ""}
    return {name: sources[name] for name in names[1:] if name in sources}


def takes_mask(layer: Layer) -> bool:
    """Whether ``call`` has an argument ``mask``."""
    return "mask" in _names_taken(getattr(layer.call, "__func__", layer.call))


def _as_mask(value: Any) -> Tensor:
    """A mask that the caller gives, as booleans."""
    mask = as_tensor(value)
    return mask if mask.dtype.kind == "b" else mask.cast("bool")


def _in_a_row(masks: Any) -> list[Tensor | None]:
    """The masks of several outputs in order; ``None`` has a place of its own."""
    if isinstance(masks, dict):
        return _in_a_row(list(masks.values()))
    if isinstance(masks, list | tuple):
        return [mask for entry in masks for mask in _in_a_row(entry)]
    return [masks]


def _with_sublayers(layer: Layer) -> Iterator[Layer]:
    yield layer
    for inner in layer.sublayers:
        yield from _with_sublayers(inner)


def _trained(layer: Layer) -> Iterator[Variable]:
    """The weights that may be changed, in no particular order."""
    pending = [layer]
    while pending:
        layer = pending.pop()
        if layer.trainable:
            yield from layer.own_trainable_weights
            pending += layer.sublayers


HOLDERS_OF_LAYERS = (Layer, list, tuple, dict)
#: What a layer knows about itself; there are no layers in these.
BOOKS = frozenset({"_own_weights", "_penalties", "_losses", "calls", "line_of_code"})


def _find_layers(value: Any, found: dict[Layer, None]) -> None:
    """Add the layers in a tree of lists, tuples and dictionaries."""
    if isinstance(value, Layer):
        found[value] = None
        return
    for entry in value.values() if isinstance(value, dict) else value:
        if isinstance(entry, HOLDERS_OF_LAYERS):
            _find_layers(entry, found)


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


def _as_numbers(value: Any) -> Array:
    """An array as it is, and anything else as one."""
    return value if isinstance(value, np.ndarray) else to_array(value)


def holds_numbers(value: Any) -> bool:
    """Whether a value is one array: an array, a tensor, or nested lists of plain numbers.

    A list with arrays in it is several inputs.
    """
    if isinstance(value, dict):
        return False
    if not isinstance(value, list | tuple):
        return True
    return not any(isinstance(entry, dict) or getattr(entry, "shape", ()) for entry in value)


def common_shape(small: Sequence[int], large: Sequence[int]) -> Shape:
    """The shape of both samples; open where they differ."""
    return tuple(a if a == b else None for a, b in zip(small, large, strict=True))


def _shapes_of(tensors: Any) -> Any:
    return map_tree(lambda tensor: tensor.shape, tensors)


def _map_shapes(function: Callable[[Any], Any], shapes: Any) -> Any:
    return map_tree(function, shapes, is_leaf=_is_shape)


def _is_shape(value: Any) -> bool:
    if isinstance(value, dict):
        return False
    return all(length is None or isinstance(length, int) for length in value)
