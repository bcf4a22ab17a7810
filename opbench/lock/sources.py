"""Find where a class or a function is written in a Python file, by its qualified name.

The file is parsed and not imported, as ``inspect`` does for a class: the code that was counted
ran in another process.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def line_of_definition(file: Path, qualname: str) -> int | None:
    """Return the line of ``Net.Inner`` or ``build.<locals>.Net``; None where it is not found.

    A name that is assigned, as in ``net = Net()``, counts too.
    """
    try:
        body: Iterable[ast.stmt] = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    line = None
    for name in qualname.replace(".<locals>", "").split("."):
        found = [each for each in body if _defines(each, name)]
        if not found:
            return None
        line = found[-1].lineno  # the last one holds, as when the file is imported
        body = getattr(found[-1], "body", [])
    return line


def _defines(statement: ast.stmt, name: str) -> bool:
    if isinstance(statement, _Definition):
        return statement.name == name
    if isinstance(statement, ast.Assign):
        return any(isinstance(each, ast.Name) and each.id == name for each in statement.targets)
    return False
