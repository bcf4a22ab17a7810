"""The latencies that ``opbench list`` shows and limits: one image, the usual settings, one CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opbench.cli.render import note, plural
from opbench.errors import MissingDataError
from opbench.record import USUAL

if TYPE_CHECKING:
    from opbench.spec import Shape
    from opbench.table import Folder
    from opbench.table.cells import TimedCell
    from opbench.table.networks import Network

Latencies = dict[tuple[str, "Shape"], "TimedCell"]  # by name and size of the image


def latencies_in(folder: Folder) -> Latencies:
    """Return the cells at batch 1 and float32, by the usual settings, on the CPU timed last."""
    usual = [cell for cell in folder.cells if _is_usual(cell)]
    machine = max(usual, key=lambda cell: cell.run).conditions.machine if usual else ""
    return {
        (cell.name, cell.input_size): cell for cell in usual if cell.conditions.machine == machine
    }


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
        note(f"{plural(left, 'network')} left out: not timed on this CPU in {folder}")
    return [each for each in timed if latencies[_key(each)].latency_s <= most_s]


def latency_of(network: Network, latencies: Latencies) -> float | None:
    """Return the latency of a network, None where it was not timed."""
    cell = latencies.get(_key(network))
    return cell.latency_s if cell else None


def note_quality(networks: Sequence[Network], latencies: Latencies) -> None:
    """Say from which runs latencies are that describe no steady state."""
    cells = [latencies[_key(each)] for each in networks if _key(each) in latencies]
    bad = [each for each in cells if each.record.measurement.quality != "good"]
    if bad:
        runs = ", ".join(sorted({each.run for each in bad}))
        note(
            f"latencies that are noisy or unstable: {len(bad)} of {len(cells)} (run {runs}); "
            "`opbench compare` shows their intervals"
        )


def _key(network: Network) -> tuple[str, Shape]:
    return network.name, network.input_size


def _is_usual(cell: TimedCell) -> bool:
    where = cell.conditions
    settings = (where.device, where.dtype, where.runtime, where.variant, cell.batch_size)
    return settings == ("cpu", USUAL["dtype"], USUAL["runtime"], "", 1)
