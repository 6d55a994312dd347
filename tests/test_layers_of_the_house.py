"""The layout is the data flow: a module imports only from its own folder and those above it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "glassgrad"

# From the top to the bottom; a new module or folder of the package gets its place here.
HOUSE = (
    "errors",
    "arguments",
    "files",
    "graph",
    "ops",
    "gradients",
    "execute",
    "naming",
    "attachments",
    "serialization",
    "random_seed",
    "random",
    "config",
    "initializers",
    "activations",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "detection",
    "layers",
    "optimizers",
    "training",
    "callbacks",
    "preprocessing",
    "models",
    "saving",
    "utils",
    "datasets",
    "architecture",
    "runs",
    "lens",
    "doctor",
    "interop",
    "cli",
    "web",
)
IMPORTED_BY_NOTHING = {"cli", "web"}
WIRES_EVERYTHING = {"glassgrad", "glassgrad.__main__"}
CORE_DEPENDENCIES = {"numba", "numpy", "pooch", "safetensors", "scipy_openblas32", "typer"}
BROUGHT_BY_NUMBA = {"llvmlite"}  # Numba's own code generator, always of the version it needs
NOT_LOADED_BY_IMPORT = (
    (CORE_DEPENDENCIES - {"numpy"}) | BROUGHT_BY_NUMBA | {"requests", "rich", "sklearn", "torch"}
)


# ---- finding imports


@dataclass(frozen=True)
class Import:
    module: str
    target: str
    line: int
    is_late: bool

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}, imports {self.target}"


class ImportFinder(ast.NodeVisitor):
    """Finds every import of a module but those that only a type checker sees."""

    def __init__(self, module: str, is_package: bool) -> None:
        self.module = module
        self.folder = module if is_package else module.rpartition(".")[0]
        self.function_depth = 0
        self.found: list[Import] = []

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        source = self._absolute(node)
        for alias in node.names:
            # What `from glassgrad import graph` names is a module; elsewhere the source suffices.
            self._add(f"glassgrad.{alias.name}" if source == "glassgrad" else source, node.lineno)

    def visit_If(self, node: ast.If) -> None:
        is_for_type_checkers = ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for statement in node.orelse if is_for_type_checkers else node.body + node.orelse:
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.function_depth += 1
        self.generic_visit(node)
        self.function_depth -= 1

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name that NodeVisitor looks for

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.folder.split(".")
        parents = parts[: len(parts) - node.level + 1]
        return ".".join([*parents, node.module] if node.module else parents)

    def _add(self, target: str, line: int) -> None:
        self.found.append(Import(self.module, target, line, is_late=self.function_depth > 0))


def modules_of_the_package() -> dict[str, str]:
    """Map the name of every module to its source; a package's name ends in `.__init__`."""
    return {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path.read_text("utf-8")
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def imports_of(modules: Mapping[str, str]) -> Iterator[Import]:
    for name, source in modules.items():
        module = name.removesuffix(".__init__")
        finder = ImportFinder(module, is_package=module != name)
        finder.visit(ast.parse(source))
        yield from finder.found


# ---- judging them


def place(module: str) -> str:
    """Name the part of the house: the first folder or module below `glassgrad`."""
    return [*module.split("."), ""][1]


def layer_violations(modules: Mapping[str, str]) -> list[str]:
    homeless = {name.removesuffix(".__init__") for name in modules} - WIRES_EVERYTHING
    return [
        f"{module} has no place in the house. Add {place(module)!r} to HOUSE in this test"
        for module in sorted(homeless)
        if place(module) not in HOUSE
    ] + [
        f"{found}, {reason}"
        for found in imports_of(modules)
        if found.module not in WIRES_EVERYTHING and place(found.module) in HOUSE
        if (reason := reason_against(found))
    ]


def reason_against(found: Import) -> str | None:
    importer, imported = place(found.module), place(found.target)
    is_ours = found.target.partition(".")[0] == "glassgrad"
    if not is_ours or importer == imported or imported == "__version__":
        return None
    if imported not in HOUSE:
        return "and the package itself imports everything. Name the module that holds what you need"
    if imported in IMPORTED_BY_NOTHING:
        return f"and {imported} is imported by nothing. Move what both need further up"
    if HOUSE.index(imported) > HOUSE.index(importer):
        above = ", ".join(HOUSE[: HOUSE.index(importer)]) or "nothing"
        return (
            f"and {imported} stands below {importer}, which may import only from itself and from "
            f"{above}. Move what both need up, or attach it from outside and let "
            "glassgrad/__init__.py wire it"
        )
    return None


def foreign_imports(modules: Mapping[str, str]) -> list[str]:
    allowed = CORE_DEPENDENCIES | BROUGHT_BY_NUMBA | sys.stdlib_module_names | {"glassgrad"}
    return [
        f"{found}, which is not a core dependency. Import it inside the function that needs it"
        for found in imports_of(modules)
        if not found.is_late and found.target.partition(".")[0] not in allowed
    ]


# ---- the package


def test_a_module_imports_only_from_above() -> None:
    violations = layer_violations(modules_of_the_package())
    assert not violations, "\n" + "\n".join(violations)


def test_only_core_dependencies_are_imported_at_the_top() -> None:
    violations = foreign_imports(modules_of_the_package())
    assert not violations, "\n" + "\n".join(violations)


@pytest.mark.parametrize("module", ["glassgrad", "glassgrad.datasets"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = NOT_LOADED_BY_IMPORT & set(done.stdout.split())
    assert not loaded, (
        f"`import {module}` loads {', '.join(sorted(loaded))}, which takes long. Find out who with "
        f"`python -X importtime -c 'import {module}'`, and import it where it is needed."
    )


# ---- the checker


@pytest.mark.parametrize(
    "module, source, reason",
    [
        ("glassgrad.graph.tensor", "import glassgrad.ops.linear", "ops stands below graph"),
        (
            "glassgrad.graph.tensor",
            "from glassgrad.ops import add",
            "itself and from errors, arguments, files",
        ),
        ("glassgrad.graph.tensor", "from glassgrad import ops", "ops stands below graph"),
        ("glassgrad.graph.tensor", "from ..ops import add", "ops stands below graph"),
        ("glassgrad.graph.__init__", "from .. import ops", "ops stands below graph"),
        (
            "glassgrad.graph.tensor",
            "def f():\n import glassgrad.ops",
            "line 2, imports glassgrad.o",
        ),
        ("glassgrad.errors", "import glassgrad.files", "itself and from nothing"),
        ("glassgrad.models.model", "import glassgrad", "imports everything"),
        ("glassgrad.models.model", "from glassgrad import Tensor", "imports everything"),
        ("glassgrad.web.pages", "import glassgrad.cli", "cli is imported by nothing"),
        ("glassgrad.helpers", "", "glassgrad.helpers has no place in the house"),
        (
            "glassgrad.graph.tensor",
            "if TYPE_CHECKING:\n pass\nelse:\n import glassgrad.ops",
            "ops stands below graph",
        ),
    ],
)
def test_a_planted_violation_is_found(module: str, source: str, reason: str) -> None:
    (violation,) = layer_violations({module: source})
    assert module.removesuffix(".__init__") in violation
    assert reason in violation


@pytest.mark.parametrize(
    "module, source",
    [
        ("glassgrad.ops.linear", "from glassgrad.graph import Tensor"),
        ("glassgrad.ops.linear", "from .movement import reshape"),
        ("glassgrad.ops.__init__", "from .movement import reshape"),
        ("glassgrad.graph.tensor", "if TYPE_CHECKING:\n from glassgrad.ops import Methods"),
        ("glassgrad.graph.tensor", "if typing.TYPE_CHECKING:\n import glassgrad.ops"),
        ("glassgrad.models.model", "from glassgrad import __version__, graph"),
        ("glassgrad.__init__", "from glassgrad.models import Model"),
        ("glassgrad.__main__", "from glassgrad.cli import main"),
        ("glassgrad.graph.tensor", "import numpy, torch"),
    ],
)
def test_what_is_allowed_is_no_violation(module: str, source: str) -> None:
    assert layer_violations({module: source}) == []


@pytest.mark.parametrize(
    "source, count",
    [
        ("import torch", 1),
        ("try:\n import torch\nexcept ImportError:\n torch = None", 1),
        ("class A:\n from sklearn.base import BaseEstimator", 1),
        ("def f():\n import torch", 0),
        ("async def f():\n import torch", 0),
        ("if TYPE_CHECKING:\n import torch", 0),
        ("import numpy.typing, os, glassgrad.graph\nfrom . import estimator", 0),
    ],
)
def test_a_foreign_import_at_the_top_is_found(source: str, count: int) -> None:
    assert len(foreign_imports({"glassgrad.interop.torch": source})) == count
