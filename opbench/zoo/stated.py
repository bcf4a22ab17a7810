"""Compare what a library states of a network with the count, and say why they differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opbench.zoo.rows import ZooRow

# Of a quantised network: its float form has these parameters, and its library states that form's.
_FOLDED = (
    "the scale and shift of each normalised channel are folded into the convolution in front, "
    "whose bias they become; {library} states the network before"
)
_UNEXPLAINED = "not explained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A number that a library prints, and the count; ``why`` is empty where they agree.

    They agree where the count rounds to what is printed, to a multiple of ``step``.
    """

    row: ZooRow
    quantity: str
    stated: int
    counted: int
    step: int
    why: str

    @property
    def agrees(self) -> bool:
        """True where the count rounds to what is stated."""
        return 2 * abs(self.counted - self.stated) <= self.step

    @property
    def deviation(self) -> float:
        """The count relative to what is stated."""
        return self.counted / self.stated - 1 if self.stated else 0.0

    @property
    def explained(self) -> bool:
        """True where they agree, or the reason for the difference is known."""
        return self.agrees or self.why != _UNEXPLAINED

    def cells(self) -> dict[str, Any]:
        """Return a row of a table."""
        return {
            "name": self.row.name,
            "input_size": str(self.row.input_size),
            "quantity": self.quantity,
            "stated": self.stated,
            "counted": self.counted,
            "deviation": self.deviation,
            "verdict": "agrees" if self.agrees else "differs",
            "why": "" if self.agrees else self.why,
        }


def stated_numbers(row: ZooRow) -> Iterator[Stated]:
    """Yield every number that the library of ``row`` states of it."""
    library = row.library
    steps = {"params": library.params_step, "macs": library.macs_step}
    printed = {"params": row.stated_params, "macs": row.stated_macs}
    for quantity, stated in printed.items():
        if stated is None:
            continue
        found = Stated(
            row=row,
            quantity=quantity,
            stated=stated,
            counted=getattr(row, quantity),
            step=steps[quantity],
            why=_why(row, quantity),
        )
        yield found


def _why(row: ZooRow, quantity: str) -> str:
    """Return the reason that is known for a difference."""
    if quantity == "params" and row.weights.startswith("quantized_"):
        return _FOLDED.format(library=row.library.name)
    return _UNEXPLAINED
