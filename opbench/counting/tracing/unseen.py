"""Notice tensors that a thread made which is not traced: its operators are not in the count.

In a forward pass without gradients, whatever traced threads make is a tensor of inference mode.
Another one, which was not there when the pass began, was made in a thread that is older than the
count and took its work from a queue or a list.

Not noticed: such a thread that Python's ``threading`` does not know, that works in inference mode
itself, or that only writes into tensors it was given; and its work where it meets a pass with
gradients, or one that has left inference mode, or where it has the address of a storage that was
there before and died during the pass.  Taken for such work: a tensor that ``gc.freeze`` hides.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import active_count
from typing import Any

import torch
from torch import Tensor

from opbench.counting.tracing.lifetimes import Lifetimes, all_tensors, storage_of

UNSEEN = "work in a thread that is older than the count"


class Unseen:
    """Tells whether a pass that begins now meets tensors made in threads that are not traced."""

    def __init__(self, lifetimes: Lifetimes) -> None:
        self.met = False
        self._lifetimes = lifetimes
        self._looks = active_count() > 1 and torch.is_inference_mode_enabled()
        self._older = _storages() if self._looks else frozenset()

    def look(self, values: Iterable[Any]) -> None:
        """Look at the operands of an operator, or at the tensors of an output."""
        self._looks = self._looks and torch.is_inference_mode_enabled()
        if not self._looks or self.met:
            return
        for each in values:
            if isinstance(each, Tensor):
                self.met = self.met or (not each.is_inference() and self._is_new(each))
            elif isinstance(each, (tuple, list)):
                self.look(each)

    def _is_new(self, tensor: Tensor) -> bool:
        storage = storage_of(tensor)
        address = None if storage is None else storage._cdata
        return not (address is None or address in self._older or self._lifetimes.knows(address))


def _storages() -> frozenset[int]:
    """Return the addresses of all storages of tensors."""
    return frozenset(each._cdata for each in map(storage_of, all_tensors()) if each is not None)
