"""The roofline model: how near a network comes to the device's ceilings, and what binds it.

Floors under the time of a forward pass: its arithmetic at the rate of a large matrix product, and
its bytes at the rate of a large copy.  The higher one is what binds it where the time is at most
twice that floor, unless launching does; far above all floors something else takes the time:

    CPU     a third floor, its operators at the time of one that has nothing to do; a compiled
            network has other operators than were seen, and no such floor
    CUDA    launches are hidden from its time; they bind where the host, which sees them, waits
            longer than the GPU works

Reference:
    S. Williams, A. Waterman, D. Patterson.  "Roofline: An Insightful Visual Performance Model for
    Multicore Architectures."  Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

from collections.abc import Sequence

from opbench.intervals import median
from opbench.record import Attained, Ceilings, Load, Measurement

# A synchronisation and the first launch of all are seen by the host in any case.
_HOST_WAITS = 1.1
# A floor that is less than this part of the time does not explain it.
_NEAR = 0.5
NEITHER = "neither"


def attain(
    load: Load, measurement: Measurement, ceilings: Ceilings, *, compiled: bool = False
) -> Attained:
    """Place a forward pass of ``load`` under ``ceilings``."""
    attained = 2 * load.macs / measurement.median_s
    return Attained(
        attained_flops_per_s=attained,
        fraction_of_peak=attained / ceilings.peak_flops_per_s,
        bound_by=_bound_by(load, measurement, ceilings, compiled),
    )


def _bound_by(load: Load, measurement: Measurement, ceilings: Ceilings, compiled: bool) -> str:
    host_s = measurement.host_s
    floors = {
        "compute": 2 * load.macs / ceilings.peak_flops_per_s,
        "memory": load.traffic_bytes / ceilings.bandwidth_bytes_per_s,
    }
    if host_s is None and not compiled:
        floors["launch overhead"] = load.kernels * ceilings.launch_s
    if host_s is not None and host_s > _HOST_WAITS * measurement.median_s:
        return "launch overhead"
    highest = max(floors, key=lambda name: floors[name])
    return highest if floors[highest] >= _NEAR * measurement.median_s else NEITHER


def typical(ceilings: Sequence[Ceilings]) -> Ceilings:
    """Return the medians over rounds."""
    return Ceilings(
        peak_flops_per_s=median([each.peak_flops_per_s for each in ceilings]),
        bandwidth_bytes_per_s=median([each.bandwidth_bytes_per_s for each in ceilings]),
        launch_s=median([each.launch_s for each in ceilings]),
    )
