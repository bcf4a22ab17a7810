"""The tools themselves, called the way their documentation shows, on real tensors of the CPU.

Each takes a network and its inputs and returns the number that it prints, or raises.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

Inputs = tuple[Tensor, ...]


class RefusedError(Exception):
    """A tool that prints an error and returns nothing."""


def torch_flop_counter(network: nn.Module, inputs: Inputs) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return counter.get_total_flops()


def fvcore(network: nn.Module, inputs: Inputs) -> int:
    analysis = _tool("fvcore.nn").FlopCountAnalysis(network, inputs)
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    return int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def ptflops_aten(network: nn.Module, inputs: Inputs) -> int:
    return _ptflops(network, inputs, "aten")


def ptflops_hooks(network: nn.Module, inputs: Inputs) -> int:
    return _ptflops(network, inputs, "pytorch")


def thop(network: nn.Module, inputs: Inputs) -> int:
    return _tool("thop").profile(network, inputs=inputs, verbose=False)[0]


def torchinfo(network: nn.Module, inputs: Inputs) -> int:
    return _tool("torchinfo").summary(network, input_data=list(inputs), verbose=0).total_mult_adds


PEERS: dict[str, Callable[[nn.Module, Inputs], int]] = {
    "torch": torch_flop_counter,
    "fvcore": fvcore,
    "ptflops": ptflops_aten,
    "ptflops-hooks": ptflops_hooks,
    "thop": thop,
    "torchinfo": torchinfo,
}


def asked(name: str, network: nn.Module, inputs: Inputs) -> int:
    """What the tool ``name`` says; its chatter is swallowed."""
    noise = io.StringIO()
    with (
        contextlib.redirect_stdout(noise),
        contextlib.redirect_stderr(noise),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        return PEERS[name](network, inputs)


class _ByKeyword(nn.Module):
    """ptflops makes its own image, or takes keyword arguments."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, **inputs: Tensor) -> Any:
        return self.network(*inputs.values())


def _ptflops(network: nn.Module, inputs: Inputs, backend: str) -> int:
    named = {f"input{i}": each for i, each in enumerate(inputs)}
    with _absent("torchvision", "timm"):
        complexity = _tool("ptflops").get_model_complexity_info
    macs, _ = complexity(
        _ByKeyword(network),
        (1,),
        as_strings=False,
        print_per_layer_stat=False,
        backend=backend,
        input_constructor=lambda _: named,
    )
    if macs is None:
        raise RefusedError
    return macs


def _tool(name: str) -> Any:
    """The module ``name``, or a visible skip."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


@contextlib.contextmanager
def _absent(*names: str) -> Iterator[None]:
    """ptflops imports these where they are installed, and breaks where they do not load."""
    importlib.invalidate_caches()
    there = {name: sys.modules.get(name) for name in names}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in there.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def zeros(network: nn.Module) -> nn.Module:
    """A network built without weights, on the CPU with zeros; its integer buffers are kept."""

    def real(tensor: Tensor) -> Tensor:
        return torch.zeros_like(tensor, device="cpu") if tensor.is_meta else tensor

    return network._apply(real)
