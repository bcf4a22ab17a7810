"""Counting again what a lock holds.

Which targets a pattern means now, among those that exist and those that the lock remembers; and
the block of each, or the reason why there is none.  Networks are other people's code: one that
fails, in whatever way, is a row that says so, and the others go on.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from opbench import __version__
from opbench.errors import (
    BadFileError,
    BadValueError,
    GoneTargetError,
    OpbenchError,
    TargetError,
    UnknownNameError,
)
from opbench.lock import FROM_OPTION, FROM_TARGET, Block, covers, make_block
from opbench.lock.verdict import Problem
from opbench.record import Count
from opbench.registry import providers
from opbench.registry.targets import Target, count_target, resolve

Size = tuple[int, ...]

_TORCH = Path(torch.__file__).parent
_OPBENCH = Path(__file__).parents[1]


def find(patterns: Sequence[str], locked: Mapping[str, Block]) -> dict[str, Target | Problem]:
    """What ``patterns`` mean: targets that exist, and names that only the lock knows.

    Raises ``OpbenchError`` for a pattern that means nothing in either.
    """
    found: dict[str, Target | Problem] = {}
    for pattern in patterns:
        held = [name for name in locked if covers(pattern, name)]
        for target in _existing(pattern, required=not held):
            found.setdefault(target.name, target)
        for name in held:
            if name not in found:
                found[name] = _remembered(name)
    return found


def _existing(pattern: str, *, required: bool) -> tuple[Target, ...]:
    try:
        return resolve([pattern])
    except OpbenchError:
        if required:
            raise
    except Exception as error:  # an architecture file that does not import: anyone's mistake
        if required:
            raise TargetError(f"the target {pattern!r} cannot be found: {reason(error)}") from error
    return ()


def _remembered(name: str) -> Target | Problem:
    """A name of the lock, looked up by itself."""
    try:
        return resolve([name])[0]
    except (UnknownNameError, BadFileError) as error:
        return Problem(reason=str(error), gone=True)
    except Exception as error:  # noqa: BLE001  an architecture file that does not import
        return Problem(reason=reason(error))


def recount(target: Target, locked: Block | None, size: Size | None) -> Block | Problem:
    """The block of ``target`` now: at ``size``, or at the size that was asked for when it was
    locked, or at its own.

    Raises ``BadValueError`` when nothing says which size to count at, and ``GoneTargetError`` for
    a name that neither code nor lock knows.
    """
    if size is None and locked and locked.input_size_from == FROM_OPTION:
        size = locked.input_size
    try:
        counted = count_target(target, size)
    except GoneTargetError as error:
        if locked is None:
            raise
        return Problem(reason=str(error), gone=True)
    except BadValueError:
        if locked is None:
            raise
        return Problem(reason="nothing says how large its input is any more: give --input-size")
    except (Exception, SystemExit) as error:  # noqa: BLE001  a network's code may raise anything
        return Problem(reason=reason(error))
    asked = size is not None and size != target.input_size
    return block_of(counted, FROM_OPTION if asked else FROM_TARGET, name=target.name)


def block_of(counted: Count, input_size_from: str, *, name: str = "") -> Block:
    """The block of a count made just now of the target ``name``, by these versions."""
    return make_block(counted, input_size_from=input_size_from, versions=_versions(name))


def _versions(name: str) -> dict[str, str]:
    """Of what counts, and of the library that the network is from.  "+cpu" and "+cu126" are one
    release: they count alike."""
    library, _, release = providers.version(name).partition(" ")
    versions = {"opbench": __version__, "torch": torch.__version__, library: release}
    return {each: version.partition("+")[0] for each, version in versions.items() if version}


def reason(error: BaseException) -> str:
    """What went wrong, and in which line of whose file."""
    lines = str(error).strip().splitlines()
    said = lines[0] if lines else ""
    if not isinstance(error, OpbenchError):
        said = error.msg if isinstance(error, SyntaxError) else said  # without its place
        said = f"{type(error).__name__}: {said}".removesuffix(": ")
    first = error
    while first.__cause__:
        first = first.__cause__
    place = _place(first)
    return f"{said} ({place})" if place and place not in said else said


def _place(error: BaseException) -> str:
    """The line that raised; of a syntax error, the line that cannot be read."""
    if isinstance(error, OpbenchError):
        return ""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_relative(error.filename)}, line {error.lineno}"
    frames = [
        each
        for each in traceback.extract_tb(error.__traceback__)
        if each.filename[:1] != "<" and not _is_machinery(Path(each.filename))
    ]
    return f"{_relative(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""


def _is_machinery(path: Path) -> bool:
    """What carries a network out is not where its mistake is."""
    if path.is_relative_to(_TORCH):
        return True
    return path.is_relative_to(_OPBENCH) and "architectures" not in path.parts


def _relative(name: str) -> str:
    path = Path(name)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else name


def recount_all(
    found: Mapping[str, Target | Problem], locked: Mapping[str, Block], size: Size | None
) -> Iterator[tuple[str, Block | Problem]]:
    """Each name of ``found`` with its block or its problem, as soon as it is counted."""
    for name, what in found.items():
        if isinstance(what, Problem):
            yield name, what
        else:
            yield name, recount(what, locked.get(name), size)
