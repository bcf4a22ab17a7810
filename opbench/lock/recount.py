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
from opbench.inputs import AskedInputs, asked_from_json, described, parse_inputs
from opbench.lock import (
    FROM_INPUT,
    FROM_OPTION,
    FROM_TARGET,
    Block,
    FreshBlock,
    Origin,
    covers,
    make_block,
)
from opbench.lock.verdict import Problem
from opbench.record import Count
from opbench.registry import graphs, providers
from opbench.registry.targets import Target, count_target, resolve


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


def recount(target: Target, locked: Block | None, asked: AskedInputs) -> FreshBlock | Problem:
    """Count ``target`` on what was asked for, or on what it was locked with, or on its own."""
    held = None if asked or locked is None else _asked_of(locked)
    asked = asked or held
    try:
        counted = count_target(target, asked)
    except GoneTargetError as error:
        return Problem(reason=str(error), gone=locked is not None, mistake=locked is None)
    except BadValueError as error:
        return Problem(reason=_mistaken(error, locked, asked, held), mistake=locked is None)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a network's code may raise anything
        return Problem(reason=describe(error))
    if specs := described(asked):
        return block_of(counted, FROM_INPUT, name=target.name, inputs=[*map(str, specs)])
    own = asked in (None, target.input_size) or counted.own_inputs
    return block_of(counted, FROM_TARGET if own else FROM_OPTION, name=target.name)


def _asked_of(locked: Block) -> AskedInputs:
    """Return the option with which a block was counted."""
    if locked.input_size_from == FROM_INPUT:
        return parse_inputs(locked.inputs)
    return locked.input_size if locked.input_size_from == FROM_OPTION else None


def _mistaken(
    error: BadValueError, locked: Block | None, asked: AskedInputs, held: AskedInputs
) -> str:
    if described(held):
        return f"the inputs in the lock no longer fit; {error}; give others with --input"
    if locked and asked is None:
        return "its code no longer gives an input size: give --input-size or --input"
    return str(error)


def block_of(
    counted: Count, input_size_from: Origin, *, name: str = "", inputs: Sequence[str] = ()
) -> FreshBlock:
    """Return the block of a count of the target ``name``, with the present versions."""
    return make_block(
        counted, input_size_from=input_size_from, versions=_versions(name), inputs=inputs
    )


def _versions(name: str) -> dict[str, str]:
    """Return the versions of what counts and of the library that the network is from.

    "+cpu" and "+cu126" are the same release: they count alike.
    """
    release_of = graphs.release() if graphs.is_graph(name) else providers.version(name)
    library, _, release = release_of.partition(" ")
    versions = {"opbench": __version__, "torch": torch.__version__, library: release}
    return {each: version.partition("+")[0] for each, version in versions.items() if version}


def find_json(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names that ``find`` finds, each with null or its problem."""
    found = find(question["patterns"], question["held"])
    return {name: _problem(what) for name, what in found.items()}


def recount_json(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the block of one name, or its problem."""
    locked, asked = question["locked"], asked_from_json(question["asked"])
    block = Block.from_json(locked) if locked else None
    counted = recount(resolve([question["name"]])[0], block, asked)
    return {"problem": _problem(counted)} if isinstance(counted, Problem) else counted.to_json()


def _problem(what: object) -> dict[str, Any] | None:
    return asdict(what) if isinstance(what, Problem) else None
