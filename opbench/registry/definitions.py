"""Read from a file's source what in it may be a network, and the arguments that each needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Required = tuple[str, ...]
_Classes = Mapping[str, ast.ClassDef]


def definitions(path: Path) -> dict[str, Required]:
    """Return the public modules and then functions of a file, with their required arguments."""
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (OSError, SyntaxError, ValueError):
        return {}
    classes = {each.name: each for each in body if isinstance(each, ast.ClassDef)}
    found = {name: _of_class(each, classes) for name, each in classes.items() if _is_module(each)}
    found |= {each.name: _required(each) for each in body if isinstance(each, ast.FunctionDef)}
    return {name: needed for name, needed in found.items() if not name.startswith("_")}


def _is_module(definition: ast.ClassDef) -> bool:
    return any("Module" in ast.unparse(base) for base in definition.bases)


def _of_class(definition: ast.ClassDef, classes: _Classes) -> Required:
    """Return what ``__init__`` requires, which may be a base's in the same file."""
    for constructor in _constructors(definition, classes):
        return _required(constructor)[1:]
    return ()


def _constructors(definition: ast.ClassDef, classes: _Classes) -> Iterator[ast.FunctionDef]:
    for each in definition.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            yield each
    others = {name: each for name, each in classes.items() if each is not definition}
    for base in definition.bases:
        if above := others.get(ast.unparse(base)):
            yield from _constructors(above, others)


def _required(function: ast.FunctionDef) -> Required:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    needed = positional[: len(positional) - len(given.defaults)]
    named = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    needed += [each for each, default in named if default is None]
    return tuple(each.arg for each in needed)
