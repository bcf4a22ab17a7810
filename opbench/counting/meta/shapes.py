"""Shape inference on the meta device without torch's own shape functions.

On the meta device most operators are Python programs inside torch: a batch normalisation takes a
millisecond, and the first one imports a symbolic algebra system.  Counting needs a result's shape,
type and layout only, and for the operators that networks are made of these are one line each.

A shortcut answers ordinary arguments: floating-point meta tensors of one type, laid out without
gaps.  For anything unusual or wrong it returns None, and torch is asked, so that results and
error messages are torch's.  ``tests/counting/meta/test_shapes.py`` compares each with the operator
itself on real tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, zip_longest
from typing import Any

import torch
from torch import Tensor

from opbench.counting.meta import recurrent
from opbench.counting.meta.disguise import on_meta

Arguments = Sequence[Any]
Result = Tensor | tuple[Tensor, ...] | None
Shortcut = Callable[[Arguments, dict[str, Any]], Result]


def _same(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of an elementwise operator whose other arguments are settings."""
    x = args[0]
    return _like(x) if x.is_floating_point() else None


def _like(x: Tensor) -> Tensor:
    """Return an empty tensor of the same shape, type and layout, faster than ``empty_like``."""
    if x.is_contiguous():
        return torch.empty(x.shape, dtype=x.dtype, device="meta")
    expected = 1
    for stride, extent in sorted(zip(x.stride(), x.shape, strict=True)):
        if extent != 1 and stride != expected:
            return torch.empty_like(x)  # with gaps or overlaps
        expected *= extent
    return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="meta")


def _in_place(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    x: Tensor = args[0]
    return x if x.is_floating_point() and _is_dense(x) else None


def _is_dense(x: Tensor) -> bool:
    return x.is_contiguous() or (
        x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    )


def _same_if_contiguous(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of a normalisation or softmax, with or without a type to convert to."""
    return _same(args, kwargs) if args[0].is_contiguous() and not kwargs else None


def _softmax(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    axis_exists = -args[0].dim() <= args[1] < args[0].dim()
    converts = len(args) > 2 and args[2] is not None
    return None if converts or not axis_exists else _same_if_contiguous(args, kwargs)


def _layer_norm(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    x, shape = args[0], tuple(args[1])
    fits = 0 < len(shape) <= x.dim() and tuple(x.shape[x.dim() - len(shape) :]) == shape
    scales = all(each is None or tuple(each.shape) == shape for each in args[2:4])
    return _same_if_contiguous(args, kwargs) if fits and scales else None


def _group_norm(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    x, groups = args[0], args[1]
    fits = x.dim() > 1 and x.shape[1] % groups == 0 and _per_channel(args[2:4], x.shape[1])
    return _same_if_contiguous(args, kwargs) if fits else None


def _batch_norm(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    x, training = args[0], args[5]
    fits = x.dim() > 1 and not training and _per_channel(args[1:5], x.shape[1])
    complete = args[3] is not None and args[4] is not None
    return _same(args, kwargs) if fits and complete and _is_dense(x) else None


def _per_channel(tensors: Sequence[Any], channels: int) -> bool:
    return all(each is None or tuple(each.shape) == (channels,) for each in tensors)


def _prelu(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    x, weight = args[0], args[1]
    fits = weight.numel() == 1 or (x.dim() > 1 and tuple(weight.shape) == (x.shape[1],))
    return _same(args, kwargs) if fits and weight.dtype is x.dtype else None


def _binary(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of a binary operator on tensors of one layout, broadcast ones, or a real number."""
    x, y = args[0], args[1]
    if isinstance(y, (int, float)):
        return _same(args, kwargs)
    if not isinstance(y, Tensor) or not on_meta(y) or y.dtype is not x.dtype:
        return None
    if x.shape == y.shape and x.stride() == y.stride():
        return _same(args, kwargs)
    if not (x.is_contiguous() and y.is_contiguous() and x.is_floating_point()):
        return None
    shape = _broadcast(x.shape, y.shape)
    return None if shape is None else torch.empty(shape, dtype=x.dtype, device="meta")


def _broadcast(one: Sequence[int], other: Sequence[int]) -> list[int] | None:
    pairs = list(zip_longest(reversed(one), reversed(other), fillvalue=1))
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        return None
    return [b if a == 1 else a for a, b in reversed(pairs)]


def _binary_in_place(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    x, y = args[0], args[1]
    if isinstance(y, (int, float)):
        return _in_place(args, kwargs)
    if not isinstance(y, Tensor) or not on_meta(y) or y.dtype is not x.dtype:
        return None
    return _in_place(args, kwargs) if _broadcast(x.shape, y.shape) == list(x.shape) else None


def _cat(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    tensors, axis = args[0], args[1] if len(args) > 1 else 0
    first = tensors[0]
    if not -first.dim() <= axis < first.dim():
        return None
    shape = list(first.shape)
    for each in tensors:
        if not (on_meta(each) and each.is_contiguous() and each.dtype is first.dtype):
            return None
    for one, other in pairwise(tensors):
        if one.dim() != other.dim() or _without(one.shape, axis) != _without(other.shape, axis):
            return None
    shape[axis] = sum(each.shape[axis] for each in tensors)
    return torch.empty(shape, dtype=first.dtype, device="meta")


def _reduction(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of ``sum`` and ``mean``: input, axes, whether they are kept."""
    x, axes, keep = args[0], args[1], len(args) > 2 and args[2]
    axes = [axes] if isinstance(axes, int) else axes
    if kwargs or not axes or not _full(x) or not all(-x.dim() <= i < x.dim() for i in axes):
        return None
    gone = {i % x.dim() for i in axes}
    kept = [1 if i in gone else n for i, n in enumerate(x.shape) if keep or i not in gone]
    return torch.empty(kept, dtype=x.dtype, device="meta") if len(gone) == len(axes) else None


def _scatter(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    x, axis, index, source = args
    same_axes = -x.dim() <= axis < x.dim() == index.dim() == source.dim()
    if not same_axes or not _alike(x, source):
        return None
    bounds = zip(_without(index.shape, axis), _without(x.shape, axis), strict=True)
    fits = all(a <= b for a, b in (*bounds, *zip(index.shape, source.shape, strict=True)))
    return _same_if_contiguous(args, kwargs) if fits else None


def _without(shape: Sequence[int], axis: int) -> list[int]:
    return [extent for i, extent in enumerate(shape) if i != axis % len(shape)]


def _linear(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    x, weight, bias = args[0], args[1], args[2] if len(args) > 2 else None
    if weight.dim() != 2 or x.dim() < 1 or x.shape[-1] != weight.shape[1]:
        return None
    if not _alike(x, weight, bias) or not _per_channel((bias,), weight.shape[0]):
        return None
    return torch.empty((*x.shape[:-1], weight.shape[0]), dtype=x.dtype, device="meta")


def _product(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of ``mm``, ``bmm``, ``matmul`` of equal batches or of a batch and one matrix."""
    left, right = args[0], args[1]
    if min(left.dim(), right.dim()) < 2 or left.shape[-1] != right.shape[-2]:
        return None
    if (right.dim() != 2 and left.shape[:-2] != right.shape[:-2]) or not _alike(left, right):
        return None
    return torch.empty((*left.shape[:-1], right.shape[-1]), dtype=left.dtype, device="meta")


def _grouped_product(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of (rows, k) x (groups, k, m), whose meta form knows bfloat16 only."""
    left, right = args[0], args[1]
    if left.dim() != 2 or right.dim() != 3 or left.shape[1] != right.shape[1]:
        return None
    converts = kwargs.get("out_dtype") or (len(args) > 4 and args[4])
    if converts or right.shape[2] * right.element_size() % 16 or not _alike(left, right):
        return None
    return torch.empty((left.shape[0], right.shape[2]), dtype=left.dtype, device="meta")


def _attention(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of attention: (B, H, L, E) with (B, H, S, E) twice, in the layout of the queries."""
    query, key, value = args[:3]
    masked = len(args) > 3 and args[3] is not None
    if query.dim() != 4 or masked or kwargs.get("enable_gqa") or key.shape != value.shape:
        return None
    same = query.shape[:2] == key.shape[:2] and query.shape[3] == key.shape[3]
    if not same or not _alike(query, key, value):
        return None
    return _like(query)


def _convolution(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of ``conv*d``: input, weight, bias, stride, padding, dilation, groups."""
    x, weight, bias, stride, padding, dilation, groups = _completed(args, (None, 1, 0, 1, 1))
    if not _convolves(x, weight, bias) or x.shape[1] != weight.shape[1] * groups:
        return None
    if weight.shape[0] % groups or not _per_channel((bias,), weight.shape[0]):
        return None
    space = []
    for i, (extent, kernel) in enumerate(zip(x.shape[2:], weight.shape[2:], strict=True)):
        reach = _at(dilation, i) * (kernel - 1)
        total = reach if padding == "same" else 0 if padding == "valid" else 2 * _at(padding, i)
        step = _at(stride, i)
        space.append((extent + total - reach - 1) // step + 1 if step > 0 else 0)
    if padding == "same" and any(_at(stride, i) != 1 for i in range(len(space))):
        return None
    return _result(x, weight.shape[0], space)


def _transposed_convolution(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of ``conv_transpose*``: input, weight, bias, stride, padding, output padding, ..."""
    filled = _completed(args, (None, 1, 0, 0, 1, 1))
    x, weight, bias, stride, padding, extra, groups, dilation = filled
    out = weight.shape[1] * groups
    if not _convolves(x, weight, bias) or x.shape[1] != weight.shape[0]:
        return None
    if weight.shape[0] % groups or not _per_channel((bias,), out):
        return None
    space = []
    for i, (extent, kernel) in enumerate(zip(x.shape[2:], weight.shape[2:], strict=True)):
        step, spread = _at(stride, i), _at(dilation, i)
        if not 0 <= _at(extra, i) < max(step, spread):
            return None
        grown = (extent - 1) * step + spread * (kernel - 1) + 1
        space.append(grown - 2 * _at(padding, i) + _at(extra, i))
    return _result(x, out, space)


def _max_pool(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of ``max_pool*``: input, kernel, stride, padding, dilation, ceil mode."""
    x, kernel, stride, padding, dilation, ceil = _completed(args, ((), 0, 1, False))
    return _pooled(x, kernel, stride, padding, dilation, ceil)


def _max_pool_and_places(args: Arguments, kwargs: dict[str, Any]) -> Result:
    values = _max_pool(args, kwargs)
    return None if values is None else (values, values.new_empty(values.shape, dtype=torch.int64))


def _avg_pool(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    """Result of ``avg_pool2d`` and ``avg_pool3d``: input, kernel, stride, padding, ceil mode."""
    x, kernel, stride, padding, ceil = _completed(args[:5], ((), 0, False))
    return _pooled(x, kernel, stride, padding, 1, ceil)


def _pooled(
    x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> Tensor | None:
    axes = x.dim() - 2
    if axes < 1 or not _lists(axes, kernel, stride, padding, dilation) or not _full(x):
        return None
    space = []
    for i, extent in enumerate(x.shape[2:]):
        size, margin = _at(kernel, i), _at(padding, i)
        step = _at(stride or kernel, i)
        if step < 1 or not 0 <= 2 * margin <= size:
            return None
        room = extent + 2 * margin - _at(dilation, i) * (size - 1) - 1
        out = (room + (step - 1 if ceil else 0)) // step + 1
        # The last window has to start inside the input or the padding before it.
        space.append(out - 1 if ceil and (out - 1) * step >= extent + margin else out)
    return _result(x, x.shape[1], space)


def _adaptive_pool(args: Arguments, kwargs: dict[str, Any]) -> Tensor | None:
    x, size = args[0], args[1]
    return _result(x, x.shape[1], list(size)) if len(size) == x.dim() - 2 and _full(x) else None


def _full(x: Tensor) -> bool:
    return x.is_floating_point() and x.is_contiguous() and min(x.shape) > 0


def _lists(axes: int, *settings: Any) -> bool:
    return all(isinstance(each, int) or len(each) in (0, 1, axes) for each in settings)


def _completed(args: Arguments, defaults: tuple[Any, ...]) -> tuple[Any, ...]:
    """Complete the arguments after the first two with the schema's defaults."""
    return (*args, *defaults[len(args) - 2 :])


def _convolves(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    dense = x.is_contiguous() and weight.is_contiguous()
    return dense and x.dim() == weight.dim() > 2 and min(x.shape) > 0 and _alike(x, weight, bias)


def _result(x: Tensor, channels: int, space: list[int]) -> Tensor | None:
    if min(space) < 1:
        return None
    return torch.empty((x.shape[0], channels, *space), dtype=x.dtype, device="meta")


def _at(value: Any, axis: int) -> int:
    """Return the value for one axis of a setting given once or per axis."""
    if isinstance(value, int):
        return value
    return int(value[axis] if len(value) > 1 else value[0])


def _alike(*tensors: Tensor | None) -> bool:
    """Return whether all are dense meta tensors of one floating-point type."""
    first = tensors[0]
    assert first is not None
    return first.is_floating_point() and all(
        on_meta(each) and each.dtype is first.dtype and each.layout is torch.strided
        for each in tensors
        if each is not None
    )


_UNARY = """
relu gelu silu sigmoid tanh hardswish hardsigmoid hardtanh elu leaky_relu mish relu6
selu celu exp sqrt rsqrt neg abs log square
"""
_BINARY = ("add", "sub", "mul", "div")

# By operator and overload, without the namespace.
SHORTCUTS: dict[str, Shortcut] = {
    **{f"{name}.default": _same for name in _UNARY.split()},
    **{f"{name}_.default": _in_place for name in _UNARY.split()},
    "pow.Tensor_Scalar": _same,
    "maximum.default": _binary,
    "minimum.default": _binary,
    "softplus.default": _same,
    "rrelu.default": _same_if_contiguous,
    "clamp.default": _same,
    "clamp_.default": _in_place,
    **{f"{name}.Tensor": _binary for name in _BINARY},
    **{f"{name}_.Tensor": _binary_in_place for name in _BINARY},
    "softmax.int": _softmax,
    "layer_norm.default": _layer_norm,
    "group_norm.default": _group_norm,
    "batch_norm.default": _batch_norm,
    **{f"max_pool{axes}d.default": _max_pool for axes in (1, 2, 3)},
    "max_pool2d_with_indices.default": _max_pool_and_places,
    "avg_pool2d.default": _avg_pool,
    "avg_pool3d.default": _avg_pool,
    **{f"adaptive_avg_pool{axes}d.default": _adaptive_pool for axes in (1, 2, 3)},
    "prelu.default": _prelu,
    "cat.default": _cat,
    "sum.dim_IntList": _reduction,
    "mean.dim": _reduction,
    "scatter.src": _scatter,
    "linear.default": _linear,
    "mm.default": _product,
    "bmm.default": _product,
    "matmul.default": _product,
    "_grouped_mm.default": _grouped_product,
    "scaled_dot_product_attention.default": _attention,
    "conv1d.default": _convolution,
    "conv2d.default": _convolution,
    "conv3d.default": _convolution,
    "conv1d.padding": _convolution,
    "conv2d.padding": _convolution,
    "conv3d.padding": _convolution,
    "conv_transpose1d.default": _transposed_convolution,
    "conv_transpose2d.input": _transposed_convolution,
    "conv_transpose3d.input": _transposed_convolution,
    "lstm.input": recurrent.lstm,
    "gru.input": recurrent.gru,
    "rnn_tanh.input": recurrent.rnn,
    "rnn_relu.input": recurrent.rnn,
}


def shortcut_of(func: Any) -> Shortcut | None:
    """Return the shortcut for an operator of ``aten``, None if there is none."""
    name = str(func)
    return SHORTCUTS.get(name.removeprefix("aten.")) if name.startswith("aten.") else None


def result_of(shortcut: Shortcut, args: Arguments, kwargs: dict[str, Any]) -> Result:
    """Return the shortcut's result, None unless the first argument is on the meta device."""
    first = args[0][0] if isinstance(args[0], list) and args[0] else args[0]
    return shortcut(args, kwargs) if isinstance(first, Tensor) and on_meta(first) else None
