"""Count a second time with fvcore, which traces real tensors and shares no code with ours.

fvcore reads a recorded graph instead of watching operators run, and counts one per
multiply-accumulate.  Its rules for normalisation, pooling, interpolation and grid sampling are
estimates per element and are switched off, since these have no dot product.  What it cannot do is
known and itemised, never averaged away:

    * it has no rule for fused attention, recurrent layers, ``padding="same"``, bilinear forms,
      ``mv``, ``dot`` and the adding products (``baddbmm``, ``addmv``)
    * its rule for ``matmul`` leaves out batches that only the right factor has; its rule for
      ``einsum`` takes the cheapest order of the factors, and products that are not summed
    * a convolution of complex numbers is three of real ones in its graph
    * its graph leaves out branches whose result is unused, though they are computed: a branch
      that is thrown away, a layer whose output leaves torch for NumPy
    * it cannot trace control flow, scripted parts, or inputs that are not tensors

Weights are zeros, which trace like any others and cost no initialisation.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from opbench.counting.arguments import Arguments, by_position, read_built
from opbench.counting.copies.copying import private_copy
from opbench.counting.inputs import Inputs, Request
from opbench.counting.meta.build import build_without_weights
from opbench.counting.rules.kinds import is_free
from opbench.counting.rules.products import RULES
from opbench.counting.tracing.torch_state import undisturbed
from opbench.errors import CountError, MissingExtraError, describe
from opbench.record import Count, OperatorCount

_ESTIMATES = (
    "aten::batch_norm",
    "aten::group_norm",
    "aten::layer_norm",
    "aten::instance_norm",
    "aten::upsample_nearest2d",
    "aten::upsample_bilinear2d",
    "aten::adaptive_avg_pool2d",
    "aten::grid_sampler",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """The count of fvcore.

    ``by_operator`` has its own names ("conv", "linear", "addmm"); ``by_module`` its sums along
    qualified names.  ``unsupported`` are operators it met, has no rule for, and that are not on
    our list of free ones: if it is empty, ``macs`` must be equal.
    """

    macs: int
    by_operator: dict[str, int]
    by_module: dict[str, int]
    unsupported: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One kind of operator on which the two counts differ, with the reason."""

    kind: str
    ours: int
    theirs: int
    reason: str


def witness(module: nn.Module, inputs_or_input_size: Inputs, *, batch_size: int = 1) -> Witness:
    """Count ``module`` with fvcore; it is copied and left as it was.

    Raises ``MissingExtraError`` without fvcore and ``CountError`` when it cannot trace.
    """
    request = Request(inputs_or_input_size, batch_size, None)
    with undisturbed():
        return _analyse(private_copy(module, "cpu"), request, None)


def build_and_witness(
    build: Callable[[], Any],
    inputs_or_input_size: Inputs | None = None,
    *,
    batch_size: int = 1,
    weights: bool = False,
) -> Witness:
    """Count the network that ``build()`` returns, or its pair with inputs, with fvcore.

    ``weights`` are computed where the network cannot be built without them.
    """
    request = Request(inputs_or_input_size, batch_size, None)
    with undisturbed():
        network, example = read_built(build() if weights else build_without_weights(build))
        return _analyse(private_copy(network, "cpu"), request, example)


def differences(count: Count, witness: Witness) -> tuple[Difference, ...]:
    """Itemise where the two differ, by kind of operator; empty if they are the same integer."""
    ours: Counter[str] = Counter()
    for operator, sums in count.by_operator().items():
        ours[_kind(operator)] += sums.macs
    theirs: Counter[str] = Counter()
    for operator, macs in witness.by_operator.items():
        theirs["convolution" if operator == "conv" else "product"] += macs
    return tuple(
        Difference(
            kind=kind,
            ours=ours[kind],
            theirs=theirs[kind],
            reason=_reason(kind, ours[kind] - theirs[kind], count, witness),
        )
        for kind in sorted({*ours, *theirs})
        if ours[kind] != theirs[kind]
    )


# fvcore keeps both directions of convolution under one name, and so does this comparison;
# products reach the two tools under different names (einsum here, bmm there).
_KIND = {
    "convolution": "convolution",
    "transposed convolution": "convolution",
    "linear": "product",
    "matrix product": "product",
    "bilinear": "bilinear",
    "attention": "attention",
    "recurrent": "recurrent",
}


def _kind(operator: str) -> str:
    if operator.endswith("_cell"):  # of which fvcore's graph has the products
        return "product"
    return _KIND[RULES[operator].kind] if operator in RULES else "uncounted"


def _reason(kind: str, missing: int, count: Count, witness: Witness) -> str:
    unruled = [name for name in witness.unsupported if _kind(name) == kind]
    if not unruled and missing > 0:  # written in terms of others, or in Python
        unruled = [name for name in witness.unsupported if name not in RULES]
    if unruled:
        return f"fvcore has no rule for {', '.join(unruled)}"
    unseen: Counter[str] = Counter()
    for row in count.operators:
        if _kind(row.operator) == kind and witness.by_module.get(row.module) == 0:
            unseen[row.module] += row.macs
    if unseen.total() == missing:
        return f"fvcore's graph leaves out branches whose result is unused: {', '.join(unseen)}"
    return _own_rule(kind, missing, count, witness) or "unexplained"


def _own_rule(kind: str, missing: int, count: Count, witness: Witness) -> str:
    """Explain the difference by a rule of fvcore's own; empty if none explains it."""
    rows = [row for row in count.operators if _kind(row.operator) == kind]
    if kind == "convolution" and missing == -2 * sum(row.macs for row in rows):
        return "fvcore counts a complex convolution as three real ones"
    if kind == "product" and missing == sum(map(_broadcast, rows)):
        return "fvcore's rule for matmul leaves out batches that only the right factor has"
    einsum = witness.by_operator.get("einsum", 0)
    if kind == "product" and einsum and missing + einsum >= 0:  # the rest is no more than ours
        return (
            "fvcore's rule for einsum takes the cheapest order of the factors, and products that "
            "are not summed"
        )
    return ""


def _broadcast(row: OperatorCount) -> int:
    """Return the MACs that fvcore's rule, left elements x right columns, leaves out."""
    if row.operator != "matmul":
        return 0
    left, right = row.operands
    return row.macs - row.calls * math.prod(left) * right[-1]


def _analyse(network: nn.Module, request: Request, example: Arguments | None) -> Witness:
    analysis_of, ignore = _fvcore()
    inputs = request.inputs(network, "cpu", example)
    try:
        with torch.no_grad(), _quiet():
            analysis = analysis_of(network, by_position(network, inputs))
            analysis.set_op_handle(**dict.fromkeys(_ESTIMATES, ignore))
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            by_operator = analysis.by_operator()
    except Exception as error:
        name = type(network).__name__
        raise CountError(f"fvcore cannot trace {name}: {describe(error)}") from error
    met = (name.removeprefix("aten::").rstrip("_") for name in analysis.unsupported_ops())
    return Witness(
        macs=int(analysis.total()),
        by_operator={name: int(macs) for name, macs in sorted(by_operator.items()) if macs},
        by_module={name: int(macs) for name, macs in analysis.by_module().items()},
        unsupported=tuple(sorted(name for name in set(met) if not is_free(name))),
    )


def _fvcore() -> tuple[Any, Any]:
    """Return the analysis class, and a handle that counts nothing (None keeps the old one)."""
    try:
        from fvcore.nn import FlopCountAnalysis
    except ImportError as error:
        raise MissingExtraError(
            "the second count needs fvcore, which is not installed; try: pip install fvcore"
        ) from error
    return FlopCountAnalysis, lambda inputs, outputs: Counter()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the tracer's warnings about reusing its graph, which nobody does."""
    logger = logging.getLogger("fvcore.nn.jit_analysis")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
