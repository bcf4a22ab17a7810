"""The operations on the 2016 chart: as described, and as its profiler counted them.

    chart2016         two for each multiply-add; one for each element that receives a bias, passes
                      a rectifier or is the sum of two others; a window's size for each pooled
                      element; batch normalisation nothing, since it folds into a convolution
    torch-opcounter   the profiler of the spring of 2016, to the digits that the chart prints:
                      groups are ignored, every convolution has a bias, a sum costs each of its
                      terms, and pooled positions count once whatever their channels

References:
    A. Canziani, A. Paszke, E. Culurciello.  "An Analysis of Deep Neural Network Models for
    Practical Applications."  arXiv:1605.07678, Figure 2.
    https://github.com/apaszke/torch-opCounter, src/profiler.lua at f918a92 (May 2016); pooling
    was mended in October 2016, groups and missing biases in July 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from opbench.conventions.convention import ACTIVATION, ADDITION, BIAS, POOLING, Item, Rule
from opbench.conventions.multiply_adds import bias_additions, counted, macs_of
from opbench.conventions.trace import OperatorCall, Trace, kind_of
from opbench.errors import CountError


def _pooling(call: OperatorCall) -> int:
    return _first(call).numel() * _window(call)


def _window(call: OperatorCall) -> int:
    extents: Sequence[int] = call.args[1]  # one stands for both
    return extents[0] * extents[-1]


def _input(call: OperatorCall) -> int:
    """Also what pooling to a given size costs: its windows cover the input once."""
    return int(call.args[0].numel())


def _first(call: OperatorCall) -> Tensor:
    first: Tensor = call.out[0] if isinstance(call.out, (tuple, list)) else call.out
    return first


def _addition(call: OperatorCall) -> int:
    """Of two maps; a constant that is added is no layer."""
    maps = all(isinstance(term, Tensor) and term.dim() for term in call.args[:2])
    return int(call.out.numel()) if maps else 0


ELEMENTS: dict[str, tuple[str, Callable[[OperatorCall], int]]] = {
    **dict.fromkeys(("relu", "prelu", "threshold"), (ACTIVATION, _input)),
    **dict.fromkeys(("max_pool2d", "max_pool2d_with_indices", "avg_pool2d"), (POOLING, _pooling)),
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_max_pool2d"), (POOLING, _input)),
    "add": (ADDITION, _addition),
}


def _chart(trace: Trace) -> Iterator[Item]:
    for call in trace:
        if call.name in ELEMENTS:
            kind, rule = ELEMENTS[call.name]
            yield kind, rule(call)
            continue
        for each in counted(call):
            yield kind_of(each), 2 * macs_of(each)
            yield BIAS, bias_additions(each)


def _ungrouped(call: OperatorCall) -> Iterator[Item]:
    source, weight = call.args[0], call.args[1]
    yield "convolution", 2 * call.out.numel() * source.shape[1] * math.prod(weight.shape[2:])
    yield BIAS, call.out.numel()


def _linear(call: OperatorCall) -> Iterator[Item]:
    yield "linear", 2 * macs_of(call)
    yield BIAS, bias_additions(call)


def _one_plane(cost: Callable[[OperatorCall], int]) -> Callable[[OperatorCall], Iterator[Item]]:
    """Images x positions, as if there were one channel."""

    def count(call: OperatorCall) -> Iterator[Item]:
        yield POOLING, cost(call) // _first(call).shape[1]

    return count


def _rectifier(call: OperatorCall) -> Iterator[Item]:
    yield ACTIVATION, _input(call)


def _terms(call: OperatorCall) -> Iterator[Item]:
    yield ADDITION, 2 * _addition(call)


def _log_softmax(call: OperatorCall) -> Iterator[Item]:
    yield ACTIVATION, 3 * _input(call)


HANDLERS: dict[str, Callable[[OperatorCall], Iterator[Item]]] = {
    "conv2d": _ungrouped,
    "linear": _linear,
    "relu": _rectifier,
    "log_softmax": _log_softmax,
    "add": _terms,
    **dict.fromkeys(("max_pool2d", "max_pool2d_with_indices", "avg_pool2d"), _one_plane(_pooling)),
    "adaptive_avg_pool2d": _one_plane(_input),
}


def _profiler(trace: Trace) -> Iterator[Item]:
    for call in trace:
        if call.name in HANDLERS:
            yield from HANDLERS[call.name](call)
            continue
        for each in counted(call):
            raise CountError(f"torch-opcounter has no handler for {kind_of(each)} ({each.name})")


CHART2016 = Rule(
    name="chart2016",
    unit="operations",
    about="The chart of arXiv:1605.07678: two for each multiply-add, one for each bias, rectified "
    "element and addition, the window for each pooled element; batch normalisation nothing.",
    count=_chart,
    printed=lambda total: f"{total / 1e9:.2f} G-Ops",
)
TORCH_OPCOUNTER = Rule(
    name="torch-opcounter",
    unit="operations",
    about="The profiler that the 2016 chart was made with, as it was that spring: like chart2016, "
    "but it ignores groups, gives every convolution a bias and pools one channel.",
    count=_profiler,
    printed=lambda total: f"{total / 1e9:.2f} G-Ops",
)
