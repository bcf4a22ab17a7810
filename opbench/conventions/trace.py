"""One forward pass as a tree of operators.

Tensors in a trace are snapshots: they keep shape, strides and type and have no values (integers
keep theirs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from opbench.counting.rules.operator_rule import OperatorRule
from opbench.counting.rules.products import RULES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatorCall:
    """``name`` as in ``opbench.counting``; ``args`` in the order of the operator's schema.

    ``parts`` are the operators that a composite one was carried out with, none for a kernel;
    ``in_place`` says that it was called in the form that ends in an underscore.
    """

    name: str
    args: tuple[Any, ...]
    out: Any
    parts: tuple[OperatorCall, ...] = ()
    in_place: bool = False
    registered: OperatorRule | None = None

    @property
    def rule(self) -> OperatorRule | None:
        """The rule of opbench, or the one that a user registered for the operator."""
        return self.registered or RULES.get(self.name)

    def arg(self, position: int) -> Any:
        """Return the argument at ``position``, None where it was left at its default."""
        return self.args[position] if position < len(self.args) else None


# The calls that a network itself makes, in order.
Trace = tuple[OperatorCall, ...]


def kernels(
    trace: Trace, *, closed: Callable[[OperatorCall], bool], kind: str = ""
) -> Iterator[tuple[str, OperatorCall]]:
    """Yield the innermost calls with their kind of work; those that are ``closed`` stay whole."""
    for call in trace:
        known = kind or kind_of(call)
        if not call.parts or closed(call):
            yield known, call
        else:
            yield from kernels(call.parts, closed=closed, kind=known)


def kind_of(call: OperatorCall) -> str:
    """Return "convolution", "linear", ... for an operator with a dot product, else ""."""
    return call.rule.kind if call.rule else ""
