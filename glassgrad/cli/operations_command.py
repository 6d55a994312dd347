"""``glassgrad operations``: what networks are made of, and the chain rule of each part."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from glassgrad.cli.screen import Screen
from glassgrad.errors import UnknownNameError
from glassgrad.lens import handbook
from glassgrad.lens.handbook.docstring import described
from glassgrad.lens.handbook.parameters import parameters_of
from glassgrad.lens.handbook.uses import uses
from glassgrad.ops.catalogue import operations

__all__ = ["list_operations", "show_operation"]

# What a terminal cannot show: the mathematical form of what stands above it, plots, the way back.
PICTURES = re.compile(
    r"^<details>.*?^</details>\n+|^```math\n.*?^```\n+|^## Plot\n.*?(?=^## )|^\[All operations\].*",
    re.DOTALL | re.MULTILINE,
)


def list_operations(screen: Screen) -> None:
    """All operations with a line for each."""
    kinds = operations()
    rows = [[name, ", ".join(_functions(name)), _sentence(kind)] for name, kind in kinds.items()]
    document = {
        "operations": [
            {"name": name, "functions": list(_functions(name)), "sentence": _sentence(kind)}
            for name, kind in kinds.items()
        ]
    }
    screen.table("Operations", ["name", "functions", "what it computes"], rows, document)
    screen.note("The page of one of them: glassgrad operations NAME.")


def show_operation(name: str, screen: Screen) -> None:
    """The page of one operation.

    Args:
        name: the class or a function, in capitals or not: "Softmax", "softmax", "ops.softmax".
        screen: where it goes.

    Raises:
        UnknownNameError: there is no such operation.
    """
    found = _found(name)
    if screen.as_json:
        screen.lines([], _document(found))
    elif sys.stdout.isatty():
        _print_markdown(PICTURES.sub("", handbook.page(found)))
    else:
        screen.lines([handbook.page(found).rstrip("\n")], {})


def _functions(name: str) -> Sequence[str]:
    return uses()["functions"].get(name, ())


def _sentence(kind: type[Any]) -> str:
    return described(kind).sentence.replace("\\", "").replace("`", "")


def _found(name: str) -> str:
    wanted = name.casefold()
    for known in operations():
        names = (known, *_functions(known))
        if wanted in [one.casefold() for one in names] or f"ops.{wanted}" in names:
            return known
    raise UnknownNameError("operation", name, operations())


def _document(name: str) -> dict[str, Any]:
    kind, derivation = operations()[name], handbook.derivation_of(handbook.examples()[name])
    return {
        "name": name,
        "sentence": _sentence(kind),
        "functions": list(_functions(name)),
        "parameters": [
            {"name": parameter, "default": default, "meaning": meaning}
            for parameter, default, meaning in parameters_of(kind)
        ],
        "formula": [_line(line) for line in derivation.forward],
        "chain_rule": [_line(line) for line in derivation.rules],
        "without_gradient": list(derivation.without),
        "shapes": {of: list(shape) for of, shape in derivation.shapes.items()},
    }


def _line(line: handbook.FormulaLine) -> dict[str, Any]:
    return {
        part: {form: text for form, text in asdict(formula).items() if form != "binding"}
        for part, formula in (("name", line.name), ("formula", line.formula))
    }


def _print_markdown(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    Console(file=sys.stdout).print(Markdown(text, code_theme="ansi_dark"))
