"""Sums over the nodes that ran: calls, MACs and activations by module, operator and shapes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from opbench.counting.graph.calls import Call, operator_of
from opbench.counting.graph.free import ACTIVATIONS, FREE
from opbench.counting.graph.precision import precision
from opbench.counting.graph.rules import RULES

Shape = tuple[int, ...]
# Module, operator, operands, result, precision.
Key = tuple[str, str, tuple[Shape, ...], Shape, str]


@dataclass(slots=True)
class GraphTally:
    """Sums over the operators that ran; ``functions`` are the calls of activation functions."""

    calls: Counter[Key] = field(default_factory=Counter)
    macs: Counter[Key] = field(default_factory=Counter)
    activations: Counter[Key] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)
    uncounted: set[str] = field(default_factory=set)

    def ran(self, call: Call, module: str) -> None:
        """Count one operator.  Raises ``UnknownSizeError`` where a rule needs more."""
        operator = operator_of(call.node)
        if operator in ACTIVATIONS:
            self.functions[operator] += 1
        if operator in FREE:
            return
        rule = RULES.get(operator)
        if rule is None:
            self.name(operator, module)
            return
        macs = rule.macs(call)
        factors = [each for each in rule.operands if call.has(each)]
        operands = tuple(map(call.shape, factors))
        key = (module, operator, operands, call.result(rule.result), precision(call, factors))
        self.calls[key] += 1
        self.macs[key] += macs
        if rule.is_layer(call):
            self.activations[key] += call.produced(rule.result)

    def name(self, operator: str, module: str) -> None:
        """Name an operator that cannot be counted."""
        self.uncounted.add(operator)
        self.calls[module, operator, (), (), ""] += 1

    def add(self, other: GraphTally, times: int = 1) -> None:
        """Add what ran, as often as it ran."""
        for own, others in zip(self._sums(), other._sums(), strict=True):
            for key, amount in others.items():
                own[key] += times * amount
        for name, amount in other.functions.items():
            self.functions[name] += times * amount
        self.uncounted |= other.uncounted

    def same_work(self, other: GraphTally) -> bool:
        """Return whether both ran as many products, in whatever order and module."""
        mine, theirs = (
            [sum(each.values()) for each in (tally.macs, tally.activations)]
            for tally in (self, other)
        )
        return mine == theirs and self.uncounted == other.uncounted

    @property
    def is_free(self) -> bool:
        """No products ran, and nothing that may have some."""
        return not self.uncounted and not any(self.macs.values())

    def _sums(self) -> tuple[Counter[Key], Counter[Key], Counter[Key]]:
        return self.calls, self.macs, self.activations
