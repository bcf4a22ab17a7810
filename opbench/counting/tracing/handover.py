"""Follow work that is handed to a thread: one of a pool, of an event loop, or a new one.

A call that hands a function to another thread gets a function that traces it.  So it does not
matter when that thread was started, and nothing stays behind in a pool.
An older thread that takes its work from a queue or a list is not followed: nothing would end its
tracing.  What it made is noticed (``opbench.counting.tracing.unseen``).
"""

from __future__ import annotations

import _thread
import sys
from asyncio import BaseEventLoop
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import wraps
from threading import Thread
from typing import Any

from opbench.counting.meta.replaced import replaced

Traced = Callable[[], AbstractContextManager[Any]]

_WORKERS = ("concurrent.futures.thread._worker", "multiprocessing.pool.worker")

# The calls that take a function: class or module, name, position of the function.
_TAKERS: tuple[tuple[Any, str, int], ...] = (
    (ThreadPoolExecutor, "submit", 1),
    (Future, "add_done_callback", 1),
    (BaseEventLoop, "call_soon", 1),
    (BaseEventLoop, "call_soon_threadsafe", 1),
    (BaseEventLoop, "call_at", 2),
    (_thread, "start_new_thread", 0),
)
_POOL = ("apply_async", "_map_async", "imap", "imap_unordered")


@contextmanager
def handed_over(traced: Traced, is_traced: Callable[[], bool]) -> Iterator[None]:
    """Trace the work that traced threads hand to others, until the end of the context.

    ``is_traced`` tells whether the current thread is traced, ``traced()`` traces it.
    """
    takers = [*_TAKERS]
    if "multiprocessing.pool" in sys.modules:
        pool = sys.modules["multiprocessing.pool"].ThreadPool
        takers += [(pool, name, 1) for name in _POOL]
    with ExitStack() as stack:
        for holder, name, place in takers:
            take = _taking(getattr(holder, name), place, lambda run: _run_in(traced, run))
            stack.enter_context(_where(is_traced, holder, name, take))
        task = _taking(BaseEventLoop.create_task, 1, lambda each: _steps_in(traced, each))
        stack.enter_context(_where(is_traced, BaseEventLoop, "create_task", task))
        start = _starting(Thread.start, traced)
        stack.enter_context(_where(is_traced, Thread, "start", start))
        yield


def _where(
    applies: Callable[[], bool], holder: Any, name: str, other: Callable[..., Any]
) -> AbstractContextManager[None]:
    """Replace a function for a while, in the threads in which ``applies()`` is true."""
    before = getattr(holder, name)

    @wraps(before)
    def call(*args: Any, **kwargs: Any) -> Any:
        return (other if applies() else before)(*args, **kwargs)

    return replaced(holder, name, call)


def _taking(
    take: Callable[..., Any], place: int, wrapped: Callable[[Any], Any]
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if place < len(args):
            args = (*args[:place], wrapped(args[place]), *args[place + 1 :])
        return take(*args, **kwargs)

    return call


def _starting(start: Callable[[Thread], None], traced: Traced) -> Callable[[Thread], None]:
    def call(thread: Thread) -> None:
        target = getattr(thread, "_target", None)
        name = f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', '')}"
        if name not in _WORKERS:  # which run one function after the other, each traced
            thread.run = _run_in(traced, thread.run)  # type: ignore[method-assign]
        start(thread)

    return call


def _run_in(traced: Traced, run: Callable[..., Any]) -> Callable[..., Any]:
    def run_traced(*args: Any, **kwargs: Any) -> Any:
        with traced():
            return run(*args, **kwargs)

    return run_traced


async def _steps_in(traced: Traced, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine, traced from each pause to the next."""
    return await _Steps(traced, coroutine)


class _Steps:
    def __init__(self, traced: Traced, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._traced, self._coroutine = traced, coroutine

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[Any], Any] = self._coroutine.send
        value: Any = None
        while True:
            try:
                with self._traced():
                    paused = step(value)
            except StopIteration as end:
                return end.value
            try:
                step, value = self._coroutine.send, (yield paused)
            except GeneratorExit:
                self._coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001 - it is handed on
                step, value = self._coroutine.throw, error
