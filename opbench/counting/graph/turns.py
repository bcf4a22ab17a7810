"""The turns of a loop: each is walked, until they repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from opbench.counting.graph.tally import GraphTally
from opbench.counting.graph.values import Array, Extents, GraphValue, array, is_known, tensor
from opbench.counting.graph.walk import Walk
from opbench.errors import CountError

# Turns that are walked before they are taken to repeat, and at most.
_FEW = 8
_MOST = 10_000

# From the number of the turn (None for any) and what it is given, to what it makes.  The first of
# both says whether to go on; the others are carried to the next turn, and then come those that
# each turn adds to the result.
Turn = Callable[[Array | None, Sequence[GraphValue]], list[GraphValue]]

GOING_ON = GraphValue(None, data=array([1]), constant=True)


class Turns:
    """Runs a loop: ``carried`` from turn to turn, and ``made`` in the last one; both are held.

    ``tally`` has all turns, or one where nothing says how many there are.
    """

    def __init__(self, walk: Walk, turn: Turn, carried: Sequence[GraphValue]) -> None:
        self.tally = GraphTally()
        self.carried = list(carried)
        self.made: list[GraphValue] = []
        self._walk = walk
        self._turn = turn
        for value in self.carried:
            walk.memory.hold(value)

    def run(self, limit: int | None) -> int | None:
        """Return the number of turns, None where it depends on values."""
        number = 0
        while limit is None or number < limit:
            going_on = self.carried[0].data
            if going_on is None:
                self.any_turn()
                return None
            if not going_on.any():
                break
            if number == _FEW and limit is not None and self._repeats(limit - number):
                return limit
            if number == _MOST:
                raise CountError(
                    f"a loop that changes for more than {_MOST:,} turns is not counted"
                )
            self._one_turn(array([number]).reshape(()))
            number += 1
        if not number:
            self._types_alone()
        return number

    def _one_turn(self, number: Array) -> None:
        with self._walk.aside() as tally:
            made = self._turn(number, self.carried)
        self.tally.add(tally)
        self._take(made)

    def _repeats(self, times: int) -> bool:
        """Count all other turns as one, where it does not matter which one it is."""
        given = [self.carried[0], *map(_any, self.carried[1:])]
        try:
            with self._walk.memory.tentative(), self._walk.aside() as tally:
                made = self._turn(None, given)
        except CountError:
            return False
        going_on = made[0].data
        same = zip(made, given, strict=False)
        if going_on is None or not going_on.any() or not all(_alike(*pair) for pair in same):
            for value in made:
                self._walk.memory.release(value)
            return False
        self.tally.add(tally, times)
        self._take(made)
        return True

    def any_turn(self) -> None:
        """Count one turn, of which nothing is known but the types."""
        before = self.carried
        with self._walk.aside() as tally:
            made = self._turn(None, [before[0], *map(_any, before[1:])])
        self.tally.add(tally)
        self._take(made)
        self.carried = [either(*pair) for pair in zip(before, self.carried, strict=True)]

    def _types_alone(self) -> None:
        """Learn what a loop without turns would make, and keep what it was given."""
        with self._walk.aside():
            made = self._turn(None, [self.carried[0], *map(_any, self.carried[1:])])
        for value in made[: len(self.carried)]:
            self._walk.memory.release(value)
        self.made = made[len(self.carried) :]

    def _take(self, made: Sequence[GraphValue]) -> None:
        for value in (*self.carried, *self.made):
            self._walk.memory.release(value)
        count = len(self.carried)
        self.carried, self.made = list(made[:count]), list(made[count:])


def either(
    one: GraphValue, other: GraphValue, cause: str = "it depends on the turns of a loop"
) -> GraphValue:
    """Return what is known of a value that is one of two."""
    kind, same = one.type, _alike(one, other)
    if kind is not None and not same:
        kind = tensor(one.element, common(one.shape, other.shape))
    constant = one.constant and other.constant
    return replace(
        one,
        type=kind,
        data=None,
        constant=constant,
        sources=one.sources | other.sources if constant else frozenset(),
        cause="" if is_known(GraphValue(kind).shape) else cause,
    )


def common(one: Extents | None, other: Extents | None) -> Extents | None:
    """Return the extents that two shapes have in common; None where their ranks differ."""
    if one is None or other is None or len(one) != len(other):
        return None
    return tuple(a if a == b else None for a, b in zip(one, other, strict=True))


def _any(value: GraphValue) -> GraphValue:
    """Return a value of the same type, whatever its elements."""
    return replace(value, data=None, constant=False, sources=frozenset())


def _alike(one: GraphValue, other: GraphValue) -> bool:
    """Return whether two values have the same type; that of a known condition does not matter."""
    return one.type is None or other.type is None or one.type == other.type
