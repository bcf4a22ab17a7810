"""What disturbs a timing, from facts that we made up and from watching."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

import pytest

from opbench.timing import disturbances
from opbench.timing.disturbances import findings, repeated, watch

QUIET = {"logical_cores": 8, "load_before": 0.1, "affinity": list(range(8)), "torch_threads": 8}


def test_a_quiet_machine_has_no_findings() -> None:
    quiet = {"governor": "performance", "boost": 0, "container_cores": 8.0}
    assert findings(QUIET | quiet | {"env_CUDA_LAUNCH_BLOCKING": "0"}) == []


@pytest.mark.parametrize(
    ("facts", "seen"),
    [
        ({"load_before": 4.2}, "the load is 4.2 on 8 cores"),
        ({"governor": "powersave"}, "governor is 'powersave'"),
        ({"boost": 1}, "clock rises"),
        ({"no_turbo": 0}, "clock rises"),
        ({"on_battery": True}, "battery"),
        ({"container_cores": 1.5}, "may use 1.5 of 8 cores"),
        ({"affinity": [0, 1], "torch_threads": 2}, "only 2 of 8 cores"),
        ({"torch_threads": 16}, "16 threads"),
        ({"virtual_machine": True}, "virtual machine"),
        ({"memory_available_bytes": 1 << 30}, "1.0 GiB"),
        ({"other_processes": 1}, "another process uses the GPU"),
        ({"env_CUDA_LAUNCH_BLOCKING": "1"}, "every launch wait"),
        ({"env_NVIDIA_TF32_OVERRIDE": "0"}, "NVIDIA_TF32_OVERRIDE decides"),
        ({"throttled_by": ["hardware slowdown"]}, "held back (hardware slowdown)"),
    ],
)
def test_each_disturbing_fact_is_one_finding_with_advice(facts: dict[str, Any], seen: str) -> None:
    (found,) = findings(QUIET | facts)
    assert seen in found.seen
    assert found.advice


def test_work_is_timed_as_often_as_asked() -> None:
    ticks = chain.from_iterable((second, second + 0.5) for second in count())
    assert repeated(5, now=lambda: next(ticks)) == [0.5] * 5


def test_what_others_do_meanwhile_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturbances, "watch_bystanders", lambda: lambda: (1.4, 0.3))
    monkeypatch.setattr(disturbances, "repeated", lambda tries: [1.0] * 90 + [1.5] * 10)
    seen = [found.seen for found in watch(2, seconds=0.0)]
    assert seen == [
        "other programs keep 1.4 of 2 cores busy",
        "other virtual machines take 0.3 of 2 cores",
        "1 in 20 repetitions of the same work takes 50% longer or more",
    ]


def test_a_machine_that_does_nothing_else_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturbances, "watch_bystanders", lambda: lambda: (None, None))
    monkeypatch.setattr(disturbances, "repeated", lambda tries: [1.0] * 100)
    assert watch(2, seconds=0.0) == []
