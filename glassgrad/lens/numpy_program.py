"""An explanation as a NumPy program: the forward pass and every chain rule, as they are printed."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from glassgrad.lens import numpy_functions
from glassgrad.lens.explanation import ExplainedLayer, Explanation, Line

__all__ = ["Identifiers", "numpy_program"]

INDENT = "    "
WIDTH = 100


class Identifiers(dict[str, str]):
    """For each name of a quantity a Python identifier, all of them different.

    Args:
        names: of quantities.

    Example:
        >>> named = Identifiers(["x", "hidden.kernel", "dL/dhidden(1)", "sum"])
        >>> dict(named)
        {'x': 'x', 'hidden.kernel': 'hidden_kernel', 'dL/dhidden(1)': 'dL_dhidden_1', 'sum': 'sum_'}
        >>> named.written("sum(x @ hidden.kernel, axis=0) + sum")
        'sum(x @ hidden_kernel, axis=0) + sum_'
    """

    # What stands in quotes is no name, nor is what follows a dot.
    WORD = re.compile(r"'[^']*'|(?<![\w.'])(?:dL/d)?[^\W\d]\w*")
    CALL_OR_ARGUMENT = re.compile(r"[\w(]|=(?!=)")

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        taken = {*vars(np), *numpy_functions.__all__, "np", *keyword.kwlist}
        for name in dict.fromkeys(names):
            wanted = re.sub(r"\W+", "_", name).rstrip("_") or "x"
            while wanted in taken:
                wanted += "_"
            taken.add(wanted)
            self[name] = wanted
        self._by_word: dict[str, list[str]] = {}
        for name in sorted(self, key=len, reverse=True):
            if found := self.WORD.match(name):
                self._by_word.setdefault(found[0], []).append(name)

    def written(self, formula: str) -> str:
        """A plain formula as Python."""
        parts, place = [], 0
        while found := self.WORD.search(formula, place):
            name = self._name_at(formula, found)
            parts += [formula[place : found.start()], found[0] if name is None else self[name]]
            place = found.end() if name is None else found.start() + len(name)
        return "".join([*parts, formula[place:]])

    def _name_at(self, formula: str, found: re.Match[str]) -> str | None:
        for name in self._by_word.get(found[0], ()):
            end = found.start() + len(name)
            if formula.startswith(name, found.start()) and not (
                self.CALL_OR_ARGUMENT.match(formula, end)
            ):
                return name
        return None


def numpy_program(explanation: Explanation) -> str:
    """Write a program that computes the loss and all gradients by NumPy alone.

    Its function ``backpropagate`` takes what is given and gives the loss, and the gradients of
    what is given by name; of what is computed on the way, where there are no others.

    Args:
        explanation: whose formulas are written.

    Example:
        >>> from glassgrad import Variable, explain
        >>> w = Variable(3.0, name="w")
        >>> print(numpy_program(explain(w * w)).partition("def ")[2])
        backpropagate(w):
            # ---- forward
            L = w * w
        <BLANKLINE>
            # ---- backward
            dL_dL = 1.0
            dL_dw_1 = dL_dL * w
            dL_dw_2 = dL_dL * w
            dL_dw = dL_dw_1 + dL_dw_2
        <BLANKLINE>
            return L, {
                "w": dL_dw,
            }
        <BLANKLINE>
    """
    named = Identifiers(line.name.plain for line in _all_lines(explanation))
    body = [*_forward(explanation, named), *_backward(explanation, named)]
    arguments = [named[line.name.plain] for line in explanation.given]
    title = " ".join(re.sub(r'["\\]', "'", explanation.title).split())
    whole = [
        f'"""The loss of {title} and its gradients, step by step."""',
        *_preamble("\n".join(body)),
        "",
        "",
        *_listed("def backpropagate(", arguments, "):"),
        *(f"{INDENT}{line}" if line else "" for line in body),
    ]
    return "\n".join([*whole, ""])


def _all_lines(explanation: Explanation) -> Iterator[Line]:
    yield from explanation.given
    yield explanation.loss
    yield from explanation.forward
    for layer in explanation.layers:
        yield from layer.incoming
        yield from layer.rules


def _forward(explanation: Explanation, named: Identifiers) -> list[str]:
    return ["# ---- forward", *_assignments(explanation.forward, named)]


def _backward(explanation: Explanation, named: Identifiers) -> list[str]:
    body: list[str] = []
    for layer in explanation.layers:
        body += ["", f"# ---- {_title(layer)}"]
        if layer is explanation.layers[0]:
            body += [f"{named[one.name.plain]} = 1.0" for one in layer.incoming]
        body += _assignments(layer.rules, named)
    given = {line.name.plain for line in explanation.given}
    lines = [line for line in explanation.lines if line.of]
    asked = [line for line in lines if line.of in given] or lines
    gradients = {line.of: named[line.name.plain] for line in asked}
    body += ["", f"return {named[explanation.loss.name.plain]}, {{"]
    body += [f'{INDENT}"{name}": {gradient},' for name, gradient in gradients.items()]
    return [*body, "}"]


def _title(layer: ExplainedLayer) -> str:
    if not layer.name:
        return "backward"
    return f"back through {layer.name}" + (f", {layer.kind}" if layer.kind else "")


def _assignments(lines: Sequence[Line], named: Identifiers) -> Iterator[str]:
    for line in lines:
        if line.formula is not None:
            yield f"{named[line.name.plain]} = {named.written(line.formula.plain)}"


def _preamble(body: str) -> list[str]:
    """Import what the formulas call, and write out what NumPy has not."""
    words = set(re.findall(r"(?<![\w.'])([a-z]\w*)(?!\w*=[^=])", re.sub("'[^']*'", "", body)))
    own = [name for name in numpy_functions.__all__ if name in words]
    sources = [_source(name) for name in own]
    needed = sorted(w for w in words - {*own, "axis"} if hasattr(np, w))
    standard = [
        line
        for line, mark in (
            ("import math", "math."),
            ("from statistics import NormalDist", "NormalDist"),
        )
        if any(mark in text for text in sources)
    ]
    found = ["", *standard, *([""] if standard else []), "import numpy as np"]
    found += _listed("from numpy import (", needed, ")") if needed else []
    for text in sources:
        found += ["", "", *text.rstrip().splitlines()]
    called = set(re.findall(r"(?<![\w.'])([^\W\d]\w*)\(", re.sub("'[^']*'", "", body)))
    bare = sorted(word for word in called - {*own} if not hasattr(np, word))
    if bare:
        found += ["", f"# Without a notation, so to be defined here: {', '.join(bare)}"]
    return found


def _source(name: str) -> str:
    """A function as it stands in its module, without its types."""
    return re.sub(r": Any\b|(?<=\)) -> Any", "", inspect.getsource(getattr(numpy_functions, name)))


def _listed(before: str, words: Sequence[str], after: str) -> list[str]:
    one = f"{before}{', '.join(words)}{after}"
    if len(one) <= WIDTH:
        return [one.replace("import (", "import ").removesuffix(")")]
    return [before, *(f"{INDENT}{word}," for word in words), after]
