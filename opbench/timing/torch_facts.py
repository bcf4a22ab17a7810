"""Facts of PyTorch, its settings and the device, for a run's header."""

from __future__ import annotations

from typing import Any

import torch

from opbench.timing.gpu import open_gpu
from opbench.timing.tf32 import precisions


def torch_facts() -> dict[str, Any]:
    """Return build, threads and settings that change arithmetic.

    Asking for cuDNN's version may initialise CUDA: a process that forks others must not.
    """
    return {
        "torch": torch.__version__,
        "torch_commit": torch.version.git_version,
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch_threads": torch.get_num_threads(),
        "mkldnn": torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
        "cuda": torch.version.cuda,
        "cudnn": _cudnn_version(),
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        **precisions(),
        "flush_denormal": _flushes_denormals(),
    }


def gpu_uuid(device: str) -> str:
    """Return the UUID of a CUDA device, as PyTorch writes it."""
    return str(torch.cuda.get_device_properties(device).uuid)


def gpu_facts(device: str) -> dict[str, Any]:
    """Return the facts of a CUDA device from PyTorch and, where available, NVML."""
    properties = torch.cuda.get_device_properties(device)
    gpu = open_gpu(gpu_uuid(device))
    return {
        "gpu": properties.name,
        "gpu_uuid": gpu_uuid(device),
        "gpu_memory_bytes": properties.total_memory,
        "gpu_capability": f"{properties.major}.{properties.minor}",
        "gpu_l2_bytes": getattr(properties, "L2_cache_size", None),
    } | (gpu.facts() if gpu else {})


def _cudnn_version() -> int | None:
    try:
        version: int | None = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    except RuntimeError:  # it is not for the GPU that is here, which the CPU does not care about
        return None
    return version


def _flushes_denormals() -> bool:
    # There is no getter: half of the smallest normal number is 0 where denormals are flushed.
    return bool((torch.tensor(torch.finfo(torch.float32).tiny) / 2 == 0).item())
