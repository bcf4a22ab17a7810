"""The lock: the counts a project has agreed to, in a file that people review.

    load(path), load_at(ref, path)    a ``Lock``, validated to the last sum
    save(lock, path)                  the same bytes for the same counts

blocks      the types, and a block from a ``Count``
text        the one way a lock is written
reading     a lock from text, or file, line and remedy
lines       where in a JSON text a value stands
changes     what differs between two blocks, and why
files       files and other commits
scope       which names a lock answers for

One block per target, one line per module, so that ``git diff`` of the file tells what a change
costs.  A block keeps the versions it was counted with for as long as its counts do not change:
another release of PyTorch alone moves no byte.
"""

from opbench.lock.blocks import (
    FROM_OPTION,
    FROM_TARGET,
    Block,
    Lock,
    LockedModule,
    Origin,
    make_block,
    same_counts,
)
from opbench.lock.changes import changes
from opbench.lock.files import load, load_at, save
from opbench.lock.lines import line_of
from opbench.lock.reading import NewerLockError
from opbench.lock.scope import covers, fewest

__all__ = [
    "FROM_OPTION",
    "FROM_TARGET",
    "Block",
    "Lock",
    "LockedModule",
    "NewerLockError",
    "Origin",
    "changes",
    "covers",
    "fewest",
    "line_of",
    "load",
    "load_at",
    "make_block",
    "same_counts",
    "save",
]
