"""What a name in a model means: an input, a parameter, or the output of a layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from glassgrad.errors import ArgumentError, UnknownNameError, shown
from glassgrad.graph import Tensor, Variable, as_tensor
from glassgrad.graph.trace import LayerCall
from glassgrad.graph.trees import leaves_of
from glassgrad.layers import Layer

__all__ = ["Places", "names_of_parameters", "paths_of_parameters"]


class Places:
    """The tensors of a model that was followed, by name.

    A name is a path, "block/query/kernel", or any end of it that only one path has. Dots stand
    for slashes as well.

    Args:
        model: its variables are the parameters.
        inputs: the tensors that the model was called on, by name.
        calls: the calls of layers, as the trace has noted them.
    """

    def __init__(self, model: Layer, inputs: dict[str, Tensor], calls: Sequence[LayerCall]) -> None:
        self.inputs = inputs
        self._paths = paths_of_parameters(model)
        self._names = names_of_parameters(model)
        whole = next(call.scope for call in reversed(calls) if call.layer is model)
        self._calls = [(call.scope.removeprefix(f"{whole}/"), call) for call in calls]
        self._outputs: dict[str, list[Tensor]] = {}
        for path, call in self._calls:
            if call.layer is not model:
                self._outputs.setdefault(path, []).extend(_tensors(call.outputs))

    def named(self, wanted: Any) -> dict[str, Tensor]:
        """The tensors that are meant, by name; several where a layer gives several.

        Args:
            wanted: a name, a variable, or a layer.

        Raises:
            UnknownNameError, ArgumentError: there is no such thing, or there are several.
        """
        if isinstance(wanted, Variable):
            return {self._name_of(wanted): wanted.tensor}
        if isinstance(wanted, Layer):
            paths = [path for path, call in self._calls if call.layer is wanted]
            if not paths:
                raise ArgumentError(
                    f"Layer {wanted.name!r} is not called by this model. Known are: "
                    f"{', '.join(self._outputs)}."
                )
            return self._of_layer(paths[0], paths[0])
        if not isinstance(wanted, str):
            raise ArgumentError(
                "What to differentiate by is a name such as 'hidden' or 'hidden/kernel', a "
                f"variable, or a layer. Got {shown(wanted)}."
            )
        path = self._path(wanted)
        if path in self.inputs:
            return {wanted: self.inputs[path]}
        if path in self._outputs:
            return self._of_layer(path, wanted)
        return {wanted: as_tensor(self._paths[path])}

    def output(self, name: str) -> Tensor:
        """The only output of a layer.

        Raises:
            UnknownNameError, ArgumentError: there is none of that name, or there are several.
        """
        path = _only(name, self._outputs)
        tensors = self._outputs[path]
        if len(tensors) != 1:
            raise ArgumentError(
                f"Layer {name!r} has {len(tensors)} outputs in this model. Name one that has a "
                "single one."
            )
        return tensors[0]

    def _path(self, wanted: str) -> str:
        return _only(wanted, [*self.inputs, *self._outputs, *self._paths])

    def _of_layer(self, path: str, name: str) -> dict[str, Tensor]:
        tensors = self._outputs[path]
        names = [name, *(f"{name} ({number})" for number in range(2, len(tensors) + 1))]
        return dict(zip(names, tensors, strict=True))

    def _name_of(self, variable: Variable) -> str:
        return self._names.get(variable, variable.name)


def paths_of_parameters(model: Layer) -> dict[str, Variable]:
    """Every weight of a model by its path through the layers: "block/query/kernel".

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> list(paths_of_parameters(Sequential([Input((2,)), Dense(3, name="hidden")])))
        ['hidden/kernel', 'hidden/bias']
    """
    found: dict[Variable, str] = {}
    for path, layer in _layers_within(model, ""):
        inner = {weight for one in layer.sublayers for weight in one.weights}
        for weight in layer.weights:
            if weight not in inner:
                leaf = weight.name.removeprefix(f"{layer.name}/")
                found.setdefault(weight, f"{path}/{leaf}".removeprefix("/"))
    counts = Counter[str]()
    named: dict[str, Variable] = {}
    for weight in model.weights:
        path = found.get(weight, weight.name)
        counts[path] += 1
        named[path if counts[path] == 1 else f"{path} ({counts[path]})"] = weight
    return named


def names_of_parameters(model: Layer) -> dict[Variable, str]:
    """What each weight is called: by its own name where no other has it, else by its path."""
    paths = {weight: path for path, weight in paths_of_parameters(model).items()}
    counts = Counter(weight.name for weight in paths)
    return {w: w.name if counts[w.name] == 1 else path for w, path in paths.items()}


def _layers_within(layer: Layer, path: str) -> Iterator[tuple[str, Layer]]:
    yield path, layer
    for inner in layer.sublayers:
        yield from _layers_within(inner, f"{path}/{inner.name}".removeprefix("/"))


def _only(wanted: str, known: Iterable[str]) -> str:
    """The one path that is a name, or that ends in it."""
    name = wanted.replace(".", "/")
    by_slashes = {path.replace(".", "/"): path for path in known}
    if name in by_slashes:
        return by_slashes[name]
    ending = [path for slashed, path in by_slashes.items() if slashed.endswith(f"/{name}")]
    if len(ending) > 1:
        raise ArgumentError(
            f"The name {wanted!r} is that of {len(ending)} things: {', '.join(ending)}. Write "
            "more of the path."
        )
    if not ending:
        raise UnknownNameError("place in the model", wanted, by_slashes.values())
    return ending[0]


def _tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in leaves_of(tree) if isinstance(leaf, Tensor)]
