"""One network in the formats that it is stored and shipped in: the same products in each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import mkldnn

from .case import Case, normal
from .loops import Array, Loops

MACS = 4 * (3 * 3) * (2 * 3 * 3) + 5 * (4 * 3 * 3)


def plain() -> nn.Sequential:
    """A convolution with normalisation, and a linear layer."""
    convolution = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    return nn.Sequential(convolution, nn.Flatten(), nn.Linear(4 * 3 * 3, 5)).eval()


def perform(do: Loops, net: Any, x: Tensor) -> Array:
    """Carry out the network with the weights that it had before it was converted."""
    torch.manual_seed(1)
    first, _, layer = plain()
    convolution = next(first.children())
    y = do.conv(x, convolution.weight, convolution.bias) / np.sqrt(1 + 1e-5)
    return do.linear(np.maximum(y, 0).reshape(len(y), -1), layer.weight, layer.bias)


class InOneDNN(nn.Module):
    """The network in oneDNN's layout, which starts and ends in the usual one."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, _, self.layer = plain()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convolution(x.to_mkldnn()).to_dense().flatten(1)
        out: Tensor = self.layer(y.to_mkldnn()).to_dense()
        return out


def _scripted() -> Any:
    return torch.jit.script(plain())


def _traced() -> Any:
    return torch.jit.trace(plain(), torch.zeros(1, 2, 5, 5))


def _format(idea: str, build: Callable[[], nn.Module]) -> Case:
    return Case(idea=idea, build=build, inputs=normal((1, 2, 5, 5)), macs=MACS, perform=perform)


FORMATS: tuple[Case, ...] = (
    _format("a network scripted and frozen", lambda: torch.jit.freeze(_scripted())),
    _format("a network traced and frozen", lambda: torch.jit.freeze(_traced())),
    _format(
        "a part of a network frozen",
        lambda: nn.Sequential(torch.jit.freeze(_scripted()), nn.Identity()),
    ),
    _format(
        "a scripted network optimised for inference",
        lambda: torch.jit.optimize_for_inference(_scripted()),
    ),
    _format("a network in the layout of oneDNN", lambda: mkldnn.to_mkldnn(InOneDNN().eval())),
)
