"""The artefact behind a measurement: what was run, and how far its outputs are off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from opbench.value import Natural, NonNegative, Text, Value

DIFFERS = "differs"
UNKNOWN = "unknown"

_Part = Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact(Value):
    """A network as a runtime executes it.

    artefact: hash of its weights, its code or graph, the runtime with its mode and versions, the
        precision and the size of one image; ``UNKNOWN`` where weights or code cannot be read.
        Not of the batch size: an accuracy is measured in batches, a latency of one image.
    weights_sha256: of all parameters and buffers in float32, "" of a file.
    precision: that in which the runtime says that it computes.
    output_error: the largest absolute difference of its outputs to those of eager float32 on the
        same inputs, over the largest absolute output; None where nothing could be compared, and
        then ``unchecked`` says why.  0 for eager float32.
    output_limit: the largest error at which its time counts; None for any.
    agreement: the part of answers whose first class is that of eager float32, over ``answers``.
    conversion_s: seconds of converting, or of the first call where that compiles.
    artefact_bytes: what was made of the network, on disk; None where nothing was.
    calibration_images: the number of images that it was calibrated on for int8, else 0;
        calibration_sha256: of these as the network takes them, else "".
    runtime_versions: the packages that converted and execute it, as in "torch 2.13.0".
    """

    artefact: Text
    precision: Text
    weights_sha256: str = ""
    output_error: NonNegative | None = None
    output_limit: NonNegative | None = None
    agreement: _Part | None = None
    answers: Natural = 0
    unchecked: str = ""
    conversion_s: NonNegative = 0.0
    artefact_bytes: Natural | None = None
    runtime_versions: str = ""
    calibration_images: Natural = 0
    calibration_sha256: str = ""

    @property
    def known(self) -> str:
        """The hash, "" where it is not known: what is unknown is the same as nothing."""
        return "" if self.artefact == UNKNOWN else self.artefact

    @property
    def differs(self) -> str:
        """The sentence about outputs that are not those of the network, "" where they are."""
        if self.output_error is None or self.output_limit is None:
            return ""
        if self.output_error <= self.output_limit:
            return ""
        return (
            f"its outputs differ from those of eager float32 by {self.output_error:.1e} of the "
            f"largest, more than the {self.output_limit:g} of {self.precision}: it does not count"
        )
