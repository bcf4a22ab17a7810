"""What ``fvcore.nn.FlopCountAnalysis`` prints with the handles it comes with.

fvcore reads a recorded graph: composite operators appear whole, convolutions as ``_convolution``,
and what does not reach the result is not in it.  It counts one per multiply-add, and estimates
per element for normalisation, interpolation and global pooling.  Convolutions with
``padding="same"``, fused attention and recurrent layers have no handle and count nothing.

Read in fvcore 0.1.5.post20221221 (``jit_handles.py``, ``flop_count.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from torch import Tensor

from opbench.conventions.convention import INTERPOLATION, NORMALISATION, POOLING, Convention, Item
from opbench.conventions.dispatched import added_product, convolution, product
from opbench.conventions.trace import OperatorCall, Trace, kind_of, outermost
from opbench.errors import CountError

# Not recorded by the graph, only what they are carried out with.
_TRANSPARENT = frozenset(
    {f"conv{axes}d" for axes in (1, 2, 3)}
    | {f"conv_transpose{axes}d" for axes in (1, 2, 3)}
    | {"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"}
)


def _linear(call: OperatorCall) -> int:
    return int(call.args[0].numel() * call.args[1].shape[0])


def _matmul(call: OperatorCall) -> int:
    if call.args[1].dim() < 2:
        raise CountError("fvcore raises IndexError for the product of a matrix and a vector")
    return product(call)


def _einsum(call: OperatorCall) -> int:
    """Half the operations of the best order of contraction, as NumPy prints them: 4 digits."""
    equation, factors = call.args[0].replace(" ", ""), call.args[1]
    shapes = [np.broadcast_to(np.float32(0), tuple(each.shape)) for each in factors]
    report = np.einsum_path(equation, *shapes, optimize="optimal")[1]
    line = next(line for line in report.lower().split("\n") if "optimized flop" in line)
    return math.floor(float(line.split(":")[-1]) / 2)


def _batch_norm(call: OperatorCall) -> int:
    if call.arg(5):  # statistics of the batch
        return _norm(1)(call)
    return int(call.args[0].numel() * (2 if call.arg(1) is not None else 1))


def _norm(weight_at: int) -> Callable[[OperatorCall], int]:
    def count(call: OperatorCall) -> int:
        source: Tensor = call.args[0]
        if not 2 <= source.dim() <= 5:
            raise CountError(
                f"fvcore raises AssertionError for {call.name} of {source.dim()} dimensions"
            )
        return source.numel() * (5 if call.arg(weight_at) is not None else 4)

    return count


def _result(factor: int) -> Callable[[OperatorCall], int]:
    return lambda call: factor * int(call.out.numel())


def _input(call: OperatorCall) -> int:
    return int(call.args[0].numel())


HANDLES: dict[str, Callable[[OperatorCall], int]] = {
    "addmm": added_product,
    "bmm": product,
    "mm": _matmul,
    "matmul": _matmul,
    "linear": _linear,
    "einsum": _einsum,
    "convolution": convolution,
    "_convolution": convolution,
    "batch_norm": _batch_norm,
    "group_norm": _norm(2),
    "layer_norm": _norm(2),
    "instance_norm": _norm(1),
    "upsample_nearest2d": _result(1),
    "upsample_bilinear2d": _result(4),
    "grid_sampler": _result(4),
    "adaptive_avg_pool2d": _input,
}
_KINDS = {
    "batch_norm": NORMALISATION,
    "group_norm": NORMALISATION,
    "layer_norm": NORMALISATION,
    "instance_norm": NORMALISATION,
    "upsample_nearest2d": INTERPOLATION,
    "upsample_bilinear2d": INTERPOLATION,
    "grid_sampler": INTERPOLATION,
    "adaptive_avg_pool2d": POOLING,
    "einsum": "matrix product",
}


def _count(trace: Trace) -> Iterator[Item]:
    if trace.is_scripted:
        raise CountError("fvcore cannot hang hooks on scripted modules")
    for used in trace.used():
        for call in outermost((used,), transparent=_TRANSPARENT):
            if call.name in HANDLES and not call.in_place:
                kind = _KINDS.get(call.name) or kind_of(used) or kind_of(call)
                yield kind, HANDLES[call.name](call)


FVCORE = Convention(
    name="fvcore",
    unit="MACs",
    about="fvcore's FlopCountAnalysis as it comes: multiply-adds, and 1 to 5 for each element "
    "that is normalised, interpolated or pooled to a given size.",
    count=_count,
)
