"""What a convention is: a name, a unit, and a rule for each kind of thing that it counts.

A convention turns a ``Trace`` into amounts, each with the kind of work that it was counted for, so
that two conventions can be laid side by side and their difference taken apart.  One that is the
behaviour of a tool gives the tool's own number, right or wrong, and raises ``CountError`` where
the tool does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opbench.conventions.trace import Trace

BIAS = "bias"
NORMALISATION = "normalisation"
ACTIVATION = "activation function"
POOLING = "pooling"
INTERPOLATION = "interpolation"
ADDITION = "addition"

Item = tuple[str, float]  # kind, amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """``count`` yields amounts by kind and may raise ``CountError``.

    ``about`` is one sentence: whose number it is and what it counts.  ``printed`` writes a total
    the way the source prints it, where that is not the integer itself.
    """

    name: str
    unit: str
    about: str
    count: Callable[[Trace], Iterable[Item]]
    printed: Callable[[int], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A convention's count of one forward pass, for the whole batch."""

    convention: Convention
    by_kind: dict[str, float]

    @property
    def total(self) -> int:
        """The number that is printed; parts of an operation are cut off, as tools do."""
        return int(sum(self.by_kind.values()))

    @property
    def printed(self) -> str:
        """The total the way the source prints it."""
        write = self.convention.printed
        return write(self.total) if write else f"{self.total:,}"

    def minus(self, other: Tally) -> dict[str, int]:
        """By kind, how much more this convention counts than ``other``; largest first."""
        kinds = {*self.by_kind, *other.by_kind}
        gaps = {kind: int(self.by_kind.get(kind, 0) - other.by_kind.get(kind, 0)) for kind in kinds}
        return dict(
            sorted(
                ((kind, gap) for kind, gap in gaps.items() if gap),
                key=lambda item: (-abs(item[1]), item[0]),
            )
        )


def tally(convention: Convention, trace: Trace) -> Tally:
    """What ``convention`` makes of ``trace``.  Raises ``CountError`` where its tool fails."""
    by_kind: Counter[str] = Counter()
    for kind, amount in convention.count(trace):
        by_kind[kind] += amount  # type: ignore[assignment]
    return Tally(
        convention=convention, by_kind={kind: amount for kind, amount in by_kind.items() if amount}
    )
