"""The pages as Markdown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields

from glassgrad.arguments import checked
from glassgrad.errors import UnknownNameError
from glassgrad.graph import Composite, Operation
from glassgrad.lens.handbook.derivation import Derivation, FormulaLine, derivation_of
from glassgrad.lens.handbook.docstring import described
from glassgrad.lens.handbook.example import Example
from glassgrad.lens.handbook.examples import examples
from glassgrad.lens.handbook.parameters import parameters_of
from glassgrad.lens.handbook.program import program_of
from glassgrad.lens.handbook.uses import uses
from glassgrad.ops.catalogue import operations

__all__ = ["index", "page", "pages"]

MOST_USERS = 12
MOST_LINES = 16  # beyond, the second form of a derivation is folded
COMMAND = "python -m glassgrad.lens.handbook"

INTRODUCTION = f"""\
# The operations

Everything that glassgrad computes is made of these operations, and every gradient of their chain
rules. The pages are made from the declarations in `glassgrad/ops` by `{COMMAND}`:
a formula is the operation's own notation, a derivation is the chain rule itself, run on names and
written line by line.

How to read them:

- The first form of a formula is Python: NumPy's names (`exp` means `numpy.exp`), `erf` and
  `erfinv` of SciPy, and a few of our own. `windows(x, window)` is what each window of a
  convolution sees, (batch, \\*count, channels, \\*window); `add_windows(values, space)` adds such
  values up where they lie; `uniform` draws the numbers of the operation
  [RandomUniform](RandomUniform.md).
- L is a loss, any number that is computed from the output further on; `dL/dy` is its derivative
  by each element of y, of the shape of y. A line `dL/dx = …` is the chain rule: what arrives at y
  becomes what arrives at x. `t1`, `t2` … are names for parts that are used twice or are long.
- A rule is *stated* where the operation writes it down, and follows *from the definition* where
  the operation is made of simpler ones that are differentiated one after the other.
- Shapes in a rule are those of the example at the end of the page. A loop over time is written
  out, step by step.
"""


def pages() -> dict[str, str]:
    """The Markdown of every page and of the index, by file name."""
    return {"README.md": index(), **{f"{name}.md": page(name) for name in operations()}}


def index() -> str:
    """The index: all operations by module."""
    sections = [INTRODUCTION]
    for module in dict.fromkeys(kind.__module__ for kind in _ordered()):
        purpose = (sys.modules[module].__doc__ or "").split("\n\n")[0].split(":\n")[0]
        rows = [
            f"| [{kind.__name__}]({kind.__name__}.md) | {_in_table(described(kind).sentence)} |"
            for kind in _ordered()
            if kind.__module__ == module
        ]
        title = module.rpartition(".")[2].capitalize()
        sections.append(
            "\n".join(
                [
                    f"## {title}",
                    "",
                    " ".join(purpose.split()),
                    "",
                    *_table("operation", "what it computes", rows),
                ]
            )
        )
    return "\n\n".join(part.strip("\n") for part in sections) + "\n"


def _ordered() -> list[type[Operation]]:
    """By module, those outside of ``ops`` last."""

    def place(kind: type[Operation]) -> tuple[bool, str, str]:
        home = kind.__module__
        return not home.startswith("glassgrad.ops."), home, kind.__name__

    return sorted(operations().values(), key=place)


@checked
def page(name: str) -> str:
    """The page of one operation.

    Args:
        name: its class name.

    Raises:
        UnknownNameError: there is none of that name.

    Example:
        >>> print(page("Tanh").splitlines()[2])
        Squash every element into (-1, 1).
    """
    if name not in operations():
        raise UnknownNameError("operation", name, operations())
    kind, example = operations()[name], examples()[name]
    says, derivation = described(kind), derivation_of(example)
    sections = [
        f"# {name}",
        says.sentence,
        *says.paragraphs,
        _facts(kind, example),
        *_parameters(kind),
        *_formula(derivation),
        *_chain_rule(kind, derivation, example),
        *_plot(example),
        *_example(derivation, example),
        *([f"## Source\n\n{says.source}"] if says.source else []),
        "[All operations](README.md)",
    ]
    return "\n\n".join(sections) + "\n"


def _facts(kind: type[Operation], example: Example) -> str:
    made = "composite, made of simpler operations" if issubclass(kind, Composite) else "primitive"
    rows = [f"| class | `{kind.__module__}.{kind.__name__}`, a {made} |"]
    if example.rule_of and example.rule_of in operations():
        rows.append(f"| part of | the chain rule of [{example.rule_of}]({example.rule_of}.md) |")
    for title, key in (
        ("functions", "functions"),
        ("on tensors", "methods"),
        ("in the code of the layers", "layers"),
    ):
        users = uses()[key].get(kind.__name__, ())
        if users:
            rows.append(f"| {title} | {_listed(users)} |")
    return "\n".join(["| | |", "|---|---|", *rows])


def _listed(users: Sequence[str]) -> str:
    shown = [f"`{_in_table(user)}`" for user in users[:MOST_USERS]]
    more = len(users) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _parameters(kind: type[Operation]) -> list[str]:
    rows = [
        f"| `{name}` | {meaning} | {f'`{default}`' if default else ''} |"
        for name, default, meaning in parameters_of(kind)
    ]
    if not rows:
        return []
    heading = ["## Parameters", "", "| name | meaning | default |", "|---|---|---|"]
    return ["\n".join([*heading, *rows])]


def _formula(derivation: Derivation) -> list[str]:
    return ["## Formula", *_written(derivation.forward)]


def _chain_rule(kind: type[Operation], derivation: Derivation, example: Example) -> list[str]:
    if example.rule_of:
        return [
            "## Chain rule",
            f"This is itself the chain rule of {example.rule_of}. Where a gradient is "
            "differentiated again, its own follows from the formula above.",
        ]
    if derivation.refusal:
        return ["## Chain rule", f"Asking for a gradient raises an error: {derivation.refusal}"]
    if not derivation.rules:
        return ["## Chain rule", "No gradient flows through it."]
    stated = kind.chain_rule is not Operation.chain_rule
    told = "Stated by the operation" if stated else "From the definition"
    first = example.outputs[0]
    alone = f", for a loss that reads {first} alone" if len(example.outputs) > 1 else ""
    sections = ["## Chain rule", f"{told}{alone}:", *_written(derivation.rules)]
    if derivation.without:
        verb = "has" if len(derivation.without) == 1 else "have"
        names = " and ".join(f"`{name}`" for name in derivation.without)
        sections.append(f"{names} {verb} no gradient.")
    return sections


def _written(lines: Sequence[FormulaLine]) -> list[str]:
    plain = [f"{line.name.plain} = {line.formula.plain}" for line in lines]
    latex = [rf"{line.name.latex} &= {line.formula.latex}" for line in lines]
    aligned = ["```math", r"\begin{aligned}", " \\\\\n".join(latex), r"\end{aligned}", "```"]
    if len(lines) > MOST_LINES:
        aligned = [
            "<details><summary>The same as mathematics</summary>",
            "",
            *aligned,
            "",
            "</details>",
        ]
    return ["\n".join(["```text", *plain, "```"]), "\n".join(aligned)]


def _plot(example: Example) -> list[str]:
    if example.drawn is None:
        return []
    name, (low, high) = example.name, example.drawn
    alternative = f"{name} and its derivative, for x from {low:g} to {high:g}"
    sections = ["## Plot", f"![{alternative}](plots/{name}.svg)"]
    if fields(example.operation):
        sections.append(f"Drawn with `{example.operation!r}`.")
    return sections


def _example(derivation: Derivation, example: Example) -> list[str]:
    differentiated = [] if derivation.refusal or not derivation.rules else [
        name for name in example.inputs if name not in derivation.without
    ]  # fmt: skip
    program = program_of(example, differentiated)
    rows = [
        f"| `{name}` | {'input' if name in example.inputs else 'output'} | {shape} |"
        for name, shape in derivation.shapes.items()
    ]
    shapes = "\n".join(["| | | shape |", "|---|---|---|", *rows])
    sections = ["## Example", shapes]
    if program:
        sections.append(f"```python\n{program}\n\n```")
    return sections


def _in_table(text: str) -> str:
    return text.replace("|", "\\|")


def _table(first: str, second: str, rows: Sequence[str]) -> list[str]:
    return [f"| {first} | {second} |", "|---|---|", *rows]
