"""Between two networks of one process: nothing of the first may cost the second time or memory."""

from __future__ import annotations

import gc
import sys

import torch

from opbench.timing.device import Device


def clear(device: Device) -> None:
    """Free what the networks before have left: compiled graphs, garbage in cycles, cached memory.

    Of cuBLAS there is a workspace for each stream that a network has used, which the next would
    find and not be charged for.
    """
    # What nobody has imported has compiled nothing; importing it takes seconds.
    if compiler := sys.modules.get("torch._dynamo"):
        compiler.reset()
    if device.asynchronous:
        gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch._C._cuda_clearCublasWorkspaces()
    device.release()
