"""Ways to share the cells of a sweep among shards, and the seconds that each shard then takes."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from random import Random
from typing import NamedTuple

SHARDS = 64
RUNTIMES = ("eager", "compile", "aot", "onnxruntime", "openvino")
BATCHES = (1, 2, 4, 8, 16, 32, 64)
_COMPILED = ("compile", "aot")
_WRONG = 0.47  # standard deviation of the logarithm of an estimate: a factor of 1.6


class SweepCell(NamedTuple):
    """A cell of the sweep."""

    network: str
    runtime: str
    batch: int


Seconds = Mapping[SweepCell, float]
Rule = Callable[[Sequence[SweepCell], Seconds], Sequence[float]]


def cells_of_sweep(networks: int, draw: int = 0) -> list[SweepCell]:
    """Return every network in every runtime at every batch; each ``draw`` has other names."""
    names = (f"network{number} of {draw}" for number in range(networks))
    return [SweepCell(*each) for each in product(names, RUNTIMES, BATCHES)]


def seconds_of(
    plan: Sequence[SweepCell], measured: Sequence[float], slow: float = 1.0
) -> dict[SweepCell, float]:
    """Draw the seconds of each cell from those that were measured; a network has one of them.

    ``slow``: how many times as long the runtimes that compile take.
    """
    random = Random(plan[0].network)
    of_network = {cell.network: 0.0 for cell in plan}
    of_network = {name: random.choice(measured) for name in of_network}
    return {
        cell: of_network[cell.network] * (slow if cell.runtime in _COMPILED else 1) for cell in plan
    }


def _by_hash(plan: Sequence[SweepCell], seconds: Seconds) -> Sequence[float]:
    ends = [0.0] * SHARDS
    for cell in plan:
        ends[_hash(cell) % SHARDS] += seconds[cell]
    return ends


def _dealt(plan: Sequence[SweepCell], seconds: Seconds) -> Sequence[float]:
    return [sum(seconds[cell] for cell in shard) for shard in dealt(plan, SHARDS)]


def dealt(plan: Sequence[SweepCell], shards: int) -> list[list[SweepCell]]:
    """Deal cells out as ``opbench.shards`` does: in the order of kind, then of hash."""
    order = sorted(plan, key=lambda cell: (kind_of(cell), _hash(cell)))
    return [order[shard::shards] for shard in range(shards)]


def key_of(cell: SweepCell) -> str:
    """Return the text whose hash places a cell."""
    return f"{cell.network} {cell.runtime} {cell.batch}"


def kind_of(cell: SweepCell) -> str:
    """Return the settings of a cell."""
    return f"{cell.runtime} {cell.batch}"


def _by_cost(plan: Sequence[SweepCell], seconds: Seconds) -> Sequence[float]:
    random = Random(2)
    estimates = {cell: seconds[cell] * random.lognormvariate(0, _WRONG) for cell in plan}
    ends = [0.0] * SHARDS
    for place, cell in enumerate(sorted(plan, key=lambda cell: -estimates[cell])):
        turn, shard = divmod(place, SHARDS)
        ends[SHARDS - 1 - shard if turn % 2 else shard] += seconds[cell]
    return ends


def _longest_first(plan: Sequence[SweepCell], seconds: Seconds) -> Sequence[float]:
    return _first_free(sorted(seconds.values(), reverse=True))


def _queue(plan: Sequence[SweepCell], seconds: Seconds) -> Sequence[float]:
    return _first_free(seconds[cell] for cell in plan)


def _first_free(tasks: Iterable[float]) -> Sequence[float]:
    """Give each task to the GPU that has the least so far: to the first that is free."""
    ends = [0.0] * SHARDS
    for task in tasks:
        heapq.heapreplace(ends, ends[0] + task)
    return ends


def _hash(cell: SweepCell) -> int:
    digest = hashlib.sha256(key_of(cell).encode()).digest()
    return int.from_bytes(digest[:8], "big")


RULES: dict[str, Rule] = {
    "hash": _by_hash,
    "dealt": _dealt,
    "by cost": _by_cost,
    "longest first": _longest_first,
    "queue": _queue,
}
