"""Find the tensors inside arguments and outputs, in the order in which torch.export has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors inside containers, in their order."""
    if isinstance(value, Tensor):
        return [value]
    return [each for each in tree_leaves(value) if isinstance(each, Tensor)]


def tensors_of_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sequence[Tensor]:
    """Return the tensors among the arguments of a call."""
    if not kwargs and all(isinstance(each, Tensor) for each in args):
        return args
    return tensors_in((args, kwargs))


def one_or_all(outputs: Sequence[Tensor]) -> Tensor | Sequence[Tensor]:
    """Return the only tensor of a sequence, or the sequence, as most networks do."""
    return outputs[0] if len(outputs) == 1 else outputs


def from_arrays(outputs: Sequence[Any]) -> Tensor | Sequence[Tensor]:
    """Return NumPy's arrays as tensors that share their memory."""
    return one_or_all([torch.from_numpy(each) for each in outputs])
