"""The roofline model: how near a network comes to the device's ceilings, and what binds it.

Floors under the time of a forward pass: its arithmetic at the rate of a large matrix product, its
bytes at the rate of a large copy, and its operators at the time of one that has nothing to do (a
call on the CPU, a kernel on CUDA).  The highest one is what binds it where the time is at most
twice that floor; far above all floors something else takes the time.  A compiled network has other
operators than were seen, and no third floor.

On CUDA the host may launch too slowly, which the GPU's own time does not contain: launching binds
where calls back to back take longer than the GPU works.  Where launches could not be hidden, they
are what takes the time that no floor explains.

The arithmetic is that counted by the rule, which a convolution by Winograd's or Fourier's transform
does not carry out in full: more than the peak can be attained.

Reference:
    S. Williams, A. Waterman, D. Patterson.  "Roofline: An Insightful Visual Performance Model for
    Multicore Architectures."  Communications of the ACM 52(4), 2009.
"""

from __future__ import annotations

from collections.abc import Sequence

from opbench.record import Attained, Ceilings, Load, Measurement

# Calls back to back take this much longer than the GPU works, or the host does not hold them up.
_HOST_WAITS = 1.1
# What a synchronisation takes, where only single calls were timed.
_SYNCHRONISING_S = 20e-6
# A floor that is less than this part of the time does not explain it.
_NEAR = 0.5
LAUNCHING, NEITHER = "launch overhead", "neither"


def attain(
    load: Load, measurement: Measurement, ceilings: Ceilings, *, compiled: bool = False
) -> Attained:
    """Place a forward pass of ``load`` under ``ceilings``."""
    attained = 2 * load.macs / _seconds(measurement)
    return Attained(
        attained_flops_per_s=attained,
        fraction_of_peak=attained / ceilings.peak_flops_per_s,
        bound_by=_bound_by(load, measurement, ceilings, compiled),
    )


def _seconds(measurement: Measurement) -> float:
    """Return the GPU's time, or the latency on the CPU."""
    return measurement.device_s or measurement.latency_s


def _bound_by(load: Load, measurement: Measurement, ceilings: Ceilings, compiled: bool) -> str:
    if _host_holds_up(measurement):
        return LAUNCHING
    floors = {
        "compute": 2 * load.macs / ceilings.peak_flops_per_s,
        "memory": load.traffic_bytes / ceilings.bandwidth_bytes_per_s,
    }
    if not compiled:
        floors[LAUNCHING] = load.kernels * ceilings.launch_s
    highest = max(floors, key=lambda name: floors[name])
    if floors[highest] >= _NEAR * _seconds(measurement):
        return highest
    return LAUNCHING if measurement.launches in ("seen", "synchronises") else NEITHER


def _host_holds_up(measurement: Measurement) -> bool:
    """Return whether a GPU has to wait for launches that its own time does not contain."""
    paced_s = measurement.queued_s
    if paced_s is None and measurement.host_s is not None:
        paced_s = measurement.host_s - _SYNCHRONISING_S
    return paced_s is not None and paced_s > _HOST_WAITS * measurement.median_s


def best(ceilings: Sequence[Ceilings]) -> Ceilings:
    """Return the best of all rounds: of a machine that was left alone, as latencies are."""
    return Ceilings(
        peak_flops_per_s=max(each.peak_flops_per_s for each in ceilings),
        bandwidth_bytes_per_s=max(each.bandwidth_bytes_per_s for each in ceilings),
        launch_s=min(each.launch_s for each in ceilings),
    )
