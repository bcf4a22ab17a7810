"""The narrow types that floating-point factors were made from, in quantised networks.

Where a device has no kernel for packed weights, weights of 8 bits or fewer are brought to the type
of the activations before a product; a quantised graph for a compiler (pt2e) dequantises both
factors.  Their width is that of the numbers they were made from: it is followed through
conversions, views, unpacking by masks and shifts, and scales of channels or groups.

Only networks that store such weights are followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

Type = torch.dtype | str

_SAMES = """
_to_copy to t transpose permute view reshape _unsafe_view expand contiguous clone detach alias
unsqueeze squeeze flatten unflatten movedim swapaxes type_as view_as repeat_interleave lift_fresh
numpy_T mT adjoint stack cat
"""
_SAME = frozenset(_SAMES.split())
_SCALING = frozenset(("mul", "div", "sub", "add", "rsub"))
_MASK = frozenset(("bitwise_and", "__and__"))
_SHIFT = frozenset(("bitwise_right_shift", "__rshift__"))


def origins_in(stored: Iterable[Tensor]) -> Origins | None:
    """Return what follows the stored tensors of 8 bits or fewer, None if there are none."""
    narrow = [each for tensor in stored for each in _inner(tensor) if _is_narrow(each.dtype)]
    return Origins(narrow) if narrow else None


class Origins:
    """Follows narrow tensors through the operators of one pass."""

    def __init__(self, narrow: Iterable[Tensor]) -> None:
        self._types: Any = WeakIdKeyDictionary()
        for tensor in narrow:
            self._types[tensor] = tensor.dtype

    def type_of(self, tensor: Tensor) -> Type:
        """Return the type that a tensor was made from, its own if that is not known."""
        found: Type = self._types.get(tensor, tensor.dtype)
        return found

    def saw(self, name: str, args: Sequence[Any], out: Any) -> None:
        """Note what a free operator made of narrow tensors."""
        if isinstance(out, Tensor) and (made := self._made(name, args, out)) is not None:
            self._types[out] = made

    def _made(self, name: str, args: Sequence[Any], out: Tensor) -> Type | None:
        first = args[0] if args else None
        if ("dequant" in name or "unpack" in name) and isinstance(first, Tensor):
            return _dequantised(first, args, out)
        factors = list(first) if isinstance(first, (list, tuple)) else list(args[:2])
        known = {self._types[e] for e in factors if isinstance(e, Tensor) and e in self._types}
        if len(known) != 1:
            return None
        (origin,) = known
        if name in _MASK | _SHIFT:
            return _unpacked(name, args[1])
        tensors = [each for each in factors if isinstance(each, Tensor)]
        if name in _SAME:
            return origin if all(each in self._types for each in tensors) else None
        broadcast = sum(each.numel() == out.numel() for each in tensors) == 1
        return origin if name in _SCALING and broadcast else None


def _inner(tensor: Any) -> list[Tensor]:
    if not hasattr(type(tensor), "__tensor_flatten__"):
        return [tensor]
    names, _ = tensor.__tensor_flatten__()
    return [each for name in names for each in _inner(getattr(tensor, name))]


def _is_narrow(dtype: torch.dtype) -> bool:
    return dtype.itemsize == 1 and dtype is not torch.bool


def _dequantised(source: Tensor, args: Sequence[Any], out: Tensor) -> Type | None:
    """Return the type of what was dequantised: by its range, or by the bits for each number."""
    numbers = [each for each in args if isinstance(each, int) and not isinstance(each, bool)]
    for low, high in pairwise(numbers):
        if low <= 0 < high:  # the least and the largest number
            bits = (high - low).bit_length()
            return f"int{bits}" if low else f"uint{bits}"
    if not _is_narrow(source.dtype):
        return None
    each = 8 * source.numel() // max(1, out.numel())
    return source.dtype if each == 8 else f"{each}-bit"


def _unpacked(name: str, by: Any) -> Type | None:
    """Return the type of bits that a mask or shift takes out of a byte."""
    if not isinstance(by, int):
        return None
    bits = by.bit_length() if name in _MASK else 8 - by
    return f"uint{bits}" if 0 < bits < 8 else None
