"""Save and restore the global state of torch and Python around a count.

A forward pass, or the file that a network comes from, may draw random numbers, switch gradients or
change a default, and may raise half-way.  What is saved here is put back in every case.
Meanwhile the state is the same for every count: gradients and autocast off, fused fast paths off
(they would hide one layer in one operator on some devices), ``einsum`` from left to right (with
opt_einsum installed it would take another path, and another number of products), compiled
functions run as written, and no garbage collection at a random moment while lifetimes of tensors
are watched.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any

import torch
import torch.backends.opt_einsum

# One count at a time: the surroundings are global.
_LOCK = threading.RLock()

_TANGLED = object()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Restore random states, modes and defaults at the end; make them uniform meanwhile."""
    with _LOCK, ExitStack() as stack:
        stack.enter_context(_random_states())
        stack.enter_context(kept_settings())
        torch.backends.mha.set_fastpath_enabled(False)
        torch.backends.opt_einsum.enabled = False
        gc.disable()
        stack.enter_context(torch.inference_mode(False))
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        else:
            stack.enter_context(_told_before_compiling(stack))
        yield


@contextmanager
def scripts_as_written() -> Iterator[None]:
    """Run scripted functions as written: fused and differentiated by TorchScript, as they are on a
    GPU from the second run on, their operators would not be seen.

    A constructor that freezes a network needs TorchScript's own way, so this is for passes only.
    """
    jit: Any = torch.jit
    with jit.optimized_execution(False):
        yield


@contextmanager
def _told_before_compiling(stack: ExitStack) -> Iterator[None]:
    """Tell a compiler that is imported meanwhile to keep out, before it meets its first function.

    It would remember for good that it cannot compile what it meets below a dispatch mode.
    """
    before = torch.compile

    @wraps(before)
    def compile(*args: Any, **kwargs: Any) -> Any:
        torch.compile = before
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        return before(*args, **kwargs)

    torch.compile = compile
    try:
        yield
    finally:
        torch.compile = before


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
def kept_settings() -> Iterator[None]:
    """Restore torch's settings at the end, and the current folder.

    Only what was changed is set again: some of it is slow to set (determinism imports torch's
    compiler), or means "by whoever installed it" until it is set."""
    before = [(read, put, _value(read)) for read, put in _SETTINGS]
    try:
        yield
    finally:
        for read, put, value in before:
            if value is not _TANGLED and _value(read) != value:
                put(value)


def _value(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except RuntimeError:  # precision was set by its old name and by its new one
        return _TANGLED


Setting = tuple[Callable[[], Any], Callable[[Any], Any]]  # how to read it and how to put it back


def _flag(holder: Any, name: str) -> Setting:
    return lambda: getattr(holder, name), partial(setattr, holder, name)


def _default_device() -> torch.device | None:
    """Return the default device, None if nobody set one, which is not the same as the CPU."""
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return None if context is None else torch.device(context.device)


def _folder() -> Path | None:
    """Return the current folder, None where it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _enter(folder: Path | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _determinism() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _set_determinism(both: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(both[0], warn_only=both[1])


def _precision(part: tuple[str, str]) -> Setting:
    return (
        partial(torch._C._get_fp32_precision_getter, *part),
        partial(torch._C._set_fp32_precision_setter, *part),
    )


# How float32 products are computed, by the names since torch 2.9: backend and kind of product,
# from the general to the particular.  None before.
FLOAT32_PRECISIONS = (
    (
        ("generic", "all"),
        *((each, kind) for each in ("cuda", "mkldnn") for kind in ("all", "matmul", "conv", "rnn")),
    )
    if hasattr(torch._C, "_set_fp32_precision_setter")
    else ()
)

_SETTINGS: tuple[Setting, ...] = (
    (_folder, _enter),
    (gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_default_dtype, torch.set_default_dtype),
    (_default_device, torch.set_default_device),
    (_determinism, _set_determinism),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
    _flag(torch.backends.opt_einsum, "enabled"),
    *(_flag(torch.backends.cudnn, name) for name in ("enabled", "benchmark", "deterministic")),
    # Both of these set some of the precisions below as well, so they come first.
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    _flag(torch.backends.cudnn, "allow_tf32"),
    *map(_precision, FLOAT32_PRECISIONS),
)
