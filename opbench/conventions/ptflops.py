"""What ptflops prints with ``backend="pytorch"``, which its function takes unless told otherwise.

Two tables are added up: hooks on modules of exactly the types that it knows, and replacements of
public functions.  A module that is written with such a function is therefore counted twice:
``nn.ReLU``, every pooling, ``nn.Upsample``.  Additions written ``a + b`` are seen by neither.

The other backend is ``opbench.conventions.dispatched``.  Read in ptflops 0.7.5
(``pytorch_engine.py``, ``pytorch_ops.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest
from typing import Any

from torch import Tensor, nn

from opbench.conventions.convention import (
    ACTIVATION,
    ADDITION,
    BIAS,
    INTERPOLATION,
    NORMALISATION,
    POOLING,
    Convention,
    Item,
)
from opbench.conventions.trace import FunctionCall, ModuleCall, Trace, occurrences
from opbench.errors import CountError

ModuleRule = Callable[[ModuleCall], Iterator[Item]]
FunctionRule = Callable[[FunctionCall], float]


def _source(call: ModuleCall) -> Any:
    if not call.inputs:
        raise CountError(
            f"ptflops gives up: {type(call.module).__name__} is called with keywords only"
        )
    return call.inputs[0]


def _convolution(call: ModuleCall, *, transposed: bool = False, extra: int = 0) -> Iterator[Item]:
    layer: Any = call.module
    source, out = _source(call), call.out
    pairs = layer.in_channels * (layer.out_channels // layer.groups)
    weights = math.prod(layer.kernel_size) * (pairs + extra)
    positions = math.prod((source if transposed else out).shape[2:])
    yield (
        "transposed convolution" if transposed else "convolution",
        source.shape[0] * positions * weights,
    )
    if layer.bias is not None:
        yield BIAS, source.shape[0] * math.prod(out.shape[1:])


def _deformable_convolution(call: ModuleCall) -> Iterator[Item]:
    """Each weight's place is interpolated, and may be modulated."""
    modulated = len(call.inputs) == 3 and call.inputs[2] is not None
    yield from _convolution(call, extra=25 if modulated else 24)


def _linear(call: ModuleCall) -> Iterator[Item]:
    layer: Any = call.module
    source, outputs = _source(call), call.out.shape[-1]
    yield "linear", source.numel() * outputs
    if layer.bias is not None:
        yield BIAS, math.prod(source.shape[:-1]) * outputs


def _normalisation(call: ModuleCall) -> Iterator[Item]:
    yield NORMALISATION, _source(call).numel() * (2 if getattr(call.module, "affine", False) else 1)


def _activation(call: ModuleCall) -> Iterator[Item]:
    yield ACTIVATION, call.out.numel()


def _pooling(call: ModuleCall) -> Iterator[Item]:
    yield POOLING, _source(call).numel()


def _upsample(call: ModuleCall) -> Iterator[Item]:
    """The first image of the result."""
    yield INTERPOLATION, call.out[0].numel()


def _attention(call: ModuleCall) -> Iterator[Item]:
    """Sequences first unless ``batch_first``; every projection as if its width were its input's."""
    layer: Any = call.module
    if len(call.inputs) != 3:
        raise CountError("ptflops gives up: MultiheadAttention is not called with three arguments")
    batch, length = (0, 1) if layer.batch_first else (1, 0)
    (q_len, q), (k_len, k), (v_len, v) = (
        (each.shape[length], each.shape[2]) for each in call.inputs
    )
    heads = layer.num_heads
    macs = q_len * q + q_len * q * q + k_len * k * k + v_len * v * v
    if layer.in_proj_bias is not None:
        macs += (q_len + k_len + v_len) * q
    macs += heads * q_len * k_len * (q // heads + 1 + v // heads)
    macs += q_len * v * (v + 1)
    yield "attention", macs * call.inputs[0].shape[batch]


def _timm_attention(call: ModuleCall) -> Iterator[Item]:
    """Without the projections, although these are not counted as modules either."""
    layer: Any = call.module
    images, length, _ = _source(call).shape
    width = layer.head_dim
    per_head = length * width + length * length * (2 * width + 1)
    yield "attention", images * layer.num_heads * per_head


# Beside its weights, what a cell does for each element of its state.
_PER_STATE: tuple[tuple[tuple[type[nn.Module], ...], int], ...] = (
    ((nn.RNN, nn.RNNCell), 1),
    ((nn.GRU, nn.GRUCell), 7),
    ((nn.LSTM, nn.LSTMCell), 10),
)


def _step(layer: Any, suffix: str) -> int:
    per_state = next(cost for types, cost in _PER_STATE if isinstance(layer, types))
    names = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if layer.bias else ()))
    weights = sum(getattr(layer, name + suffix).numel() for name in names)
    return int(weights + per_state * layer.hidden_size)


def _recurrent(call: ModuleCall) -> Iterator[Item]:
    """Both directions cost what the first does."""
    layer: Any = call.module
    source = _source(call)
    if not isinstance(source, Tensor):
        raise CountError("ptflops gives up on a packed sequence")
    steps = source.shape[0] * source.shape[1] * (2 if layer.bidirectional else 1)
    yield "recurrent", steps * sum(_step(layer, f"_l{i}") for i in range(layer.num_layers))


def _recurrent_cell(call: ModuleCall) -> Iterator[Item]:
    yield "recurrent", _source(call).shape[0] * _step(call.module, "")


MODULES: dict[type[nn.Module], ModuleRule] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    **dict.fromkeys(
        (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
        partial(_convolution, transposed=True),
    ),
    nn.Linear: _linear,
    **dict.fromkeys((nn.ReLU, nn.PReLU, nn.ELU, nn.LeakyReLU, nn.ReLU6, nn.GELU), _activation),
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d), _pooling),
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d), _pooling),
    **dict.fromkeys((nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d), _pooling),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d), _pooling),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), _normalisation),
    **dict.fromkeys((nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), _normalisation),
    **dict.fromkeys((nn.GroupNorm, nn.LayerNorm), _normalisation),
    nn.Upsample: _upsample,
    **dict.fromkeys((nn.RNN, nn.GRU, nn.LSTM), _recurrent),
    **dict.fromkeys((nn.RNNCell, nn.GRUCell, nn.LSTMCell), _recurrent_cell),
    nn.MultiheadAttention: _attention,
}
BY_NAME: dict[str, ModuleRule] = {  # known where the package is installed
    "torchvision.ops.deform_conv.DeformConv2d": _deformable_convolution,
    "timm.models.vision_transformer.Attention": _timm_attention,
    "timm.layers.attention.Attention": _timm_attention,
}


def _rule(module: nn.Module) -> ModuleRule | None:
    kind = type(module)
    return MODULES.get(kind) or BY_NAME.get(f"{kind.__module__}.{kind.__qualname__}")


def _argument(call: FunctionCall, position: int, name: str) -> Any:
    return call.args[position] if position < len(call.args) else call.kwargs.get(name)


def _input(call: FunctionCall) -> float:
    return float(_argument(call, 0, "input").numel())


def _interpolate(call: FunctionCall) -> float:
    source = _argument(call, 0, "input")
    axes, planes = source.dim() - 2, math.prod(source.shape[:2])
    size, scale = _argument(call, 1, "size"), _argument(call, 2, "scale_factor")
    if size is not None:
        return float(planes * (math.prod(size) if isinstance(size, (tuple, list)) else size**axes))
    if isinstance(scale, tuple) and len(scale) == axes:
        return float(source.numel() * int(math.prod(scale)))
    return float(source.numel() * scale**axes)


def _product(call: FunctionCall) -> float:
    left, right = _argument(call, 0, "input"), call.args[1]
    return float(left.numel() * right.shape[-1])


def _added_product(call: FunctionCall) -> float:
    added, left, right = call.args[:3]
    macs = left.numel() * right.shape[-1]
    return float(macs + (added.numel() if call.kwargs.get("beta", 1) else 0))


def _elementwise(call: FunctionCall) -> float:
    """The larger extent of each axis, axes aligned at the first."""
    factors = (_argument(call, 0, "input"), _argument(call, 1, "other"))
    shapes = [tuple(each.shape) for each in factors if isinstance(each, Tensor)]
    return float(math.prod(map(max, zip_longest(*shapes, fillvalue=1)))) if shapes else 1.0


_ACTIVATIONS = "relu prelu elu relu6 gelu silu softmax"
_POOLINGS = """
    avg_pool1d avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
"""


def _named(
    owners: str, names: str, kind: str, rule: FunctionRule
) -> dict[str, tuple[str, FunctionRule]]:
    return {f"{owner}.{name}": (kind, rule) for owner in owners.split() for name in names.split()}


FUNCTIONS: dict[str, tuple[str, FunctionRule]] = {
    **_named("torch.nn.functional", _ACTIVATIONS, ACTIVATION, _input),
    **_named("torch.nn.functional", _POOLINGS, POOLING, _input),
    **_named("torch.nn.functional", "upsample interpolate", INTERPOLATION, _interpolate),
    **_named("torch Tensor", "matmul mm bmm", "matrix product", _product),
    **_named("torch", "addmm baddbmm", "matrix product", _added_product),
    **_named("Tensor", "addmm", "matrix product", _added_product),
    **_named("torch Tensor", "mul", "multiplication", _elementwise),
    **_named("torch Tensor", "add", ADDITION, _elementwise),
}


def _count(trace: Trace) -> Iterator[Item]:
    if trace.images != 1:
        raise CountError(
            "ptflops-hooks averages over the batch what its hooks count and not what its functions "
            "count: ask for one image"
        )
    met = occurrences(trace.network, ends=lambda module: _rule(module) is not None)
    for call in trace.modules:
        rule = _rule(call.module)
        if rule is not None:
            for kind, amount in rule(call):
                yield kind, amount * met[call.module]
    for function in trace.functions:
        kind, count = FUNCTIONS[function.name]
        yield kind, count(function)


PTFLOPS_HOOKS = Convention(
    name="ptflops-hooks",
    unit="MACs",
    about='ptflops with backend="pytorch": hooks on modules and on functions; multiply-adds, '
    "biases and 1 or 2 for each element of the rest, ReLU and pooling modules twice.",
    count=_count,
)
