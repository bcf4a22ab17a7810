"""What happened in one forward pass, in the three forms in which other counters see it.

    OperatorCall    an operator of the library, and the operators it was carried out with
    FunctionCall    a call through a public name such as ``torch.nn.functional.relu``
    ModuleCall      a call of a module, with what went in and what came out

Tensors in a trace are snapshots: they keep shape, strides and type and have no values (integers
keep theirs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from opbench.counting.rules import RULES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatorCall:
    """``name`` as in ``opbench.counting``; ``args`` in the order of the operator's schema.

    ``parts`` are the operators that a composite one was carried out with, none for a kernel; a
    function of ``torch.autograd.Function`` is a composite operator "autograd::NAME".  ``in_place``
    says that it was called in the form that ends in an underscore.  ``reads`` and ``writes`` are
    the memories it touched, by number.
    """

    name: str
    args: tuple[Any, ...]
    out: Any
    parts: tuple[OperatorCall, ...] = ()
    in_place: bool = False
    reads: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()

    def arg(self, position: int) -> Any:
        """The argument at ``position``, None where it was left at its default."""
        return self.args[position] if position < len(self.args) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCall:
    """``name`` is the public one: "torch.nn.functional.relu", "torch.add", "Tensor.add"."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleCall:
    """``inputs`` are the positional arguments, as hooks see them."""

    module: nn.Module
    inputs: tuple[Any, ...]
    out: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One forward pass of ``network`` on ``images`` images.

    ``operators`` are the calls that the network itself makes, in order; ``results`` the memories
    of what it returned.
    """

    network: nn.Module
    images: int
    operators: tuple[OperatorCall, ...]
    functions: tuple[FunctionCall, ...]
    modules: tuple[ModuleCall, ...]
    results: frozenset[int] = field(default_factory=frozenset)

    @property
    def is_scripted(self) -> bool:
        """Whether a part of the network is a scripted or traced module, which takes no hooks."""
        return any(isinstance(each, torch.jit.ScriptModule) for each in self.network.modules())

    def used(self) -> Iterator[OperatorCall]:
        """The calls whose result reaches what the network returns, last first."""
        needed = set(self.results)
        for call in reversed(self.operators):
            if call.writes & needed:
                needed |= call.reads
                yield call

    def kernels(
        self, *, closed: Callable[[OperatorCall], bool]
    ) -> Iterator[tuple[str, OperatorCall]]:
        """The innermost calls with their kind of work; what is ``closed`` stays whole."""
        for call in self.operators:
            yield from _kernels(call, "", closed)


def outermost(
    calls: Iterable[OperatorCall], *, transparent: Collection[str] = ()
) -> Iterator[OperatorCall]:
    """The calls as they are, and in place of ``transparent`` ones their parts."""
    for call in calls:
        if call.name in transparent and call.parts:
            yield from outermost(call.parts, transparent=transparent)
        else:
            yield call


def _kernels(
    call: OperatorCall, kind: str, closed: Callable[[OperatorCall], bool]
) -> Iterator[tuple[str, OperatorCall]]:
    kind = kind or kind_of(call)
    if not call.parts or closed(call):
        yield kind, call
        return
    for part in call.parts:
        yield from _kernels(part, kind, closed)


def kind_of(call: OperatorCall) -> str:
    """ "convolution", "linear", ... for an operator with a dot product; empty for another."""
    return RULES[call.name].kind if call.name in RULES else ""


def occurrences(network: nn.Module, *, ends: Callable[[nn.Module], bool]) -> Counter[nn.Module]:
    """How often a walk over children meets each module; it does not go below one that ``ends``.

    A module that two parents hold is met twice.
    """
    met = Counter({network: 1})
    if not ends(network):
        for child in network.children():
            met += occurrences(child, ends=ends)
    return met
