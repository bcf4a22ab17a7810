"""Locks on files, which end with the process that holds them, however it ends.

They are those of ``flock``: of this machine, and over NFS of all that share the folder.  Windows
has none, and nothing is locked there.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

try:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
except ImportError:
    flock = None  # type: ignore[assignment]

AVAILABLE = flock is not None

# Beside the owner's, so that others may ask who holds it.
_EVERYONE = 0o666


def lock(file: IO[bytes], *, wait: bool = True) -> None:
    """Lock an open file until it is closed.

    Raises ``BlockingIOError`` where another process has it, unless this may ``wait``, and
    ``OSError`` where its folder knows no locks.
    """
    if flock is not None:
        flock(file.fileno(), LOCK_EX if wait else LOCK_EX | LOCK_NB)


def in_use(path: Path) -> bool:
    """Return whether any process holds a lock on ``path``."""
    try:
        with path.open("rb") as file:
            if flock is not None:
                flock(file.fileno(), LOCK_SH | LOCK_NB)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    return False


def lock_file(path: Path, *, wait: bool = True, shared: bool = False) -> IO[bytes]:
    """Open and lock a file that exists only as long as a process holds it: who does removes it.

    ``shared``: other users may lock it, too.  Raises what ``lock`` does.
    """
    while True:
        file = _opened(path) if shared else path.open("ab")
        try:
            lock(file, wait=wait)
            # Who held it until now has removed it.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    return file
        except BaseException:
            file.close()
            raise
        file.close()


def _opened(path: Path) -> IO[bytes]:
    """Open a file for all users.

    One that another user made is not created again, which Linux forbids in folders like /tmp; one
    that may only be read can still be locked.
    """
    while True:
        with suppress(FileNotFoundError):
            try:
                return os.fdopen(os.open(path, os.O_RDWR | _NOFOLLOW), "r+b", buffering=0)
            except PermissionError:
                return os.fdopen(os.open(path, os.O_RDONLY | _NOFOLLOW), "rb", buffering=0)
        with suppress(FileExistsError):
            made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _EVERYONE)
            if hasattr(os, "fchmod"):
                os.fchmod(made, _EVERYONE)  # whatever the umask
            return os.fdopen(made, "r+b", buffering=0)


_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
