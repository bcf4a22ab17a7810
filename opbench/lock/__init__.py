"""The lock file: the counts that a project has agreed to, reviewed like code.

    load(path), load_at(ref, path)    a ``Lock``, validated to the last sum
    save(lock, path)                  the same bytes for the same counts

blocks          the types, and a block from a ``Count``
text            writing a lock
reading         reading a lock, or an error with file, line and remedy
lines           the line of a value in a JSON text
files           locks on disk and in other commits
scope           the names that a pattern covers
sizes           the input sizes at which a target is checked
recount         counting again what a lock holds
isolated        the same in processes of their own
alignment       the modules of two blocks that correspond
module_changes  a sentence on each module that changed
cause           the part of a network in which most of a change is
changes         the differences between two blocks
verdict         the verdict on each target
unmatched       settings that match nothing
sources         where a class is written

One block per target, one line per module, so that ``git diff`` of the file tells what a change
costs.  A block keeps the versions it was counted with as long as its counts do not change: another
release of PyTorch alone changes no byte.
"""

from opbench.lock.blocks import (
    FROM_INPUT,
    FROM_OPTION,
    FROM_TARGET,
    Block,
    FreshBlock,
    Lock,
    LockedModule,
    Origin,
    make_block,
    same_counts,
)
from opbench.lock.changes import changes
from opbench.lock.files import load, load_at, save
from opbench.lock.lines import line_of
from opbench.lock.reading import ConflictedLockError, NewerLockError
from opbench.lock.scope import covers, fewest, target_of

__all__ = [
    "FROM_INPUT",
    "FROM_OPTION",
    "FROM_TARGET",
    "Block",
    "ConflictedLockError",
    "FreshBlock",
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
    "target_of",
]
