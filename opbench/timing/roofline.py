"""How near a network comes to what the device can do.

Three floors under the time of a forward pass: its arithmetic at the rate of a large matrix
product, its bytes at the rate of a large copy, and its operators at the time of one that has
nothing to do.  The highest floor is what binds it.

Reference:
    S. Williams, A. Waterman, D. Patterson.  "Roofline: An Insightful Visual Performance Model for
    Multicore Architectures."  Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

from collections.abc import Sequence

from opbench.record import Attained, Ceilings, Load
from opbench.statistics import median


def attain(load: Load, latency_s: float, ceilings: Ceilings) -> Attained:
    """Where a forward pass of ``load`` that takes ``latency_s`` lies under ``ceilings``."""
    flops = 2 * load.macs
    floors = {
        "compute": flops / ceilings.peak_flops_per_s,
        "memory": load.traffic_bytes / ceilings.bandwidth_bytes_per_s,
        "launch overhead": load.kernels * ceilings.launch_s,
    }
    attained = flops / latency_s
    return Attained(
        attained_flops_per_s=attained,
        fraction_of_peak=attained / ceilings.peak_flops_per_s,
        bound_by=max(floors, key=lambda name: floors[name]),
    )


def typical(ceilings: Sequence[Ceilings]) -> Ceilings:
    """The medians over rounds."""
    return Ceilings(
        peak_flops_per_s=median([each.peak_flops_per_s for each in ceilings]),
        bandwidth_bytes_per_s=median([each.bandwidth_bytes_per_s for each in ceilings]),
        launch_s=median([each.launch_s for each in ceilings]),
    )
