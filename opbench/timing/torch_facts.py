"""What PyTorch says of itself, of its settings and of the device, for a run's header."""

from __future__ import annotations

from typing import Any

import torch


def torch_facts() -> dict[str, Any]:
    """Build, threads and the settings that change arithmetic; CUDA is not initialised by asking."""
    return {
        "torch": torch.__version__,
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch_threads": torch.get_num_threads(),
        "mkldnn": torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "flush_denormal": _flushes_denormals(),
    }


def _flushes_denormals() -> bool:
    # There is no getter: half of the smallest normal number is 0 where denormals are flushed.
    return bool((torch.tensor(torch.finfo(torch.float32).tiny) / 2 == 0).item())
