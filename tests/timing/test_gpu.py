"""What NVML tells of a GPU, over an NVML of our own."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from opbench.timing.gpu import Gpu, open_gpu
from tests.timing.fakes import FakeMismatchError, FakeNvml


def test_facts_are_in_si_units_and_text() -> None:
    assert Gpu(FakeNvml(), "GPU-1234").facts() == {
        "gpu": "NVIDIA Paper 100",
        "gpu_uuid": "GPU-1234",
        "gpu_driver": "570.1",
        "gpu_memory_bytes": 8 << 30,
        "gpu_power_limit_w": 700.0,
        "gpu_max_sm_clock_mhz": 1980,
    }


def test_the_state_names_what_holds_the_gpu_back_and_idling_is_none_of_it() -> None:
    state = Gpu(FakeNvml(), "GPU-1234").state()
    assert state["throttled_by"] == ["software power cap"]
    assert (state["sm_clock_mhz"], state["memory_clock_mhz"]) == (1755, 2619)
    assert (state["temperature_c"], state["power_w"]) == (61, 250.0)


def test_this_process_is_not_another_one() -> None:
    nvml = FakeNvml()
    nvml.pids = [os.getpid(), 1, 2]
    assert Gpu(nvml, "GPU-1234").other_processes() == 2


@pytest.mark.parametrize(("in_use", "others"), [(False, 2), (True, 1)])
def test_one_of_the_processes_that_a_container_numbers_anew_is_this(
    monkeypatch: pytest.MonkeyPatch, in_use: bool, others: int
) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: in_use)
    nvml = FakeNvml()
    nvml.pids = [4711, 4712]
    assert Gpu(nvml, "GPU-1234").other_processes() == others


def test_a_fact_that_the_driver_does_not_tell_is_left_out() -> None:
    facts = Gpu(FakeNvml("nvmlDeviceGetPowerManagementLimit"), "GPU-1234").facts()
    assert "gpu_power_limit_w" not in facts
    assert facts["gpu_driver"] == "570.1"


def test_a_gpu_is_found_by_its_uuid_with_or_without_prefix() -> None:
    assert open_gpu("1234", FakeNvml) is not None
    assert open_gpu("GPU-1234", FakeNvml) is not None
    assert open_gpu("5678", FakeNvml) is None


def test_a_part_of_a_gpu_is_found_by_its_uuid() -> None:
    nvml = FakeNvml()
    nvml.uuid = "MIG-1234"
    assert open_gpu("1234", lambda: nvml) is not None
    assert open_gpu("MIG-1234", lambda: nvml) is not None
    assert open_gpu("5678", lambda: nvml) is None


def test_power_is_that_of_the_moment_where_the_driver_knows_it() -> None:
    nvml = FakeNvml(watts=600.0)
    nvml.averaged_watts = 90.0
    assert Gpu(nvml, "GPU-1234").power_w() == 600.0
    assert Gpu(nvml, "GPU-1234").state()["power_w"] == 600.0
    nvml.lacking = ("nvmlDeviceGetFieldValues",)
    assert Gpu(nvml, "GPU-1234").power_w() == 90.0


def test_a_field_that_the_driver_refuses_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = SimpleNamespace(nvmlReturn=3, value=SimpleNamespace(uiVal=0))
    monkeypatch.setattr(FakeNvml, "nvmlDeviceGetFieldValues", lambda *_: [refused])
    assert Gpu(FakeNvml(watts=250.0), "GPU-1234").power_w() == 250.0


def test_what_the_driver_refuses_cannot_be_read_whatever_it_raises() -> None:
    nvml = FakeNvml("nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetComputeRunningProcesses")
    nvml.refusal = FakeMismatchError
    gpu = Gpu(nvml, "GPU-1234")
    with pytest.raises(OSError, match="NVML: nvmlDeviceGetTotalEnergyConsumption"):
        gpu.energy_j()
    assert not gpu.can(gpu.energy_j)
    assert "other_processes" not in gpu.state()


def test_without_library_or_driver_there_is_no_gpu() -> None:
    def missing() -> Any:
        raise ImportError("pynvml")

    assert open_gpu("1234", missing) is None
    assert open_gpu("1234", lambda: FakeNvml("nvmlInit")) is None
