"""The images of a calibration as they are named to other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opbench.spec import Shape
from opbench.value import AtLeastOne, Text, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Value):
    """Images to calibrate on, in the form in which a network takes them.

    path: of a NumPy file, images x channels x height x width in float32, first those to calibrate
        on and then others; images: the number to calibrate on; sha256: of these.
    """

    path: Text
    images: AtLeastOne
    sha256: Text


def calibration_in(request: Mapping[str, Any]) -> Calibration | None:
    """Return the images that a request names, None where it names none."""
    found = request.get("calibration")
    return Calibration.from_json(found) if found else None


def calibration_key(name: str, size: Shape) -> str:
    """Return the key of a network's images at one size of them."""
    return f"{name} {size}"
