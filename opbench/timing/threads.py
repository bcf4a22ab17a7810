"""Set PyTorch's threads on the CPU for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads_set(number: int | None) -> Iterator[None]:
    """Set PyTorch's threads on the CPU, and restore their number at the end; None leaves them."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
