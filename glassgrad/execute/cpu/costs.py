"""What a launch costs, known before it runs: floating-point operations and bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import singledispatch
from math import prod

from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.launches import Buffer, Launch, Plan
from glassgrad.execute.cpu.lowered import (
    ConvolutionKernelSums,
    ConvolutionSpread,
    PartialSums,
    WinogradConvolution,
    WinogradKernelSums,
)
from glassgrad.execute.cpu.recurrence import (
    CELLS,
    Recurrence,
    RecurrenceGradient,
    RowsProduct,
)
from glassgrad.execute.cpu.simplify import StreamedUniform
from glassgrad.graph import Leaf, Node, Operation, TensorSpec
from glassgrad.ops.attention import Attention, AttentionGradient, OverKeys
from glassgrad.ops.convolution import Convolution
from glassgrad.ops.cumulative import CumulativeSum
from glassgrad.ops.elementwise import Cast, StopGradient
from glassgrad.ops.indexing import AddAlongAxis, ScatterAdd
from glassgrad.ops.linear import MatMul
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.ops.pooling import AveragePool, AveragePoolGradient, MaxPool, MaxPoolGradient
from glassgrad.ops.reduction import Reduction

__all__ = ["Cost", "costs_of", "flop_of", "threads_worth_meeting"]

Specs = Sequence[TensorSpec]

WORK_OF_A_MEETING = 8_000
"""Operations and bytes. Measured on two processors: where two threads have less than this each
from one barrier to the next (a step of less than about 12 us), they gain nothing together, and
lose up to a half if every step is a call of its own."""


@dataclass(frozen=True)
class Cost:
    """What a launch has to do.

    Args:
        flop: floating-point operations, as ``flop_of`` counts them, in all steps of a loop.
        read: bytes of all values that it reads, each once.
        written: bytes of all values that it leaves behind; scratch memory does not count.
    """

    flop: int
    read: int
    written: int

    @property
    def moved(self) -> int:
        """Bytes read and written together."""
        return self.read + self.written


def costs_of(plan: Plan) -> list[Cost]:
    """The cost of each launch of a plan, in order."""
    seen = {operand.buffer for operand in plan.outputs}
    seen.update(buffer for launch in plan.launches for buffer in launch.reads)
    return [
        Cost(
            flop=launch.repeats * _flop_of_launch(launch),
            read=launch.repeats * _bytes(launch.reads),
            # What lies in the workspace and nobody reads later is scratch.
            written=launch.repeats
            * _bytes(b for b in launch.writes if b in seen or not b.is_workspace),
        )
        for launch in plan.launches
    ]


def threads_worth_meeting(plan: Plan) -> int:
    """How many threads a plan has work for, its parts at most.

    To meet at a barrier takes threads as long as each of them needs for some work. Where a
    thread has less than that from one barrier to the next, the others are faster without it.
    """
    work = sum(cost.flop + cost.moved for cost in costs_of(plan))
    meetings = sum(launch.repeats for launch in plan.launches if launch.barrier)
    return max(1, min(plan.parts, work // (WORK_OF_A_MEETING * max(1, meetings))))


def _flop_of_launch(launch: Launch) -> int:
    return 0 if launch.kind in (Kind.COPY, Kind.REPEAT) else sum(map(flop_of, launch.nodes))


def _bytes(buffers: Iterable[Buffer]) -> int:
    return sum(buffer.bytes for buffer in set(buffers))


def flop_of(node: Node) -> int:
    """Count the floating-point operations of a node, as the literature counts them.

    A matrix product (m, k) @ (k, n) has 2 m n k: a multiplication and an addition for each
    member of its sums. An element-wise operation has one for each element of its result, be it
    an addition or an exponential; a sum or an extreme has one for each element that it takes;
    what only moves, converts or sorts elements has none.

    Example:
        >>> from glassgrad.graph import placeholder
        >>> x, w = placeholder((128, 784)), placeholder((784, 10))
        >>> flop_of((x @ w).node), flop_of(x.exp().node), flop_of(x.T.node)
        (2007040, 100352, 0)
    """
    return flop(node.operation, [tensor.spec for tensor in node.inputs], node.specs)


@singledispatch
def flop(operation: Operation, inputs: Specs, outputs: Specs) -> int:
    """Floating-point operations; where a kernel brings arithmetic along, register its count."""
    return outputs[0].size if operation.is_elementwise else 0


@flop.register(Leaf)
@flop.register(Cast)
@flop.register(StopGradient)
def _nothing(operation: Operation, inputs: Specs, outputs: Specs) -> int:
    return 0


@flop.register
def _product(operation: MatMul, inputs: Specs, outputs: Specs) -> int:
    inner = inputs[0].shape[-2 if operation.transpose_a else -1]
    return 2 * inner * outputs[0].size


@flop.register(Convolution)
@flop.register(ConvolutionSpread)
@flop.register(ConvolutionKernelSums)
def _convolution(operation: Operation, inputs: Specs, outputs: Specs) -> int:
    """As plain sums, without what falls into the padding: a product for each window and weight."""
    x, weights = (spec.shape for spec in inputs)
    if isinstance(operation, Convolution):
        windows, each = prod(outputs[0].shape[:-1]), prod(weights)
    elif isinstance(operation, ConvolutionSpread):
        windows, each = prod(x[:-1]), prod(weights)
    else:
        windows, each = prod(weights[:-1]), prod(outputs[0].shape[1:])
    return 2 * windows * each


@flop.register(WinogradConvolution)
@flop.register(WinogradKernelSums)
def _tiles(
    operation: WinogradConvolution | WinogradKernelSums, inputs: Specs, outputs: Specs
) -> int:
    """As plain sums too, which take four times the multiplications."""
    x, other = (spec.shape for spec in inputs[:2])
    if isinstance(operation, WinogradConvolution):
        return 2 * 9 * outputs[0].size * x[-1]
    space = operation.unpooled or other[1:3]
    return 2 * 9 * x[0] * prod(space) * x[-1] * other[-1]


@flop.register(MaxPool)
@flop.register(AveragePool)
def _pooling(operation: MaxPool | AveragePool, inputs: Specs, outputs: Specs) -> int:
    """One for each element that a window sees."""
    return operation.windows.size * outputs[0].size


@flop.register(MaxPoolGradient)
@flop.register(AveragePoolGradient)
def _pooling_gradient(operation: Operation, inputs: Specs, outputs: Specs) -> int:
    """One for each number that comes back."""
    return inputs[0].size


@flop.register(Reduction)
@flop.register(PartialSums)
@flop.register(CumulativeSum)
@flop.register(ScatterAdd)
@flop.register(AddAlongAxis)
def _one_for_each_member(operation: Operation, inputs: Specs, outputs: Specs) -> int:
    return inputs[0].size


@flop.register
def _uniform(operation: StreamedUniform, inputs: Specs, outputs: Specs) -> int:
    """The multiplication that makes a float of random bits; the rest are integers."""
    return outputs[0].size


@flop.register
def _update(operation: ElementwiseMap, inputs: Specs, outputs: Specs) -> int:
    """What depends on a list is computed for each element, and all else once."""
    _, members = operation.split(inputs)
    elements: int = sum(member[0].size for member in members)
    each = {tensor.node for tensor in operation.body.inputs[operation.shared :]}
    for node in operation.body.nodes:
        if any(tensor.node in each for tensor in node.inputs):
            each.add(node)
    summed = 2 * operation.squares * elements
    return summed + sum(
        flop_of(node) * (elements if node in each else 1) for node in operation.body.nodes
    )


@flop.register
def _recurrence(operation: Recurrence, inputs: Specs, outputs: Specs) -> int:
    """Its products; the gates themselves are little beside them."""
    batch, time, _ = inputs[0].shape
    weights = inputs[1 + CELLS[operation.cell].states]
    return 2 * batch * time * weights.size


@flop.register
def _recurrence_gradient(operation: RecurrenceGradient, inputs: Specs, outputs: Specs) -> int:
    """The products with the recurrent kernel, and those that make the weights' gradients."""
    batch, time, units = inputs[0].shape
    back, joined = inputs[sum(operation.given)], inputs[sum(operation.given) + 1]
    rows = units + joined.shape[-1] * operation.sums
    return 2 * batch * time * rows * back.shape[0]


@flop.register
def _rows_product(operation: RowsProduct, inputs: Specs, outputs: Specs) -> int:
    return 2 * prod(inputs[0].shape[:-1]) * outputs[0].size


@flop.register
def _attention(operation: Attention, inputs: Specs, outputs: Specs) -> int:
    """Two products, and the softmax of what is seen: scale, largest, shift, power and sum."""
    query, key, value = inputs[:3]
    return _weights(operation, query, key) * (2 * (query.shape[-1] + value.shape[-1]) + 5)


@flop.register
def _attention_gradient(operation: AttentionGradient, inputs: Specs, outputs: Specs) -> int:
    """Five products; the weights again, and the three operations of softmax's chain rule."""
    _, query, key, value = inputs[:4]
    return _weights(operation, query, key) * (2 * (3 * query.shape[-1] + 2 * value.shape[-1]) + 6)


def _weights(operation: OverKeys, query: TensorSpec, key: TensorSpec) -> int:
    """How many weights are not 0 from the start; nobody knows what a mask hides."""
    batch, queries, heads, _ = query.shape
    keys = key.shape[1]
    if not operation.causal:
        return batch * heads * queries * keys
    triangle = min(queries, keys)
    return batch * heads * (triangle * (triangle + 1) // 2 + (queries - triangle) * keys)
