"""Read the options of sbatch, as ``--slurm partition=gpu`` gives them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from opbench.errors import BadValueError

Requests = dict[str, str | bool]

# A task that runs out of time continues in another: a short one starts sooner.
USUAL_MINUTES = 60

# An array, its files and its signals are chosen here, and a shard is one process on one node.
_OURS = {
    *("array", "output", "error", "input", "open-mode", "job-name", "signal", "wrap", "chdir"),
    *("requeue", "no-requeue", "nodes", "ntasks", "ntasks-per-node", "wait", "test-only"),
}
_NAME = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)
# [days-]hours:minutes:seconds, of which only the minutes have to be there.
_TIME = re.compile(
    r"(?:(?P<d>\d+)-(?P<dh>\d+)(?::(?P<dm>\d+))?(?::(?P<ds>\d+))?"
    r"|(?:(?P<h>\d+):(?=\d+:))?(?P<m>\d+)(?::(?P<s>\d+))?)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """The options of sbatch by name, True where one has no value, and the minutes of a task."""

    options: Requests = field(default_factory=dict)
    minutes: int = USUAL_MINUTES


def parse_requests(words: Sequence[str], *, exclusive: bool) -> Requested:
    """Read "partition=gpu" or "exclusive" each.

    exclusive: a node has one task at a time, unless ``words`` say so otherwise ("exclusive=no").
    Raises ``BadValueError``.
    """
    options: Requests = {"exclusive": True} if exclusive else {}
    for word in words:
        name, value = _parse(word)
        options[name] = value
    if options.get("exclusive") == "no":
        del options["exclusive"]
    time = options.setdefault("time", str(USUAL_MINUTES))
    return Requested(options=options, minutes=_minutes(str(time)))


def _parse(word: str) -> tuple[str, str | bool]:
    name, equals, value = word.strip().removeprefix("--").partition("=")
    if not _NAME.fullmatch(name) or (equals and not value) or not value.isprintable():
        raise BadValueError(
            f"--slurm must be an option of sbatch, such as partition=gpu or exclusive; not {word!r}"
        )
    if name in _OURS:
        raise BadValueError(f"--slurm {name}: opbench chooses that itself: remove it")
    return name, value if equals else True


def _minutes(text: str) -> int:
    """Return the minutes of a time as sbatch takes it, rounded up."""
    found = _TIME.fullmatch(text)
    if not found:
        raise BadValueError(
            f"--slurm time must be minutes, hours:minutes:seconds or days-hours, such as 30, "
            f"2:00:00 or 1-12; not {text!r}"
        )
    part = {key: int(number or 0) for key, number in found.groupdict().items()}
    hours = 24 * part["d"] + part["dh"] + part["h"]
    seconds = part["ds"] + part["s"]
    minutes = 60 * hours + part["dm"] + part["m"] + (seconds + 59) // 60
    if not minutes:
        raise BadValueError("--slurm time must be a minute or more: 0 is no limit, and never ends")
    return minutes
