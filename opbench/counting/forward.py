"""One traced forward pass, from a network or the function that builds it to a ``Count``.

The meta device comes first: no weights, no arithmetic.  A network that looks at its values
(``.item()``, NumPy, scripted code) is run once more on real CPU tensors, seeded so that the same
call gives the same number again; ``Count.device`` says which of the two it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from opbench.counting.construct import build_without_weights
from opbench.counting.lifetimes import Lifetimes
from opbench.counting.private import NeedsValuesError, private_copy, private_inputs, unwrap
from opbench.counting.scopes import Scopes
from opbench.counting.summary import summarise
from opbench.counting.tracer import Tracer
from opbench.counting.undisturbed import undisturbed
from opbench.errors import BadValueError, CountError
from opbench.record import Count
from opbench.spec import format_size

_SEED = 0

Inputs = Sequence[Any]


def count(
    module: nn.Module,
    inputs_or_input_size: Inputs,
    *,
    batch_size: int = 1,
    dtype: torch.dtype | None = None,
) -> Count:
    """What one forward pass of ``module`` in evaluation mode computes.

    ``inputs_or_input_size`` is the size of one image without the batch dimension, as in
    (3, 224, 224), or the tuple of arguments of ``forward``.  ``dtype`` converts the copy that is
    traced; without it floating-point inputs made from a size take the network's own.  ``module``
    is left exactly as it was.

    Raises ``BadValueError`` for an impossible size and ``CountError`` when the forward pass
    fails.
    """
    request = _Request(inputs_or_input_size, batch_size, dtype)
    with undisturbed():
        return _first_that_runs(lambda device: private_copy(module, device), request)


def build_and_count(
    build: Callable[[], Any],
    inputs_or_input_size: Inputs | None = None,
    *,
    batch_size: int = 1,
    dtype: torch.dtype | None = None,
) -> Count:
    """The same for the network that ``build()`` returns, without allocating its weights.

    ``build`` may also return a pair (network, tuple of example inputs); the example inputs are
    used when no size is given.
    """
    example: list[Inputs] = []

    def make(device: str) -> nn.Module:
        torch.manual_seed(_SEED)
        built = build_without_weights(build) if device == "meta" else build()
        if isinstance(built, tuple) and len(built) == 2:
            built, inputs = built
            example[:] = [inputs]
        if not isinstance(built, nn.Module):
            raise CountError(f"a network was expected and {type(built).__name__} was built")
        return private_copy(built, device)

    with undisturbed():
        if inputs_or_input_size is not None:
            request = _Request(inputs_or_input_size, batch_size, dtype)
            return _first_that_runs(make, request)
        return _first_that_runs(make, _ExampleRequest(example, batch_size, dtype))


class _Request:
    """What to feed the network: validated before anything is built."""

    def __init__(self, what: Inputs, batch_size: int, dtype: torch.dtype | None) -> None:
        self.what, self.dtype = what, dtype
        self.is_size = all(isinstance(each, int) for each in what)
        if isinstance(batch_size, bool) or batch_size < 1:
            raise BadValueError(f"a batch holds at least one image, not {batch_size}")
        if not what or (self.is_size and min(what) < 1):
            raise BadValueError(f"an input size is made of positive integers, not {what!r}")
        first = next((each for each in what if isinstance(each, Tensor)), None)
        self.batch_size = batch_size
        self.input_size = format_size(tuple(what)) if self.is_size else ""
        if not self.is_size and first is not None:
            self.batch_size = first.shape[0] if first.dim() else 1
            self.input_size = format_size(tuple(first.shape[1:]))

    def inputs(self, network: nn.Module, device: str) -> tuple[Any, ...]:
        if not self.is_size:
            return private_inputs(tuple(self.what), device)
        shape, dtype = (self.batch_size, *self.what), _dtype_of(network)
        if device == "meta":
            return (torch.empty(shape, dtype=dtype, device="meta"),)
        return (torch.randn(shape, dtype=dtype),)


class _ExampleRequest:
    def __init__(self, example: list[Inputs], batch: int, dtype: torch.dtype | None) -> None:
        self._example, self._batch, self.dtype = example, batch, dtype

    def resolve(self) -> _Request:
        if not self._example:
            raise BadValueError("no input size is given, and the target brings no example inputs")
        return _Request(self._example[0], self._batch, self.dtype)


def _first_that_runs(
    make: Callable[[str], nn.Module], request: _Request | _ExampleRequest
) -> Count:
    try:
        return _attempt(make, request, "meta")
    except (BadValueError, KeyboardInterrupt):
        raise
    except Exception:  # noqa: BLE001  whatever the meta device cannot do, the CPU may
        torch.manual_seed(_SEED)
        try:
            return _attempt(make, request, "cpu")
        except CountError:
            raise


def _attempt(
    make: Callable[[str], nn.Module], request: _Request | _ExampleRequest, device: str
) -> Count:
    network = unwrap(make(device))
    if isinstance(request, _ExampleRequest):
        request = request.resolve()
    if request.dtype is not None:
        network = network.to(request.dtype)
    inputs = request.inputs(network, device)
    scopes, lifetimes = Scopes(network), Lifetimes()
    lifetimes.exempt((*network.parameters(), *network.buffers()))
    lifetimes.saw(inputs)
    tracer = Tracer(scopes, lifetimes)
    try:
        with torch.inference_mode(), scopes, tracer:
            out = network(*inputs)
    except NeedsValuesError:
        raise
    except Exception as error:
        where = scopes.innermost_failure
        raise CountError(
            f"{type(network).__name__} cannot run on {request.batch_size}x{request.input_size}"
            f"{f' (in {where})' if where else ''}: {_one_line(error)}"
        ) from error
    del out
    return summarise(
        network,
        tracer,
        scopes,
        lifetimes,
        batch_size=request.batch_size,
        input_size=request.input_size,
        device=device,
    )


def _one_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"


def _dtype_of(network: nn.Module) -> torch.dtype:
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.get_default_dtype()
