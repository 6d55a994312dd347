"""One entry of a gradient, number by number: everything that is added up in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, GradientError, UnknownNameError, shown
from glassgrad.gradients import differentiate
from glassgrad.gradients.reverse import nodes_between
from glassgrad.graph import (
    Binding,
    Formula,
    Notation,
    Tensor,
    constant,
    float_type,
    placeholder,
    walk,
)
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.lens.derivation import Derivation, is_passed_over
from glassgrad.lens.explanation import Contribution, FollowedEntry, Place
from glassgrad.lens.naming import gradient_of
from glassgrad.lens.part import Part, operands_of, part_of
from glassgrad.lens.targets import named_tensors

__all__ = ["Entry", "followed_entries", "followed_entry"]

Entry = tuple[Any, ...]
"""A name and whole numbers: ("dense/kernel", 3, 7)."""

MOST_RULES = 4
SUM = Notation("{a} + {b}", "{a} + {b}", Binding.SUM)


def followed_entries(derivation: Derivation, wanted: Any) -> tuple[FollowedEntry, ...]:
    """Follow one entry, or each of a list of entries; none where nothing is wanted.

    Raises:
        UnknownNameError, ArgumentError, GradientError: as ``followed_entry``.
    """
    if wanted is None:
        return ()
    entries = wanted if isinstance(wanted, list) else [wanted]
    return tuple(followed_entry(derivation, entry) for entry in entries)


def followed_entry(derivation: Derivation, entry: Entry) -> FollowedEntry:
    """Follow one entry of a gradient: what each element of the gradients that come in adds to it.

    Formula: dL/dw_e = sum over the quantities y that are computed from w, and over their elements
    j, of dL/dy_j dy_j/dw_e.

    The rule of a tensor is linear in the gradient that comes in: dy_j/dw_e is the derivative of
    entry e of what it gives by element j of that gradient. So one mechanism does for dense layers,
    convolutions, embeddings, recurrence and everything else.

    Args:
        derivation: what is explained.
        entry: the name of a parameter, of data or of another quantity, and the place in it.

    Raises:
        UnknownNameError: there is nothing of that name.
        ArgumentError: it is no place of it.
        GradientError: the loss does not depend on it.
    """
    target = _target(derivation, entry)
    name = derivation.names[target.key]
    place = _place(name, target.shape, entry[1:])
    with float_type("float64"):
        uses = _uses(derivation, target, place)
        (slope,) = derivation.gradients_of([target])
    if slope is None or not uses:
        raise GradientError(
            f"The loss does not depend on {name.plain}: there is nothing to follow."
        )
    (total,) = derivation.evaluate([slope])
    found = [_contributions(use, derivation) for use in uses]
    return FollowedEntry(
        gradient_of(name).plain + at(place),
        name.plain + at(place),
        float(derivation.value(target)[place]),
        _sum([use.rule(derivation.names) for use in uses]),
        tuple(one for some, _ in found for one in some),
        sum(zeros for _, zeros in found),
        float(total[place]),
    )


@dataclass(frozen=True, eq=False)
class _Use:
    """One quantity that is computed from the target, and its rule.

    Args:
        part: its formula by itself.
        gradient: its gradient.
        incoming: a place for the gradient.
        outgoing: what the target gets of it.
        local: the derivative of each element of the quantity by the entry; ``None`` if there
            is none.
        target: the key of the target.
    """

    part: Part
    gradient: Tensor
    incoming: Tensor
    outgoing: Tensor
    local: Tensor | None
    target: Key

    def rule(self, named: Mapping[Key, Formula]) -> Formula:
        """What the whole target gets of the quantity."""
        slope = gradient_of(named[self.part.tensor.key])
        return self.part.formula(self.outgoing, named, {self.incoming.key: slope})


def _uses(derivation: Derivation, target: Tensor, place: Place) -> list[_Use]:
    """The quantities on the way to the loss whose formula names the target."""
    users = _users(derivation, target)
    found = []
    for user, gradient in zip(users, derivation.gradients_of(users), strict=True):
        part = part_of(user, derivation.names)
        incoming = placeholder(user.shape, user.dtype)
        outgoing = part.back(incoming).get(target.key)
        if gradient is None or outgoing is None:  # nothing comes, or goes, back
            continue
        element = outgoing[place] if place else outgoing
        one = constant(1.0, str(element.dtype))
        (local,) = differentiate([element], [one], [incoming])
        found.append(_Use(part, gradient, incoming, outgoing, local, target.key))
    return found


def _users(derivation: Derivation, target: Tensor) -> list[Tensor]:
    between = nodes_between([derivation.loss], [target])
    tensors = [tensor for node in between for tensor in node.outputs]
    return [
        tensor
        for tensor in tensors
        if tensor.key in derivation.names
        and tensor.dtype.kind == "f"
        and target.key in {one.key for one in operands_of(tensor, derivation.names)}
    ]


# ---- what is added


def _contributions(use: _Use, derivation: Derivation) -> tuple[list[Contribution], int]:
    """What the elements of one gradient add, and how many of them add zero."""
    if use.local is None:
        return [], 0
    gradient = derivation.value(use.gradient)
    values = {one.key: derivation.value(one) for one in (*use.part.operands, use.part.tensor)}
    (local,) = use.part.evaluate([use.local], values)
    origin = _origin(use, local, values)
    takes_part = local != 0 if origin is None else origin.places >= 0
    with np.errstate(invalid="ignore"):
        adds = gradient * local != 0
    if origin is not None:
        adds &= takes_part  # of a gradient that is NaN as well
    slope = gradient_of(derivation.names[use.part.tensor.key]).plain
    found = [
        Contribution(
            slope + at(place),
            place,
            float(gradient[place]),
            "" if origin is None else origin.number(derivation.names, place),
            float(local[place]),
        )
        for place in map(tuple, np.argwhere(adds).tolist())
    ]
    return found, int((takes_part & ~adds).sum())


@dataclass(frozen=True, eq=False)
class _Origin:
    """Where local derivatives come from: each is an element of one tensor of the forward pass.

    Args:
        operand: the tensor.
        places: for each local derivative the number of the element, -1 for what is always zero.
    """

    operand: Tensor
    places: Array

    def number(self, named: Mapping[Key, Formula], place: Place) -> str:
        """The element by name and place."""
        element = np.unravel_index(self.places[place], self.operand.shape)
        return named[self.operand.key].plain + at(tuple(map(int, element)))


def _origin(use: _Use, local: Array, values: Mapping[Key, Array]) -> _Origin | None:
    """The operand whose elements the local derivatives are, if there is one.

    Its elements are marked: they become random numbers, all different. Where the rule hands them
    on as they are, every local derivative is one of these marks now.
    """
    assert use.local is not None
    needed = {tensor.key for node in walk([use.local]) for tensor in node.outputs}
    for operand, place in zip(use.part.operands, use.part.places, strict=True):
        if place.key not in needed or operand.key == use.target or operand.dtype.kind != "f":
            continue
        marks = np.random.default_rng(0).normal(size=operand.shape)
        (seen,) = use.part.evaluate([use.local], values, {operand.key: marks})
        places = _places(seen, marks)
        if places is None:
            continue
        told = np.where(places >= 0, values[operand.key].reshape(-1)[places], 0.0)
        if np.array_equal(told, local):
            return _Origin(operand, places)
    return None


def _places(seen: Array, marks: Array) -> Array | None:
    """Which mark each number is, -1 for zeros; ``None`` where one is something else."""
    marks = marks.reshape(-1)
    order = np.argsort(marks)
    nearest = np.minimum(np.searchsorted(marks, seen, sorter=order), marks.size - 1)
    places = np.where(seen == 0, -1, order[nearest])
    is_mark = (places < 0) | (marks[places] == seen)
    return places if is_mark.all() else None


# ---- what was asked for


def _target(derivation: Derivation, entry: Any) -> Tensor:
    """The tensor of a name, in which dots and slashes are the same."""
    if not isinstance(entry, tuple | list) or not entry or not isinstance(entry[0], str):
        raise ArgumentError(
            'An entry is a name and a place in it, such as ("dense/kernel", 3, 7). '
            f"Got {shown(entry)}."
        )
    subject, names = derivation.subject, derivation.names
    tensors = [t for node in derivation.nodes for t in node.outputs if t.key in names]
    known = {names[tensor.key].plain: tensor for tensor in tensors if tensor.dtype.kind == "f"}
    read = {tensor.key for tensor in tensors}
    pairs = zip(subject.names, subject.inputs, strict=True)
    whole = {name: tensor for name, tensor in pairs if tensor.key in read}
    found = {_dotted(name): tensor for name, tensor in (whole | known).items()}
    wanted = next(
        (one for one in (_dotted(entry[0]), derivation.naming.written(entry[0])) if one in found),
        None,
    )
    if wanted is None:
        output = named_tensors(subject).get(entry[0].replace(".", "/"))
        if output is not None and is_passed_over(output, derivation):
            raise GradientError(
                f"{entry[0]!r} and the loss are one step, so it has no gradient of its own. Two "
                "steps: fused=False."
            )
        entering = {tensor.key for tensor in subject.inputs}
        main = [name for name, t in known.items() if t.key in entering or "." not in name]
        raise UnknownNameError("quantity", entry[0], main)
    return found[wanted]


def _dotted(name: str) -> str:
    return name.replace("/", ".")


def _place(name: Formula, shape: tuple[int, ...], given: Sequence[Any]) -> Place:
    """A place in a tensor, counted from the start.

    Raises:
        ArgumentError: it is none.
    """
    is_whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in given)
    fits = is_whole and len(given) == len(shape)
    if not fits or not all(-length <= n < length for n, length in zip(given, shape, strict=True)):
        least = ", ".join(["0"] * len(shape))
        most = ", ".join(str(length - 1) for length in shape)
        rule = (
            f"An entry of {name.plain}, of shape {shape}, is named by {len(shape)} whole numbers, "
            f"from ({least}) to ({most})."
            if shape
            else f"{name.plain} is a single number: its entry is named without a place."
        )
        raise ArgumentError(f"{rule} Got {shown(tuple(given))}.")
    return tuple(int(n) % length for n, length in zip(given, shape, strict=True))


def at(place: Place) -> str:
    """A place as it is written behind a name: nothing for a single number."""
    return f"[{', '.join(map(str, place))}]" if place else ""


def _sum(rules: Sequence[Formula]) -> Formula:
    """The rules of all uses; of many, as over time, the first two and the last."""
    if len(rules) > MOST_RULES:
        rules = [*rules[:2], Formula("…", r"\cdots"), rules[-1]]
    return reduce(lambda a, b: SUM.write({"a": a, "b": b}), rules)
