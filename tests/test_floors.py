"""The floor plan: a module imports only from floors below its own, and the two halves never meet.

The plan is written here a second time on purpose: a new module has to be given its place.
Imports inside functions count too, except in the command line, whose functions are the one
place where both halves come together.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "opbench"

# module or package -> (floor, half); "both" is the standard library only, for either half.
PLAN = {
    "errors": (0, "both"),
    "spec": (0, "both"),
    "record": (0, "both"),
    "metrics": (0, "both"),
    "statistics": (0, "both"),
    "exporters": (1, "both"),
    "thresholds": (1, "both"),
    "census": (1, "both"),
    "config": (2, "both"),
    "lock": (2, "both"),
    "verdicts": (3, "both"),
    "frontier": (2, "reporting"),
    "regression": (2, "reporting"),
    "blocks": (1, "measuring"),
    "architectures": (2, "measuring"),
    "counting": (2, "measuring"),
    "timing": (2, "measuring"),
    "environment": (2, "measuring"),
    "providers": (2, "measuring"),
    "store": (2, "both"),
    "accuracy": (2, "both"),
    "catalog": (2, "both"),
    "conventions": (3, "measuring"),
    "registry": (3, "measuring"),
    "targets": (4, "measuring"),
    "table": (3, "reporting"),
    "compare": (3, "both"),
    "claims": (4, "reporting"),
    "facts": (5, "measuring"),
    "runner": (6, "measuring"),
    "figures": (4, "reporting"),
    "page": (5, "reporting"),
    "recount": (6, "measuring"),
    "assertions": (7, "measuring"),
    "pytest_plugin": (8, "measuring"),
    "cli": (7, "cli"),
}
HEAVY = {
    "both": {"torch", "fvcore", "pandas", "matplotlib", "numpy", "plotly"},
    "measuring": {"pandas", "matplotlib", "plotly"},
    "reporting": {"torch", "fvcore"},
    "cli": set(),
}
FILES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem[0] != "_")


def _place(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    """Every module imported anywhere in the file, except for the type checker alone."""
    found = set()
    for node in _walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _walk(node: ast.AST):
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walk(child)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_floors_below_its_own(path: Path) -> None:
    place = _place(path)
    assert place in PLAN, f"give {place!r} its place in the floor plan"
    floor = PLAN[place][0]
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "opbench" and len(parts) > 1 and parts[1] in PLAN and parts[1] != place:
            assert PLAN[parts[1]][0] < floor, f"{place} (floor {floor}) imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_two_halves_meet_only_in_the_command_line(path: Path) -> None:
    place = _place(path)
    half = PLAN[place][1]
    assert not {name.split(".")[0] for name in _imports(path)} & HEAVY[half]
    if half == "cli":
        return
    allowed = {"both", half}
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] == "opbench" and len(parts) > 1 and parts[1] in PLAN:
            assert PLAN[parts[1]][1] in allowed, f"{place} ({half}) imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_command_modules_import_nothing_heavy_at_the_top(path: Path) -> None:
    top = ast.parse(path.read_text(encoding="utf-8")).body
    names = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in top
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    heavy = HEAVY["both"] | {f"opbench.{n}" for n, (_, half) in PLAN.items() if half != "both"}
    assert not {name for name in names if name and name.split(".")[0] in HEAVY["both"]}
    assert not {
        name for name in names if name in heavy - {"opbench.cli"} or name in {"opbench.counting"}
    }


def test_no_file_outside_the_architectures_is_longer_than_400_lines() -> None:
    for path in FILES:
        if _place(path) != "architectures":
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path
