"""Docstrings begin with a verb or the textbook's term, never with a riddle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import opbench

ROOT = Path(opbench.__file__).parent
RIDDLE = re.compile(r"(What|Who|Whether|How|Where|Which|Why|When|The same|By what)\b")
# The question that the whole package answers.
QUESTION = "What a neural network's accuracy costs, counted exactly and measured honestly."


def _first_lines() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                line = (ast.get_docstring(node) or "").partition("\n")[0]
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", line


def test_no_docstring_begins_with_a_riddle() -> None:
    riddles = [
        f"{place}: {line}"
        for place, line in _first_lines()
        if RIDDLE.match(line) and line != QUESTION
    ]
    assert not riddles, "\n".join(riddles)


def test_a_class_name_means_one_thing() -> None:
    """The papers' own names of blocks, in ``architectures``, are theirs."""
    places: dict[str, list[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        if "architectures" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert not {name: files for name, files in places.items() if len(files) > 1}
