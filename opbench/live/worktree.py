"""The files of a commit in a folder of their own; neither checkout nor repository is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from opbench.git import git


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
    top = git(
        folder, "rev-parse", "--show-toplevel",
        why="there is no git repository here", remedy="go to the folder of one",
    )  # fmt: skip
    root, meant = Path(top.strip()), f"{ref}^{{commit}}"
    why = f"git has no commit {ref!r}"
    commit = git(root, "rev-parse", "--verify", "--end-of-options", meant, why=why).strip()
    with TemporaryDirectory(prefix="opbench-") as temporary:
        tree = Path(temporary).resolve() / "tree"
        tree.mkdir()
        index = {"GIT_INDEX_FILE": str(tree.parent / "index")}
        write = partial(
            git,
            root,
            why=f"the files of {ref!r} cannot be written to {temporary}",
            remedy="make room there, or set TMPDIR to another folder",
            environment=index,
        )
        write("read-tree", commit)
        write("checkout-index", "--all", "--force", f"--prefix={tree}/")
        yield WorkTree(root=root.resolve(), tree=tree, commit=commit[:12])
