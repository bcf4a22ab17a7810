"""See what a forward pass leaves to others: threads that it starts, generators that it returns.

Dispatch modes belong to one thread.  A thread that the traced one starts, and a module of the
network that runs in any other thread (of a pool that existed before), are traced as well.

Of a generator that a network returns nothing has run yet: it is run to its end, and so is an
iterator such as ``map``.  A future is waited for.  A coroutine would need a loop of events: it is
refused in one sentence, and so is a generator without an end.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import islice
from typing import Any

import torch
from torch import overrides
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from opbench.errors import BadValueError

MOST_ITEMS = 10_000


class Threads:
    """The threads that are traced, in the grad mode of the one in which this is made.

    ``mode`` returns the dispatch mode that traces.
    """

    def __init__(self, mode: Callable[[], AbstractContextManager[Any]]) -> None:
        self._mode = mode
        self._inference, self._grad = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
        self._functions = _function_modes()
        self._here = threading.local()

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Trace the current thread, unless it is already."""
        if getattr(self._here, "is_traced", False) or self._is_inherited():
            yield
            return
        self._here.is_traced = True
        try:
            with ExitStack() as stack:
                if not _function_modes():
                    for each in self._functions:
                        stack.enter_context(each)
                stack.enter_context(torch.inference_mode(self._inference))
                stack.enter_context(torch.set_grad_enabled(self._grad))
                stack.enter_context(self._mode())
                yield
        finally:
            self._here.is_traced = False

    def _is_inherited(self) -> bool:
        """Return whether autograd has handed the mode on to a thread of its own."""
        return any(each is self._mode() for each in _get_current_dispatch_mode_stack())

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Trace meanwhile the threads that traced ones start."""
        start = threading.Thread.start

        def start_traced(thread: threading.Thread) -> None:
            if getattr(self._here, "is_traced", False):
                thread.run = self._wrapped(thread.run)  # type: ignore[method-assign]
            start(thread)

        threading.Thread.start = start_traced  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            threading.Thread.start = start  # type: ignore[method-assign]

    def _wrapped(self, run: Callable[[], None]) -> Callable[[], None]:
        def run_traced() -> None:
            with self.traced():
                run()

        return run_traced


def _function_modes() -> list[Any]:
    modes: list[Any] = overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return modes


def finish(value: Any) -> None:
    """Run what an output is still to compute.

    Raises ``BadValueError`` for a coroutine, and for a generator without an end.
    """
    if isinstance(value, Iterator):
        _exhaust(value)
    elif isinstance(value, (Awaitable, AsyncIterator)):
        if isinstance(value, Coroutine):
            value.close()
        raise BadValueError(
            f"it returns a {type(value).__name__}, of which nothing has run: "
            "name a module whose forward runs it to its end"
        )
    elif isinstance(value, torch._C.Future):
        finish(value.wait())
    elif isinstance(value, Future):
        finish(value.result())
    elif isinstance(value, dict):
        finish(tuple(value.values()))
    elif isinstance(value, (tuple, list)):
        for each in value:
            finish(each)


def _exhaust(values: Iterator[Any]) -> None:
    for each in islice(values, MOST_ITEMS):
        finish(each)
    for _ in values:
        raise BadValueError(
            f"it returns a generator of more than {MOST_ITEMS} items: "
            "name a module that returns as many as are to be counted"
        )
