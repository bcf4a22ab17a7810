"""Turn what ``opbench check`` found into outcomes, each with the places to look at."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from opbench.errors import BadFileError
from opbench.lock import FreshBlock, line_of, load, target_of
from opbench.lock.module_changes import path_of
from opbench.lock.sources import line_of_definition
from opbench.lock.verdict import CheckedTarget, Status
from opbench.record import TOTALS
from opbench.reports import Level, Outcome, Place

_RAISED = re.compile(r"\(([^()]+\.py), line (\d+)\)")  # as ``opbench.errors.describe`` writes it


def check_outcomes(checked: Sequence[CheckedTarget], lock: Path, root: Path) -> list[Outcome]:
    """Make an outcome for each target.

    An outcome points at the class of the module that changed, or at the target, and then at its
    line of the lock.
    """
    text = _lock_text(lock)
    outcomes = []
    for each in checked:
        found = [*_in_code(each, root)][:1]
        if not found or (each.locked and each.status is not Status.EQUAL):
            found.append((lock, line_of(text, ("networks", each.name))))
        outcomes.append(
            Outcome(
                name=each.name,
                status=each.status,
                level=_level(each),
                summary=each.sentence,
                details=each.changes.facts,
                # The summary has all renames where there is nothing else.
                causes=() if each.status is Status.RENAMED else each.changes.causes,
                alike=each.changes.alike,
                places=tuple(Place(_from_checkout(path, root), line) for path, line in found),
                row=_row(each),
            )
        )
    return outcomes


def _lock_text(lock: Path) -> str:
    """Read the lock to point into; with --against, the one on disk may be damaged or missing."""
    try:
        load(lock)
    except BadFileError:
        return "{}"
    return lock.read_text(encoding="utf-8")


def _in_code(target: CheckedTarget, root: Path) -> Iterator[tuple[Path, int]]:
    """Yield places in the project's own code, the best first."""
    if target.status is not Status.EQUAL:
        yield from _class_places(target, root)
        for name, line in _RAISED.findall(target.note):
            if _is_own(root / name, root):
                yield root / name, int(line)
    head, _, attribute = target_of(target.name).rpartition(":")
    if head.endswith(".py"):
        yield root / head, line_of_definition(root / head, attribute) or 1


def _class_places(target: CheckedTarget, root: Path) -> Iterator[tuple[Path, int]]:
    """Yield the class of the module that changed, and those of the modules around it."""
    classes = target.now.classes if isinstance(target.now, FreshBlock) else {}
    for name in reversed(path_of(target.changes.where)):
        if name in classes:
            path = Path(classes[name].file)
            line = line_of_definition(path, classes[name].qualname) if _is_own(path, root) else None
            if line:
                yield path, line


def _is_own(path: Path, root: Path) -> bool:
    return path.is_file() and path.is_relative_to(root) and "site-packages" not in path.parts


def _level(target: CheckedTarget) -> Level:
    if target.status is Status.EQUAL:
        return Level.PASS
    if target.ok:
        return Level.NOTE
    return Level.ERROR if target.status is Status.CANNOT_COUNT else Level.FAIL


def _from_checkout(path: Path, root: Path) -> str:
    """Return ``path`` as GitHub counts it: from the workspace, else from the project."""
    for base in (os.environ.get("GITHUB_WORKSPACE"), root):
        if base and path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix()


def _row(target: CheckedTarget) -> dict[str, Any]:
    locked, now = target.locked, target.now
    row: dict[str, Any] = {
        "name": target.name,
        "status": str(target.status),
        "ok": target.ok,
        "input_size": str(now.input_size) if now else None,
        "locked_input_size": str(locked.input_size) if locked else None,
        "input_sizes": [*map(str, now.input_sizes)] if now else [],
        "locked_input_sizes": [*map(str, locked.input_sizes)] if locked else [],
    }
    for metric in TOTALS:
        row[metric] = getattr(now, metric, None)
        row[f"locked_{metric}"] = getattr(locked, metric, None)
    row["uncounted"] = list(now.uncounted) if now else []
    return row | {"note": target.note, "why": "; ".join(target.why)}
