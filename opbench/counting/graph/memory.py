"""The tensors alive: the peak of the sum of their bytes, in the order of the file.

A tensor lives from the node that makes it to the last node that reads it; an input of the graph
and an output live to the end.  Views share the memory of what they view.  Constants take none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from opbench.counting.graph.values import GraphValue


class Memory:
    """The bytes alive now and at most; ``unknown`` tensors whose size depends on values."""

    def __init__(self) -> None:
        self._names: Counter[int] = Counter()
        self._bytes: dict[int, int] = {}
        self._live = 0
        self._buffers = 0
        self.peak = 0
        self.unknown = 0

    def new_buffer(self) -> int:
        """Return the number of memory that no tensor has yet."""
        self._buffers += 1
        return self._buffers

    def hold(self, value: GraphValue | None) -> None:
        """Keep a value alive under one more name."""
        if value is None or not value.buffer:
            return
        self._names[value.buffer] += 1
        if value.buffer not in self._bytes:
            size = value.bytes
            self.unknown += size is None
            self._bytes[value.buffer] = size or 0
            self._live += size or 0
            self.peak = max(self.peak, self._live)

    def release(self, value: GraphValue | None) -> None:
        """Let one name of a value go; its memory is free when the last name is gone."""
        if value is None or not value.buffer:
            return
        self._names[value.buffer] -= 1
        if not self._names[value.buffer]:
            del self._names[value.buffer]
            self._live -= self._bytes.pop(value.buffer)

    @contextmanager
    def tentative(self) -> Iterator[None]:
        """Take back what was held where the block raises."""
        before = Counter(self._names), dict(self._bytes), self._live, self.peak, self.unknown
        try:
            yield
        except BaseException:
            self._names, self._bytes, self._live, self.peak, self.unknown = before
            raise
