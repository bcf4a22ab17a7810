"""What a lock holds: a block per target, in it a row per operator and per module.

A module has a row when something was counted in it or when it holds parameters of its own;
containers are sums of their rows and have none.  ``macs`` and ``activations`` of a row are the
module's own, so that all rows add up to the block's totals; ``params`` include the modules below,
a shared parameter once, as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from opbench.metrics import COUNTED
from opbench.record import Count, ModuleCount, OperatorCount, Totals
from opbench.spec import Shape

FORMAT = 1
FROM_TARGET = "target"
FROM_OPTION = "--input-size"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSum:
    """All calls of one operator in a network."""

    calls: int
    macs: int
    activations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedModule:
    """One module.  ``operators`` maps operator and shapes to the number of calls."""

    kind: str
    params: int
    macs: int
    activations: int
    operators: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Totals):
    """The counts of one target, for a whole batch of ``batch_size`` images.

    ``input_size_from`` is where the size came from: "target" when it is the target's own, so that
    another one is a change; "--input-size" when it was asked for, so that it is asked for again.
    ``versions`` are those it was counted with.
    """

    input_size: Shape
    input_size_from: str
    batch_size: int
    uncounted: tuple[str, ...]
    operators: Mapping[str, OperatorSum]
    modules: Mapping[str, LockedModule]
    versions: Mapping[str, str]

    def total(self, metric: str) -> int:
        """The total of one of ``opbench.metrics.COUNTED``."""
        value: int = getattr(self, metric)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """``targets`` are the patterns the lock answers for: a new name that one matches is missing
    from it."""

    targets: tuple[str, ...] = ()
    networks: Mapping[str, Block] = field(default_factory=dict)


def make_block(counted: Count, *, input_size_from: str, versions: Mapping[str, str]) -> Block:
    """The block of a count."""
    return Block(
        input_size=counted.input_size,
        input_size_from=input_size_from,
        batch_size=counted.batch_size,
        **{metric: getattr(counted, metric) for metric in COUNTED},
        uncounted=counted.uncounted,
        operators=_sums(counted),
        modules=dict(_modules(counted)),
        versions=versions,
    )


def same_counts(one: Block, other: Block) -> bool:
    """Equal in all that is counted: not in the versions, nor in who asked for the size."""
    aside = replace(one, versions=other.versions, input_size_from=other.input_size_from)
    return aside == other


def _sums(counted: Count) -> dict[str, OperatorSum]:
    sums: dict[str, list[int]] = {}
    for row in counted.operators:
        kind = sums.setdefault(row.operator, [0, 0, 0])
        kind[0] += row.calls
        kind[1] += row.macs
        kind[2] += row.activations
    return {
        operator: OperatorSum(calls=calls, macs=macs, activations=activations)
        for operator, (calls, macs, activations) in sorted(sums.items())
    }


def _modules(counted: Count) -> Iterator[tuple[str, LockedModule]]:
    ran: dict[str, list[OperatorCount]] = {}
    for row in counted.operators:
        ran.setdefault(row.module, []).append(row)
    below = _params_of_children(counted.modules)
    for module in counted.modules:
        rows = ran.pop(module.name, [])
        if rows or module.params > below.get(module.name, 0):
            yield module.name, _module(module, rows)


def _module(module: ModuleCount, rows: list[OperatorCount]) -> LockedModule:
    operators: dict[str, int] = {}
    for row in rows:
        call = f"{row.operator} {row.shape}"
        operators[call] = operators.get(call, 0) + row.calls
    return LockedModule(
        kind=module.kind,
        params=module.params,
        macs=sum(row.macs for row in rows),
        activations=sum(row.activations for row in rows),
        operators=operators,
    )


def _params_of_children(modules: tuple[ModuleCount, ...]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for module in modules:
        if module.name:
            parent = module.name.rpartition(".")[0]
            sums[parent] = sums.get(parent, 0) + module.params
    return sums
