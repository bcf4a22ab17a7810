"""Trace one forward or training pass: from a network, or what builds it, to a ``Count``.

The meta device comes first: no weights, no arithmetic.  A network that looks at its activations
(``.item()``, NumPy) or that has no form there (scripted code) is run once more on real CPU tensors,
seeded so that the same call gives the same number again; ``Count.device`` says which of the two it
was, and ``Count.fallback`` why (``opbench.counting.meta.fallback``).  Inference mode comes first
too, because composite operators arrive whole in it; a network that computes gradients in its
forward pass (forces from an energy) is run with gradients on, as a training pass is.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from opbench.counting.arguments import Arguments, read_built
from opbench.counting.copies import leftovers
from opbench.counting.copies.copying import tensors_of, unwrap
from opbench.counting.copies.exported import is_exported
from opbench.counting.copies.namespaces import (
    homes_of,
    homes_of_builder,
    modules_of_homes,
    put_back,
)
from opbench.counting.copies.original import privately, take, until_its_end
from opbench.counting.failure import run_error
from opbench.counting.inputs import (
    Inputs,
    Request,
    batch_size_of,
    brought_by,
    input_sizes_of,
    require_inputs,
    require_module,
    with_keywords,
)
from opbench.counting.meta import fallback
from opbench.counting.meta.absent import reason_for_gpu, tolerated
from opbench.counting.meta.build import build_without_weights
from opbench.counting.meta.disguise import disguised
from opbench.counting.meta.tensor_types import types_replaced_in
from opbench.counting.rules.origins import origins_in
from opbench.counting.stored import bytes_of
from opbench.counting.summary import summarise
from opbench.counting.tracing.deferred import Threads, finish
from opbench.counting.tracing.gradients import gradient_tracer, plain_kernels
from opbench.counting.tracing.lifetimes import Lifetimes
from opbench.counting.tracing.outputs import tensors_in
from opbench.counting.tracing.scopes import Scopes, Traced
from opbench.counting.tracing.torch_state import scripts_as_written, undisturbed
from opbench.counting.tracing.tracer import Tracer
from opbench.counting.tracing.training import NothingToTrainError, run_backward, switch_to_training
from opbench.counting.tracing.unseen import UNSEEN, Unseen
from opbench.errors import (
    BadFileError,
    BadValueError,
    CountError,
    OpbenchError,
    RuleError,
    TargetError,
    describe,
    message_of,
)
from opbench.record import Count

if TYPE_CHECKING:
    from torch.export import ExportedProgram

SEED = 0

Source = Callable[[str], tuple[nn.Module, Arguments | None]]

# Complaints that real values would not mend: not worth a second run.
_SHAPES = re.compile(
    r"shapes cannot be multiplied|Given groups=|must match the size|Sizes of tensors must match"
    r"|can't be greater than|Output size is too small|is invalid for input of size"
    r"|Given normalized_shape|positional argument|keyword argument|multiple values"
    r"|expected .* channels|more than 1 value per channel|[Oo]verflow"
)

# Complaints of a network that computes gradients in its forward pass: "element 0 of tensors does
# not require grad and does not have a grad_fn", "Inference tensors cannot be saved for backward".
_GRADIENTS = re.compile(r"does(?:n't| not) require grad|[Ii]nference tensor")


def count(
    module: nn.Module | ExportedProgram,
    inputs_or_input_size: Inputs | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    batch_size: int = 1,
    dtype: torch.dtype | None = None,
    device: str | None = None,
    training: bool = False,
) -> Count:
    """Count one forward pass of ``module`` in evaluation mode, or one training pass.

    ``inputs_or_input_size`` is the size of one image without the batch dimension, as in (3, 224,
    224), the tuple of arguments of ``forward``, or a dict of them by name; ``kwargs`` are those by
    name beside a tuple.  Without any the module's own are taken: Lightning's
    ``example_input_array``, transformers' ``dummy_inputs``, those that a program was exported
    with.  ``dtype`` converts the copy that is traced and the floating-point tensors among its
    arguments; without it inputs made from a size take the network's own.  ``device`` ("meta",
    "cpu", "cuda") forces one instead of the first that works; the integers are the same.
    ``training`` counts the forward pass in training mode and the backward pass of the sum of its
    outputs (``opbench.counting.tracing.training``).  ``module`` is left exactly as it was.

    Raises ``BadValueError`` for anything but a module, an impossible size or other inputs, and
    ``CountError`` when the forward pass fails.
    """
    network: Any = module
    example: Arguments | None = None
    if is_exported(module):
        network, example = read_built(module)
    require_module(network)
    given = with_keywords(inputs_or_input_size, kwargs)
    if given is None and example is None and brought_by(network) is None:
        require_inputs(given)
    request = Request(given, batch_size, dtype, training)
    with undisturbed(), leftovers.taken_out(strictly=True):
        return _in_context(lambda where: (_taken(network, where), example), request, device)


def build_and_count(
    build: Callable[[], Any],
    inputs_or_input_size: Inputs | None = None,
    *,
    batch_size: int = 1,
    dtype: torch.dtype | None = None,
    device: str | None = None,
    training: bool = False,
) -> Count:
    """Count the network that ``build()`` returns, without allocating its weights.

    ``build`` may also return a pair (network, arguments) or a triple with keyword arguments; a
    size replaces them only where they are one image with as many axes.
    """
    request = Request(inputs_or_input_size, batch_size, dtype, training)
    with undisturbed(), leftovers.taken_out(strictly=False):
        return _in_context(lambda where: _build(build, where), request, device)


def seed() -> None:
    """Seed every random generator, so that the same call gives the same count."""
    random.seed(SEED)
    torch.default_generator.manual_seed(SEED)  # torch.manual_seed asks every kind of device
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.manual_seed_all(SEED)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(SEED)


def _build(build: Callable[[], Any], device: str) -> tuple[nn.Module, Arguments | None]:
    seed()
    until_its_end(put_back(homes_of_builder(build)))
    try:
        built = build_without_weights(build) if device == "meta" else build()
    except OpbenchError:
        raise
    except (Exception, SystemExit) as error:
        raise TargetError(f"the network cannot be built: {describe(error)}") from error
    network, example = read_built(built)
    return _taken(network, device), example


def _taken(network: nn.Module, device: str) -> nn.Module:
    if device == "cpu":
        fallback.require_memory(bytes_of(tensors_of(network)))
    return take(network, device)


def _in_context(source: Source, request: Request, device: str | None) -> Count:
    """Count; context variables that the network sets are forgotten."""
    return copy_context().run(_count, source, request, device)


def _count(source: Source, request: Request, device: str | None) -> Count:
    """Try the meta device and then the CPU; raise what the last one raises."""
    if device != "meta" and device is not None:
        return _with_values(source, request, device)
    built: list[nn.Module] = []
    try:
        return _beside_compiler(lambda: _without_values(source, request, built))
    except (BadValueError, RuleError, NothingToTrainError):
        raise
    except Exception as error:
        if device == "meta" or _is_final(error):
            raise
        reason = fallback.reason_of(error)
    weight_bytes = sum(bytes_of(tensors_of(network)) for network in built[-1:])
    return _fall_back(source, request, weight_bytes, reason)


def _beside_compiler(attempt: Callable[[], Count]) -> Count:
    """Count once more where the network imported parts of torch, such as its compiler.

    The compiler was not told to keep out, and exceptions that are handled during an import may keep
    dead tensors alive: the peak of a pass that succeeds would be too high.
    """
    before = len(sys.modules)
    try:
        counted = tolerated(lambda: privately(attempt))
        if not _imported_torch(before):
            return counted
    except Exception:
        if not _imported_torch(before):
            raise
    with undisturbed():
        return tolerated(lambda: privately(attempt))


def _is_final(error: Exception) -> bool:
    """Return whether real values would not mend an error."""
    named_wrongly = isinstance(error, TargetError | BadFileError) and error.__cause__ is None
    missing = isinstance(error.__cause__, ImportError | SyntaxError | OSError)
    return named_wrongly or missing or bool(_SHAPES.search(message_of(error.__cause__)))


def _without_values(source: Source, request: Request, built: list[nn.Module]) -> Count:
    """Count on the meta device; append the network that is counted."""
    with disguised() as refusals:
        network, example = _made(source, request, "meta")
        built.append(network)
        counted = _traced(network, example, request, "meta")
    if refusals.first:
        raise CountError(f"the network catches an error of the meta device: {refusals.first}")
    return counted


def _fall_back(source: Source, request: Request, weight_bytes: int, reason: str) -> Count:
    """Count on the CPU what the meta device does not count, for ``reason``."""
    fallback.announce(reason)
    leftovers.take_out()
    try:
        fallback.require_memory(weight_bytes)
        with undisturbed():  # again: it tells a compiler that was imported meanwhile to keep out
            counted = _with_values(source, request, "cpu")
            return replace(counted, fallback="; ".join(filter(None, (reason, counted.fallback))))
    except (OpbenchError, MemoryError) as error:
        raise fallback.explained(error, reason) from error.__cause__


def _with_values(source: Source, request: Request, device: str) -> Count:
    before, fast, gradients = len(sys.modules), False, False
    try:
        counted = _trace(source, request, device)
        if not _imported_torch(before):
            return counted
    except CountError as error:
        message = message_of(error.__cause__)
        fast = "fast path" in message
        gradients = not request.training and bool(_GRADIENTS.search(message))
        if not gradients and not fast and not _imported_torch(before):
            raise
    with undisturbed():
        torch.backends.mha.set_fastpath_enabled(fast)  # the only one for nested tensors
        return _trace(source, request, device, gradients=gradients)


def _imported_torch(before: int) -> bool:
    """Return whether a part of torch was imported since there were ``before`` modules."""
    return any(name.startswith("torch.") for name in list(sys.modules)[before:])


def _trace(source: Source, request: Request, device: str, *, gradients: bool = False) -> Count:
    def attempt() -> Count:
        network, example = _made(source, request, device)
        return _traced(network, example, request, device, gradients=gradients)

    return tolerated(lambda: privately(attempt))


def _made(source: Source, request: Request, device: str) -> tuple[nn.Module, Arguments | None]:
    seed()
    network, example = source(device)
    network = unwrap(network)
    return network if request.dtype is None else network.to(request.dtype), example


def _traced(
    network: nn.Module,
    example: Arguments | None,
    request: Request,
    device: str,
    *,
    gradients: bool = False,
) -> Count:
    gradients = gradients or request.training
    if request.training:
        switch_to_training(network)
    brought = request.brought(network, example)
    inputs = request.inputs(network, device, example)
    batch_size, sizes = batch_size_of(inputs), input_sizes_of(inputs)  # before a pass changes them
    with torch.inference_mode(not gradients), torch.set_grad_enabled(gradients):
        stored = tensors_of(network)
        if any(map(nn.parameter.is_lazy, stored)):
            _run(network, inputs.converted(lambda each: each), stored)
            stored = tensors_of(network)
        tracer = _run(network, inputs, stored, gradients=gradients, training=request.training)
    fallback.announce_in_full(tracer.in_full)
    counted = summarise(
        network,
        tracer,
        batch_size=batch_size,
        input_sizes=sizes,
        device=device,
        own_inputs=brought is not None,
        training=request.training,
    )
    return replace(counted, fallback=reason_for_gpu())


def _run(
    network: nn.Module,
    inputs: Arguments,
    stored: list[Tensor],
    *,
    gradients: bool = False,
    training: bool = False,
) -> Tracer:
    threads, homes = Threads(lambda: tracer), homes_of(network)
    lifetimes = Lifetimes()
    lifetimes.exempt(stored)
    lifetimes.begin(inputs.tensors())
    leftovers.watch(lifetimes)
    tracer = (gradient_tracer if gradients else _plain_tracer)(network, lifetimes, threads.traced)
    tracer.origins, tracer.trains = origins_in(stored), training
    tracer.unseen = unseen = Unseen(lifetimes)
    try:
        with (
            put_back(homes),
            scripts_as_written(),
            types_replaced_in(modules_of_homes(homes)),
            plain_kernels(stored) if gradients else nullcontext(),
            threads.followed(),
            threads.traced(),
        ):
            out = inputs.passed_to(network)
            finish(out)
            unseen.look(tensors_in(out))
            if training:
                run_backward(network, out)
        tracer.scopes.end()
    except (BadValueError, NothingToTrainError):
        raise
    except (Exception, SystemExit) as error:
        raise tracer.refused or run_error(network, inputs, error) from error
    if tracer.refused is not None:
        raise tracer.refused
    if unseen.met:
        tracer.uncounted.add(UNSEEN)
    return tracer


def _plain_tracer(network: nn.Module, lifetimes: Lifetimes, traced: Traced) -> Tracer:
    return Tracer(Scopes(network, traced), lifetimes)
