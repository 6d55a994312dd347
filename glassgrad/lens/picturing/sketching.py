"""From a graph to a picture: which nodes belong to which box, and what flows between the boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glassgrad.graph import Leaf, Node, Tensor, walk
from glassgrad.graph.tensor import Key
from glassgrad.graph.trace import LayerCall
from glassgrad.graph.trees import leaves_of
from glassgrad.ops.elementwise import Cast
from glassgrad.ops.movement import BroadcastTo, Reshape

if TYPE_CHECKING:
    from glassgrad.gradients import Step
    from glassgrad.layers import Layer

__all__ = ["LOSS", "Part", "Shares", "Sketch"]


LOSS = "loss"
PASSED_OVER = (Cast, Reshape, BroadcastTo)  # between layers: they change no number


@dataclass(eq=False)
class Part:
    """What becomes one box: data that enter, a layer's call, an operation, or the loss.

    Args:
        name: once in a picture.
        kind: as that of a ``Box``.
        call: the layer's call, where it is one.
        outputs: what it gives.
        nodes: what it is made of.
        makers: at the time of the call, which part gave what entered or was handed on as it is.
        is_fused: whether the loss computes what the layer does as well, in one step.
    """

    name: str
    kind: str
    call: LayerCall | None = None
    outputs: list[Tensor] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    makers: Mapping[Key, Part] | None = None
    is_fused: bool = False


@dataclass
class Shares:
    """What one part takes from another, and what it gives back of the gradient.

    Args:
        tensors: what is taken.
        gradients: for each of them what the taking part adds to its gradient, to be summed.
    """

    tensors: dict[Key, Tensor] = field(default_factory=dict)
    gradients: dict[Key, list[Tensor]] = field(default_factory=lambda: defaultdict(list))


class Sketch:
    """The parts of a network and what flows between them.

    Args:
        outputs: what the network gives.
        loss: the loss, where there is one.
        entering: the name of everything that enters and is shown: data, and the parameters where
            no layer holds them.
        calls: the layers' calls, as the trace has noted them.
        depth: 1 shows the layers of the model, 2 those inside of them as well, and so on.
        model: the model, where there is one; its call is no part.
        operations: the names of tensors, where operations are parts; one whose result has no name
            belongs to the part that reads it.
    """

    def __init__(
        self,
        outputs: Sequence[Tensor],
        loss: Tensor | None,
        entering: Mapping[Key, str],
        *,
        calls: Sequence[LayerCall] = (),
        depth: int = 1,
        model: Layer | None = None,
        operations: Callable[[Tensor], str | None] | None = None,
    ) -> None:
        self.outputs, self.loss, self.entering = outputs, loss, entering
        self.model = model
        self.parts: list[Part] = []
        self.shares: dict[tuple[Part, Part], Shares] = defaultdict(Shares)
        self._owner: dict[Node, Part] = {}
        self._makers: dict[Key, Part] = {}  # of tensors that enter, or that a part hands on as is
        self._handed_on: list[tuple[Part, Part, Tensor]] = []
        self._detours: dict[tuple[Part, Part], tuple[Part, Part]] = {}
        self._taken: set[str] = set()
        ends = [*outputs, *([] if loss is None else [loss])]
        shown = _shown_calls(calls, model, depth)
        results = [one for call in shown for one in _tensors(call.outputs)]
        self._nodes = walk([*ends, *results])
        self._depends = self._dependent()
        for tensor in (node.outputs[0] for node in self._nodes if node.outputs):
            if tensor.key in entering:
                part = self._add(Part(entering[tensor.key], "data", outputs=[tensor]))
                self._makers[tensor.key] = part
        self._root = _scope_of_root(calls, model)
        for call in shown:
            self._claim(call)
        if operations is None:
            self._claim_rest(results)
        else:
            self._claim_by_name(operations)
        self._tell_parts()
        self._connect()
        self._lead_around_fused()
        self._sort()

    # ---- parts

    def _add(self, part: Part) -> Part:
        part.name = _unique(part.name, self._taken)
        self.parts.append(part)
        return part

    def _dependent(self) -> set[Node]:
        """The nodes to which something leads that is shown."""
        found: set[Node] = set()
        for node in self._nodes:
            if any(tensor.key in self.entering for tensor in node.outputs) or any(
                tensor.node in found for tensor in node.inputs
            ):
                found.add(node)
        return found

    def _claim(self, call: LayerCall) -> None:
        """Everything between the inputs and the outputs of a call is the layer's."""
        outputs = _tensors(call.outputs)
        name = call.scope.removeprefix(self._root)
        part = self._add(Part(name, "layer", call, outputs, makers=dict(self._makers)))
        stops = {tensor.key for tensor in _tensors(call.inputs)}
        pending = [tensor for tensor in outputs if tensor.key not in stops]
        while pending:
            node = pending.pop().node
            if node in self._owner or isinstance(node.operation, Leaf):
                continue
            if not _is_inside(node.scope, call.scope):
                continue
            self._owner[node] = part
            pending += [tensor for tensor in node.inputs if tensor.key not in stops]
        self._hand_on(part, [tensor for tensor in outputs if tensor.key in stops])

    def _hand_on(self, part: Part, tensors: Iterable[Tensor]) -> None:
        """What a layer hands on as it is comes from that layer from now on."""
        for tensor in tensors:
            for before in self._sources(tensor, part):
                self.shares[before, part].tensors[tensor.key] = tensor
                self._handed_on.append((before, part, tensor))
            self._makers[tensor.key] = part

    def _maker(self, tensor: Tensor, asking: Part | None = None) -> Part | None:
        """The part that a tensor comes from, as it was when another part asked for it."""
        makers = self._makers if asking is None or asking.makers is None else asking.makers
        return makers.get(tensor.key) or self._owner.get(tensor.node)

    def _claim_rest(self, results: Sequence[Tensor]) -> None:
        """What leads to no output of model or layer makes the loss; the rest stands for itself."""
        wanted = set(walk([*self.outputs, *results]))
        loss: Part | None = None
        for node in self._unclaimed():
            if node not in wanted:
                loss = loss or Part(LOSS, LOSS, outputs=[] if self.loss is None else [self.loss])
                self._owner[node] = loss
            elif node in self._depends and not isinstance(node.operation, PASSED_OVER):
                name = f"{node.scope}/{node.operation.name.lower()}".removeprefix(self._root)
                self._owner[node] = self._add(Part(name, "operation", outputs=[node.outputs[0]]))
        if loss is not None:
            self._add(loss)

    def _claim_by_name(self, name_of: Callable[[Tensor], str | None]) -> None:
        """Operations whose results have a name, each with what is written inside its formula."""
        for node in self._unclaimed():
            name = name_of(node.outputs[0])
            if name is not None:
                is_loss = self.loss is not None and node is self.loss.node
                part = Part(name, LOSS if is_loss else "operation", outputs=[node.outputs[0]])
                self._owner[node] = self._add(part)
        for node in reversed(self._nodes):
            for tensor in node.inputs if node in self._owner else ():
                if not isinstance(tensor.node.operation, Leaf):
                    self._owner.setdefault(tensor.node, self._owner[node])

    def _unclaimed(self) -> list[Node]:
        return [
            node
            for node in self._nodes
            if node not in self._owner and not isinstance(node.operation, Leaf)
        ]

    def _tell_parts(self) -> None:
        for node in self._nodes:
            if node in self._owner:
                self._owner[node].nodes.append(node)

    # ---- what flows

    def _connect(self) -> None:
        for node, part in self._owner.items():
            for tensor in node.inputs:
                for source in self._sources(tensor, part):
                    if source is not part:
                        self.shares[source, part].tensors[tensor.key] = tensor

    def _sources(self, tensor: Tensor, asking: Part) -> list[Part]:
        """The parts that a tensor comes from, over nodes that are not shown."""
        found: dict[Part, None] = {}
        pending = [tensor]
        while pending:
            one = pending.pop()
            maker = self._maker(one, asking)
            if maker is not None:
                found[maker] = None
            else:
                pending += one.node.inputs
        return list(found)

    def add_gradients(self, record: Sequence[Step], parameters: Iterable[Tensor]) -> None:
        """Note what each part gives back of the gradient, from the steps of the chain rule.

        Only on the way to parameters: the gradient of data is not asked for.
        """
        asked_for = self._leading_from({tensor.key for tensor in parameters})
        for step in record:
            part = self._owner.get(step.node)
            if part is None:
                continue
            for tensor, gradient in zip(step.node.inputs, step.outgoing, strict=True):
                if gradient is None:
                    continue
                for source in self._sources(tensor, part):
                    pair = self._detours.get((source, part), (source, part))
                    if source in asked_for and pair in self.shares:
                        self.shares[pair].gradients[tensor.key].append(gradient)
        for before, part, tensor in reversed(self._handed_on):
            for (source, _), shares in list(self.shares.items()):
                if source is part and before in asked_for:
                    taken = shares.gradients.get(tensor.key, [])
                    self.shares[before, part].gradients[tensor.key] += taken

    def _leading_from(self, parameters: set[Key]) -> set[Part]:
        """The parts that something depends on that is learnt."""
        found: set[Part] = set()
        for part in self.parts:  # in the order of the forward pass
            tensors = [tensor for node in part.nodes for tensor in node.inputs]
            sources = [source for source, target in self.shares if target is part]
            holds = any(tensor.key in parameters for tensor in (*tensors, *part.outputs))
            if holds or any(source in found for source in sources):
                found.add(part)
        return found

    def _lead_around_fused(self) -> None:
        """Show a softmax layer between logits and loss where the loss takes the logits itself.

        The stable form of the loss reads what goes into the last layer; to the reader the loss
        still follows that layer.
        """
        outputs = {self._maker(tensor) for tensor in self.outputs}
        for part in self.parts:
            after = [pair for pair in self.shares if pair[0] is part]
            if part.kind != "layer" or part not in outputs or after or self.loss is None:
                continue
            end = self._maker(self.loss)
            entering = [one for pair, one in self.shares.items() if pair[1] is part]
            taken = {key for one in entering for key in one.tensors}
            for source, target in list(self.shares):
                straight = self.shares[source, target]
                if target is end and source is not part and taken & straight.tensors.keys():
                    del self.shares[source, target]
                    self._detours[source, target] = (source, part)
                    part.is_fused = True
                    self.shares[part, target].tensors.update(
                        {tensor.key: tensor for tensor in part.outputs}
                    )

    def _sort(self) -> None:
        """Parts in the order of the forward pass, without data that nothing shown takes."""
        used = {part for pair in self.shares for part in pair}
        self.parts = [part for part in self.parts if part in used or part.kind != "data"]
        place = {node: number for number, node in enumerate(self._nodes)}
        first: dict[Part, tuple[int, int]] = {}
        waiting = dict.fromkeys(self.parts, 0)
        for number, part in enumerate(self.parts):
            nodes = part.nodes or [tensor.node for tensor in part.outputs]
            first[part] = min((place.get(node, 0) for node in nodes), default=0), number
        for _, target in self.shares:
            waiting[target] += 1
        ready = [(first[part], part) for part in self.parts if not waiting[part]]
        ordered = []
        while ready:
            _, part = ready.pop(ready.index(min(ready, key=lambda pair: pair[0])))
            ordered.append(part)
            for source, target in self.shares:
                if source is part:
                    waiting[target] -= 1
                    if not waiting[target]:
                        ready.append((first[target], target))
        self.parts = ordered


def _shown_calls(calls: Sequence[LayerCall], model: Layer | None, depth: int) -> list[LayerCall]:
    """The calls down to a depth, without those that are shown by what is inside of them."""
    parents = _parents(calls)
    inner = defaultdict[int, list[int]](list)
    for number, parent in parents.items():
        inner[parent].append(number)
    shown: list[int] = []

    def look(number: int, left: int) -> None:
        is_whole = calls[number].layer is model
        if inner[number] and (is_whole or left > 1):
            for one in inner[number]:
                look(one, left if is_whole else left - 1)
        else:
            shown.append(number)

    for number in inner[-1]:
        look(number, depth)
    return [calls[number] for number in sorted(shown)]


def _parents(calls: Sequence[LayerCall]) -> dict[int, int]:
    """For each call the one that it stands in: the next to end whose scope encloses its own."""
    found = {}
    for number, call in enumerate(calls):
        found[number] = next(
            (
                later
                for later in range(number + 1, len(calls))
                if call.scope.startswith(f"{calls[later].scope}/")
            ),
            -1,
        )
    return found


def _scope_of_root(calls: Sequence[LayerCall], model: Layer | None) -> str:
    return next((f"{call.scope}/" for call in reversed(calls) if call.layer is model), "")


def _is_inside(scope: str, outer: str) -> bool:
    """Whether a scope is another one, lies in it, or is a part of it, such as a step in time."""
    return scope.startswith(outer) and scope[len(outer) : len(outer) + 1] in ("", "/", "[", " ")


def _tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in leaves_of(tree) if isinstance(leaf, Tensor)]


def _unique(wanted: str, taken: set[str]) -> str:
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted} ({count})"
    taken.add(name)
    return name
