"""What binds a network: arithmetic over ceilings of our own, and ceilings that are measured."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from opbench.record import Ceilings, Launches
from opbench.timing import ceilings as module
from opbench.timing.ceilings import measure_ceilings
from opbench.timing.device import open_device
from opbench.timing.roofline import attain, best
from opbench.timing.traffic import traffic_of
from tests.builders import load, measurement

CEILINGS = Ceilings(peak_flops_per_s=1e12, bandwidth_bytes_per_s=1e11, launch_s=1e-5)


@pytest.mark.parametrize(
    ("macs", "traffic_bytes", "kernels", "bound_by"),
    [
        (10**10, 10**8, 10, "compute"),  # 20 ms, 1 ms, 0.1 ms
        (10**9, 10**9, 10, "memory"),  # 2 ms, 10 ms, 0.1 ms
        (10**6, 10**6, 1000, "launch overhead"),  # 2 us, 10 us, 10 ms
    ],
)
def test_the_highest_floor_binds(
    macs: int, traffic_bytes: int, kernels: int, bound_by: str
) -> None:
    asked = load(macs=macs, traffic_bytes=traffic_bytes, kernels=kernels)
    highest_s = max(2 * macs / 1e12, traffic_bytes / 1e11, kernels * 1e-5)
    attained = attain(asked, measurement(1.9 * highest_s), CEILINGS)
    assert attained.bound_by == bound_by
    assert attained.attained_flops_per_s == pytest.approx(2 * macs / (1.9 * highest_s))
    assert attained.fraction_of_peak == pytest.approx(2 * macs / (1.9 * highest_s) / 1e12)
    # More than twice the floor: something else takes the time.
    assert attain(asked, measurement(2.1 * highest_s), CEILINGS).bound_by == "neither"


def test_the_operators_of_a_compiled_network_are_not_those_that_were_seen() -> None:
    # 2 us, 10 us, and 10 ms of launches that the compiler has fused away.
    many = load(macs=10**6, traffic_bytes=10**6, kernels=1000)
    assert attain(many, measurement(1.5e-5), CEILINGS).bound_by == "launch overhead"
    assert attain(many, measurement(1.5e-5), CEILINGS, compiled=True).bound_by == "memory"


ON_GPU = Ceilings(peak_flops_per_s=1e12, bandwidth_bytes_per_s=1e11, launch_s=2e-6)


@pytest.mark.parametrize(
    ("times", "bound_by"),
    [
        # 8 ms of arithmetic in 10; calls back to back are as fast, or not.
        ({"queued_s": 0.0102}, "compute"),
        ({"queued_s": 0.012}, "launch overhead"),
        # Where only single calls were timed, a synchronisation is no launch.
        ({"host_s": 0.0102}, "compute"),
        ({"host_s": 0.012}, "launch overhead"),
        ({"host_s": 0.012, "queued_s": 0.0102}, "compute"),
        # The arithmetic explains the time, whatever is seen of launches.
        ({"queued_s": 0.0102, "launches": "seen"}, "compute"),
    ],
)
def test_on_a_gpu_launching_binds_where_calls_back_to_back_take_longer_than_it_works(
    times: dict[str, Any], bound_by: str
) -> None:
    asked = load(macs=4 * 10**9, traffic_bytes=10**6, kernels=1000)
    assert attain(asked, measurement(0.010, **times), ON_GPU).bound_by == bound_by


def test_a_graph_of_small_kernels_is_bound_by_starting_them() -> None:
    # A hundred kernels of 2 us each, replayed in 300 us; 20 us more are a synchronisation.
    small = load(macs=10**6, traffic_bytes=10**6, kernels=100)
    replayed = measurement(300e-6, host_s=320e-6)
    assert attain(small, replayed, ON_GPU).bound_by == "launch overhead"
    assert attain(small, replayed, ON_GPU, compiled=True).bound_by == "neither"


@pytest.mark.parametrize(
    ("launches", "bound_by"),
    [("hidden", "neither"), ("seen", "launch overhead"), ("synchronises", "launch overhead")],
)
def test_launches_that_are_not_hidden_take_the_time_that_no_floor_explains(
    launches: Launches, bound_by: str
) -> None:
    small = load(macs=10**6, traffic_bytes=10**6, kernels=100)
    times = measurement(0.01, queued_s=0.01, launches=launches)
    assert attain(small, times, ON_GPU).bound_by == bound_by


def test_operations_counted_by_the_rule_may_exceed_the_peak() -> None:
    # Winograd's convolution of 3x3 carries out 2.25 times fewer multiplications.
    attained = attain(load(macs=10**9), measurement(2e-3 / 2.25), ON_GPU)
    assert attained.fraction_of_peak == pytest.approx(2.25)
    assert attained.bound_by == "compute"


def test_ceilings_are_the_best_of_all_rounds_whichever_had_which() -> None:
    several = [
        Ceilings(peak_flops_per_s=peak, bandwidth_bytes_per_s=rate, launch_s=launch)
        for peak, rate, launch in ((1.0, 5.0, 3.0), (9.0, 4.0, 2.0), (2.0, 6.0, 4.0))
    ]
    assert best(several) == Ceilings(peak_flops_per_s=9.0, bandwidth_bytes_per_s=6.0, launch_s=2.0)


def test_ceilings_are_measured_within_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.02)
    monkeypatch.setattr(module, "_COPY_BYTES", {"cpu": 1 << 20})
    measured = measure_ceilings(open_device("cpu"), torch.float32)
    # From a very slow processor to a very large one.
    assert 1e7 < measured.peak_flops_per_s < 1e15
    assert 1e6 < measured.bandwidth_bytes_per_s < 1e14
    assert 1e-8 < measured.launch_s < 1e-2


def test_traffic_is_what_operators_read_and_write_and_views_move_nothing() -> None:
    linear = nn.Linear(100, 50)
    images = torch.ones(2, 100)

    def forward() -> torch.Tensor:
        hidden: torch.Tensor = linear(images.view(2, 10, 10).flatten(1))
        return hidden.relu_()

    kernels, traffic_bytes = traffic_of(forward)
    assert kernels == 2
    product = 2 * 100 + 50 * 100 + 50 + 2 * 50
    activation = 2 * (2 * 50)
    assert traffic_bytes == 4 * (product + activation)
