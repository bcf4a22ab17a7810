"""Describe the modules that changed, one sentence each, and those whose name alone did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from opbench.lock.alignment import Pair
from opbench.lock.blocks import LockedModule
from opbench.record import OperatorSum

Modules = Mapping[str, LockedModule]
_RENAMES = 4  # that one sentence names


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleChange:
    """One module that changed, or a block of ``modules`` that is new or gone as a whole.

    ``was`` is the name before where it is another one.
    """

    name: str
    before: LockedModule | None
    after: LockedModule | None
    was: str = ""
    modules: int = 1

    @property
    def holder(self) -> str:
        """The module now in whose code the change is."""
        return self.name if self.before and self.after else parent_of(self.name)

    @property
    def size(self) -> tuple[int, int]:
        """The changes in MACs and parameters, for sorting."""
        before, after = self.before or LockedModule(), self.after or LockedModule()
        return abs(after.macs - before.macs), abs(after.params - before.params)

    def subject(self, inside: str = "") -> str:
        """``module 1 (ReLU became GELU)``, with its name below the module ``inside``."""
        name = _below(self.name, inside) or "(network)"
        if not (self.before and self.after):
            state = "is new" if self.after else "is gone"
            if self.modules > 1:
                return f"block {name} {state} ({self.modules} modules)"
            kind = (self.after or self.before or LockedModule()).kind
            return f"module {name} ({kind}) {state}"
        kinds = dict.fromkeys((self.before.kind, self.after.kind))
        was = f", was {_below(self.was, inside)}" if self.was else ""
        return f"module {name} ({' became '.join(kinds)}{was})"

    def sentence(self, inside: str = "") -> str:
        """The subject, by how much it changed, and from which shapes to which."""
        before, after = self.before or LockedModule(), self.after or LockedModule()
        parts = filter(None, (deltas(before, after), _calls(before.operators, after.operators)))
        return ": ".join(filter(None, (self.subject(inside), "; ".join(parts))))


def changed_modules(
    before: Modules, after: Modules, pairs: Sequence[Pair]
) -> tuple[ModuleChange, ...]:
    """Return the modules and blocks that changed, most MACs first."""
    gone = [old for old, new in pairs if old is not None and new is None]
    come = [new for old, new in pairs if new is not None and old is None]
    found = [
        *_changed(before, after, pairs),
        *(_whole(name, rows, gone=True) for name, rows in _blocks(before, gone)),
        *(_whole(name, rows, gone=False) for name, rows in _blocks(after, come)),
    ]
    return tuple(sorted(found, key=lambda each: each.size, reverse=True))


def _changed(before: Modules, after: Modules, pairs: Iterable[Pair]) -> Iterator[ModuleChange]:
    for old, new in pairs:
        if old is not None and new is not None and before[old] != after[new]:
            was = old if old != new else ""
            yield ModuleChange(name=new, before=before[old], after=after[new], was=was)


def _blocks(
    modules: Modules, names: Sequence[str]
) -> Iterator[tuple[str, dict[str, LockedModule]]]:
    """Yield the largest blocks all of whose modules are among ``names``."""
    everywhere = Counter(above for name in modules for above in path_of(name))
    here = Counter(above for name in names for above in path_of(name))
    blocks: dict[str, dict[str, LockedModule]] = {}
    for name in names:
        whole = [above for above in path_of(name) if above and here[above] == everywhere[above]]
        blocks.setdefault(whole[0] if whole else name, {})[name] = modules[name]
    yield from blocks.items()


def _whole(name: str, rows: Modules, *, gone: bool) -> ModuleChange:
    """Return the sum of the rows of one block; the parameters of a row include those below it."""
    if len(rows) == 1:
        ((name, row),) = rows.items()
    else:
        tops = [row for each, row in rows.items() if not any(_is_below(each, o) for o in rows)]
        row = LockedModule(
            params=sum(each.params for each in tops),
            macs=sum(each.macs for each in rows.values()),
            activations=sum(each.activations for each in rows.values()),
        )
    return ModuleChange(
        name=name, before=row if gone else None, after=None if gone else row, modules=len(rows)
    )


def renames(pairs: Iterable[Pair]) -> tuple[str, ...]:
    """Return ``stem to patch`` of each module or block whose name changed, and how many more."""
    moved = {
        _without_common_end(old, new): None
        for old, new in pairs
        if old is not None and new is not None and old != new
    }
    told = [f"{old or '(network)'} to {new or '(network)'}" for old, new in moved]
    if len(told) <= _RENAMES:
        return tuple(told)
    return (*told[: _RENAMES - 1], f"and {len(told) - _RENAMES + 1} more")


def _without_common_end(one: str, other: str) -> tuple[str, str]:
    """Return ``layers.2.conv``, ``layers.3.conv`` as ``layers.2``, ``layers.3``."""
    ones, others = one.split("."), other.split(".")
    while len(ones) > 1 and len(others) > 1 and ones[-1] == others[-1]:
        ones.pop()
        others.pop()
    return ".".join(ones), ".".join(others)


def parent_of(name: str) -> str:
    """Return the name of the module above."""
    return name.rpartition(".")[0]


def path_of(name: str) -> tuple[str, ...]:
    """Return the names of the modules from the network, "", down to ``name``."""
    pieces = name.split(".") if name else []
    return ("", *(".".join(pieces[: end + 1]) for end in range(len(pieces))))


def _is_below(name: str, other: str) -> bool:
    return name != other and (not other or name.startswith(f"{other}."))


def _below(name: str, inside: str) -> str:
    return name.removeprefix(f"{inside}.") if inside else name


def deltas(before: LockedModule | OperatorSum, after: LockedModule | OperatorSum) -> str:
    """Return ``+27 params, +972 macs`` of what changed."""
    words = []
    for key in ("params", "macs", "activations"):
        change = getattr(after, key, 0) - getattr(before, key, 0)
        if change:
            words.append(f"{change:+,} {key}")
    return ", ".join(words)


def _calls(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """Describe the calls that are gone and those that replace them."""
    lost = [_times(call, n) for call, n in before.items() if after.get(call) != n]
    gained = [_times(call, n) for call, n in after.items() if before.get(call) != n]
    if not lost or not gained:
        return ", ".join(lost or gained)
    operator = lost[0].partition(" ")[0]
    if len(lost) == len(gained) == 1 and gained[0].startswith(f"{operator} "):
        gained = [gained[0].removeprefix(f"{operator} ")]
    return f"{', '.join(lost)} became {', '.join(gained)}"


def _times(call: str, times: int) -> str:
    return call if times == 1 else f"{times} x {call}"
