"""Three counters that sit at the dispatcher and see the innermost operators.

Composite operators reach them taken apart: ``linear`` as ``addmm`` or ``mm``, ``conv2d`` as
``convolution``.  What their tables do not name counts nothing.  They run on the CPU, where fused
attention and LSTM are one operator that ``torch`` and ``ptflops`` do not name; on the meta device
and on CUDA the first would count attention.  torchvision's numbers were made before attention was
fused on the CPU.

Read in torch 2.13 (``torch.utils.flop_counter``), ptflops 0.7.5 (``backend="aten"``, which its
documentation calls the default; the function's default is in ``opbench.conventions.ptflops``)
and torchvision's ``test/common_extended_utils.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from opbench.conventions.convention import BIAS, Convention, Item
from opbench.conventions.trace import OperatorCall, Trace

Formula = Callable[[OperatorCall], int]


def convolution(call: OperatorCall) -> int:
    """Images x elements of the weight x positions of the result; of the input if transposed."""
    source, weight, transposed = call.args[0], call.args[1], call.arg(6)
    positions = (source if transposed else call.out).shape[2:]
    return int(source.shape[0] * weight.numel() * math.prod(positions))


def product(call: OperatorCall) -> int:
    """Elements of the first factor x columns of the second."""
    return int(call.args[0].numel() * call.args[1].shape[-1])


def added_product(call: OperatorCall) -> int:
    """The same for an operator whose first argument is added."""
    return int(call.args[1].numel() * call.args[2].shape[-1])


def _attention(call: OperatorCall) -> int:
    """query (N, H, L, E), key (N, H', S, E), value (N, H', S, Ev)."""
    query, key, value = call.args[:3]
    return int(math.prod(query.shape[:3]) * key.shape[2] * (query.shape[3] + value.shape[3]))


def _nothing_added(call: OperatorCall) -> int:
    return 0


def _added_result(call: OperatorCall) -> int:
    return int(call.out.numel())


def _added_bias(call: OperatorCall) -> int:
    return int(call.out.numel()) if call.arg(2) is not None else 0


TORCH: dict[str, Formula] = {
    "mm": product,
    "bmm": product,
    "_scaled_mm": product,
    "addmm": added_product,
    "baddbmm": added_product,
    "convolution": convolution,
    "_convolution": convolution,
    "convolution_overrideable": convolution,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_cudnn_attention": _attention,
}
TORCHVISION: dict[str, Formula] = {
    "mm": product,
    "matmul": product,
    "bmm": product,
    "addmm": added_product,
    "convolution": convolution,
    "_convolution": convolution,
}
PTFLOPS: dict[str, tuple[Formula, Formula]] = {  # products, and what is added to them
    "mm": (product, _nothing_added),
    "matmul": (product, _nothing_added),
    "bmm": (product, _nothing_added),
    "addmm": (added_product, _added_result),
    "convolution": (convolution, _added_bias),
    "_convolution": (convolution, _added_bias),
}


def fused_on_the_cpu(call: OperatorCall) -> bool:
    """Whether the CPU carries out this call in one kernel, where meta tensors take it apart."""
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
    for kind, call in trace.kernels(closed=fused_on_the_cpu):
        if call.name in TORCH and not call.in_place:
            yield kind, 2 * TORCH[call.name](call)


def _ptflops(trace: Trace) -> Iterator[Item]:
    for kind, call in trace.kernels(closed=fused_on_the_cpu):
        if call.name in PTFLOPS and not call.in_place:
            products, added = PTFLOPS[call.name]
            yield kind, products(call)
            yield BIAS, added(call)


def _torchvision(trace: Trace) -> Iterator[Item]:
    for kind, call in trace.kernels(closed=_never):
        if call.name in TORCHVISION and not call.in_place:
            yield kind, TORCHVISION[call.name](call)


TORCH_FLOP_COUNTER = Convention(
    name="torch",
    unit="FLOPs",
    about="torch.utils.flop_counter on the CPU: two for each multiply-add of the operators it "
    "knows; fused attention and LSTM are not among them.",
    count=_torch,
)
PTFLOPS_ATEN = Convention(
    name="ptflops",
    unit="MACs",
    about='ptflops with backend="aten": multiply-adds and biases of convolutions and matrix '
    "products.",
    count=_ptflops,
)
TORCHVISION_OPS = Convention(
    name="torchvision",
    unit="MACs",
    about="`_ops` of torchvision's weights, printed there in GFLOPS: multiply-adds of convolutions "
    "and matrix products.",
    count=_torchvision,
    printed=lambda total: f"{round(total / 1e9, 3)} GFLOPS",
)
