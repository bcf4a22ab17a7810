"""One forward pass written down, from the function that builds a network to a ``Trace``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from opbench.conventions.recorder import Recorder
from opbench.conventions.trace import Trace
from opbench.counting.copying import private_copy, unwrap
from opbench.counting.forward import SEED
from opbench.counting.inputs import Inputs, Request, batch_size_of
from opbench.counting.meta_build import build_without_weights
from opbench.counting.torch_state import undisturbed
from opbench.errors import CountError, describe


def trace(
    build: Callable[[], Any],
    inputs_or_input_size: Inputs | None = None,
    *,
    batch_size: int = 1,
    device: str = "meta",
) -> Trace:
    """One forward pass of what ``build()`` returns, a network or a pair with example inputs.

    ``device`` is where ``opbench.counting`` could run it (``Count.device``: "meta" or "cpu").

    Raises ``BadValueError`` for an impossible size and ``CountError`` when the forward pass
    fails.
    """
    request = Request(inputs_or_input_size, batch_size, None)
    with undisturbed(), torch.inference_mode():
        torch.manual_seed(SEED)
        built = build_without_weights(build) if device == "meta" else build()
        network, example = built if isinstance(built, tuple) else (built, None)
        network = unwrap(private_copy(network, device))
        inputs = request.inputs(network, device, example)
        try:
            return _record(network, inputs)
        except Exception as error:
            name = type(network).__name__
            raise CountError(f"{name} runs and cannot be recorded: {describe(error)}") from error


def _record(network: nn.Module, inputs: tuple[Any, ...]) -> Trace:
    if any(map(nn.parameter.is_lazy, network.parameters())):
        network(*inputs)
    recorder = Recorder()
    with recorder.watching(network):
        result = network(*inputs)
    return recorder.trace(network, batch_size_of(inputs), result)
