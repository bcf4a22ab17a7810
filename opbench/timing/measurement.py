"""``measure``: one module, timed where it lies, and left as it was found.

The forward pass runs in evaluation mode under ``torch.inference_mode``; every submodule's mode is
put back afterwards, after errors too.  Nothing is moved: the module is timed on the device of its
parameters, with the inputs brought there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from opbench.errors import BadValueError
from opbench.record import Measurement
from opbench.statistics import median, median_interval
from opbench.timing.device import Device, open_device
from opbench.timing.protocol import Protocol, Samples, sample

Inputs = Tensor | Sequence[Tensor] | Sequence[int]


def measure(
    module: nn.Module,
    inputs: Inputs,
    *,
    precision: float = 0.01,
    max_seconds: float = 3.0,
    seed: int = 0,
) -> Measurement:
    """Time the forward pass of ``module``.

    ``inputs`` is a tensor or a tuple of tensors with the batch in front, or the size of one image
    such as ``(3, 224, 224)``, for which a batch of one is drawn from a normal distribution.
    Sampling ends when half the 95 % interval is within ``precision`` of the median, or after
    ``max_seconds``.  Raises ``BadValueError`` for values that cannot be.
    """
    protocol = Protocol(precision=precision, max_seconds=max_seconds)
    where = device_of(module)
    device = open_device(str(where))
    tensors = tuple(tensor.to(where) for tensor in _tensors(inputs, dtype_of(module), seed))
    with evaluating(module), torch.inference_mode():
        return time_forward(module, tensors, device, protocol)


def time_forward(
    module: nn.Module, inputs: tuple[Tensor, ...], device: Device, protocol: Protocol
) -> Measurement:
    """One round of samples.  ``module`` and ``inputs`` lie on ``device``, in the wanted mode."""

    def forward() -> object:
        return module(*inputs)

    memory = device.watch_memory()
    samples = sample(lambda calls: device.time(forward, calls), protocol)
    return _measurement(samples, memory())


def random_input(
    size: Sequence[int], *, batch_size: int = 1, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Images from a standard normal distribution: batch_size x size, on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((batch_size, *size), generator=generator).to(dtype)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, every submodule's own mode again outside."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, training in modes:
            each.training = training


def device_of(module: nn.Module) -> torch.device:
    """Where the first parameter or buffer lies; the CPU for a module without any."""
    for tensor in chain(module.parameters(), module.buffers()):
        return tensor.device
    return torch.device("cpu")


def dtype_of(module: nn.Module) -> torch.dtype:
    """The type of the first floating-point parameter or buffer; float32 without any."""
    for tensor in chain(module.parameters(), module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.float32


def _tensors(inputs: Inputs, dtype: torch.dtype, seed: int) -> tuple[Tensor, ...]:
    if isinstance(inputs, Tensor):
        return (inputs,)
    given = tuple(inputs)
    if given and all(isinstance(each, Tensor) for each in given):
        return given  # type: ignore[return-value]
    if given and all(isinstance(each, int) and each > 0 for each in given):
        return (random_input(given, seed=seed, dtype=dtype),)  # type: ignore[arg-type]
    raise BadValueError(
        f"the inputs {given!r} are neither tensors nor the size of one image such as (3, 224, 224)"
    )


def _measurement(samples: Samples, peak_memory_bytes: int | None) -> Measurement:
    low, high = median_interval(samples.seconds)
    return Measurement(
        samples_s=samples.seconds,
        median_s=median(samples.seconds),
        low_s=low,
        high_s=high,
        warmup=samples.warmup,
        calls_per_sample=samples.calls_per_sample,
        peak_memory_bytes=peak_memory_bytes,
        energy_j=None,
        stopped=samples.stopped,
    )
