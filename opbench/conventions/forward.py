"""From the function that builds a network to one forward pass of it, recorded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from opbench.conventions.recorder import Recorder
from opbench.conventions.trace import Trace
from opbench.counting.arguments import Arguments, read_built
from opbench.counting.copies.copying import unwrap
from opbench.counting.copies.namespaces import homes_of, modules_of_homes
from opbench.counting.copies.original import privately, take
from opbench.counting.forward import seed
from opbench.counting.inputs import Inputs, Request
from opbench.counting.meta.absent import tolerated
from opbench.counting.meta.build import build_without_weights
from opbench.counting.meta.disguise import disguised
from opbench.counting.meta.tensor_types import types_replaced_in
from opbench.counting.tracing.torch_state import undisturbed
from opbench.errors import CountError, describe


def trace(
    build: Callable[[], Any],
    inputs_or_input_size: Inputs | None = None,
    *,
    batch_size: int = 1,
    device: str = "meta",
) -> Trace:
    """Record one forward pass of what ``build()`` returns, a network or a pair with its inputs.

    ``device`` is where ``opbench.counting`` could run it (``Count.device``: "meta" or "cpu").

    Raises ``BadValueError`` for an impossible size and ``CountError`` when the forward pass
    fails.
    """
    request = Request(inputs_or_input_size, batch_size, None)
    with undisturbed():
        return tolerated(lambda: privately(lambda: _recorded(build, request, device)))


def _recorded(build: Callable[[], Any], request: Request, device: str) -> Trace:
    recorder = Recorder()
    with torch.inference_mode(), disguised() if device == "meta" else nullcontext():
        network, inputs = prepare(build, request, device, weights=device != "meta")
        try:
            with recorder, types_replaced_in(modules_of_homes(homes_of(network))):
                inputs.passed_to(network)
        except Exception as error:
            name = type(network).__name__
            raise CountError(f"{name} runs and cannot be recorded: {describe(error)}") from error
    return tuple(recorder.calls)


def prepare(
    build: Callable[[], Any], request: Request, device: str, *, weights: bool
) -> tuple[nn.Module, Arguments]:
    """Build a network in evaluation mode and its arguments on ``device``.

    Without ``weights`` none are computed: on a real device they are zeros.
    """
    seed()
    network, example = read_built(build() if weights else build_without_weights(build))
    network = unwrap(take(network, device))
    inputs = request.inputs(network, device, example)
    if any(map(nn.parameter.is_lazy, network.parameters())):
        with torch.no_grad():
            inputs.passed_to(network)
    return network, inputs
