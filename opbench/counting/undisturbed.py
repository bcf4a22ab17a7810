"""Global state of torch and Python, the same afterwards as before.

A forward pass may draw random numbers, switch gradients or change a default, and may raise
half-way.  What is saved here is put back in every case.  For the time between, the surroundings
are made the same for every count: gradients and autocast off, fused fast paths off (they would
hide one layer in one operator on some devices), compiled functions run as written, and no garbage
collection at a random moment while lifetimes of tensors are watched.
"""

from __future__ import annotations

import gc
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

# One count at a time: the surroundings are global.
_LOCK = threading.RLock()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Save and restore random states, modes and defaults, and make the surroundings uniform."""
    with _LOCK, ExitStack() as stack:
        stack.enter_context(_random_states())
        stack.enter_context(_switches())
        stack.enter_context(torch.inference_mode(False))
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


@contextmanager
def _random_states() -> Iterator[None]:
    numpy: Any = sys.modules.get("numpy")
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    torch_state = torch.get_rng_state()
    cuda_states = torch.cuda.get_rng_state_all() if _uses_cuda() else None
    try:
        yield
    finally:
        random.setstate(python_state)
        torch.set_rng_state(torch_state)
        if numpy_state is not None:
            numpy.random.set_state(numpy_state)
        if cuda_states is not None:
            torch.cuda.set_rng_state_all(cuda_states)


def _uses_cuda() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


@contextmanager
def _switches() -> Iterator[None]:
    gradients, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    deterministic = _determinism()
    fast_paths, collecting = torch.backends.mha.get_fastpath_enabled(), gc.isenabled()
    torch.backends.mha.set_fastpath_enabled(False)
    gc.disable()
    try:
        yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        if _determinism() != deterministic:  # to set it takes seconds: torch imports its compiler
            torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
        torch.backends.mha.set_fastpath_enabled(fast_paths)
        if collecting:
            gc.enable()


def _determinism() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
