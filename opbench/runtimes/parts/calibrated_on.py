"""The images of a calibration as they are named to other processes."""

from __future__ import annotations

from dataclasses import dataclass

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
