"""A plan as a text that can be read without knowing the code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from glassgrad.execute.cpu.costs import Cost, costs_of
from glassgrad.execute.cpu.fuse import Kind, source_of, sources_of
from glassgrad.execute.cpu.launches import Launch, Operand, Plan
from glassgrad.graph import Formula, Leaf, Names, Node, Variable
from glassgrad.ops.mapping import ElementwiseMap

__all__ = ["counted", "describe", "in_bytes", "in_units"]

EXPLANATIONS = {
    Kind.LOOP: "element by element and row by row, in one pass over memory",
    Kind.PRODUCT: "a matrix product; what follows is applied while its tile is in cache",
    Kind.ROWS: "rows by a kernel written for them; what follows is applied while they are in cache",
    Kind.BATCH: "a matrix product for each member of a batch",
    Kind.COLUMN_SUM: "the sum of each column",
    Kind.KERNEL: "one operation, by a kernel written for it",
    Kind.COPY: "a value put where it stays after the step",
    Kind.UPDATE: "one formula over lists of tensors",
    Kind.REPEAT: "the end of a loop of launches; what each costs is of all steps together",
    Kind.REFERENCE: "no kernel of its own: NumPy, called from the plan",
}
LONGEST_FORMULA = 160


def describe(plan: Plan) -> str:
    """Write a plan: what each launch computes, how many bytes it moves, with how many FLOP."""
    costs = costs_of(plan)
    kinds = [kind for kind in Kind if any(launch.kind is kind for launch in plan.launches)]
    legend = [f"  {kind.value:<10} {EXPLANATIONS[kind]}" for kind in kinds]
    if any(launch.barrier for launch in plan.launches):
        legend.append(f"  {'barrier':<10} all threads wait until each has come there")
    names = Names()
    for launch in plan.launches:  # what leaves a launch is numbered in the order of the launches
        for tensor in launch.made if launch.kind not in (Kind.COPY, Kind.UPDATE) else ():
            names[tensor]
    paragraphs = [
        line
        for number, (launch, cost) in enumerate(zip(plan.launches, costs, strict=True), 1)
        for line in _paragraph(number, launch, cost, names)
    ]
    return "\n".join([_heading(plan, costs), "", *legend, "", *paragraphs]).rstrip()


def _heading(plan: Plan, costs: Sequence[Cost]) -> str:
    barriers = sum(launch.barrier for launch in plan.launches)
    return (
        f"{counted(len(plan.launches), 'launch', 'launches')} in "
        f"{counted(plan.parts, 'part')}, {counted(barriers, 'barrier')}, "
        f"{in_units(sum(cost.flop for cost in costs))}FLOP, "
        f"{in_bytes(sum(cost.moved for cost in costs))} moved, "
        f"{in_bytes(plan.workspace_bytes)} of workspace"
    )


def _paragraph(number: int, launch: Launch, cost: Cost, names: Names) -> list[str]:
    facts = [f"reads {in_bytes(cost.read)}", f"writes {in_bytes(cost.written)}"]
    facts += [f"{in_units(cost.flop)}FLOP"] if cost.flop else []
    facts += ["barrier"] if launch.barrier else []
    facts = [f"{counted(launch.repeats, 'time')}", *facts] if launch.loop is not None else facts
    head = f"{number:>3}  {launch.kind.value:<10} {', '.join(facts)}"
    if launch.layer:
        head += f"   [{launch.layer}]"
    return [head, *(f"        {line}" for line in _formulas(launch, names))]


def _formulas(launch: Launch, names: Names) -> Iterator[str]:
    """A line for each value that the launch leaves behind."""
    if launch.kind is Kind.UPDATE:
        yield from _update_formulas(launch)
    elif launch.kind is Kind.COPY:
        yield from _copy_formulas(launch, names)
    else:
        yield from _kernel_formulas(launch, names)


def _kernel_formulas(launch: Launch, names: Names) -> Iterator[str]:
    """Formulas of what is made, and of what is used more than once on the way to it."""
    made = {tensor.node for tensor in launch.made}
    uses = _uses(launch.nodes)
    inline = {node for node in launch.nodes if node not in made and uses[node] == 1}
    for node in launch.nodes:
        if node not in inline:
            written = _written(node, inline, names)
            results = ", ".join(names[tensor].plain for tensor in node.outputs)
            specs = ", ".join(map(str, node.specs))
            yield f"{results} = {_shortened(written.plain)}   {specs}"


def _uses(nodes: Iterable[Node]) -> Counter[Node]:
    """How often each node is read within the launch."""
    return Counter(source.node for node in nodes for source in sources_of(node))


def _written(node: Node, inline: set[Node], names: Names) -> Formula:
    """The formula of a node, with those written in that are used only there."""
    operands = [
        _written(source.node, inline, names) if source.node in inline else names[source]
        for source in sources_of(node)
    ]
    return node.operation.formula(operands)


def _copy_formulas(launch: Launch, names: Names) -> Iterator[str]:
    for (_, _, target), value in zip(launch.calls, launch.made, strict=True):
        assert isinstance(target, Operand)
        owner = target.buffer.owner
        name = owner.name if isinstance(owner, Variable) else "a copy"
        yield f"{name} ← {names[source_of(value)].plain}"


def _update_formulas(launch: Launch) -> Iterator[str]:
    """The body, on names that say what each list is."""
    (node,) = launch.nodes
    operation = node.operation
    assert isinstance(operation, ElementwiseMap)
    names, results = _names_of_update(launch, operation)
    inner = [n for n in operation.body.nodes if not isinstance(n.operation, Leaf)]
    uses = _uses(inner)
    inline = {one for one in inner if uses[one] == 1 and one not in results}
    size = sum(member[0].size for member in operation.split(node.inputs)[1])
    yield f"for each of {size:,} elements of {counted(operation.length, 'tensor')}:"
    for one in inner:
        if one not in inline:
            written = _written(one, inline, names).plain
            yield f"    {names[one.outputs[0]].plain} = {written}"
    summed = operation.body.outputs[len(operation.mapped) :]
    if summed:
        named = (_written(t.node, inline, names) if t.node in inline else names[t] for t in summed)
        yield f"    sums of the squares of {', '.join(one.plain for one in named)}"


def _names_of_update(launch: Launch, operation: ElementwiseMap) -> tuple[Names, set[Node]]:
    """Names inside the formula, and its results: "new" is what takes the place of an input."""
    inputs = Names()
    given = {tensor.key: inputs[tensor] for tensor in operation.body.inputs}
    results = set()
    for output, place in zip(operation.mapped, launch.in_place, strict=True):
        results.add(output.node)
        if place is not None:
            changed = inputs[operation.body.inputs[operation.shared + place]]
            new = Formula(f"new {changed.plain}", rf"{changed.latex}^{{new}}")
            given.setdefault(output.key, new)
    return Names(given), results


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_FORMULA else text[: LONGEST_FORMULA - 2] + " …"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with what it counts.

    Example:
        >>> counted(1, "launch", "launches"), counted(2, "part")
        ('1 launch', '2 parts')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def in_bytes(length: int) -> str:
    """A length in memory, in units of powers of ten.

    Example:
        >>> in_bytes(152_600), in_bytes(12)
        ('152.6 kB', '12 B')
    """
    return f"{in_units(length)}B"


def in_units(number: float) -> str:
    """A number of three or more digits, ready for the unit behind it.

    Example:
        >>> in_units(2_007_040), in_units(12), in_units(0)
        ('2.0 M', '12 ', '0 ')
    """
    for prefix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {prefix}"
    return f"{number:g} "
