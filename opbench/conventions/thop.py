"""What ``thop.profile`` prints.

thop hangs a hook on every module whose type is in its table, exactly that type, and never sees a
function.  A module that two parents hold gets its hook twice and is added up twice.  Transposed
convolutions are counted as if they were convolutions: every element of the result meets the whole
kernel.

Read in thop 0.1.1.post2209072238 (``profile.py``, ``vision/``, ``rnn_hooks.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn
from torch.nn.utils.rnn import PackedSequence

from opbench.conventions.convention import (
    ACTIVATION,
    INTERPOLATION,
    NORMALISATION,
    POOLING,
    Convention,
    Item,
)
from opbench.conventions.trace import ModuleCall, Trace, occurrences
from opbench.errors import CountError

Hook = Callable[[ModuleCall], int]


def _source(call: ModuleCall) -> Any:
    if not call.inputs:
        raise CountError(
            f"thop raises IndexError: {type(call.module).__name__} is called with keywords only"
        )
    return call.inputs[0]


def _convolution(call: ModuleCall) -> int:
    layer: Any = call.module
    group = _source(call).shape[1] // layer.groups
    return int(call.out.numel() * group * math.prod(layer.weight.shape[2:]))


def _linear(call: ModuleCall) -> int:
    layer: Any = call.module
    return int(layer.in_features * call.out.numel())


def _normalisation(call: ModuleCall) -> int:
    layer = call.module
    affine = getattr(layer, "affine", False) or getattr(layer, "elementwise_affine", False)
    return int(_source(call).numel() * (4 if affine else 2))


def _input(call: ModuleCall) -> int:
    return int(_source(call).numel())


def _result(call: ModuleCall) -> int:
    return int(call.out.numel())


def _softmax(call: ModuleCall) -> int:
    """An exponential and a division for each element, and the additions between them."""
    source, layer = _source(call), call.module
    if layer.dim is None:
        raise CountError("thop raises TypeError for a softmax without dim")
    classes = source.shape[layer.dim]
    return int(source.numel() // classes * (3 * classes - 1))


def _adaptive_pooling(call: ModuleCall) -> int:
    window = math.prod(
        before / after
        for before, after in zip(_source(call).shape[2:], call.out.shape[2:], strict=True)
    )
    return int((window + 1) * call.out.numel())


_PER_ELEMENT = {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}


def _interpolation(call: ModuleCall) -> int:
    mode: Any = call.module.mode
    return int(_PER_ELEMENT.get(mode, 0) * call.out.numel())


def _rnn_cell(inputs: int, hidden: int, bias: bool) -> int:
    return hidden * (inputs + hidden) + hidden + (2 * hidden if bias else 0)


def _gru_cell(inputs: int, hidden: int, bias: bool) -> int:
    return 3 * _rnn_cell(inputs, hidden, bias) + 4 * hidden


def _lstm_cell(inputs: int, hidden: int, bias: bool) -> int:
    return 4 * _rnn_cell(inputs, hidden, bias) + 4 * hidden


def _cell(cost: Callable[[int, int, bool], int]) -> Hook:
    def hook(call: ModuleCall) -> int:
        layer: Any = call.module
        return cost(layer.input_size, layer.hidden_size, layer.bias) * int(_source(call).shape[0])

    return hook


def _recurrent(cost: Callable[[int, int, bool], int]) -> Hook:
    """Steps x sequences x cells; a packed sequence counts as if padded to its longest."""

    def hook(call: ModuleCall) -> int:
        layer: Any = call.module
        source, directions = _source(call), 2 if layer.bidirectional else 1
        if isinstance(source, PackedSequence):
            cells = int(source.batch_sizes.max()) * len(source.batch_sizes)
        else:
            cells = source.shape[0] * source.shape[1]
        first = cost(layer.input_size, layer.hidden_size, layer.bias)
        other = cost(layer.hidden_size * directions, layer.hidden_size, layer.bias)
        return int(cells * directions * (first + other * (layer.num_layers - 1)))

    return hook


HOOKS: dict[type[nn.Module], tuple[str, Hook]] = {
    nn.Conv1d: ("convolution", _convolution),
    nn.Conv2d: ("convolution", _convolution),
    nn.Conv3d: ("convolution", _convolution),
    nn.ConvTranspose1d: ("transposed convolution", _convolution),
    nn.ConvTranspose2d: ("transposed convolution", _convolution),
    nn.ConvTranspose3d: ("transposed convolution", _convolution),
    nn.Linear: ("linear", _linear),
    nn.BatchNorm1d: (NORMALISATION, _normalisation),
    nn.BatchNorm2d: (NORMALISATION, _normalisation),
    nn.BatchNorm3d: (NORMALISATION, _normalisation),
    nn.SyncBatchNorm: (NORMALISATION, _normalisation),
    nn.LayerNorm: (NORMALISATION, _normalisation),
    nn.InstanceNorm1d: (NORMALISATION, _normalisation),
    nn.InstanceNorm2d: (NORMALISATION, _normalisation),
    nn.InstanceNorm3d: (NORMALISATION, _normalisation),
    nn.PReLU: (ACTIVATION, _input),
    nn.Softmax: (ACTIVATION, _softmax),
    nn.AvgPool1d: (POOLING, _result),
    nn.AvgPool2d: (POOLING, _result),
    nn.AvgPool3d: (POOLING, _result),
    nn.AdaptiveAvgPool1d: (POOLING, _adaptive_pooling),
    nn.AdaptiveAvgPool2d: (POOLING, _adaptive_pooling),
    nn.AdaptiveAvgPool3d: (POOLING, _adaptive_pooling),
    nn.Upsample: (INTERPOLATION, _interpolation),
    nn.UpsamplingBilinear2d: (INTERPOLATION, _interpolation),
    nn.UpsamplingNearest2d: (INTERPOLATION, _interpolation),
    nn.RNNCell: ("recurrent", _cell(_rnn_cell)),
    nn.GRUCell: ("recurrent", _cell(_gru_cell)),
    nn.LSTMCell: ("recurrent", _cell(_lstm_cell)),
    nn.RNN: ("recurrent", _recurrent(_rnn_cell)),
    nn.GRU: ("recurrent", _recurrent(_gru_cell)),
    nn.LSTM: ("recurrent", _recurrent(_lstm_cell)),
}


def _has_hook(module: nn.Module) -> bool:
    return type(module) in HOOKS


def _count(trace: Trace) -> Iterator[Item]:
    if trace.is_scripted:
        raise CountError("thop cannot hang hooks on scripted modules")
    met = occurrences(trace.network, ends=_has_hook)
    for call in trace.modules:
        if _has_hook(call.module):
            kind, hook = HOOKS[type(call.module)]
            times = met[call.module]
            yield kind, hook(call) * times * times


THOP = Convention(
    name="thop",
    unit="MACs",
    about="thop.profile: hooks on modules, never functions; multiply-adds without biases, and 1 to "
    "259 for each element that is normalised, averaged or interpolated.",
    count=_count,
)
