"""The files of a commit in a folder of their own; neither checkout nor repository is touched."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from opbench.errors import BadValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTree:
    """The files of a commit.

    ``root`` is the checkout and ``tree`` the copy; ``commit`` is the short hash.
    """

    root: Path
    tree: Path
    commit: str

    def at(self, folder: Path) -> Path:
        """Return the place in the copy of a folder of the checkout; it may not exist there."""
        return self.tree / folder.resolve().relative_to(self.root)


@contextmanager
def checked_out(ref: str, folder: Path) -> Iterator[WorkTree]:
    """Write the files of ``ref`` of the repository around ``folder``; removed at the end.

    Raises ``BadValueError`` where there is no git, no repository or no such commit.
    """
    root = Path(_git(folder, "rev-parse", "--show-toplevel", why="there is no git repository here"))
    commit = _git(
        root, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}",
        why=f"git has no commit {ref!r}",
    )  # fmt: skip
    with TemporaryDirectory(prefix="opbench-") as temporary:
        tree = Path(temporary).resolve() / "tree"
        tree.mkdir()
        index = {"GIT_INDEX_FILE": str(tree.parent / "index")}
        why = f"the files of {ref!r} cannot be written"
        _git(root, "read-tree", commit, why=why, environment=index)
        _git(
            root, "checkout-index", "--all", "--force", f"--prefix={tree}/",
            why=why, environment=index,
        )  # fmt: skip
        yield WorkTree(root=root.resolve(), tree=tree, commit=commit[:12])


def _git(folder: Path, *words: str, why: str, environment: dict[str, str] | None = None) -> str:
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
        raise BadValueError(
            f"{why} ({said.removeprefix('fatal: ')}): name a commit, branch or tag; a shallow "
            "checkout, as GitHub makes, needs `fetch-depth: 0`"
        )
    return done.stdout.strip()
