"""The environment is read, flat and plain."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from opbench.runs.environment import system_facts, unequal_facts
from opbench.timing.torch_facts import torch_facts


def test_facts_are_flat_and_fit_into_json() -> None:
    facts = system_facts() | torch_facts()
    assert json.loads(json.dumps(facts)) == facts
    assert not any(isinstance(value, dict) for value in facts.values())


def test_the_machine_and_the_software_are_named() -> None:
    facts = system_facts() | torch_facts()
    assert facts["logical_cores"] == os.cpu_count()
    assert {"os", "kernel", "python", "cpu", "torch", "torch_threads", "memory_bytes"} <= set(facts)
    assert None not in system_facts().values()


def test_reading_twice_gives_equal_environments() -> None:
    assert unequal_facts(system_facts() | torch_facts(), system_facts() | torch_facts()) == []


def test_a_cudnn_that_refuses_the_gpu_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise RuntimeError("cuDNN version 91100 is not compatible with devices with SM < 7.5.")

    monkeypatch.setattr(torch.backends.cudnn, "version", refuse)
    assert torch_facts()["cudnn"] is None


def _write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_settings_of_the_processor_are_read_where_linux_keeps_them(tmp_path: Path) -> None:
    cpu = "sys/devices/system/cpu"
    _write(
        tmp_path,
        **{
            "proc/cpuinfo": "processor : 0\nmodel name\t: Paper 9\nflags : fpu hypervisor avx\n",
            f"{cpu}/cpu0/cpufreq/scaling_governor": "powersave\n",
            f"{cpu}/cpu0/cpufreq/scaling_max_freq": "3600000\n",
            f"{cpu}/intel_pstate/no_turbo": "1\n",
            f"{cpu}/smt/active": "0\n",
            "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
        },
    )
    facts = system_facts(tmp_path)
    assert (facts["cpu"], facts["virtual_machine"], facts["governor"]) == (
        "Paper 9", True, "powersave",
    )  # fmt: skip
    assert (facts["max_clock_khz"], facts["no_turbo"], facts["smt"]) == (3_600_000, 1, 0)
    assert facts["huge_pages"] == "madvise"


INTEL = """processor : 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 207
model name\t: Intel(R) Xeon(R) Processor
stepping\t: 2
cache size\t: 266240 KB

processor : 1
model : 1
"""
ARM = """processor : 0
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""
_NUMBERS = ("cpu_vendor", "cpu_family", "cpu_model", "cpu_stepping", "cpu_cache")


@pytest.mark.parametrize(
    ("about", "numbers"),
    [
        (INTEL, ["GenuineIntel", "6", "207", "2", "266240 KB"]),
        (ARM, ["0x41", "8", "0xd0c", "1", None]),
        ("", [None] * 5),
    ],
)
def test_processors_whose_names_are_alike_are_told_apart_by_their_numbers(
    tmp_path: Path, about: str, numbers: list[str | None]
) -> None:
    _write(tmp_path, **{"proc/cpuinfo": about})
    facts = system_facts(tmp_path)
    assert [facts.get(name) for name in _NUMBERS] == numbers


def test_environments_of_which_neither_knows_a_fact_are_equal() -> None:
    assert unequal_facts({"cpu": "Paper 9"}, {"cpu": "Paper 9"}) == []
    assert unequal_facts({"cpu": "Paper 9"}, {"cpu": "Paper 9", "cpu_model": "2"}) == ["cpu_model"]


@pytest.mark.parametrize(
    ("files", "cores", "memory"),
    [
        ({"cpu.max": "150000 100000", "memory.max": "4294967296"}, 1.5, 4 << 30),
        ({"cpu.max": "max 100000", "memory.max": "max"}, None, None),
        (
            {
                "cpu/cpu.cfs_quota_us": "50000",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "9223372036854771712",
            },
            0.5,
            None,
        ),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None, None),
        ({}, None, None),
    ],
)
def test_the_limits_of_a_container_are_read_in_both_versions(
    tmp_path: Path, files: dict[str, str], cores: float | None, memory: int | None
) -> None:
    _write(tmp_path, **{f"sys/fs/cgroup/{name}": text for name, text in files.items()})
    facts = system_facts(tmp_path)
    assert facts.get("container_cores") == cores
    assert facts.get("container_memory_bytes") == memory


def test_variables_that_steer_the_libraries_are_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_PROC_BIND", "true")
    assert system_facts()["env_OMP_PROC_BIND"] == "true"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUDA_LAUNCH_BLOCKING", "1"),
        ("CUDA_MODULE_LOADING", "LAZY"),
        ("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
        ("CUBLASLT_WORKSPACE_SIZE", "1024"),
        ("CUDNN_CONV_WSCAP_DBG", "4096"),
        ("NVIDIA_TF32_OVERRIDE", "0"),
        ("PYTORCH_ALLOC_CONF", "expandable_segments:True,max_split_size_mb:128"),
        ("TORCH_CUDNN_V8_API_DISABLED", "1"),
        ("TORCHINDUCTOR_MAX_AUTOTUNE", "1"),
        ("TRITON_F32_DEFAULT", "tf32"),
    ],
)
def test_variables_that_steer_a_gpu_are_facts(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = system_facts()
    monkeypatch.setenv(name, value)
    assert unequal_facts(before, system_facts()) == [f"env_{name}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUDA_VISIBLE_DEVICES", "3"),
        ("CUDA_HOME", "/usr/local/cuda-13.0"),
        ("CUDA_VERSION", "13.0.1"),
        ("CUDA_CACHE_PATH", "here"),
        ("NVIDIA_VISIBLE_DEVICES", "GPU-1234"),
        ("NVIDIA_REQUIRE_CUDA", "cuda>=13.0 brand=unknown,driver>=535"),
        ("NVIDIA_DRIVER_CAPABILITIES", "compute,utility"),
        ("NVIDIA_API_KEY", "nvapi-1234"),
        ("PYTORCH_NVML_BASED_CUDA_CHECK", "1"),
        ("PYTORCH_VERSION", "2.11.0"),
        ("TORCH_HOME", "models"),
        ("TORCHINDUCTOR_CACHE_DIR", "cache"),
        ("TORCHINDUCTOR_REMOTE_STORE", "redis://someone:secret@somewhere"),
        ("TRITON_PTXAS", "/opt/ptxas"),
        ("TORCH_LOGS", "+dynamo"),
    ],
)
def test_paths_secrets_and_what_says_the_same_elsewhere_are_no_facts(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = system_facts()
    monkeypatch.setenv(name, value)
    assert unequal_facts(before, system_facts()) == []
