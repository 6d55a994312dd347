"""A plan as a text that can be read without knowing the code."""

from __future__ import annotations

from collections.abc import Iterable

from glassgrad.execute.cpu.fuse import Kind, source_of
from glassgrad.execute.cpu.plan import Buffer, Launch, Plan
from glassgrad.graph import Formula, Leaf, Names, Node, Tensor
from glassgrad.ops.mapping import ElementwiseMap

__all__ = ["describe"]

EXPLANATIONS = {
    Kind.LOOP: "element by element and row by row, in one pass over memory",
    Kind.PRODUCT: "a matrix product; what follows is applied while its tile is in cache",
    Kind.COLUMN_SUM: "the sum of each column",
    Kind.COPY: "a value put where it stays after the step",
    Kind.UPDATE: "one formula over all parameters, in place",
    Kind.REFERENCE: "no kernel of its own: NumPy, called from the plan",
}
LONGEST_FORMULA = 160


def describe(plan: Plan) -> str:
    """Write a plan: what each launch computes, on how much memory, with how many operations."""
    kinds = [kind for kind in Kind if any(launch.kind is kind for launch in plan.launches)]
    legend = [f"  {kind.value:<10} {EXPLANATIONS[kind]}" for kind in kinds]
    paragraphs = [
        line for number, launch in enumerate(plan.launches, 1)
        for line in _paragraph(number, launch, plan.names)
    ]  # fmt: skip
    return "\n".join([_heading(plan), "", *legend, "", *paragraphs])


def _heading(plan: Plan) -> str:
    waits = sum(launch.barrier for launch in plan.launches)
    operations = sum(launch.operations for launch in plan.launches)
    return (
        f"{len(plan.launches)} launches in {plan.parts} parts, {waits} waits, "
        f"{_count(operations)} operations a step, {_memory(plan.workspace_bytes)} of workspace"
    )


def _paragraph(number: int, launch: Launch, names: Names) -> list[str]:
    scope = next((node.scope for node in launch.nodes if node.scope), "")
    touched = sum(buffer.bytes for buffer in {*launch.reads, *launch.writes})
    facts = [_memory(touched), f"{_count(launch.operations)} operations"]
    facts += ["then all threads wait"] if launch.barrier else []
    head = f"{number:>3}  {launch.kind.value:<10} {', '.join(facts)}"
    if scope:
        head += f"   [{scope}]"
    return [head, *(f"        {line}" for line in _formulas(launch, names))]


def _formulas(launch: Launch, names: Names) -> list[str]:
    """A line for each value that the launch leaves behind."""
    if launch.kind is Kind.UPDATE:
        return _update_formulas(launch)
    if launch.kind is Kind.COPY:
        return [f"{_owner(launch.writes[0])} ← {_name(launch.nodes[0].outputs[0], names).plain}"]
    inside = set(launch.nodes)
    uses = _uses(launch.nodes)
    lines = []
    for node in launch.nodes:
        tensor = node.outputs[0]
        if uses.get(node, 0) == 1 and tensor.key not in names:
            continue
        written = _written(node, inside, uses, names)
        shape = ", ".join(map(str, node.specs))
        lines.append(f"{names[tensor].plain} = {_shortened(written.plain)}   {shape}")
    return lines


def _uses(nodes: Iterable[Node]) -> dict[Node, int]:
    """How often each node is read within the launch; one that leaves it counts as more."""
    counts: dict[Node, int] = {}
    for node in nodes:
        for tensor in node.inputs:
            maker = source_of(tensor).node
            counts[maker] = counts.get(maker, 0) + 1
    return counts


def _written(node: Node, inside: set[Node], uses: dict[Node, int], names: Names) -> Formula:
    """The formula of a node, with those written in that are used only there."""
    operands = []
    for tensor in node.inputs:
        source = source_of(tensor)
        if source.node in inside and uses[source.node] == 1 and source.key not in names:
            operands.append(_written(source.node, inside, uses, names))
        else:
            operands.append(_name(tensor, names))
    return node.operation.formula(operands)


def _name(tensor: Tensor, names: Names) -> Formula:
    return names[source_of(tensor)]


def _update_formulas(launch: Launch) -> list[str]:
    """The body, on names that say what each list is."""
    (node,) = launch.nodes
    operation = node.operation
    assert isinstance(operation, ElementwiseMap)
    names = Names()
    size = sum(int(str(member[0])) for member in launch.members)
    inner = [n for n in operation.body.nodes if not isinstance(n.operation, Leaf)]
    results = _results(operation)
    uses = _uses(inner)
    lines = [f"for each of {size:,} elements of {len(launch.members)} variables:"]
    for body_node in inner:
        if uses.get(body_node, 0) == 1 and body_node not in results:
            continue
        written = _written(body_node, set(inner) - set(results), uses, names).plain
        target = names[body_node.outputs[0]].plain
        place = results.get(body_node)
        if place is not None:
            changed = names[operation.body.inputs[operation.shared + place]].plain
            target = f"new {changed}" if changed.isidentifier() else target
        lines.append(f"    {target} = {written}")
    return lines


def _results(operation: ElementwiseMap) -> dict[Node, int]:
    """The nodes of the body whose values leave it; an output's list is that of its input.

    The gradients, which do not change, are the second list.
    """
    return {t.node: n if n == 0 else n + 1 for n, t in enumerate(operation.body.outputs)}


def _owner(buffer: Buffer) -> str:
    return getattr(buffer.owner, "name", "a copy")


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_FORMULA else text[: LONGEST_FORMULA - 2] + " …"


def _memory(length: int) -> str:
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if length >= size:
            return f"{length / size:.1f} {unit}"
    return f"{length} B"


def _count(number: int) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)
