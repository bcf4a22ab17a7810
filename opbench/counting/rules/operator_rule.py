"""Define a counting rule, and measure what the rules of forward and backward operators share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from opbench.counting.meta.values import lacks_values
from opbench.counting.rules.nested import nested_product

Arguments = Sequence[Any]
Kind = Literal[
    "convolution",
    "transposed convolution",
    "linear",
    "matrix product",
    "bilinear",
    "attention",
    "recurrent",
]

_PAIRS = getattr(torch, "float4_e2m1fn_x2", None)


class NoRuleError(Exception):
    """Arguments that the rule does not cover: the call is named as uncounted."""


class AtMost(int):
    """Multiply-accumulates in full, where values that the meta device lacks say how many run."""


@dataclass(frozen=True, slots=True)
class OperatorRule:
    """The counting rule of one operator.

    ``macs`` maps arguments and result to multiply-accumulates.  ``operands`` are the positions
    of the factors, for display.  ``layer`` says that the result is an activation: the output of
    a convolution or a linear layer.  ``bias`` is the position of what is added to the result,
    which costs nothing here and one operation by other conventions.
    """

    kind: Kind
    macs: Callable[[Arguments, Any], int]
    operands: tuple[int, ...] = (0, 1)
    layer: bool = False
    bias: int | None = None


def first(value: Any) -> Tensor:
    """Return a tensor, or the first of several."""
    found: Tensor = value[0] if isinstance(value, (tuple, list)) else value
    return found


def product(left: Tensor, right: Tensor) -> int:
    """``left`` (..., n, k) times ``right`` (..., k, m), batch dimensions equal."""
    if left.is_nested or right.is_nested:
        return nested_product(left, right)
    columns = right.shape[-1] if right.dim() > 1 else 1
    if left.layout is torch.strided and right.layout is torch.strided:
        return numbers(left) * columns
    if right.layout is torch.strided:
        return stored(left) * columns
    if left.layout is torch.strided:
        return left.numel() // max(1, left.shape[-1]) * stored(right)
    raise NoRuleError("a product of two sparse matrices")


def stored(matrix: Tensor) -> int:
    """Return the elements that a sparse matrix holds."""
    values = matrix._values() if matrix.layout is torch.sparse_coo else matrix.values()
    return values.numel()


def meets(weight: Tensor) -> int:
    """Return the elements of one slice of a weight: (out, in / groups, kernel...), or
    (in, out / groups, kernel...) of a transposed convolution."""
    return math.prod(weight.shape[1:])


def numbers(tensor: Tensor) -> int:
    """Return the numbers in a tensor, of which two of four bits make one element."""
    return tensor.numel() * (2 if tensor.dtype is _PAIRS else 1)


def steps(source: Tensor) -> int:
    """Return the vectors of a sequence or batch (..., width)."""
    return source.numel() // source.shape[-1]


def matrices(weights: Sequence[Tensor]) -> int:
    """Return the elements of the matrices among the weights of a recurrent layer."""
    return sum(weight.numel() for weight in weights if weight.dim() == 2)


def token_major_scores(query: Tensor, key: Tensor, ends: Sequence[Tensor | None]) -> int:
    """Return the scores of query (B, L, H, E) and key (B, S, H, E).

    Sequences of different lengths are packed one after the other, (total, H, E) or
    (1, total, H, E), and ``ends`` are the cumulative lengths of queries and of keys.
    """
    heads = query.shape[-2]
    ends_q, ends_k = ends
    if ends_q is None or ends_k is None:
        if query.dim() != 4:
            raise NoRuleError("sequences of unknown lengths")
        return math.prod(query.shape[:2]) * key.shape[1] * heads
    if lacks_values(ends_q) or lacks_values(ends_k):
        raise NoRuleError("sequences of unknown lengths")
    return int((ends_q.diff() * ends_k.diff()).sum()) * heads
