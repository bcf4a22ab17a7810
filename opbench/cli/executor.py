"""The options --executor, --slurm and --shards of ``opbench run``, ``count`` and ``evaluate``."""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opbench.cli.help import ARGUMENTS
from opbench.errors import BadValueError, OpbenchError
from opbench.shards import Shard

if TYPE_CHECKING:
    from opbench.executors.array import Array
    from opbench.executors.requests import Requested
    from opbench.executors.task import Task


class Executor(StrEnum):
    """Engines that start the work of a command."""

    local = "local"
    slurm = "slurm"


ExecutorOption = Annotated[
    Executor,
    typer.Option(
        help="local does the work here, one cell at a time. slurm submits it as a job array of "
        "shards, and shows how far their files are; started again, it continues. Code, data and "
        "--results have to be in a folder that all nodes share.",
    ),
]
SlurmOption = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm",
        metavar="NAME[=VALUE]",
        help="With --executor slurm: an option of sbatch, such as partition=gpu, gres=gpu:1 or "
        "time=30 (minutes; by default 60, after which a shard continues in another job). A run "
        "on the CPU has nodes to itself, unless exclusive=no. Can be repeated.",
    ),
]
ShardsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=1000,
        help="With --executor slurm: the number of shards; by default 8.",
    ),
]
_SHARDS = 8

# What belongs to the command that submits, and not to its shards.
_OF_SUBMITTING = {"executor", "slurm", "shards", "results", "format", "json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The shards of a command as an array, a task each, and what they ask of Slurm."""

    array: Array
    shards: tuple[Shard, ...]
    tasks: tuple[Task, ...]
    requested: Requested


def distribution(
    context: typer.Context,
    results: Path,
    more: Sequence[str] = (),
    *,
    exclusive: bool = False,
    printing: bool = False,
) -> Distribution | None:
    """Return the shards that --executor slurm was asked for, None for local.

    Each is the command line as it was typed, with --shard and with ``more``.  ``printing``: what
    it prints is its result.  Raises ``OpbenchError``.
    """
    params = context.params
    if params["executor"] is Executor.local:
        for name in ("slurm", "shards"):
            if params[name]:
                raise BadValueError(f"--{name} is for --executor slurm: add that, or remove it")
        return None
    _refuse(context)
    try:
        from opbench.executors.array import Array
        from opbench.executors.requests import parse_requests
        from opbench.executors.task import Task
    except ModuleNotFoundError:
        raise OpbenchError(
            "--executor slurm needs submitit: install it with `pip install 'opbench[slurm]'`"
        ) from None
    requested = parse_requests(params["slurm"] or (), exclusive=exclusive)
    typed = _typed(context)
    parts = params["shards"] or _SHARDS
    name = _name([*typed, *more], results, parts)
    folder = results.absolute() / "slurm" / name
    shards = tuple(Shard(part, parts) for part in range(1, parts + 1))
    where = ("--results", str(results.absolute())) if "results" in params else ()
    words = (context.command.name or "", *more, *where, *typed)
    tasks = tuple(
        Task(
            words=(*words[:1], "--shard", str(shard), *words[1:]),
            output=str(folder / f"{shard.part}-of-{parts}.json") if printing else "",
        )
        for shard in shards
    )
    array = Array(name=name, folder=folder)
    return Distribution(array=array, shards=shards, tasks=tasks, requested=requested)


def _refuse(context: typer.Context) -> None:
    """Raise ``BadValueError`` for options that say otherwise what shards do."""
    for name, why in (
        ("shard", "submits all shards"),
        ("resume", "continues where the same command stopped"),
        ("vary", "takes one choice"),
        ("json", "has its records in files"),
    ):
        if context.params.get(name):
            raise BadValueError(f"--executor slurm {why}: remove --{name}")


def _typed(context: typer.Context) -> list[str]:
    """Return the command line as it was typed, without what belongs to submitting."""
    options = {option: each for each in context.command.params for option in each.opts}
    kept: list[str] = []
    words = iter(context.meta[ARGUMENTS])
    for word in words:
        if word == "--":
            return [*kept, word, *words]
        option, equals, _ = word.partition("=")
        known: Any = options.get(option) if word.startswith("-") else None
        takes_value = known is not None and not known.is_flag and not equals
        value = [next(words, "")] if takes_value else []
        if known is None or known.name not in _OF_SUBMITTING:
            kept += [word, *value]
    return kept


def _name(words: Sequence[str], results: Path, parts: int) -> str:
    """Return the name by which the same command finds its job again."""
    same = [*words, str(Path.cwd()), str(results.absolute()), str(parts), getpass.getuser()]
    return f"opbench-{hashlib.sha256(json.dumps(same).encode()).hexdigest()[:12]}"
