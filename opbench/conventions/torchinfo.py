"""What ``torchinfo.summary`` prints as total mult-adds.

torchinfo multiplies the parameters of every innermost module by a part of the shape of its
result: images x positions for a module whose class name holds "Conv", images alone for another.
Functions, and parameters of modules that have children, count nothing.  A transposed convolution
is multiplied by the positions of its result, a linear layer on a sequence by its images only.

Read in torchinfo 1.8.0 (``layer_info.py``, ``model_statistics.py``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from opbench.conventions.convention import ACTIVATION, BIAS, NORMALISATION, Convention, Item
from opbench.conventions.trace import ModuleCall, Trace
from opbench.errors import CountError

_KINDS: tuple[tuple[tuple[type[nn.Module], ...], str], ...] = (
    ((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), "transposed convolution"),
    ((nn.Conv1d, nn.Conv2d, nn.Conv3d), "convolution"),
    ((nn.Linear,), "linear"),
    ((nn.Bilinear,), "bilinear"),
    ((nn.RNNBase, nn.RNNCellBase), "recurrent"),
    ((nn.Embedding, nn.EmbeddingBag), "table"),
    ((nn.PReLU,), ACTIVATION),
    ((nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm), NORMALISATION),
)


def _kind(module: nn.Module) -> str:
    return next((kind for types, kind in _KINDS if isinstance(module, types)), "other modules")


def _size(out: Any) -> list[int]:
    """The shape of the tensor that torchinfo takes for the result; it raises where it knows none.

    The first of a sequence, the last of a dict.
    """
    if isinstance(out, Tensor):
        return list(out.shape)
    if isinstance(out, dict):
        return _first(list(out.values())[-1])
    if out is None:
        return []
    if isinstance(out, (tuple, list)):
        return _first(out)
    raise CountError(f"torchinfo raises TypeError for a module that returns {type(out).__name__}")


def _first(out: Any) -> list[int]:
    if isinstance(out, Tensor):
        return list(out.shape)
    if isinstance(out, dict):
        return _first(list(out.values()))
    return _first(out[0]) if isinstance(out, (tuple, list)) and out else []


def _is_masked(module: nn.Module, name: str) -> bool:
    return any(name + "_mask" == buffer for buffer, _ in module.named_buffers())


def _items(call: ModuleCall, size: list[int]) -> Iterator[Item]:
    is_convolution = "Conv" in type(call.module).__name__
    for name, parameter in call.module.named_parameters():
        if name.endswith("_orig") and _is_masked(call.module, name.removesuffix("_orig")):
            raise CountError(
                f"torchinfo counts {name} by the ones in its mask, and a trace has no values"
            )
        kind = BIAS if "bias" in name else _kind(call.module)
        if name in ("weight", "bias"):
            if not size:
                raise CountError(
                    f"torchinfo raises IndexError: {type(call.module).__name__} returns no tensor"
                )
            meets = math.prod((*size[:1], *size[2:])) if is_convolution else size[0]
            yield kind, parameter.numel() * meets
        elif "weight" in name or "bias" in name:
            yield kind, parameter.numel() * math.prod(size[:2])


def _count(trace: Trace) -> Iterator[Item]:
    for call in trace.modules:
        if isinstance(call.module, torch.jit.ScriptModule):
            continue
        size = _size(call.out)
        if not any(call.module.children()):
            yield from _items(call, size)


TORCHINFO = Convention(
    name="torchinfo",
    unit="mult-adds",
    about="torchinfo.summary: parameters of the innermost modules, biases included, times images "
    "(and positions, for convolutions).",
    count=_count,
)
