"""Trace the work that a forward pass leaves for later: in threads, generators and futures.

Dispatch modes belong to one thread.  Work that the traced one hands to others, and a module of the
network that runs in any other thread, are traced as well (``opbench.counting.tracing.handover``).

Of a generator that a network returns nothing has run yet: it is run to its end, and so is an
iterator such as ``map``.  A future is waited for.  A coroutine would need a loop of events: it is
refused in one sentence, and so is a generator without an end.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from io import IOBase
from itertools import islice
from typing import Any

import torch
from torch import overrides
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from opbench.counting.tracing.handover import handed_over
from opbench.counting.tracing.outputs import parts_in
from opbench.errors import BadValueError

MOST_ITEMS = 10_000

_IDLE = (IOBase, itertools.count)  # iterators that compute nothing of a network


class Threads:
    """The threads that are traced, in the grad mode of the one in which this is made.

    ``mode`` returns the dispatch mode that traces.
    """

    def __init__(self, mode: Callable[[], AbstractContextManager[Any]]) -> None:
        self._mode = mode
        self._inference, self._grad = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
        self._functions = _function_modes()
        self._here = threading.local()
        self._is_over = False

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Trace the current thread, unless it is traced already."""
        if self._is_over or getattr(self._here, "is_traced", False) or self._is_inherited():
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
        """Trace the work that traced threads hand to others, until the end of the context."""
        try:
            with handed_over(self.traced, lambda: getattr(self._here, "is_traced", False)):
                yield
        finally:
            self._is_over = True


def _function_modes() -> list[Any]:
    modes: list[Any] = overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return modes


def finish(out: Any) -> None:
    """Run the generators and futures in an output, however deep they are nested.

    Raises ``BadValueError`` for a coroutine, and for a generator without an end.
    """
    for each in parts_in(out):
        if isinstance(each, _IDLE):
            continue
        if isinstance(each, Iterator):
            _exhaust(each)
        elif isinstance(each, (Awaitable, AsyncIterator)):
            if isinstance(each, Coroutine):
                each.close()
            raise BadValueError(
                f"it returns a {type(each).__name__}, of which nothing has run: "
                "name a module whose forward runs it to its end"
            )
        elif isinstance(each, torch._C.Future):
            finish(each.wait())
        elif isinstance(each, Future):
            finish(each.result())


def _exhaust(values: Iterator[Any]) -> None:
    for each in islice(values, MOST_ITEMS):
        finish(each)
    for _ in values:
        raise BadValueError(
            f"it returns a generator of more than {MOST_ITEMS} items: "
            "name a module that returns as many as are to be counted"
        )
