"""Count again what a lock holds.

Patterns are resolved among the targets that exist and those that the lock remembers.  Networks are
other people's code: one that fails in any way is a row with the reason, and the others go on.
``find_json`` and ``recount_json`` are what ``isolated`` asks for, in processes of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from opbench import __version__
from opbench.errors import (
    BadFileError,
    BadValueError,
    GoneTargetError,
    UnknownNameError,
    describe,
)
from opbench.lock import FROM_OPTION, FROM_TARGET, Block, FreshBlock, Origin, covers, make_block
from opbench.lock.verdict import Problem
from opbench.record import Count
from opbench.registry import providers
from opbench.registry.targets import Target, count_target, resolve

Size = tuple[int, ...]


def find(patterns: Sequence[str], locked: Iterable[str]) -> dict[str, Target | Problem]:
    """Resolve ``patterns`` to targets that exist and those that only the lock knows.

    ``locked`` are the targets in the lock.  A pattern that matches neither is a problem itself.
    """
    found: dict[str, Target | Problem] = {}
    for pattern in patterns:
        held = [name for name in locked if covers(pattern, name)]
        existing = _resolve(pattern)
        if isinstance(existing, Problem):
            if not held:
                found.setdefault(pattern, Problem(reason=existing.reason))
            existing = ()
        for target in existing:
            found.setdefault(target.name, target)
        for name in held:
            if name not in found:
                alone = _resolve(name)
                found[name] = alone if isinstance(alone, Problem) else alone[0]
    return found


def _resolve(pattern: str) -> tuple[Target, ...] | Problem:
    try:
        return resolve([pattern])
    except (UnknownNameError, BadFileError) as error:
        return Problem(reason=str(error), gone=True)
    except Exception as error:  # noqa: BLE001  an architecture file that does not import
        return Problem(reason=describe(error))


def recount(target: Target, locked: Block | None, size: Size | None) -> FreshBlock | Problem:
    """Count ``target`` at ``size``, or at the size it was locked with, or at its own."""
    if size is None and locked and locked.input_size_from == FROM_OPTION:
        size = locked.input_size
    try:
        counted = count_target(target, size)
    except GoneTargetError as error:
        return Problem(reason=str(error), gone=locked is not None, mistake=locked is None)
    except BadValueError as error:
        gone = "its code no longer gives an input size: give --input-size"
        return Problem(reason=gone if locked else str(error), mistake=locked is None)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a network's code may raise anything
        return Problem(reason=describe(error))
    asked = size not in (None, target.input_size) and not counted.own_inputs
    return block_of(counted, FROM_OPTION if asked else FROM_TARGET, name=target.name)


def block_of(counted: Count, input_size_from: Origin, *, name: str = "") -> FreshBlock:
    """Return the block of a count of the target ``name``, with the present versions."""
    return make_block(counted, input_size_from=input_size_from, versions=_versions(name))


def _versions(name: str) -> dict[str, str]:
    """Return the versions of what counts and of the library that the network is from.

    "+cpu" and "+cu126" are the same release: they count alike.
    """
    library, _, release = providers.version(name).partition(" ")
    versions = {"opbench": __version__, "torch": torch.__version__, library: release}
    return {each: version.partition("+")[0] for each, version in versions.items() if version}


def find_json(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names that ``find`` finds, each with null or its problem."""
    found = find(question["patterns"], question["held"])
    return {name: _problem(what) for name, what in found.items()}


def recount_json(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the block of one name, or its problem."""
    locked, size = question["locked"], question["size"]
    block = Block.from_json(locked) if locked else None
    counted = recount(resolve([question["name"]])[0], block, tuple(size) if size else None)
    return {"problem": _problem(counted)} if isinstance(counted, Problem) else counted.to_json()


def _problem(what: object) -> dict[str, Any] | None:
    return asdict(what) if isinstance(what, Problem) else None
