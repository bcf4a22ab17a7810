"""Conventions and their tallies: amounts by kind of work, so that a difference can be itemised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from opbench.conventions.trace import Trace
from opbench.value import Value

BIAS = "bias"
ACTIVATION = "activation function"
POOLING = "pooling"
ADDITION = "addition"

Item = tuple[str, int]  # kind, amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """``about`` is one sentence: whose number it is and what it counts.

    ``itemises`` says by what the count is given beside the whole network: "operator", "module".
    ``printed`` writes a total the way the source prints it, where that is not the integer itself.
    """

    name: str
    unit: str
    about: str
    itemises: tuple[str, ...] = ("operator",)
    printed: Callable[[int], str] | None = None

    def written(self, total: int) -> str:
        """Write a total the way the source prints it."""
        return self.printed(total) if self.printed else f"{total:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Convention):
    """A convention computed here.  ``count`` yields amounts and may raise ``CountError``."""

    count: Callable[[Trace], Iterable[Item]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally(Value):
    """A convention's count of one forward pass, for the whole batch.

    ``by_operator`` has the kinds of work of a rule, or a tool's own names of operators;
    ``by_module`` sums along qualified names, so that "" is the network.
    """

    total: int
    by_operator: dict[str, int] = field(default_factory=dict)
    by_module: dict[str, int] = field(default_factory=dict)

    def minus(self, other: Tally) -> dict[str, int]:
        """Subtract another rule's tally kind by kind; largest difference first."""
        kinds = {*self.by_operator, *other.by_operator}
        gaps = {
            kind: self.by_operator.get(kind, 0) - other.by_operator.get(kind, 0) for kind in kinds
        }
        return dict(
            sorted(
                ((kind, gap) for kind, gap in gaps.items() if gap),
                key=lambda item: (-abs(item[1]), item[0]),
            )
        )


def tally(rule: Rule, trace: Trace) -> Tally:
    """Add up what ``rule`` counts in ``trace``.  Raises ``CountError`` where it has no answer."""
    amounts: Counter[str] = Counter()
    for kind, amount in rule.count(trace):
        amounts[kind] += amount
    return Tally(total=amounts.total(), by_operator={k: n for k, n in amounts.items() if n})
