"""Turn what ``opbench check`` found into outcomes, each with the place to look at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from opbench.errors import BadFileError
from opbench.lock import line_of, load
from opbench.lock.verdict import CheckedTarget, Status
from opbench.reports import Level, Outcome


def check_outcomes(
    checked: Sequence[CheckedTarget], lock: Path, root: Path, shown: int | None
) -> list[Outcome]:
    """Make an outcome for each target, with at most ``shown`` details.

    An outcome points at the file of a target that has one, else at its line of ``lock``.
    """
    text = _lock_text(lock)
    outcomes = []
    for each in checked:
        file, level, line = _file(each.name), _level(each), 1
        if not file and level is not Level.PASS:
            line = line_of(text, ("networks", each.name))
        outcomes.append(
            Outcome(
                name=each.name,
                status=each.status,
                level=level,
                summary=each.sentence,
                details=first(each.why, shown),
                path=_from_checkout(root / file if file else lock, root),
                line=line,
            )
        )
    return outcomes


def first(why: tuple[str, ...], shown: int | None) -> tuple[str, ...]:
    """Return the first ``shown`` changes and how many there are besides; all for None."""
    if shown is None or len(why) <= shown:
        return why
    return (*why[:shown], f"and {len(why) - shown} more changes: --format json has them all")


def _lock_text(lock: Path) -> str:
    """Read the lock to point into; with --against, the one on disk may be damaged or missing."""
    try:
        load(lock)
    except BadFileError:
        return "{}"
    return lock.read_text(encoding="utf-8")


def _level(target: CheckedTarget) -> Level:
    if target.status is Status.EQUAL:
        return Level.PASS
    if target.ok:
        return Level.NOTE
    return Level.ERROR if target.status is Status.CANNOT_COUNT else Level.FAIL


def _file(name: str) -> str:
    """Return the file of a target that is in one, else nothing."""
    head, _, _ = name.rpartition(":")
    return head if head.endswith(".py") else ""


def _from_checkout(path: Path, root: Path) -> str:
    """Return ``path`` as GitHub counts it: from the workspace, else from the project."""
    for base in (os.environ.get("GITHUB_WORKSPACE"), root):
        if base and path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix()
