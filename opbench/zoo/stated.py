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
# timm's benchmark prints the count of fvcore, whose rules differ; it ran attention unfused.
_FVCORE = (
    "timm prints fvcore's count, which adds two to five operations for each element that is "
    "normalised, and adaptive pooling"
)
_BY_NETWORK = {
    "sequencer2d_": "timm prints fvcore's count, which has no rule for recurrent layers",
    "convmixer_": "timm prints fvcore's count, which has no rule for padding='same'",
    **dict.fromkeys(
        (
            "nf_",
            "nfnet_",
            "eca_nfnet_",
            "dm_nfnet_",
            "resnetv2_",
            "vit_small_r26_",
            "vit_large_r50_",
        ),
        f"{_FVCORE}: here the weights of each convolution are normalised, too",
    ),
    "densenet": f"{_FVCORE}: here each layer normalises what all layers before it made",
}
_PER_ELEMENT = 5  # operations that fvcore adds to normalise one, at most
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


def verdict(row: ZooRow) -> str | None:
    """Say which stated numbers agree with the counts, and why others differ; None without any."""
    found = list(stated_numbers(row))
    agree = " and ".join(each.quantity for each in found if each.agrees)
    differ = [f"{each.quantity} differ: {each.why}" for each in found if not each.agrees]
    return "; ".join([*([f"{agree} agree"] if agree else []), *differ]) or None


def _why(row: ZooRow, quantity: str) -> str:
    """Return the reason that is known for a difference."""
    if quantity == "params" and row.weights.startswith("quantized_"):
        return _FOLDED.format(library=row.library.name)
    if quantity == "macs" and row.library.name == "timm":
        return _why_fvcore(row)
    return _UNEXPLAINED


def _why_fvcore(row: ZooRow) -> str:
    more = (row.stated_macs or 0) - row.macs
    if 0 < more <= _PER_ELEMENT * row.activations + row.library.macs_step // 2:
        return _FVCORE
    known = (why for prefix, why in _BY_NETWORK.items() if row.weights.startswith(prefix))
    return next(known, _UNEXPLAINED)
