"""Latencies that ``opbench list`` shows and limits: one image, usual settings, by machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opbench.cli.render import note, plural
from opbench.errors import MissingDataError
from opbench.record import USUAL

if TYPE_CHECKING:
    from opbench.spec import Shape
    from opbench.table import Folder
    from opbench.table.cells import TimedCell
    from opbench.table.networks import Network

# By name and size of the image.
Latencies = dict[tuple[str, "Shape"], "TimedCell"]


def latencies_in(folder: Folder, device: str) -> list[Latencies]:
    """Return the cells at batch 1 and float32, by the usual settings, machine by machine.

    The machine of ``device`` that was timed last, by default a CPU; "all" are all of them.
    """
    from opbench.table.cells import ALL
    from opbench.table.folder import on_device

    there = on_device(folder, device).cells if device else folder.cells
    usual = [cell for cell in there if _is_usual(cell, "" if device else "cpu")]
    by_machine: dict[str, Latencies] = {}
    for cell in sorted(usual, key=lambda cell: cell.run, reverse=True):
        own = by_machine.setdefault(cell.conditions.machine, {})
        own.setdefault((cell.name, cell.input_size), cell)
    found = [*by_machine.values()]
    return found if device == ALL else found[:1]


def timed_on(network: Network, machines: Sequence[Latencies]) -> Iterator[dict[str, Any]]:
    """Yield the latency of a network and its machine, for each that timed it; None without one."""
    cells = [latencies[_key(network)] for latencies in machines if _key(network) in latencies]
    for cell in cells:
        yield {"latency_s": cell.latency_s, "machine": cell.conditions.machine}
    if not cells:
        yield {"latency_s": None, "machine": None}


def within(
    networks: Sequence[Network], latencies: Latencies, most_s: float, folder: Path
) -> list[Network]:
    """Return the networks that take at most so long, and say how many were not timed.

    Raises ``MissingDataError`` where none was.
    """
    timed = [each for each in networks if _key(each) in latencies]
    if not timed:
        raise MissingDataError(
            f"--max-latency: none of these networks was timed on a CPU, one image in "
            f"{USUAL['dtype']}, in {folder}: time some with `opbench run`, or name another folder "
            "with --results"
        )
    if left := len(networks) - len(timed):
        note(f"{plural(left, 'network')} left out: not timed on this machine in {folder}")
    return [each for each in timed if latencies[_key(each)].latency_s <= most_s]


def note_quality(networks: Sequence[Network], machines: Sequence[Latencies]) -> None:
    """Say from which runs latencies are that describe no steady state."""
    keys = [*map(_key, networks)]
    cells = [own[key] for own in machines for key in keys if key in own]
    bad = [each for each in cells if each.record.measurement.quality != "good"]
    if bad:
        runs = ", ".join(sorted({each.run for each in bad}))
        note(
            f"latencies that are noisy or unstable: {len(bad)} of {len(cells)} (run {runs}); "
            "`opbench compare` shows their intervals"
        )


def _key(network: Network) -> tuple[str, Shape]:
    return network.name, network.input_size


def _is_usual(cell: TimedCell, device: str) -> bool:
    where = cell.conditions
    here = device or where.device
    settings = (where.device, where.dtype, where.runtime, where.variant, cell.batch_size)
    return settings == (here, USUAL["dtype"], USUAL["runtime"], "", 1)
