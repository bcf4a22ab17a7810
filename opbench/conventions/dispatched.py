"""Two counters that sit at the dispatcher and see the innermost operators.

Composite operators reach them taken apart: ``linear`` as ``addmm`` or ``mm``, ``conv2d`` as
``convolution``.  Operators outside their tables count nothing.  They run on the CPU, where fused
attention and LSTM are one operator that ``torch`` does not name; on the meta device and on CUDA
it would count attention.  torchvision's numbers were made before attention was fused on the CPU.

Read in torch 2.13 (``torch.utils.flop_counter``) and torchvision's
``test/common_extended_utils.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from opbench.conventions.convention import Item, Rule
from opbench.conventions.trace import OperatorCall, Trace, kernels

Formula = Callable[[OperatorCall], int]


def _convolution(call: OperatorCall) -> int:
    """Images x elements of the weight x positions of the result; of the input if transposed."""
    source, weight, transposed = call.args[0], call.args[1], call.arg(6)
    positions = (source if transposed else call.out).shape[2:]
    return int(source.shape[0] * weight.numel() * math.prod(positions))


def _product(call: OperatorCall) -> int:
    """Elements of the first factor x columns of the second."""
    return int(call.args[0].numel() * call.args[1].shape[-1])


def _added_product(call: OperatorCall) -> int:
    """Return the formula of a product whose first argument is added."""
    return int(call.args[1].numel() * call.args[2].shape[-1])


def _attention(call: OperatorCall) -> int:
    """query (N, H, L, E), key (N, H', S, E), value (N, H', S, Ev)."""
    query, key, value = call.args[:3]
    return int(math.prod(query.shape[:3]) * key.shape[2] * (query.shape[3] + value.shape[3]))


_BOTH: dict[str, Formula] = {
    "mm": _product,
    "bmm": _product,
    "addmm": _added_product,
    "convolution": _convolution,
    "_convolution": _convolution,
}
TORCH: dict[str, Formula] = {
    **_BOTH,
    "_scaled_mm": _product,
    "baddbmm": _added_product,
    "convolution_overrideable": _convolution,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_cudnn_attention": _attention,
}
TORCHVISION: dict[str, Formula] = {**_BOTH, "matmul": _product}


def _fused_on_the_cpu(call: OperatorCall) -> bool:
    """Return True where the CPU runs one kernel and meta tensors are taken apart."""
    if call.name == "scaled_dot_product_attention":
        query, key, value = call.args[:3]
        dropout = call.arg(4) or 0.0
        return (
            query.dim() == key.dim() == value.dim() == 4
            and query.shape[-1] == key.shape[-1] == value.shape[-1]
            and query.stride(-1) == key.stride(-1) == value.stride(-1) == 1
            and not dropout
        )
    if call.name == "lstm" and not isinstance(call.args[3], (list, tuple)):  # not packed
        hidden, cell = call.args[1]
        return bool(hidden.shape[-1] == cell.shape[-1])  # no projection
    return False


def _never(call: OperatorCall) -> bool:
    return False


def _torch(trace: Trace) -> Iterator[Item]:
    for kind, call in kernels(trace, closed=_fused_on_the_cpu):
        if call.name in TORCH and not call.in_place:
            yield kind, 2 * TORCH[call.name](call)


def _torchvision(trace: Trace) -> Iterator[Item]:
    for kind, call in kernels(trace, closed=_never):
        if call.name in TORCHVISION and not call.in_place:
            yield kind, TORCHVISION[call.name](call)


TORCH_FLOP_COUNTER = Rule(
    name="torch",
    unit="FLOPs",
    about="torch.utils.flop_counter on the CPU: two for each multiply-add of the operators it "
    "knows; fused attention and LSTM are not among them.",
    count=_torch,
)
TORCHVISION_OPS = Rule(
    name="torchvision",
    unit="MACs",
    about="`_ops` of torchvision's weights, printed there in GFLOPS: multiply-adds of convolutions "
    "and matrix products.",
    count=_torchvision,
    printed=lambda total: f"{round(total / 1e9, 3)} GFLOPS",
)
