"""Trace what an older thread does with an item that a traced thread has put into a queue.

A thread that takes its work from a queue, and was started before the count, hands nothing over by a
call that could be followed.  It is traced from the moment at which it takes such an item until it
wakes another thread (by a queue, an event, a future) or takes the next one.

Not counted: what such a thread does with work from a ``SimpleQueue`` or a list, and what it does
after it has woken another thread.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from opbench.counting.meta.replaced import replaced

_QUEUES = (queue.Queue, queue.LifoQueue, queue.PriorityQueue)


@contextmanager
def queues_followed(
    traced: Callable[[], AbstractContextManager[Any]], is_traced: Callable[[], bool]
) -> Iterator[None]:
    """Trace what threads do with items of traced ones, until the end of the context."""
    items: dict[int, Any] = {}  # that traced threads put into queues
    work = _Work()

    def put_into(put: Callable[..., None]) -> Callable[..., None]:
        def call(self: Any, item: Any) -> None:
            if is_traced():
                items[id(item)] = item
            put(self, item)

        return call

    def taken_from(take: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any) -> Any:
            work.end()
            item = take(self)
            if items.get(id(item), work) is item and not is_traced():
                work.begin(traced(), self.not_full)
            return item

        return call

    notify = threading.Condition.notify

    def notify_after_work(self: threading.Condition, n: int = 1) -> None:
        if self is not work.taken:
            work.end()
        work.taken = None
        notify(self, n)

    with ExitStack() as stack:
        for kind in _QUEUES:
            stack.enter_context(replaced(kind, "_put", put_into(vars(kind)["_put"])))
            stack.enter_context(replaced(kind, "_get", taken_from(vars(kind)["_get"])))
        stack.enter_context(replaced(threading.Condition, "notify", notify_after_work))
        yield


class _Work(threading.local):
    """The context in which a thread works on an item.

    ``taken`` is the condition by which it tells that it has taken the item.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.taken: threading.Condition | None = None

    def begin(self, traced: AbstractContextManager[Any], taken: threading.Condition) -> None:
        self._stack.enter_context(traced)
        self.taken = taken

    def end(self) -> None:
        self._stack.close()
