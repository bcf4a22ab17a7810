"""Shape inference for recurrent layers on the meta device, in one step.

torch writes a recurrent layer as one operator and carries it out on the meta device as a program
of a dozen operators for every step, layer and direction: seconds for a sequence whose count is
one line.  Its result has a plain shape, and ``opbench.counting.meta.shapes`` takes it from here for
ordinary arguments.  Packed sequences, and shapes that do not match, are left to torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from opbench.counting.meta.disguise import on_meta


def lstm(args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Tensor, ...] | None:
    """Result of ``lstm.input``: input, (hidden, cell), weights, biased, layers, dropout, training,
    both directions, batch first -> output, hidden, cell."""
    if len(args) != 9 or len(args[1]) != 2:
        return None
    hidden, cell = args[1]
    result = _layers(4, hidden, cell.shape[-1], args)
    fits = cell.shape[:-1] == hidden.shape[:-1]
    return (*result, _fresh(cell, cell.shape)) if result is not None and fits else None


def gru(args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Tensor, ...] | None:
    """Result of ``gru.input``: as ``lstm`` with one state."""
    return _layers(3, args[1], args[1].shape[-1], args) if len(args) == 9 else None


def rnn(args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Tensor, ...] | None:
    """Result of ``rnn_tanh.input`` and ``rnn_relu.input``: as ``gru`` without gates."""
    return _layers(1, args[1], args[1].shape[-1], args) if len(args) == 9 else None


def _layers(
    gates: int, state: Tensor, hidden: int, args: Sequence[Any]
) -> tuple[Tensor, Tensor] | None:
    x, _, weights, biased, layers, _, _, both, batch_first = args
    directions = 2 if both else 1
    states = args[1] if isinstance(args[1], (list, tuple)) else (state,)
    if not _alike((x, *states, *weights)) or x.dim() != 3 or state.dim() != 3:
        return None
    steps, images = (x.shape[1], x.shape[0]) if batch_first else x.shape[:2]
    out = state.shape[2]
    expected = []
    for layer in range(layers):
        width = x.shape[2] if layer == 0 else out * directions
        expected += directions * _shapes(gates * hidden, width, out, biased, out != hidden)
    if steps < 1 or [tuple(each.shape) for each in weights] != expected:
        return None
    if tuple(state.shape) != (layers * directions, images, out):
        return None
    output = _fresh(x, (steps, images, out * directions))
    return output.transpose(0, 1) if batch_first else output, _fresh(x, state.shape)


def _shapes(
    rows: int, width: int, out: int, biased: bool, projected: bool
) -> list[tuple[int, ...]]:
    """Return the shapes of the weights of one layer and direction."""
    shapes: list[tuple[int, ...]] = [(rows, width), (rows, out)]
    shapes += [(rows,), (rows,)] if biased else []
    return [*shapes, (out, rows // 4)] if projected else shapes


def _alike(tensors: Sequence[Any]) -> bool:
    first = tensors[0]
    return bool(first.is_floating_point()) and all(
        isinstance(each, Tensor) and on_meta(each) and each.dtype is first.dtype for each in tensors
    )


def _fresh(like: Tensor, shape: Sequence[int]) -> Tensor:
    return torch.empty(tuple(shape), dtype=like.dtype, device="meta")
