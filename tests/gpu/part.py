"""The parts, the most valuable first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opbench.errors import BadValueError

_CHECKS = "tests.gpu.checks"


@dataclass(frozen=True, slots=True)
class Part:
    """A function that takes a bed and yields findings, and the most seconds it may take."""

    group: str
    name: str
    call: str
    seconds: float


# It waits for the first import of torch on this machine, which may find nothing in memory.
CARD = Part("card", "card", "tests.gpu.card:facts", 90)
PARTS = (
    Part("checks", "state", f"{_CHECKS}.power:state", 25),
    Part("checks", "queue", f"{_CHECKS}.launches:queue_depth", 20),
    Part("checks", "spin", f"{_CHECKS}.launches:spin", 20),
    Part("checks", "hidden", f"{_CHECKS}.hidden:networks", 75),
    Part("checks", "memory", f"{_CHECKS}.memory:peaks", 30),
    Part("checks", "energy", f"{_CHECKS}.power:energy", 40),
    Part("checks", "ceilings", f"{_CHECKS}.speed:ceilings", 30),
    Part("checks", "sustained", f"{_CHECKS}.speed:sustained", 30),
    Part("checks", "tf32", f"{_CHECKS}.speed:tf32", 30),
    Part("tests", "tests", "tests.gpu.cuda_tests:run", 100),
    Part("truth", "truth", "tests.gpu.truth:beside_others", 75),
    Part("checks", "run", f"{_CHECKS}.start:a_real_run", 110),
    Part("checks", "second-call", f"{_CHECKS}.graphs:second_call", 100),
    Part("checks", "capture", f"{_CHECKS}.graphs:failed_capture", 60),
    Part("checks", "replays", f"{_CHECKS}.graphs:replays", 30),
    Part("checks", "cold", f"{_CHECKS}.speed:cold", 25),
    Part("checks", "worker", f"{_CHECKS}.start:anatomy", 60),
    Part("live", "live", "tests.gpu.live:comparisons", 140),
    Part("roofline", "roofline", "tests.gpu.labels:bound_by", 120),
    Part("counts", "counts", "tests.gpu.counts:on_cuda_and_meta", 60),
    Part("sweep", "sweep", "tests.gpu.sweep:run", 10_000),
)
GROUPS = tuple(dict.fromkeys(part.group for part in PARTS))


def chosen(only: Sequence[str], skip: Sequence[str]) -> list[Part]:
    """Return the card, and the parts that are named, by themselves or by their group.

    Raises ``BadValueError`` for a name of neither.
    """
    for name in (*only, *skip):
        if not any(name in (part.name, part.group) for part in PARTS):
            names = dict.fromkeys([*GROUPS, *(part.name for part in PARTS)])
            raise BadValueError(f"there is no part {name!r}: choose from {', '.join(names)}")
    wanted = [part for part in PARTS if not only or _named(part, only)]
    return [CARD, *(part for part in wanted if not _named(part, skip))]


def _named(part: Part, names: Sequence[str]) -> bool:
    return part.name in names or part.group in names
