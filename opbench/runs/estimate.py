"""Estimate how long a plan will take, before anything is timed.

The peak of a matrix product is measured once, as every round does it, and a forward pass is taken
to run at between all and a quarter of it.  A cell's round takes at least the shortest warm-up and
sampling, and at most its share of the time limit, unless the fewest passes take longer; around that
there is what starting costs, which is rehearsed.  Rounds beyond the least number stay within the
time limit and cost their starts.  What a run that is continued has already is taken off; what
compiling and converting take, and what their results take to load in each round, is not known and
not in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from opbench.inputs import asked_to_json
from opbench.processes.calls import module_of
from opbench.record import Cell
from opbench.runs.lines import Setting
from opbench.runs.pool import Workers, done
from opbench.runs.start import Prepared
from opbench.runs.watchdog import limit_of_ceilings
from opbench.timing.protocol import HEAT_S, QUEUE_AGAIN_S, QUEUE_S, Protocol

# The slowest that networks are taken to be, together: so many times less than the peak.  Those of
# the registry take 2.2 times as long as at the peak on two cores of a Xeon, at batch 1 and at 16.
SLOWEST = 4
# The backward pass has two products for each of the forward pass.
_TRAINING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Seconds beside the calls: of a device in each round, of each of its cells in each round."""

    round_s: float
    cell_s: float


def estimate(prepared: Prepared, workers: Workers) -> tuple[float, float]:
    """Estimate the least and most seconds.  Raises ``OpbenchError`` for an unusable device."""
    state, protocol = prepared.state, prepared.state.protocol
    macs = _macs(state.missing, workers)
    costs = {each.device: _costs(each.device, prepared, workers) for each in state.settings()}
    start = time.monotonic()
    peak = _peak(state.settings()[0], prepared, workers)
    round_s = workers.start_s + len(state.settings()) * (time.monotonic() - start)
    round_s += sum(each.round_s for each in costs.values())
    left = max(0, *(protocol.rounds - len(state.rounds[cell]) for cell in state.missing))
    least, most = left * round_s, (left + protocol.max_rounds - protocol.rounds) * round_s
    for cell in state.missing:
        images = 1 if cell.inputs else cell.batch_size  # which are described with their batch
        images *= _TRAINING if cell.training else 1
        fast = 2 * macs.get(f"{cell.name} {_size(cell)}", 0) * images / peak
        taken = len(state.rounds[cell])
        on_gpu = cell.device != "cpu"
        cell_s = costs[cell.device].cell_s + (HEAT_S + QUEUE_AGAIN_S) * on_gpu
        cell_s += protocol.limits.seconds * prepared.settings.stages
        one, other = bounds(fast, protocol, cell_s=cell_s, taken=taken)
        queue_s = (QUEUE_S - QUEUE_AGAIN_S) * (on_gpu and not taken)
        least, most = least + one + queue_s, most + other + queue_s
    return least, most


def bounds(
    fast_s: float, protocol: Protocol, *, cell_s: float = 0.0, taken: int = 0
) -> tuple[float, float]:
    """Seconds of one cell that has had ``taken`` rounds, at least and at most, where a forward
    pass at the peak takes ``fast_s``, and what is beside its calls ``cell_s`` in each round."""
    limits = protocol.limits
    # The first call, one that warms up, and the samples that are taken in any case; once per cell
    # another, in which its traffic is seen.
    passes, once = 2 + limits.min_samples, fast_s * (not taken)
    left, all_left = (max(0, each - taken) for each in (protocol.rounds, protocol.max_rounds))
    shortest = max(limits.warmup_s[0] + limits.sampling_s, passes * fast_s)
    longest = max(limits.seconds, passes * SLOWEST * fast_s)
    return (
        left * (shortest + cell_s) + once,
        left * longest + all_left * cell_s + SLOWEST * once,
    )


def _costs(device: str, prepared: Prepared, workers: Workers) -> Costs:
    """Rehearse a cell twice: where cells share a process, the first pays for its start as well."""
    first, again = (_seconds_of("rehearse", device, prepared, workers) for _ in range(2))
    return Costs(round_s=max(0.0, first - again), cell_s=again)


def _seconds_of(job: str, device: str, prepared: Prepared, workers: Workers) -> float:
    start = time.monotonic()
    done(workers.ask(_request(job, device, prepared)))
    return time.monotonic() - start


def _macs(cells: Iterable[Cell], workers: Workers) -> dict[str, int]:
    """Ask for the counts of the targets of one module together.

    A target that ends its process will say so in its own row; an estimate does without it.
    """
    groups: dict[str, dict[str, tuple[str, Any]]] = {}
    for cell in cells:
        pair = (cell.name, asked_to_json(cell.asked))
        groups.setdefault(module_of(cell.name), {})[f"{cell.name} {_size(cell)}"] = pair
    replies = (
        workers.ask({"job": "counts", "targets": list(each.values())}) for each in groups.values()
    )
    return {name: macs for reply in replies for name, macs in (reply.done or {}).items()}


def _size(cell: Cell) -> str:
    return cell.inputs or str(cell.input_size)


def _peak(setting: Setting, prepared: Prepared, workers: Workers) -> float:
    request = _request("ceilings", setting.device, prepared) | setting.to_json()
    return float(done(workers.ask(request))["peak_flops_per_s"])


def _request(job: str, device: str, prepared: Prepared) -> dict[str, Any]:
    return {
        "job": job,
        "device": device,
        "cuda": prepared.settings.cuda.to_json(),
        "gpu_uuid": prepared.settings.gpus.get(device),
        "limit_s": limit_of_ceilings(device),
    }
