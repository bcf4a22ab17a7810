"""Files below a folder, each once: links are followed, and those that lead back are problems.

Every folder is walked once, real ones before those that are links.  So a loop of links ends, and so
does a tree whose links lead to links, which would otherwise grow by a factor with every level.  A
link to a file of the tree is no second file.  Two links to one file elsewhere are two: stores of
data sets keep equal contents once and link to them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opbench.accuracy.measured.lines import Unanswered
from opbench.errors import BadFileError, remedy
from opbench.escapes import printable

# Device and inode: the same for every name of one file or folder.
_Identity = tuple[int, int]
# What systems and programs leave in folders, besides names that begin with a dot.
_LEFT_BY_SYSTEMS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "lost+found"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Names below a folder, with / between their parts.

    folders: of the first level.  files: sorted.  problems: what is no file that can be read.
    clutter: what is hidden or was left by a system; such folders are not entered.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]
    problems: tuple[Unanswered, ...]
    clutter: tuple[str, ...]


def walk(root: Path) -> Tree:
    """Find the files below ``root``.  Raises ``BadFileError`` where it cannot be read."""
    found = _Walk(root)
    found.all_of_it()
    return Tree(
        folders=tuple(sorted(found.folders)),
        files=tuple(sorted(found.files)),
        problems=tuple(Unanswered(id=name, reason=why) for name, why in found.problems.items()),
        clutter=tuple(sorted(found.clutter)),
    )


class _Walk:
    """A walk in progress."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._walked: dict[_Identity, str] = {}
        self._linked: dict[str, _Identity] = {}
        self._linked_folders: list[str] = []
        self.folders: list[str] = []
        self.files: dict[str, _Identity] = {}
        self.problems: dict[str, str] = {}
        self.clutter: list[str] = []

    def all_of_it(self) -> None:
        """Walk real folders, then those that are links, then what was linked in these, ..."""
        waiting = [""]
        while waiting:
            while waiting:
                waiting += reversed(self._enter(waiting.pop()))
            waiting = sorted(self._linked_folders, reverse=True)
            self._linked_folders = []
        self._add_linked_files()

    def _add_linked_files(self) -> None:
        real = {identity: name for name, identity in self.files.items()}
        for name, identity in self._linked.items():
            if identity in real:
                same = printable(real[identity])
                self._refuse(name, f"a link to {same}, which is in the set already")
            else:
                self.files[name] = identity

    def _enter(self, folder: str) -> list[str]:
        """Take note of what stands in ``folder``; return the real folders in it, in order."""
        try:
            status = (self._root / folder).stat()
            identity = (status.st_dev, status.st_ino)
            if identity in self._walked:
                same = printable(self._walked[identity] or self._root.name)
                self._refuse(folder, f"it leads to {same}, which is in the set already")
                return []
            self._walked[identity] = folder
            with os.scandir(self._root / folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._refuse(folder, f"the folder cannot be read: {error.strerror}{remedy(error)}")
            return []
        return list(self._sorted_out(folder, ordered, status.st_dev))

    def _sorted_out(
        self, folder: str, entries: list[os.DirEntry[str]], device: int
    ) -> Iterator[str]:
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith(".") or entry.name.lower() in _LEFT_BY_SYSTEMS:
                self.clutter.append(printable(name))
                continue
            try:
                if entry.is_dir():
                    if not folder:
                        self.folders.append(entry.name)
                    if entry.is_symlink():
                        self._linked_folders.append(name)
                    else:
                        yield name
                else:
                    self._add_file(name, entry, device)
            except OSError as error:
                self._refuse(name, f"{error.strerror}{remedy(error)}")

    def _add_file(self, name: str, entry: os.DirEntry[str], device: int) -> None:
        if as_utf8(name) != name:
            self._refuse(name, "its name is not in UTF-8: rename it")
        elif not entry.is_file():
            kind = "a link that leads nowhere" if entry.is_symlink() else "no regular file"
            self._refuse(name, kind)
        elif entry.is_symlink():
            status = entry.stat()
            self._linked[name] = (status.st_dev, status.st_ino)
        else:
            self.files[name] = (device, entry.inode())

    def _refuse(self, name: str, reason: str) -> None:
        if not name:
            raise BadFileError(f"{self._root}: {reason}")
        self.problems[as_utf8(name)] = reason


def as_utf8(name: str) -> str:
    """Write the bytes of a file's name that are no UTF-8 as escapes."""
    return name.encode(errors="backslashreplace").decode()
