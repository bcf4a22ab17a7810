"""Trace a private copy of a network, or the network itself where the copy is not on its own.

A copy may still reach the original: through a global variable, a class, a queue, or an object that
refuses to be copied.  An operator that meets a parameter or buffer of the original gives it away,
before it runs.  The original is then traced in its place, with private tensors instead of its own
and in evaluation mode, and every attribute is put back afterwards.

Not noticed: a copy that only asks the original for attributes, such as ``training``.  Not put back:
the place where a shared generator stands, and attributes set before the first operator.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

from torch import Tensor, nn

from opbench.counting.copies.copying import (
    converter,
    modules_of,
    private_copy,
    tensors_of,
    unwrap,
)
from opbench.counting.copies.exported import set_evaluation_mode
from opbench.counting.copies.scripted import is_scripted
from opbench.counting.copies.snapshot import Snapshot
from opbench.counting.tracing.torch_state import kept_settings
from opbench.errors import CountError

T = TypeVar("T")


class _Attempt:
    """One attempt to count: on copies, or on the originals where ``borrows``.

    ``theirs`` are the tensors of the originals of copies, which no operator may meet; ``stack``
    holds contexts until the end of the attempt.
    """

    def __init__(self, stack: ExitStack, *, borrows: bool) -> None:
        self.stack = stack
        self.borrows = borrows
        self.met_original = False
        self.theirs: frozenset[int] = frozenset()
        self._originals: list[nn.Module] = []  # alive, so that their tensors keep their ids

    def take(self, network: nn.Module, device: str) -> nn.Module:
        if self.borrows:
            return self.stack.enter_context(_borrowed(network, device))
        twin = private_copy(network, device)
        self._originals.append(network)
        self.theirs |= {id(each) for each in tensors_of(unwrap(network))}
        self.theirs -= {id(each) for each in tensors_of(twin)}
        return twin


_ATTEMPTS: list[_Attempt] = []


def privately(attempt: Callable[[], T]) -> T:
    """Return ``attempt()`` on a copy of each network taken, else on the network itself."""
    with _begun(borrows=False) as first:
        try:
            result = attempt()
        except Exception:
            if not first.met_original:
                raise
        else:
            if not first.met_original:
                return result
    with _begun(borrows=True):
        return attempt()


def take(network: nn.Module, device: str) -> nn.Module:
    """Return what to trace in place of ``network``, on "meta" or a real device."""
    return _ATTEMPTS[-1].take(network, device) if _ATTEMPTS else private_copy(network, device)


def until_its_end(context: AbstractContextManager[None]) -> None:
    """Enter a context until the end of the current attempt, if there is one."""
    for attempt in _ATTEMPTS[-1:]:
        attempt.stack.enter_context(context)


def watch(args: Sequence[Any]) -> None:
    """Raise ``CountError`` where an operator meets a tensor of an original."""
    for attempt in _ATTEMPTS[-1:]:
        if not attempt.theirs.isdisjoint(map(id, args)):
            attempt.met_original = True
            raise CountError("the copy reaches the original network")


@contextmanager
def _begun(*, borrows: bool) -> Iterator[_Attempt]:
    # What one attempt changes, such as the current folder, the next must not find.
    with ExitStack() as stack, kept_settings():
        _ATTEMPTS.append(_Attempt(stack, borrows=borrows))
        try:
            yield _ATTEMPTS[-1]
        finally:
            _ATTEMPTS.pop()


@contextmanager
def _borrowed(network: nn.Module, device: str) -> Iterator[nn.Module]:
    """Give a network private tensors in evaluation mode; put everything back at the end."""
    network = unwrap(network)
    if any(map(is_scripted, modules_of(network))):
        raise CountError(
            "its forward pass reaches the network through a global variable or an object that "
            "refuses to be copied, and a scripted module cannot be put back: remove one of them"
        )
    snapshot = Snapshot(keeps_definitions=False)
    snapshot.take(network, sys.maxsize)
    for module in modules_of(network):
        snapshot.undo_with(partial(_restore_class, module, type(module)))
    try:
        _replace_tensors(snapshot, converter(device))
        set_evaluation_mode(network)
        yield network
    finally:
        snapshot.restore()


def _restore_class(module: nn.Module, kind: type[nn.Module]) -> None:
    if type(module) is not kind:  # a lazy layer that has run
        module.__class__ = kind


def _replace_tensors(snapshot: Snapshot, convert: Callable[[Tensor], Tensor]) -> None:
    private: dict[int, Tensor] = {}
    for held, before in snapshot.saved:
        for key, value in before.items() if isinstance(before, dict) else enumerate(before):
            if isinstance(value, Tensor):
                if id(value) not in private:
                    private[id(value)] = convert(value)
                held[key] = private[id(value)]
