"""The map in ``opbench/__init__.py`` holds: floors, no circles, halves that never meet."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import opbench
from opbench.cli import COMMANDS

ROOT = Path(opbench.__file__).parent
MEASURING = {"torch", "fvcore"}
REPORTING = {"pandas", "matplotlib", "plotly"}
HEAVY = MEASURING | REPORTING | {"numpy"}
ALLOWED = {"-": set(), "torch": MEASURING | {"numpy"}, "pandas": REPORTING | {"numpy"}}


# What is loaded late on purpose, and why.
LATE = {
    "opbench.counting.witness": "fvcore is loaded by those who ask for a witness",
    "opbench.testing.plugin": "pytest loads it in every run beside an installed opbench",
}


@dataclass(frozen=True)
class Room:
    floor: int
    may_import: str


ROW = re.compile(r"^ +(\d+) +([\w.]+) +(-|torch|pandas) +\S", re.MULTILINE)
MAP = {name: Room(int(floor), may) for floor, name, may in ROW.findall(opbench.__doc__ or "")}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {_name(path): path for path in sorted(ROOT.rglob("*.py"))}
INSIDE = {name: path for name, path in MODULES.items() if "." in name and "__main__" not in name}


def _nodes(node: ast.AST, *, functions: bool) -> Iterator[ast.AST]:
    """Every node but those for the type checker alone, and but functions where not wanted."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not functions:
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _nodes(child, functions=functions)


@cache
def imports(module: str, functions: bool = False) -> frozenset[str]:
    """The modules that ``module`` imports: of this package in full, of others the first name."""
    found = set()
    for node in _nodes(ast.parse(MODULES[module].read_text()), functions=functions):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            names = [
                f"{node.module}.{alias.name}"
                if f"{node.module}.{alias.name}" in MODULES
                else str(node.module)
                for alias in node.names
            ]
        else:
            continue
        found |= {name if name in MODULES else name.partition(".")[0] for name in names}
    return frozenset(found)


@cache
def reached(module: str) -> frozenset[str]:
    """All that importing ``module`` imports, the packages around each module included."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            if name in MODULES:
                waiting += imports(name)
                waiting += [name.rpartition(".")[0]] if "." in name else []
    return frozenset(seen)


def room(module: str) -> str:
    return module.split(".")[1]


def test_the_map_names_every_room_and_no_other() -> None:
    rooms = {name for name in MAP if "." not in name}
    assert rooms == {room(module) for module in INSIDE}
    assert {name for name in MAP if "." in name} <= {
        name.removeprefix("opbench.") for name in INSIDE
    }


def test_every_package_says_what_stands_in_it() -> None:
    for folder in {path.parent for path in INSIDE.values()} - {ROOT}:
        assert (folder / "__init__.py").is_file(), folder
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder


@pytest.mark.parametrize("module", INSIDE)
def test_a_module_imports_only_from_floors_below_its_own(module: str) -> None:
    for name in imports(module, functions=True):
        if name.startswith("opbench.") and room(name) != room(module):
            assert MAP[room(name)].floor < MAP[room(module)].floor, f"{module} imports {name}"


@pytest.mark.parametrize("functions", [False, True])
def test_no_circles_not_inside_a_package_either(functions: bool) -> None:
    graph = {module: imports(module, functions) & INSIDE.keys() for module in INSIDE}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("module", INSIDE)
def test_what_a_module_reaches_is_what_the_map_allows(module: str) -> None:
    short = module.removeprefix("opbench.")
    may = (MAP.get(short) or MAP[room(module)]).may_import
    assert not reached(module) & HEAVY - ALLOWED[may], f"{module} reaches more than the map says"


def test_the_measure_of_reach_sees_through_packages() -> None:
    """Each of these imports something heavy through another module."""
    assert "pandas" in reached("opbench.figures.top1")
    assert "torch" in reached("opbench.lock.recount")
    assert "torch" in reached("opbench.runs.worker")
    assert "torch" in reached("opbench.counting.tracing.tracer")


@pytest.mark.parametrize("module", INSIDE)
def test_only_the_command_line_imports_inside_functions(module: str) -> None:
    if room(module) != "cli" and module not in LATE:
        late = imports(module, functions=True) - imports(module)
        assert not late, f"{module} imports {', '.join(sorted(late))} inside a function"


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_imports_another_command(command: str) -> None:
    commands = {f"opbench.cli.{name}" for name in COMMANDS}
    assert not imports(f"opbench.cli.{command}", functions=True) & commands


@pytest.mark.parametrize("module", INSIDE)
def test_underscore_modules_stay_inside_their_package(module: str) -> None:
    for name in imports(module, functions=True) & MODULES.keys():
        package, _, last = name.rpartition(".")
        if last.startswith("_"):
            assert module.startswith(package), f"{module} imports {name}"


def test_no_file_outside_the_architectures_is_longer_than_400_lines() -> None:
    for module, path in INSIDE.items():
        if room(module) != "architectures":
            assert len(path.read_text().splitlines()) <= 400, path
