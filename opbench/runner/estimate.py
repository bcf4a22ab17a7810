"""How long a plan will take, before anything is timed.

A forward pass is taken to run at between all and a tenth of the measured peak of a matrix
product.  A cell takes its least number of rounds at least and its time limit at most, unless its
fewest samples alone take longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from opbench.record import Cell
from opbench.runner.start import Prepared
from opbench.runner.workers import Workers, done
from opbench.timing.protocol import MIN_SAMPLES, Protocol

# Starting a server once per round; forking, building and filling a network once per cell and round.
SERVER_S = 2.5
PROCESS_S = 0.15

_WARM_AND_QUICK = 16


def estimate(prepared: Prepared, workers: Workers) -> tuple[float, float]:
    """Seconds, at least and at most.  Raises ``OpbenchError`` where the device cannot be used."""
    cells, protocol = prepared.sheet.plan, prepared.sheet.protocol
    macs = _macs(cells, prepared, workers)
    peak = _peak(cells[0], prepared, workers)
    least, most = SERVER_S * protocol.rounds, SERVER_S * protocol.max_rounds
    for cell in cells:
        fast = 2 * macs.get(f"{cell.name} {cell.input_size}", 0) * cell.batch_size / peak
        least += _least(fast, protocol) + PROCESS_S * protocol.rounds
        most += _most(10 * fast, protocol) + PROCESS_S * protocol.max_rounds
    return least, most


def _least(forward_s: float, protocol: Protocol) -> float:
    quick = protocol.rounds * _WARM_AND_QUICK * forward_s
    return max(min(quick, protocol.max_seconds), _fewest(forward_s, protocol))


def _most(forward_s: float, protocol: Protocol) -> float:
    return max(protocol.max_seconds, _fewest(forward_s, protocol))


def _fewest(forward_s: float, protocol: Protocol) -> float:
    """A first call and a warm-up in each round, and the samples that are taken in any case."""
    return (2 * protocol.rounds + MIN_SAMPLES) * forward_s


def _macs(cells: Iterable[Cell], prepared: Prepared, workers: Workers) -> dict[str, int]:
    pairs = dict.fromkeys((cell.name, cell.input_size) for cell in cells)
    macs: dict[str, int] = done(workers.ask({"job": "counts", "targets": list(pairs)}))
    return macs


def _peak(cell: Cell, prepared: Prepared, workers: Workers) -> float:
    request = {
        "job": "ceilings",
        "device": cell.device,
        "dtype": cell.dtype,
        "threads": cell.threads,
        "cuda": asdict(prepared.conditions.cuda),
        "gpu_uuid": prepared.conditions.gpus.get(cell.device),
    }
    return float(done(workers.ask(request))["peak_flops_per_s"])
