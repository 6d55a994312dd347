"""What the optimizer makes of each parameter: its own formula, line by line, with numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import exp

import numpy as np

from glassgrad.graph import (
    Constant,
    Formula,
    Leaf,
    Node,
    Read,
    Tensor,
    Variable,
    constant,
    evaluate,
    float_type,
    placeholder,
    rewrite,
    walk,
)
from glassgrad.graph.graph import Values
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.lens.arithmetic import number_of, simplified
from glassgrad.lens.derivation import Derivation
from glassgrad.lens.explanation import ExplainedUpdate, Line
from glassgrad.lens.naming import Naming, gradient_of
from glassgrad.lens.opening import Opening
from glassgrad.lens.writing import Writer
from glassgrad.ops.elementwise import (
    Cast,
    Exp,
    Expm1,
    Multiply,
    Negative,
    multiply,
    power,
    subtract,
)
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.optimizers import Optimizer

__all__ = ["explained_updates"]

DIGITS = 15
"""Of an optimizer's numbers, as they are written: 1 - 0.9 is 0.1."""

SCOPE = "optimizer"
SYMBOLS = {"learning_rate": r"\eta", "step": "t"}


def explained_updates(derivation: Derivation) -> tuple[ExplainedUpdate, ...]:
    """What one step of the model's optimizer makes of the parameters, in float64.

    The formula is that of the optimizer's step, with weight decay, clipping, averages and
    constraints, on copies of the parameters and of the slots: nothing of the model changes.

    Args:
        derivation: what is explained; without a model there is no optimizer.
    """
    optimizer = getattr(derivation.subject.model, "optimizer", None)
    if optimizer is None:
        return ()
    with float_type("float64"):
        step = _step(derivation, optimizer)
    asked = {tensor.key for tensor in derivation.targets}
    return tuple(_explained(step, one) for one in step.parameters if one.tensor.key in asked)


# ---- the step as a graph


@dataclass(frozen=True, eq=False)
class _Parameter:
    """A parameter in a step.

    Args:
        tensor: where it enters the loss.
        twin: the variable that is optimized in its stead.
        slots: what is kept for it.
        place: a place for its gradient.
        gradient: the gradient.
        name: what it is called.
    """

    tensor: Tensor
    twin: Variable
    slots: Mapping[str, Variable]
    place: Tensor
    gradient: Array
    name: Formula


@dataclass(frozen=True, eq=False)
class _Step:
    """A step of an optimizer.

    Args:
        optimizer: its class.
        parameters: those that change.
        new: the new value of each variable.
        shared: by name, numbers that are the same for all elements.
        names: of all that enters; gains what is computed from several gradients, as the norm of
            all is, so that it is told once.
        naming: makes more names.
        values: by node, those of what enters; gains what is computed.
    """

    optimizer: str
    parameters: Sequence[_Parameter]
    new: Mapping[Variable, Tensor]
    shared: Mapping[str, Tensor]
    names: dict[Key, Formula]
    naming: Naming
    values: Values = field(default_factory=dict)

    def value(self, tensor: Tensor) -> Array:
        with np.errstate(all="ignore"):  # infinities and NaN are results
            (found,) = evaluate([tensor], np, self.values)
        return found


def _step(derivation: Derivation, optimizer: Optimizer) -> _Step:
    subject = derivation.subject
    tensors, slopes = _reached(derivation)
    values = derivation.evaluate(slopes)
    own = [subject.variables[subject.name_of(tensor)] for tensor in tensors]
    twins = {one: _twin(one, subject.value_of(t)) for one, t in zip(own, tensors, strict=True)}
    other = optimizer.standing_in(twins)
    other.loss_scale_factor = None  # the gradients are those of the loss as it is
    parameters = [
        _Parameter(
            tensor,
            twin,
            other.slots_of(twin),
            placeholder(tensor.shape, "float64"),
            gradient,
            derivation.names[tensor.key],
        )
        for tensor, twin, gradient in zip(tensors, twins.values(), values, strict=True)
    ]
    new = other.new_values([(one.place, one.twin) for one in parameters], list(twins.values()))
    shared = _shared(list(new.values()))
    opened = Opening()([*new.values(), *shared.values()])
    kept = {slot for one in parameters for slot in one.slots.values()}
    counters = [one for one in other.variables if one not in kept]
    after = iter(rewrite(simplified(opened), partial(_readable, counters)))
    new, shared = dict(zip(new, after, strict=False)), dict(zip(shared, after, strict=False))
    given: Values = {one.place.node: (one.gradient,) for one in parameters}
    kind = type(other).__name__
    step = _Step(kind, parameters, new, shared, {}, derivation.naming, given)
    return replace(step, names=_names(step, other))


def _reached(derivation: Derivation) -> tuple[list[Tensor], list[Tensor]]:
    """The variables that the loss depends on, and their gradients."""
    subject = derivation.subject
    parameters = [t for t in subject.parameters if subject.name_of(t) in subject.variables]
    slopes = derivation.gradients_of(parameters)
    pairs = [(t, slope) for t, slope in zip(parameters, slopes, strict=True) if slope is not None]
    return [tensor for tensor, _ in pairs], [slope for _, slope in pairs]


def _twin(variable: Variable, value: Array) -> Variable:
    return Variable(value, name=variable.name, dtype="float64", constraint=variable.constraint)


def _shared(outputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """The numbers that the formula of one element takes and that are the same for all."""
    found: dict[str, Tensor] = {}
    for node in walk(outputs):
        operation = node.operation
        if isinstance(operation, ElementwiseMap):
            places = operation.body.inputs[: operation.shared]
            labels = [getattr(place.node.operation, "label", "rate") for place in places]
            found |= dict(zip(labels, node.inputs[: operation.shared], strict=True))
    return found


def _readable(
    counters: Collection[Variable], node: Node, inputs: tuple[Tensor, ...]
) -> Sequence[Tensor] | None:
    """A node as a person writes it.

    Numbers have few digits, in products they come first, and powers are written as such where the
    optimizer takes logarithms to save the last digits.
    """
    operation = node.operation
    if isinstance(operation, Constant):
        number = number_of(node.outputs[0])
        is_float = operation.value.dtype.kind == "f"
        return None if number is None or not is_float else (_number(number, node),)
    if isinstance(operation, Multiply):
        first, second = sorted(inputs, key=lambda one: _variety(one, counters))
        return None if first is inputs[0] else (multiply(first, second),)
    if isinstance(operation, Exp):
        raised = _power(inputs[0])
        return None if raised is None else (raised,)
    if isinstance(operation, Negative) and isinstance(inputs[0].node.operation, Expm1):
        raised = _power(inputs[0].node.inputs[0])
        return None if raised is None else (subtract(1.0, raised),)
    return None


def _variety(tensor: Tensor, counters: Collection[Variable]) -> int:
    """0 for a number, 1 for what only the count of steps and the learning rate decide, else 2."""
    if number_of(tensor) is not None:
        return 0
    leaves = [node.operation for node in walk([tensor]) if not node.inputs]
    read = [one for one in leaves if not isinstance(one, Constant)]
    return 1 if all(isinstance(one, Read) and one.variable in counters for one in read) else 2


def _number(number: float, node: Node) -> Tensor:
    (spec,) = node.specs
    rounded = float(f"{number:.{DIGITS}g}")
    return constant(np.full(spec.shape, rounded, spec.dtype), str(spec.dtype))


def _power(exponent: Tensor) -> Tensor | None:
    """exp(t log b) as b ** t."""
    if not isinstance(exponent.node.operation, Multiply):
        return None
    logarithm, t = exponent.node.inputs  # numbers stand first by now
    number = number_of(logarithm)
    if number is None or t.shape:
        return None
    base = constant(float(f"{exp(number):.{DIGITS}g}"), str(t.dtype))
    raised: Tensor = power(base, t)
    return raised


# ---- names


def _names(step: _Step, optimizer: Optimizer) -> dict[Key, Formula]:
    """What everything that enters is called."""
    found = {one.place.key: gradient_of(one.name) for one in step.parameters}
    of_variables = {one.twin: one.name for one in step.parameters}
    for one in step.parameters:
        of_variables |= {slot: _slot(one.name, name) for name, slot in one.slots.items()}
    count = optimizer.variables[0]
    for node in walk([*step.new.values(), *step.shared.values()]):
        tensor, operation = node.outputs[0], node.operation
        if isinstance(operation, Read):
            variable = operation.variable
            found[tensor.key] = of_variables.get(variable) or _symbol(variable.name)
        elif isinstance(operation, Constant) and operation.value.size > 1:
            found[tensor.key] = step.naming.auxiliary(SCOPE, tensor)
        elif isinstance(operation, Cast) and _reads_only(node.inputs[0], count):
            number = int(step.value(tensor)) - int(count.numpy())
            name = {0: "iterations", 1: "step"}.get(number)
            if name is not None:
                found[tensor.key] = _symbol(name)
    return found


def _reads_only(tensor: Tensor, variable: Variable) -> bool:
    leaves = [n.operation for n in walk([tensor]) if isinstance(n.operation, Leaf)]
    read = [one for one in leaves if not isinstance(one, Constant)]
    return bool(read) and all(isinstance(o, Read) and o.variable is variable for o in read)


def _symbol(name: str) -> Formula:
    escaped = name.replace("_", r"\_")
    return Formula(name, SYMBOLS.get(name, rf"\mathrm{{{escaped}}}"))


def _slot(parameter: Formula, name: str) -> Formula:
    return Formula(f"{parameter.plain}.{name}", rf"{{{_symbol(name).latex}_{{{parameter.latex}}}}}")


def _after(name: Formula) -> Formula:
    """What the new value of something is called."""
    return Formula(f"{name.plain}.new", rf"{{{name.latex}}}^{{\prime}}")


# ---- lines


def _explained(step: _Step, parameter: _Parameter) -> ExplainedUpdate:
    own = {slot: _slot(parameter.name, name) for name, slot in parameter.slots.items()}
    own[parameter.twin] = parameter.name
    results = [(_after(own[one]), step.new[one]) for one in own if one in step.new]
    nodes = walk([tensor for _, tensor in results], lambda one: one.key in step.names)
    made, named = {t.key for node in nodes for t in node.outputs}, step.names.keys()
    shared = [(_symbol(name), t) for name, t in step.shared.items() if t.key in made - named]
    after = step.value(step.new[parameter.twin])
    lines = [*_given(step, parameter, nodes), *_computed(step, [*shared, *results], nodes)]
    return ExplainedUpdate(
        parameter.name, step.optimizer, tuple(lines), parameter.twin.numpy(), after
    )


def _given(step: _Step, parameter: _Parameter, nodes: Sequence[Node]) -> list[Line]:
    """What enters: numbers for all elements, then slots, the gradient and the parameter."""
    slots = [slot.tensor.key for slot in parameter.slots.values()]
    own = [*slots, parameter.place.key, parameter.twin.tensor.key]
    others = {key for one in step.parameters for key in (one.place.key, one.twin.tensor.key)}
    used = {tensor.key: tensor for node in nodes for tensor in node.inputs}
    shown = [key for key in used if key in step.names and key not in others and key not in slots]
    shown += [key for key in own if key in used]
    lines = {
        step.names[key].plain: Line("given", step.names[key], None, step.value(used[key]))
        for key in shown
    }
    return list(lines.values())


def _computed(
    step: _Step, results: Sequence[tuple[Formula, Tensor]], nodes: Sequence[Node]
) -> list[Line]:
    """A line for each result and for what they use more than once, in the order of computation."""
    names = dict(step.names)
    for name, tensor in results:
        names.setdefault(tensor.key, name)
    writer = Writer(names, lambda tensor: step.naming.auxiliary(SCOPE, tensor))
    writer.name_shared([operand for _, one in results for operand in one.node.inputs])
    found = [
        (
            tensor,
            "rule",
            name,
            writer.expression(tensor) if names[tensor.key] == name else names[tensor.key],
        )
        for name, tensor in results
    ]
    found += [(part, "where", called, written) for part, called, written in writer.parts]
    gradients = {parameter.place.key for parameter in step.parameters}
    for part, called, _ in writer.parts:
        if len(gradients & {t.key for node in walk([part]) for t in node.outputs}) > 1:
            step.names[part.key] = called
    order = {node: number for number, node in enumerate(nodes)}
    found.sort(key=lambda one: order.get(one[0].node, 0))
    return [Line(label, name, text, step.value(tensor)) for tensor, label, name, text in found]
