"""Measure the peak activation memory of a forward pass, from the lifetimes of its tensors.

Every tensor that an operator returns is looked up by its storage; a storage seen for the first
time adds its bytes, and a weak reference takes them off again when the last tensor that views it
dies.  Views and in-place results therefore cost nothing, and a tensor that the network keeps
(a skip connection, a list of features) counts for as long as it is kept.

Not seen: scratch memory inside one operator, rounding by an allocator, parameters and buffers.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Lifetimes:
    """The bytes alive now and at most; storages are told apart by address while they live."""

    def __init__(self) -> None:
        self._alive: dict[int, tuple[weakref.ref[Any] | None, int]] = {}
        self._brought: frozenset[int] = frozenset()
        self.live_bytes = 0
        self.peak_bytes = 0

    def exempt(self, tensors: Iterable[Tensor]) -> None:
        """Leave parameters and buffers out of the sum; the caller keeps them alive."""
        for tensor in tensors:
            storage = storage_of(tensor)
            if storage is not None:
                self._alive[storage._cdata] = (None, 0)

    def is_exempt(self, tensor: Tensor) -> bool:
        """Return whether a tensor is a parameter or buffer, or a view of one."""
        storage = storage_of(tensor)
        return storage is not None and self._alive.get(storage._cdata) == (None, 0)

    def knows(self, address: int) -> bool:
        """Return whether a storage was seen, and lives."""
        return address in self._alive

    def begin(self, inputs: Iterable[Tensor]) -> None:
        """Add the inputs, with which a pass begins."""
        for each in inputs:
            self._saw_tensor(each)
        self._brought = frozenset(self._alive)

    def left(self) -> list[int]:
        """Return the storages that a pass made and that are alive, by address."""
        alive = ((key, ref) for key, (ref, _) in self._alive.items() if ref is not None)
        return [key for key, ref in alive if key not in self._brought and ref() is not None]

    def saw(self, value: Any) -> None:
        """Add every tensor in the result of an operator."""
        if isinstance(value, Tensor):
            self._saw_tensor(value)
        elif isinstance(value, (tuple, list)):
            for each in value:
                self.saw(each)

    def _saw_tensor(self, tensor: Tensor) -> None:
        storage = storage_of(tensor)
        if storage is None:
            return
        key, size = storage._cdata, storage.nbytes()
        known = self._alive.get(key)
        if known is None:
            self._alive[key] = (weakref.ref(storage, lambda _: self._died(key)), size)
            self._add(size)
        elif known[0] is not None and known[1] != size:  # resized in place
            self._alive[key] = (known[0], size)
            self._add(size - known[1])

    def _add(self, size: int) -> None:
        self.live_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.live_bytes)

    def _died(self, key: int) -> None:
        self.live_bytes -= self._alive.pop(key)[1]


def storage_of(tensor: Tensor) -> torch.UntypedStorage | None:
    """Return the storage of a tensor, None for one without; its class is not asked."""
    with torch._C.DisableTorchFunctionSubclass():
        try:
            return tensor.untyped_storage()
        except Exception:  # noqa: BLE001  sparse and opaque ones, and any class of the user's
            return None


def all_tensors() -> list[Tensor]:
    """Return the tensors of this process, of any class."""
    kinds: dict[int, type] = {}
    ahead: list[type] = [Tensor]
    while ahead:
        kind = ahead.pop()
        kinds[id(kind)] = kind
        ahead += type.__subclasses__(kind)
    return [each for each in gc.get_objects() if id(type(each)) in kinds]
