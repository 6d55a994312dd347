"""The backward pass, layer by layer: each chain rule as a formula and as numbers."""

from __future__ import annotations

from collections import ChainMap, Counter, defaultdict
from collections.abc import Container, Iterator, MutableMapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from glassgrad.arguments import checked
from glassgrad.gradients.reverse import listed
from glassgrad.graph import Formula, Leaf, Node, Tensor, Variable
from glassgrad.graph.tensor import Key
from glassgrad.lens.derivation import (
    Derivation,
    Unit,
    derived,
    is_passed_over,
    is_taken_apart,
)
from glassgrad.lens.entry import followed_entries
from glassgrad.lens.explanation import ExplainedLayer, ExplainedStep, Explanation, Line
from glassgrad.lens.naming import gradient_of, plain_path, share_of, time_of
from glassgrad.lens.picturing import picture_of_derivation
from glassgrad.lens.scalar import explained_weights
from glassgrad.lens.subject import subject_of
from glassgrad.lens.targets import targets_of
from glassgrad.lens.updates import explained_updates
from glassgrad.lens.writing import Writer

if TYPE_CHECKING:
    from glassgrad.models import Model

__all__ = ["explain", "written_down"]

#: Labels of the lines that give a gradient, or a share of one.
RESULTS = ("rule", "share", "sum")


@checked
def explain(
    target: Model | Tensor,
    x: Any = None,
    y: Any = None,
    *,
    variables: Sequence[Tensor | Variable | str] | None = None,
    entry: Any = None,
    fused: bool = True,
    training: bool = True,
    sample_weight: Any = None,
) -> Explanation:
    """Explain how the gradients of a loss come about, layer by layer.

    Every formula is the chain rule itself, run on named placeholders and printed; every number
    is its value, in float64.

    Args:
        target: a compiled model, or a scalar made of tensors and variables.
        x: for a model the inputs of one batch.
        y: its targets.
        variables: what to differentiate by; by default the trainable variables and the tensors
            made with ``requires_grad=True``. A name means an input ("x"), a parameter
            ("hidden/kernel") or the output of a layer ("hidden").
        entry: entries of parameters or outputs of layers to be followed number by number:
            ``("hidden/kernel", 3, 7)``, or a list of such.
        fused: whether softmax and its cross-entropy are one step, with the gradient p - y, or two.
        training: whether layers behave as in training (dropout, batch statistics).
        sample_weight: how much each example counts.

    Raises:
        GradientError: there is nothing to differentiate by.
        ArgumentError: there is neither a model nor a tensor.
        UnknownNameError: nothing is called like that.
        NotBuiltError: the model is not compiled.
        ShapeError: the tensor is no scalar, or the data do not fit the model.
        DataError, DtypeError: the data do not fit the model or the loss.

    Example:
        >>> x = Tensor(3.0, requires_grad=True)
        >>> for line in explain(x.square()).lines:
        ...     print(line.name.plain, "=", line.formula.plain, "=", line.value)
        L = x ** 2 = 9.0
        dL/dx = 2 * dL/dL * x = 6.0
    """
    chosen = None if variables is None else listed(variables)
    watched = [one for one in chosen or () if isinstance(one, Tensor)]
    subject = subject_of(target, x, y, sample_weight, training=training, watched=watched)
    derivation = derived(subject, targets_of(subject, chosen), fused=fused)
    explanation = written_down(derivation)
    weights, notes = explained_weights(derivation)
    return replace(
        explanation,
        weights=weights,
        updates=explained_updates(derivation),
        entries=followed_entries(derivation, entry),
        notes=(*explanation.notes, *notes),
    )


def written_down(derivation: Derivation) -> Explanation:
    """A derivation as lines of formulas with their values."""
    return _Account(derivation).explanation()


class _Sketch(NamedTuple):
    """A line whose value is not known yet."""

    label: str
    name: Formula
    formula: Formula | None
    tensor: Tensor
    of: str = ""


def _given(name: Formula, tensor: Tensor) -> _Sketch:
    return _Sketch("given", name, None, tensor)


class _Account:
    """Writes a derivation down, line by line."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.naming = derivation.naming
        self.names = dict(derivation.names)
        self.uses = Counter(
            tensor.key for unit in derivation.units for tensor, _ in self._contributions(unit)
        )
        self.counted: Counter[Key] = Counter()
        self.shares: defaultdict[str, list[Line]] = defaultdict(list)

    def explanation(self) -> Explanation:
        """All of it."""
        derivation = self.derivation
        entering = [_given(self.names[tensor.key], tensor) for tensor in self._entering()]
        forward = self._forward()
        backward = [(unit, self._backward(unit)) for unit in derivation.units]
        sketches = [*entering, *(one for some in forward.values() for one in some)]
        sketches += [one for _, some in backward for one in some]
        derivation.evaluate([one.tensor for one in sketches])
        loss = derivation.loss
        of_loss = [one for one in forward.get(loss.node, ()) if one.tensor.key == loss.key]
        return Explanation(
            derivation.subject.title,
            self._line(of_loss[0] if of_loss else _given(self.names[loss.key], loss)),
            tuple(map(self._line, entering)),
            tuple(self._line(one) for some in forward.values() for one in some),
            tuple(self._layers(forward, backward)),
            fused=derivation.fused,
            notes=tuple(_notes(derivation)),
            picture=picture_of_derivation(derivation),
        )

    def _line(self, sketch: _Sketch) -> Line:
        value = self.derivation.value(sketch.tensor)
        return Line(sketch.label, sketch.name, sketch.formula, value, sketch.of)

    def _entering(self) -> list[Tensor]:
        """What enters: inputs of a model, then parameters and constants, then targets."""
        subject = self.derivation.subject
        parts = {
            tensor.key: name.partition("/")[0].rstrip("0123456789")
            for tensor, name in zip(subject.inputs, subject.names, strict=True)
            if name not in subject.variables
        }
        places = {"x": -1, "y": 1, "sample_weight": 2} if subject.model is not None else {}
        entering = [
            tensor
            for node in self.derivation.nodes
            if isinstance(node.operation, Leaf)
            for tensor in node.outputs
            if tensor.key in self.names
        ]
        return sorted(entering, key=lambda one: places.get(parts.get(one.key, ""), 0))

    # ---- forward

    def _forward(self) -> dict[Node, list[_Sketch]]:
        """The lines of the forward pass, by the node whose outputs have the names."""
        found: dict[Node, list[_Sketch]] = {}
        for tensor in self.derivation.named:
            writer = self._writer(self.names, tensor.node.scope)
            formula = writer.expression(tensor)
            sketches = found.setdefault(tensor.node, [])
            sketches += [_Sketch("forward", name, text, part) for part, name, text in writer.parts]
            sketches.append(_Sketch("forward", self.names[tensor.key], formula, tensor))
        return found

    def _writer(self, names: MutableMapping[Key, Formula], scope: str) -> Writer:
        return Writer(names, lambda tensor: self.naming.auxiliary(scope, tensor))

    # ---- backward

    def _contributions(self, unit: Unit) -> Iterator[tuple[Tensor, Tensor]]:
        """What a unit adds to the gradients of tensors that have a name, parameters first."""
        derivation = self.derivation
        pairs = [
            (tensor, gradient)
            for step in unit.steps
            for tensor, gradient in zip(step.node.inputs, step.outgoing, strict=True)
            if gradient is not None
            and tensor.key in derivation.followed
            and tensor.key in derivation.names
        ]
        return iter(sorted(pairs, key=lambda pair: bool(pair[0].node.inputs)))

    def _backward(self, unit: Unit) -> list[_Sketch]:
        local = ChainMap({}, self.names)  # what is named here is named here alone
        sketches = []
        for tensor in unit.root.outputs:
            total = self.derivation.totals.get(tensor.key)
            if total is not None and tensor.key in self.names:
                local[total.key] = gradient_of(self.names[tensor.key])
                sketches.append(_Sketch("incoming", local[total.key], None, total))
        writer = self._writer(local, unit.scope)
        pairs = [(tensor, writer.tidy(gradient)) for tensor, gradient in self._contributions(unit)]
        writer.name_shared([gradient for _, gradient in pairs])
        rules = [
            sketch
            for tensor, gradient in pairs
            for sketch in self._rule(tensor, gradient, writer.formula(gradient))
        ]
        where = [_Sketch("where", name, text, part) for part, name, text in writer.parts]
        return [*sketches, *where, *rules]

    def _rule(self, tensor: Tensor, gradient: Tensor, formula: Formula) -> list[_Sketch]:
        """The line of a gradient, or of one of several shares; after the last share the sum."""
        name = self.names[tensor.key]
        whole, count = gradient_of(name), self.uses[tensor.key]
        if count == 1:
            return [_Sketch("rule", whole, formula, gradient, name.plain)]
        self.counted[tensor.key] += 1
        number = self.counted[tensor.key]
        share = _Sketch("share", share_of(whole, number), formula, gradient)
        if number < count:
            return [share]
        shares = [share_of(whole, n) for n in range(1, count + 1)]
        added = Formula(
            " + ".join(one.plain for one in shares), " + ".join(one.latex for one in shares)
        )
        total = self.derivation.totals[tensor.key]
        return [share, _Sketch("sum", whole, added, total, name.plain)]

    # ---- layers

    def _layers(
        self, forward: dict[Node, list[_Sketch]], backward: list[tuple[Unit, list[_Sketch]]]
    ) -> Iterator[ExplainedLayer]:
        """Runs of steps of one scope."""
        owned: dict[Unit, list[int]] = {unit: [] for unit, _ in backward}
        owner = self._owners()
        for place, node in enumerate(self.derivation.nodes):
            if node in owner:
                owned[owner[node]].append(place)
        numbered = enumerate(backward, 1)
        for scope, run in groupby(numbered, key=lambda pair: pair[1][0].scope):
            pairs = [*run]
            places = sorted(place for _, (unit, _) in pairs for place in owned[unit])
            nodes = [self.derivation.nodes[place] for place in places]
            steps = tuple(self._step(number, *pair) for number, pair in pairs)
            yield self._layer(scope, nodes, steps, forward)

    def _owners(self) -> dict[Node, Unit]:
        """The unit with which each node's forward lines are shown.

        Its own, or, where no gradient passes, the first one of its scope that reads it.
        """
        owner = {step.node: unit for unit in self.derivation.units for step in unit.steps}
        for node in reversed(self.derivation.nodes):
            for tensor in node.inputs:
                reader = owner.get(node)
                if reader is not None and reader.scope == tensor.node.scope:
                    owner.setdefault(tensor.node, reader)
        return owner

    def _step(self, number: int, unit: Unit, sketches: Sequence[_Sketch]) -> ExplainedStep:
        operation = ", ".join(step.node.operation.name for step in unit.steps)
        title = f"{number} of {len(self.derivation.units)}  back through {operation}"
        lines = tuple(map(self._line, sketches))
        return ExplainedStep(title, operation, self.naming.layer(unit.scope), lines)

    def _layer(
        self,
        scope: str,
        nodes: Sequence[Node],
        steps: tuple[ExplainedStep, ...],
        forward: dict[Node, list[_Sketch]],
    ) -> ExplainedLayer:
        made = [self._line(one) for node in nodes for one in forward.get(node, ())]
        own = {gradient_of(line.name).plain for line in made}
        lines = [line for step in steps for line in step.lines]
        results = [line for line in lines if line.label in RESULTS]
        computed = {line.name.plain for line in results}
        parameters = {
            gradient_of(self.names[tensor.key]).plain
            for tensor in self.derivation.subject.parameters
            if tensor.key in self.names
        }
        arriving = [line for line in lines if line.label == "incoming"]
        shares = [*self._shares_from_elsewhere(results)]
        leaving = [line for line in results if _whole(line) not in own | parameters]
        return ExplainedLayer(
            self.naming.layer(scope),
            self._kind(scope),
            time_of(scope),
            tuple(self._given(nodes)),
            tuple(made),
            (
                *(line for line in arriving if line.name.plain not in computed),
                *(share for share in shares if _whole(share) in own),
            ),
            steps,
            tuple(_handed_on(leaving, {_whole(share) for share in shares})),
            tuple(_totals([line for line in results if _whole(line) in parameters])),
        )

    def _shares_from_elsewhere(self, results: Sequence[Line]) -> Iterator[Line]:
        """What is added here to a gradient, and was found by layers before."""
        here = {line.name.plain for line in results}
        for line in results:
            if line.label == "share":
                self.shares[_whole(line)].append(line)
        for total in results:
            if total.label == "sum":
                for share in self.shares[_whole(total)]:
                    if share.name.plain not in here:
                        yield replace(share, label="incoming", formula=None)

    def _given(self, nodes: Sequence[Node]) -> Iterator[Line]:
        """What the nodes read and did not compute."""
        inside = set(nodes)
        read = {tensor.key: tensor for node in nodes for tensor in node.inputs}
        for tensor in read.values():
            if tensor.node not in inside and tensor.key in self.names:
                yield self._line(_given(self.names[tensor.key], tensor))

    def _kind(self, scope: str) -> str:
        """The class of the layer; of steps in time that of the innermost layer around."""
        calls = {plain_path(call.scope): call.layer for call in self.derivation.subject.calls}
        path = plain_path(scope)
        while path:
            if path in calls:
                return type(calls[path]).__name__
            path = path.rpartition("/")[0] if time_of(scope) is not None else ""
        return ""


def _whole(line: Line) -> str:
    """The name of the gradient that a line gives, or gives a share of."""
    is_share = line.label == "share" or line.name.plain.endswith(")")
    return line.name.plain.rpartition("(")[0] if is_share else line.name.plain


def _handed_on(lines: Sequence[Line], begun: Container[str]) -> Iterator[Line]:
    """What a layer hands on: its shares of a sum that was begun elsewhere, else the whole."""
    summed = {line.name.plain for line in lines if line.label == "sum"}
    for line in lines:
        is_finished = _whole(line) in summed and _whole(line) not in begun
        if line.label == "rule" or is_finished == (line.label == "sum"):
            yield line


def _totals(lines: Sequence[Line]) -> Iterator[Line]:
    """Sums in place of the shares that they are made of, where they are there."""
    summed = {line.name.plain for line in lines if line.label == "sum"}
    return (line for line in lines if line.label != "share" or _whole(line) not in summed)


def _is_written(node: Node) -> bool:
    return isinstance(node.operation, Leaf) or node.operation.is_written()


def _notes(derivation: Derivation) -> Iterator[str]:
    """What a reader must know."""
    yield "All numbers are float64; parameters that are float32 are cast up."
    model = derivation.subject.model
    if model is not None and "train_step" in model.own_steps:
        yield "The model's own train_step is not looked at: the loss is that of compute_loss."
    if any("moving" in weight.name for weight in getattr(model, "non_trainable_variables", ())):
        yield "Moving averages of the layers stay as they are."
    steps = sorted({time for node in derivation.nodes if (time := time_of(node.scope)) is not None})
    if steps:
        count = f"{len(steps)} steps, {steps[0]} to {steps[-1]}" if len(steps) > 1 else "1 step"
        yield f"Loops over time are unrolled: {count}."
    if any(node.operation.name.startswith("Random") for node in derivation.nodes):
        yield "What is drawn at random (dropout, noise) is drawn as the next training step would."
    bare = {node.operation.name for node in derivation.nodes if not _is_written(node)}
    if bare:
        yield f"Written as calls by name, for want of a notation: {', '.join(sorted(bare))}."
    pairs = zip(derivation.targets, derivation.gradients, strict=True)
    missing = [target for target, gradient in pairs if gradient is None]
    unreached = []
    for target in missing:
        name = derivation.naming[target].plain
        if is_passed_over(target, derivation):
            yield f"{name} and the loss are one step, so {name} has no gradient: see fused=False."
        elif is_taken_apart(target, derivation):
            yield f"{name} is read step by step, never whole: its steps have the gradients."
        else:
            unreached.append(name)
    if unreached:
        yield f"The loss does not depend on {', '.join(unreached)}."
