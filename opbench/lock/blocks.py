"""The values in a lock: a block per target with a row per operator and per module.

A module has a row when something was counted in it or when it holds parameters of its own;
containers are sums of their rows and have none.  ``macs`` and ``activations`` of a row are the
module's own, so that all rows add up to the block's totals; ``params`` include the modules below,
a shared parameter once, as everywhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from opbench.record import Count, ModuleCount, OperatorCount, OperatorSum, Totals
from opbench.spec import Shape
from opbench.value import Natural, Value

FORMAT = 1
Origin = Literal["target", "--input-size"]
FROM_TARGET: Origin = "target"
FROM_OPTION: Origin = "--input-size"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedModule(Value):
    """One module.  ``operators`` maps an operator with its shapes to the number of calls."""

    kind: str = ""
    params: Natural = 0
    macs: Natural = 0
    activations: Natural = 0
    operators: Mapping[str, Natural] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Totals):
    """The counts of one target, for a whole batch of ``batch_size`` images.

    ``input_size_from`` is the origin of the size: "target" if it is the target's own, so that
    another one is a change; "--input-size" if it was an option, so that it is used again.
    ``versions`` are those it was counted with.
    """

    input_size: Shape
    input_size_from: Origin
    batch_size: Natural
    uncounted: tuple[str, ...]
    operators: Mapping[str, OperatorSum]
    modules: Mapping[str, LockedModule]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Blocks by target.

    ``targets`` are the patterns the lock answers for: a new name that one matches is missing.
    """

    targets: tuple[str, ...] = ()
    networks: Mapping[str, Block] = field(default_factory=dict)


def make_block(count: Count, *, input_size_from: Origin, versions: Mapping[str, str]) -> Block:
    """Return the block of a count."""
    return Block(
        **count.totals(),
        input_size=count.input_size,
        input_size_from=input_size_from,
        batch_size=count.batch_size,
        uncounted=count.uncounted,
        operators=count.by_operator(),
        modules=dict(_modules(count)),
        versions=versions,
    )


def same_counts(one: Block, other: Block) -> bool:
    """Return whether all counts are equal; versions and the origin of the size may differ."""
    aside = replace(one, versions=other.versions, input_size_from=other.input_size_from)
    return aside == other


def _modules(count: Count) -> Iterator[tuple[str, LockedModule]]:
    ran = count.by_module()
    below = _params_of_children(count.modules)
    for module in count.modules:
        rows = ran.get(module.name, [])
        if rows or module.params > below[module.name]:
            yield module.name, _module(module, rows)


def _module(module: ModuleCount, rows: Sequence[OperatorCount]) -> LockedModule:
    calls: Counter[str] = Counter()
    for row in rows:
        calls[f"{row.operator} {row.shape}"] += row.calls
    own = OperatorSum.of(rows)
    return LockedModule(
        kind=module.kind,
        params=module.params,
        macs=own.macs,
        activations=own.activations,
        operators=dict(calls),
    )


def _params_of_children(modules: Sequence[ModuleCount]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for module in modules:
        if module.name:
            sums[module.name.rpartition(".")[0]] += module.params
    return sums
