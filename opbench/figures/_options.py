"""What the reader of a figure may choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``unit`` says whether a multiply-add counts 2 (``ops``) or 1 (``macs``) on an axis."""

    unit: Literal["ops", "macs"] = "ops"
    chart2016: bool = False
    theme: Literal["light", "dark"] = "light"

    @property
    def cost(self) -> str:
        """The metric of the cost axis."""
        return "flops" if self.unit == "ops" else "macs"

    @property
    def convention(self) -> str:
        """The counting convention, as it stands beside every number."""
        return "1 multiply-add = 2 operations" if self.unit == "ops" else "1 multiply-add = 1 MAC"
