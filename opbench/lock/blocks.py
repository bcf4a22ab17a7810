"""The values in a lock: a block per target with a row per operator and per module.

A module has a row when something was counted in it, when it holds parameters of its own, or when
no module is below it: an activation function is a row with its kind alone.  Other containers are
sums of their rows and have none.  ``macs`` and ``activations`` of a row are the module's own, so
that all rows add up to the block's totals; ``params`` include the modules below, a shared parameter
once, as everywhere else.

Format 1 had no rows for modules without parameters and operators, and early locks of format 2 no
``functions``: two blocks are compared by what both of them list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from opbench.record import Count, ModuleCount, OperatorCount, OperatorSum, Totals
from opbench.spec import Shape
from opbench.value import Natural, Value

FORMAT = 2
Origin = Literal["target", "--input-size", "--input"]
FROM_TARGET: Origin = "target"
FROM_OPTION: Origin = "--input-size"
FROM_INPUT: Origin = "--input"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedModule(Value):
    """One module.  ``operators`` maps an operator with its shapes to the number of calls."""

    kind: str = ""
    params: Natural = 0
    macs: Natural = 0
    activations: Natural = 0
    operators: Mapping[str, Natural] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """False of a module that is in the lock by its kind alone."""
        return bool(self.params or self.operators)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Totals):
    """The counts of one target, for a whole batch of ``batch_size`` images.

    ``input_size_from`` is the origin of the size: "target" if it is the target's own, so that
    another one is a change; "--input-size" if it was an option, so that it is used again; "--input"
    if ``inputs``, the texts of that option, describe all of them.  ``other_input_sizes`` are the
    sizes of all inputs but the first, none where an earlier opbench did not note them.
    ``every_module`` is false in a lock of format 1, which has no modules that are a kind alone.
    ``functions`` are the calls of activation functions that are no modules, None where an earlier
    opbench did not note them.  ``versions`` are those it was counted with.
    """

    input_size: Shape
    input_size_from: Origin
    inputs: tuple[str, ...] = ()
    other_input_sizes: tuple[Shape, ...] = ()
    batch_size: Natural
    uncounted: tuple[str, ...]
    every_module: bool = False
    functions: Mapping[str, Natural] | None = None
    operators: Mapping[str, OperatorSum]
    modules: Mapping[str, LockedModule]
    versions: Mapping[str, str]

    @property
    def input_sizes(self) -> tuple[Shape, ...]:
        """The sizes of all inputs, of one image each."""
        return (self.input_size, *self.other_input_sizes)

    @property
    def is_complete(self) -> bool:
        """False of a block that lacks what opbench lists today."""
        return self.every_module and self.functions is not None


class ClassPlace(NamedTuple):
    """The file of a module's class and its qualified name in it, as in ``Net.Inner``."""

    file: str
    qualname: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshBlock(Block):
    """A block that was counted just now: its code exists.

    ``classes`` are the places of the classes of all modules, containers included; ``own_inputs``:
    it was counted with the inputs that its code makes, whatever size was asked for.  Neither is in
    the lock.
    """

    classes: Mapping[str, ClassPlace] = field(default_factory=dict)
    own_inputs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Blocks by name: a target, or ``TARGET@SIZE`` where the project lists several sizes.

    ``targets`` are the patterns the lock answers for: a new name that one matches is missing.
    """

    targets: tuple[str, ...] = ()
    networks: Mapping[str, Block] = field(default_factory=dict)


def make_block(
    count: Count,
    *,
    input_size_from: Origin,
    versions: Mapping[str, str],
    inputs: Sequence[str] = (),
) -> FreshBlock:
    """Return the block of a count."""
    return FreshBlock(
        **count.totals(),
        input_size=count.input_size,
        input_size_from=input_size_from,
        inputs=tuple(inputs),
        other_input_sizes=count.other_input_sizes,
        batch_size=count.batch_size,
        uncounted=count.uncounted,
        every_module=True,
        functions=count.functions,
        operators=count.by_operator(),
        modules=dict(_modules(count)),
        versions=versions,
        classes={each.name: ClassPlace(each.file, each.qualname) for each in count.modules},
        own_inputs=count.own_inputs,
    )


def same_counts(one: Block, other: Block) -> bool:
    """Return whether all counts that both list are equal; other fields may differ."""
    keys = ("input_size", "batch_size", "uncounted", "operators")
    return (
        not other_sizes_differ(one, other)
        and one.totals() == other.totals()
        and same_functions(one, other)
        and all(getattr(one, key) == getattr(other, key) for key in keys)
        and listed_in_both(one, other) == listed_in_both(other, one)
    )


def other_sizes_differ(one: Block, other: Block) -> bool:
    """Return whether both list the sizes of several inputs, which differ behind the first."""
    both = (one.other_input_sizes, other.other_input_sizes)
    return all(both) and both[0] != both[1]


def same_functions(one: Block, other: Block) -> bool:
    """Return whether the same activation functions are called, as far as both list them."""
    return None in (one.functions, other.functions) or one.functions == other.functions


def listed_in_both(block: Block, other: Block) -> Mapping[str, LockedModule]:
    """Return the modules of ``block`` that a block like ``other`` lists."""
    if block.every_module and other.every_module:
        return block.modules
    return {name: each for name, each in block.modules.items() if each.counts}


def _modules(count: Count) -> Iterator[tuple[str, LockedModule]]:
    ran = count.by_module()
    below = _params_of_children(count.modules)
    parents = {each.name.rpartition(".")[0] for each in count.modules if each.name}
    for module in count.modules:
        rows = ran.get(module.name, [])
        if rows or module.params > below[module.name] or module.name not in parents:
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
