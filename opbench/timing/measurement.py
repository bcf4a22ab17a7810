"""``measure``: one module, timed where it lies, and left as it was found.

The forward pass runs in evaluation mode under ``torch.inference_mode``, a training step in training
mode; every submodule's mode is put back afterwards, after errors too, and after a training step the
weights, buffers, gradients and random generators.  Nothing is moved: the module is timed on the
device of its parameters, with the inputs brought there.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn

from opbench.counting.arguments import Arguments, as_arguments
from opbench.counting.copies.exported import set_evaluation_mode
from opbench.counting.inputs import (
    Inputs,
    brought_by,
    is_size,
    require_inputs,
    require_module,
    with_keywords,
)
from opbench.counting.tracing.torch_state import kept_settings
from opbench.counting.tracing.training import switch_to_training
from opbench.intervals import median
from opbench.record import Measurement, Round
from opbench.timing.bystanders import watch_bystanders
from opbench.timing.device import Call, Device, open_device
from opbench.timing.energy import EnergyMeter, Stopwatch
from opbench.timing.libraries import load_libraries
from opbench.timing.protocol import HEAT_S, QUEUE_S, Limits, Protocol, sample
from opbench.timing.quality import summarise
from opbench.timing.reference import Alternation, fixed_work
from opbench.timing.sustained import back_to_back, queue
from opbench.timing.tf32 import set_tf32
from opbench.timing.training import load_training, training_step

# A tenth of a round's time is for single calls of the host, within these numbers.
_HOST_PART = 0.1
_FEWEST_HOST_SAMPLES, _MOST_HOST_SAMPLES = 30, 100
# Long enough for clocks to be those of work.
_WORK_TO_LOOK_AT_S = 0.05

State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """The instruments read beside the stopwatch.

    memory: the growth of peak memory since it was asked for, which is the caller's to choose.
    meter: counts joules.
    state: how the device is doing, read while it works.
    queue_s: how long calls are queued on a GPU back to back, 0 for not at all.
    reference: fixed work, timed in turns with the samples.
    """

    memory: Callable[[], int | None]
    meter: EnergyMeter | None = None
    state: Callable[[], State] | None = None
    queue_s: float = 0.0
    reference: Callable[[], float] | None = None


def measure(
    module: nn.Module,
    inputs: Inputs | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    precision: float = 0.01,
    max_seconds: float = 3.0,
    seed: int = 0,
    tf32: bool = False,
    training: bool = False,
) -> Measurement:
    """Time the forward pass of ``module`` in this process, in one round, or a training step.

    ``inputs`` is a tensor, the tuple of arguments of ``forward`` or a dict of them by name, with
    the batch in front, or the size of one image such as ``(3, 224, 224)``, for which a batch of one
    is drawn from a normal distribution; ``kwargs`` are arguments by name beside a tuple.  Without
    any the module's own are taken, as ``opbench.count`` does.
    Sampling ends when half the 95 % interval is within ``precision`` of the median, or after
    ``max_seconds``; on a GPU calls are then queued for a second more.  ``tf32`` lets a GPU compute
    float32 with TF32, which is off otherwise, as in `opbench run`, for convolutions too; PyTorch's
    settings are put back.  ``training`` times the pass that ``opbench.count(..., training=True)``
    counts and a step of SGD (``opbench.timing.training``).
    What differs between processes does not show here: `opbench run` has rounds for that.  Raises
    ``BadValueError`` for values that cannot be, and ``CountError`` where no gradient is required.
    """
    require_module(module)
    protocol = Protocol(precision=precision, max_seconds=max_seconds, seed=seed)
    where = device_of(module)
    arguments = _arguments(with_keywords(inputs, kwargs), module, seed)
    limits = Limits(precision=precision, seconds=max_seconds)
    # Opening a GPU makes it the current one; the caller's is put back.
    current = torch.cuda.device(where.index if where.type == "cuda" else -1)
    mode = training_mode(module) if training else evaluating(module)
    with kept_settings(), current, mode, torch.inference_mode(not training):
        set_tf32(tf32)
        device = open_device(str(where))
        load_libraries(device)
        if training:
            load_training(device)
        reference = fixed_work(device)
        instruments = Instruments(
            memory=device.watch_memory(), queue_s=QUEUE_S, reference=reference
        )
        forward = partial(arguments.passed_to, module)
        call = training_step(module, forward) if training else forward
        bystanders = watch_bystanders()
        only = time_round(call, device, limits, instruments)
        others, stolen = bystanders()
    only = replace(only, others_cores=others, stolen_cores=stolen)
    return summarise([only], protocol, cores=torch.get_num_threads())


def time_round(forward: Call, device: Device, limits: Limits, instruments: Instruments) -> Round:
    """Time one round: the first call, warm-up, samples, and the instruments meanwhile."""
    first_call_s = device.run(forward, 1)
    device.reset_peak()
    with _collector_paused():
        timed = device.prepare(forward)
        heating, heating_s = _heat(timed, device)
        turns = Alternation(instruments.reference) if instruments.reference else None
        watch = turns.watch if turns else _as_it_is
        samples = sample(watch(lambda calls: device.time(timed, calls)), limits)
        reference_s = turns.last(len(samples.seconds)) if turns else ()
        host = host_samples(timed, device, limits)
        state = _state_at_work(timed, device, median(host or samples.seconds), instruments)
        peak = instruments.memory()
        # Energy is that of calls alone: between samples fixed work has its turn, and a GPU waits.
        queue_s = instruments.queue_s if device.asynchronous else 0.0
        work = queue(timed, device, queue_s, instruments.meter)
    warming_s = first_call_s + timed.warmup_s + heating_s
    return Round(
        number=1,
        samples_s=samples.seconds,
        reference_samples_s=reference_s,
        host_samples_s=host,
        queued_s=work.queued_s if device.asynchronous else None,
        launches=timed.launches,
        warmup=1 + timed.warmup + heating + samples.warmup,
        calls_per_sample=samples.calls_per_sample,
        stopped=samples.stopped,
        sampling_s=samples.wall_s if device.asynchronous else None,
        first_call_s=first_call_s,
        forward_s=warming_s + samples.total_s + sum(host) + work.seconds,
        peak_memory_bytes=peak,
        energy_j=work.energy_j,
        power_w=work.power_w,
        energy_resolution=work.energy_resolution,
        device_after=state,
    )


def _as_it_is(stopwatch: Stopwatch) -> Stopwatch:
    return stopwatch


def _heat(call: Call, device: Device) -> tuple[int, float]:
    """Work a GPU until its power limit has set in; return the calls and their seconds."""
    if not device.asynchronous:
        return 0, 0.0
    return back_to_back(lambda calls: device.run(call, calls), HEAT_S)


def host_samples(call: Call, device: Device, limits: Limits) -> tuple[float, ...]:
    """Time single calls on a GPU, each until it has finished; fewer where a call is slow."""
    if not device.asynchronous:
        return ()
    first = device.run(call, 1)
    fitting = limits.seconds / first
    wanted = min(max(_FEWEST_HOST_SAMPLES, _HOST_PART * fitting), _MOST_HOST_SAMPLES, fitting)
    others = max(limits.min_samples, round(wanted)) - 1
    return first, *(device.run(call, 1) for _ in range(others))


def _state_at_work(call: Call, device: Device, seconds: float, instruments: Instruments) -> State:
    """Read the device's state under load; one call takes ``seconds``; {} where nothing tells."""
    if instruments.state is None:
        return {}
    calls = ceil(_WORK_TO_LOOK_AT_S / max(seconds, 1e-9))
    return device.look_during(call, calls, instruments.state)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause Python's garbage collector, which would strike some samples and not others."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def random_input(
    size: Sequence[int], *, batch_size: int = 1, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draw images from a standard normal distribution: batch_size x size, on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((batch_size, *size), generator=generator).to(dtype)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put every submodule into evaluation mode, and back into its own mode at the end."""
    with _modes_kept(module) as modes:
        if any(modes):
            set_evaluation_mode(module)
        yield


@contextmanager
def training_mode(module: nn.Module) -> Iterator[None]:
    """Put every submodule into training mode; what training changes is put back at the end."""
    tensors = [*module.parameters(), *module.buffers()]
    kept = [(each, each.detach().clone(), each.grad) for each in tensors if each.is_leaf]
    gpus = [each for each in [device_of(module)] if each.type == "cuda"]
    for each, _, _ in kept:
        each.grad = None
    with _modes_kept(module), torch.random.fork_rng(devices=gpus):
        switch_to_training(module)
        try:
            yield
        finally:
            for each, before, gradient in kept:
                each.detach().copy_(before)
                each.grad = gradient


@contextmanager
def _modes_kept(module: nn.Module) -> Iterator[list[bool]]:
    """Yield which submodules are in training mode, and put each back into its own at the end."""
    # A module frozen by torch.jit has no mode.
    modes = [(each, each.training) for each in module.modules() if hasattr(each, "training")]
    try:
        yield [training for _, training in modes]
    finally:
        for each, training in modes:
            each.training = training


def device_of(module: nn.Module) -> torch.device:
    """Return the device of the first parameter or buffer; the CPU for a module without any."""
    for tensor in chain(module.parameters(), module.buffers()):
        return tensor.device
    return torch.device("cpu")


def dtype_of(module: nn.Module) -> torch.dtype:
    """Return the type of the first floating-point parameter or buffer; float32 without any."""
    for tensor in chain(module.parameters(), module.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.float32


def _arguments(inputs: Inputs | None, module: nn.Module, seed: int) -> Arguments:
    """Return the arguments of the forward pass where the module lies, random for a size."""
    where = device_of(module)
    given = brought_by(module) if inputs is None else inputs
    require_inputs(given)
    assert given is not None
    if isinstance(given, Sequence) and is_size(given):
        given = (random_input(given, seed=seed, dtype=dtype_of(module)),)
    return as_arguments(given).converted(partial(_at, where=where))


def _at(tensor: Tensor, where: torch.device) -> Tensor:
    """Return a tensor on a device, without the graph that made it or the gradients it has."""
    return tensor.detach().to(where).requires_grad_(tensor.requires_grad)
