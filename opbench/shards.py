"""Shards: part I of N of a plan, of targets or of images, by a stable hash.

The processes that take the parts need not know of each other: any scheduler can start them, at any
time and place.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Self

from opbench.errors import BadValueError


class Shard(NamedTuple):
    """Part ``part`` of ``parts``, from 1."""

    part: int
    parts: int

    def __str__(self) -> str:
        return f"{self.part}/{self.parts}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "2/8".  Raises ``BadValueError``."""
        found = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,8})", text.strip(), re.ASCII)
        if not found or int(found[1]) > int(found[2]):
            raise BadValueError(
                f"--shard must be I/N with I from 1 to N, such as 2/8, or auto; not {text!r}"
            )
        return cls(int(found[1]), int(found[2]))

    def has(self, key: str) -> bool:
        """Return whether what is called ``key`` is of this shard, by a hash of the key alone.

        So images are: a folder to which some are added has the others in the shards they were in.
        """
        return _hash(key) % self.parts == self.part - 1

    def dealt(self, keys: Iterable[str], kind: Callable[[str], str] = lambda key: "") -> set[str]:
        """Return the keys of this shard when all are dealt out in turn, as cards are.

        They come in the order of their hashes, those of one ``kind`` together: no shard has two
        more than another, be they few, and no two more of a kind.
        """
        order = sorted(set(keys), key=lambda key: (kind(key), _hash(key), key))
        return set(order[self.part - 1 :: self.parts])


def _hash(key: str) -> int:
    digest = hashlib.sha256(key.encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big")


Environment = Mapping[str, str]


class _Source(NamedTuple):
    """A scheduler: the variable that numbers its tasks, and how to read the shard."""

    variable: str
    read: Callable[[Environment], tuple[Shard, str]]


def shard_of_environment(environment: Environment = os.environ) -> tuple[Shard, str]:
    """Return the shard that a scheduler gave this process, and the variables that say so.

    Raises ``BadValueError`` where no scheduler did, or where its variables make no sense.
    """
    for source in _SOURCES:
        if source.variable in environment:
            return source.read(environment)
    known = ", ".join(source.variable for source in _SOURCES)
    raise BadValueError(f"--shard auto: none of {known} is set: write --shard I/N")


def _of_slurm(environment: Environment) -> tuple[Shard, str]:
    """Read a task of a job array, whose numbers may begin anywhere and have a step."""
    prefix = "SLURM_ARRAY_TASK_"
    place, parts = (_number(environment, f"{prefix}{each}") for each in ("ID", "COUNT"))
    first = _number(environment, f"{prefix}MIN")
    last = _number(environment, f"{prefix}MAX", first + parts - 1)
    step = _number(environment, f"{prefix}STEP", 1)
    if step < 1 or last - first != step * (parts - 1) or (place - first) % step:
        raise BadValueError(
            f"--shard auto: the {parts} tasks of this array from {first} to {last} are not evenly "
            "numbered: submit one such as --array=1-8, or write --shard I/N"
        )
    said = f"{prefix}ID={place}, {prefix}MIN={first} and {prefix}COUNT={parts}"
    return _shard((place - first) // step, parts, said)


def _of_ranks(rank: str, size: str, remedy: str = "") -> _Source:
    """Return the source that numbers its tasks from 0 in one variable, and counts in another."""

    def read(environment: Environment) -> tuple[Shard, str]:
        if size not in environment and remedy:
            raise BadValueError(f"--shard auto: {rank} is set and {size} is not: {remedy}")
        place, parts = _number(environment, rank), _number(environment, size)
        return _shard(place, parts, f"{rank}={place} and {size}={parts}")

    return _Source(rank, read)


_SOURCES = (
    _Source("SLURM_ARRAY_TASK_ID", _of_slurm),
    _of_ranks(
        "JOB_COMPLETION_INDEX",
        "JOB_COMPLETIONS",
        "Kubernetes does not tell: give the container that variable, with the completions of "
        "the job",
    ),
    _of_ranks("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    _of_ranks("RANK", "WORLD_SIZE"),
)


def _number(environment: Environment, variable: str, default: int | None = None) -> int:
    text = environment.get(variable, "" if default is None else str(default))
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        problem = f"is {text!r}, not a number" if text else "is not set"
        raise BadValueError(f"--shard auto: {variable} {problem}: write --shard I/N")
    return int(text)


def _shard(place: int, parts: int, said: str) -> tuple[Shard, str]:
    if not 0 <= place < parts:
        raise BadValueError(f"--shard auto: {said} make no shard: write --shard I/N")
    return Shard(place + 1, parts), said
