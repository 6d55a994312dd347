"""What quantities are called: short dotted names, each once in an explanation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain, count

from glassgrad.graph import Formula, Node, Tensor
from glassgrad.graph.tensor import Key
from glassgrad.graph.trees import flatten
from glassgrad.lens.subject import Subject

__all__ = [
    "LOSS",
    "Naming",
    "gradient_of",
    "outputs_of_layers",
    "plain_path",
    "share_of",
    "time_of",
]

STEP = re.compile(r"\[(\d+)\]")
SYMBOLS = {
    "kernel": "W",
    "bias": "b",
    "recurrent_kernel": "U",
    "gamma": r"\gamma",
    "beta": r"\beta",
    "embeddings": "E",
    "candidate": r"\tilde{c}",
    "new": r"\tilde{h}",
}
#: What stands for the results of some operations; others are t1, t2 and so on.
LETTERS = {"Softmax": "p"}
LOSS = Formula("L", "L")


def time_of(scope: str) -> int | None:
    """The time step that a scope belongs to, if it was unrolled from a loop.

    Example:
        >>> time_of("model/lstm/[3]"), time_of("model/lstm")
        (3, None)
    """
    steps = [found for part in scope.split("/") if (found := STEP.fullmatch(part))]
    return int(steps[-1][1]) if steps else None


def plain_path(scope: str) -> str:
    """A scope without its time steps.

    Example:
        >>> plain_path("model/lstm/[3]")
        'model/lstm'
    """
    return "/".join(part for part in scope.split("/") if not STEP.fullmatch(part))


def gradient_of(name: Formula) -> Formula:
    """What the derivative of the loss by a quantity is called.

    Example:
        >>> gradient_of(Formula("hidden.z", "z")).plain
        'dL/dhidden.z'
    """
    return Formula(f"dL/d{name.plain}", rf"\frac{{\partial L}}{{\partial {name.latex}}}")


def share_of(gradient: Formula, number: int) -> Formula:
    """What one of several uses adds to a gradient, counted from 1."""
    latex = rf"{{\left({gradient.latex}\right)_{{{number}}}}}"
    return Formula(f"{gradient.plain}({number})", latex)


class Naming:
    """Gives every tensor that is asked for a name of its own.

    Args:
        subject: its inputs have the names of their variables, its layers those of their scopes.
        nodes: the nodes of the graph to be explained.
        hints: what tensors are called within their layer.
        outputs: the tensors that are outputs of layers, by the scope of the layer.
    """

    def __init__(
        self,
        subject: Subject,
        nodes: Sequence[Node],
        hints: Mapping[Key, str],
        outputs: Mapping[Key, str],
    ) -> None:
        self._hints, self._outputs = hints, outputs
        self._names: dict[Key, Formula] = {}
        self._taken: set[str] = {LOSS.plain}
        self._numbers: Counter[str] = Counter()
        scopes = dict.fromkeys(plain_path(node.scope) for node in nodes)
        self._words = _words([*scopes, *outputs.values()])
        self._layers = self._shortest([*scopes, *outputs.values()], 1)
        self._layers |= self._shortest(_parts_of_layers(subject, nodes), 2)
        losses = [scope for scope in scopes if scope.split("/")[0] == "loss"]
        if len(losses) == 1 and "loss" not in self._layers.values():
            self._layers[losses[0]] = "loss"
        self._name_inputs(subject, nodes)

    def __getitem__(self, tensor: Tensor) -> Formula:
        """The name of a tensor, made at the first question."""
        if tensor.key not in self._names:
            self._names[tensor.key] = self._name(tensor)
        return self._names[tensor.key]

    def assign(self, tensor: Tensor, name: Formula) -> None:
        """Call a tensor by a given name."""
        self._names[tensor.key] = name

    def layer(self, scope: str) -> str:
        """The short name of a scope, with its time step."""
        time = time_of(scope)
        name = self._layers.get(plain_path(scope), plain_path(scope))
        return name if time is None else f"{name}[{time}]"

    def written(self, path: str) -> str:
        """How a path of names stands in formulas: with dots, and nothing that means more there."""
        return ".".join(self._words.get(part, part) for part in path.split("/"))

    def auxiliary(self, scope: str, tensor: Tensor) -> Formula:
        """A new name for something on the way: hidden.t1, hidden.t2 and so on."""
        layer, letter = self.layer(scope), LETTERS.get(tensor.node.operation.name, "t")
        while True:
            self._numbers[f"{layer}.{letter}"] += 1
            number = self._numbers[f"{layer}.{letter}"]
            name = f"{layer}.{letter}{number}" if layer else f"{letter}{number}"
            if name not in self._taken:
                self._taken.add(name)
                return Formula(name, _symbol(letter, layer, number))

    def _name(self, tensor: Tensor) -> Formula:
        scope = tensor.node.scope
        if tensor.key in self._outputs:
            layer = self._layers.get(self._outputs[tensor.key], "")
            return Formula(self._unique(layer), _symbol("y", layer))
        if tensor.key in self._hints:
            hint, layer = self._hints[tensor.key], self.layer(scope)
            name = self._unique(f"{layer}.{hint}" if layer else hint)
            return Formula(name, _symbol(SYMBOLS.get(hint, hint), layer))
        return self.auxiliary(scope, tensor)

    def _name_inputs(self, subject: Subject, nodes: Sequence[Node]) -> None:
        used = {tensor.key: node.scope for node in nodes[::-1] for tensor in node.inputs}
        paths = []
        for tensor, name in zip(subject.inputs, subject.names, strict=True):
            scope = plain_path(used.get(tensor.key, ""))
            variable = subject.variables.get(name)
            owner, _, leaf = variable.name.rpartition("/") if variable is not None else ("", "", "")
            is_owned = owner and scope.rpartition("/")[2] == owner.rpartition("/")[2]
            paths.append(f"{scope}/{leaf}" if is_owned else _clean(name))
        short = self._shortest(paths, 2)
        for tensor, path in zip(subject.inputs, paths, strict=True):
            name = self._unique(short[path])
            layer, _, leaf = name.rpartition(".")
            self._names[tensor.key] = Formula(name, _symbol(SYMBOLS.get(leaf, leaf), layer))

    def _shortest(self, paths: Iterable[str], least: int) -> dict[str, str]:
        return {path: self.written(end) for path, end in _shortest(paths, least).items()}

    def _unique(self, wanted: str) -> str:
        found = _untaken(wanted, self._taken)
        self._taken.add(found)
        return found


def _parts_of_layers(subject: Subject, nodes: Sequence[Node]) -> list[str]:
    """Scopes within a layer that are no layers themselves, as that of its penalty."""
    layers = {plain_path(call.scope) for call in subject.calls}
    over_time = {plain_path(node.scope) for node in nodes if time_of(node.scope) is not None}
    scopes = dict.fromkeys(plain_path(node.scope) for node in nodes)
    return [
        scope
        for scope in scopes
        if scope.rpartition("/")[0] in layers and scope not in layers | over_time
    ]


def outputs_of_layers(
    subject: Subject, opened: Mapping[Key, Tensor]
) -> tuple[dict[Key, str], dict[Key, str]]:
    """The outputs of layers by their scopes, and hints about what comes before an activation.

    Args:
        subject: its calls say what each layer gave.
        opened: what became of the tensors of the calls.
    """
    outputs: dict[Key, str] = {}
    hints: dict[Key, str] = {}
    given = {tensor.key for tensor in subject.inputs}
    for call in subject.calls:
        for tensor in flatten(call.outputs)[0]:
            if not isinstance(tensor, Tensor):
                continue
            output = opened[tensor.key]
            if output.key in given or output.key in outputs:
                continue
            outputs[output.key] = plain_path(call.scope)
            before = activated(output)
            if before is not None:
                hints[before.key] = "z"
    return outputs, hints


def activated(output: Tensor) -> Tensor | None:
    """The pre-activation of a layer: what an element-wise function or a softmax makes its output.

    ``None`` where the layer ends in something else.
    """
    node = output.node
    if len(node.inputs) != 1 or node.inputs[0].shape != output.shape:
        return None
    before = node.inputs[0]
    is_inside = before.node.inputs and before.node.scope == node.scope
    return before if is_inside and len(node.specs) == 1 else None


def _untaken(wanted: str, taken: Container[str]) -> str:
    """The first of wanted, wanted_2, wanted_3 and so on that is free."""
    numbered = (f"{wanted}_{number}" for number in count(2))
    return next(name for name in chain([wanted], numbered) if name not in taken)


def _clean(name: str) -> str:
    """A name that can stand in a formula."""
    return "/".join(_word(part) for part in re.split("[/.]", name) if part) or "x"


def _word(part: str) -> str:
    word = re.sub(r"\W", "_", part)
    return f"_{word}" if word[:1].isdigit() else word


def _words(paths: Iterable[str]) -> dict[str, str]:
    """For the parts of paths words that can stand in a formula: layers may be called anything.

    What is different stays so.
    """
    parts = dict.fromkeys(part for path in paths for part in path.split("/"))
    found = {part: part for part in parts if _word(part) == part}
    for part in parts:
        if part not in found:
            found[part] = _untaken(_word(part), {*parts, *found.values()})
    return found


def _shortest(paths: Iterable[str], least: int) -> dict[str, str]:
    """For each path its shortest end that no other path has."""
    parts = {path: path.split("/") for path in dict.fromkeys(paths)}
    counts = Counter(
        tuple(one[-length:]) for one in parts.values() for length in range(1, len(one) + 1)
    )
    found = {}
    for path, one in parts.items():
        lengths = range(min(least, len(one)), len(one) + 1)
        length = next((n for n in lengths if counts[tuple(one[-n:])] == 1), len(one))
        found[path] = "/".join(one[-length:])
    return found


def _symbol(letter: str, layer: str, number: int | None = None) -> str:
    """A letter with layer and time step below it and a number above, in braces: it may be raised.

    Without a layer the number stands below.
    """
    if numbered := re.fullmatch(r"([a-zA-Z])(\d+)", letter):  # w1 is w with the index 1
        return rf"{{{numbered[1]}_{{{','.join([*_below(layer), numbered[2]])}}}}}"
    if len(letter) > 1 and not letter.startswith("\\"):
        letter = _upright(letter)
    below = _below(layer)
    if number is not None and below:
        letter += rf"^{{({number})}}"
    elif number is not None:
        below = [str(number)]
    index = rf"_{{{','.join(below)}}}" if below else ""
    return rf"{{{letter}{index}}}" if below else letter


def _below(layer: str) -> list[str]:
    return [_upright(STEP.sub("", layer)), *STEP.findall(layer)] if layer else []


def _upright(name: str) -> str:
    """A word in a formula; LaTeX takes other letters than English ones in text alone."""
    command = r"\mathrm" if name.isascii() else r"\text"
    return f"{command}{{{_escaped(name)}}}"


def _escaped(name: str) -> str:
    return name.replace("_", r"\_")
