"""What a loss is differentiated by: variables, tensors, or what has a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glassgrad.errors import ArgumentError, DtypeError, GradientError, UnknownNameError, shown
from glassgrad.graph import Tensor, Variable
from glassgrad.graph.trees import flatten
from glassgrad.lens.subject import Subject

__all__ = ["named_tensors", "targets_of"]


def targets_of(
    subject: Subject, variables: Sequence[Tensor | Variable | str] | None
) -> tuple[Tensor, ...]:
    """The tensors of a subject's graph that are meant, each once.

    Args:
        subject: what is looked at; tensors among the variables are those that it watches.
        variables: by default its parameters.

    Raises:
        GradientError: there is nothing to differentiate by.
        ArgumentError: it is neither a variable nor a tensor nor a name, or a variable that the
            loss does not read.
        UnknownNameError: nothing has this name.
        DtypeError: it holds no floats.
    """
    chosen = subject.parameters if variables is None else _chosen(subject, variables)
    if not chosen:
        raise GradientError(
            "There is nothing to differentiate by: use a trainable Variable, or "
            "Tensor(..., requires_grad=True)."
        )
    return tuple({tensor.key: tensor for tensor in chosen}.values())


def named_tensors(subject: Subject) -> Mapping[str, Tensor]:
    """Everything that has a name: what enters, and the outputs of layers.

    A path can be shortened from the left, as far as it is the only one with this end.
    """
    whole = dict(zip(subject.names, subject.inputs, strict=True))
    around = next((c.scope for c in reversed(subject.calls) if c.layer is subject.model), "")
    for call in subject.calls:
        outputs = [one for one in flatten(call.outputs)[0] if isinstance(one, Tensor)]
        if len(outputs) == 1:
            whole.setdefault(call.scope.removeprefix(f"{around}/"), outputs[0])
    for call in subject.calls:
        outputs = [one for one in flatten(call.outputs)[0] if isinstance(one, Tensor)]
        if len(outputs) == 1:
            whole.setdefault(call.scope, outputs[0])
    found: dict[str, Tensor] = {}
    ambiguous: set[str] = set()
    for path, tensor in whole.items():
        parts = path.split("/")
        for first in range(1, len(parts)):
            end = "/".join(parts[first:])
            if found.setdefault(end, tensor).key != tensor.key:
                ambiguous.add(end)
    return {**{end: one for end, one in found.items() if end not in ambiguous}, **whole}


def _chosen(subject: Subject, variables: Sequence[Tensor | Variable | str]) -> list[Tensor]:
    watched = iter(subject.watched)
    tensors = [one for one in variables if isinstance(one, Tensor)]
    if len(subject.watched) < len(tensors):  # a model's graph is made afresh
        raise ArgumentError(
            "What a model computes is meant by a name, such as 'hidden', 'hidden/kernel' or 'x'. "
            f"Got {shown(tensors[0])}."
        )
    chosen = [
        next(watched) if isinstance(one, Tensor) else _found(subject, one) for one in variables
    ]
    for one, tensor in zip(variables, chosen, strict=True):
        if tensor.dtype.kind != "f":
            raise DtypeError(f"Only floats have a gradient. Got {shown(one)} of {tensor.dtype}.")
    return chosen


def _found(subject: Subject, one: Variable | str) -> Tensor:
    if isinstance(one, Variable):
        names = [name for name, variable in subject.variables.items() if variable is one]
        if not names:
            raise ArgumentError(
                f"A gradient belongs to what the loss is computed from. Got {one!r}, which it "
                "does not read."
            )
        return subject.inputs[subject.names.index(names[0])]
    if not isinstance(one, str):
        raise ArgumentError(
            f"What to differentiate by is a variable, a tensor or a name. Got {shown(one)}."
        )
    named = named_tensors(subject)
    name = one if one in named else one.replace(".", "/")
    if name not in named:
        raise UnknownNameError("quantity", one, tuple(named))
    return named[name]
