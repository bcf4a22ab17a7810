"""Ask git about other commits; the checkout is not touched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from opbench.errors import BadValueError

# The remedy where a commit may be missing because the checkout has only one.
SHALLOW = "a shallow checkout, as GitHub makes, needs `fetch-depth: 0`"


def git(
    folder: Path,
    *words: str,
    why: str,
    remedy: str = f"name a commit, branch or tag; {SHALLOW}",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return what a git command prints in ``folder``; ``environment`` is added to ours.

    Raises ``BadValueError`` where there is no git, and with ``why`` and ``remedy`` where it fails.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**os.environ, **(environment or {})},
        )
    except OSError as error:
        raise BadValueError(f"--against needs git, which cannot be run: {error.strerror}") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise BadValueError(f"{why} ({said.removeprefix('fatal: ')}): {remedy}")
    return done.stdout
