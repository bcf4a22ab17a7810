"""Keep two runs from timing on one device at once, by a lock that ends with its process.

A GPU is known by its UUID, a processor by its host: the system's boot id, which containers share.
The lock is a file in the temporary folder, for all users of the host, and one in the results
folder, for containers and hosts that share no other.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from opbench.errors import OpbenchError
from opbench.escapes import printable
from opbench.locks import lock_file

Tell = Callable[[str], None]

LOCAL = Path(tempfile.gettempdir())
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LONGEST_NOTE = 200
# Of file systems without locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)


@contextmanager
def hold_devices(
    devices: Iterable[str], gpus: Mapping[str, str], results: Path, *, wait: bool, tell: Tell
) -> Iterator[bool]:
    """Hold ``devices`` for this process; ``gpus`` are the UUIDs of those that have one.

    Where another process holds one this waits, and tells so, or raises ``OpbenchError``.  Yields
    False where nobody else can have measured meanwhile what was left.
    """
    others = False

    def told(text: str) -> None:
        nonlocal others
        others = True
        tell(text)

    keys = {gpus.get(each) or _host(each): each for each in devices}
    with ExitStack() as stack:
        # In one order everywhere: two runs that wait never wait for each other.
        for key, device in sorted(keys.items()):
            name = f".opbench-{hashlib.sha256(key.encode()).hexdigest()[:16]}.lock"
            for folder in dict.fromkeys((LOCAL.resolve(), results.resolve())):
                if file := _held(folder / name, device, wait=wait, tell=told):
                    stack.callback(_release, folder / name, file)
        yield others


def _host(device: str) -> str:
    """Return the key of a device that has no UUID: of its host, the same in all containers."""
    try:
        host = _BOOT_ID.read_text().strip()
    except OSError:
        host = platform.node()
    return f"{host} {device}"


def _held(path: Path, device: str, *, wait: bool, tell: Tell) -> IO[bytes] | None:
    """Lock a file; None where its folder knows no locks.  Raises ``OpbenchError``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = lock_file(path, wait=False, shared=True)
        except BlockingIOError:
            holder = _noted(path)
            if not wait:
                raise OpbenchError(
                    f"another run is timing on {device}{holder}, and both would be slower: wait "
                    "for it to end, with --wait"
                ) from None
            tell(f"waiting for another run on {device}{holder}")
            file = lock_file(path, shared=True)
    except OSError as error:
        # Of its results folder the run itself will say that it cannot write there.
        if error.errno not in _NO_LOCKS and path.parent != LOCAL.resolve():
            return None
        tell(
            f"warning: no lock in {path.parent} ({error.strerror}): another run on {device} would "
            "not be noticed there"
        )
        return None
    _note(file)
    return file


def _note(file: IO[bytes]) -> None:
    """Write who holds the lock into its file, for those who find it held."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with suppress(OSError):  # another user's file may only be readable
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}, since {now}".encode())


def _noted(path: Path) -> str:
    try:
        with path.open("rb") as file:
            note = file.read(_LONGEST_NOTE).decode(errors="replace").strip()
    except OSError:
        note = ""
    return f" ({printable(note)})" if note else ""


def _release(path: Path, file: IO[bytes]) -> None:
    # Removed first: a file that another process has locked meanwhile is not taken from it.
    with file, suppress(OSError):
        path.unlink()
