"""The protocol of an evaluation: how an image becomes the input of a network.

Resizing, antialiasing, interpolation, crop and normalisation each move an accuracy by up to a
point, so that a figure without its protocol cannot be repeated.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from opbench.spec import Shape
from opbench.value import Value

Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Decoder = Literal["pillow", "pillow-draft", "opencv"]
_NONE = Shape()
CENTRAL_CROP, FULL_IMAGE = "single central crop", "full image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing(Value):
    """A protocol.

    resize: one extent in pixels for the shorter side of an image, two for height and width, which
        may change its proportions; none where images keep their size.
    crop: height and width of the centre that is cut out, or that an image which is smaller is
        padded to with zeros; none for the whole image.
    antialias: whether an image that is made smaller is smoothed first, as Pillow does.
    channels: 3 for RGB, 1 for grey values.
    mean, std: of each channel, subtracted and divided by after values are scaled to 0 to 1.
    decoder: "pillow-draft" lets libjpeg make an image smaller while it decodes.
    source: who says so, such as "torchvision's ResNet50_Weights.IMAGENET1K_V2" or "options".
    """

    resize: Shape = _NONE
    crop: Shape = _NONE
    interpolation: Interpolation = "bilinear"
    antialias: bool = True
    channels: Literal[1, 3] = 3
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    decoder: Decoder = "pillow"
    source: str = ""

    @property
    def sha256(self) -> str:
        """The hash of all but ``source``: protocols that do the same are the same."""
        facts = {key: value for key, value in self.to_json().items() if key != "source"}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def view(self) -> str:
        """The view of each image, as ``opbench.accuracy.PROTOCOLS`` calls it."""
        return CENTRAL_CROP if self.crop and not self._padded else FULL_IMAGE

    @property
    def input_size(self) -> Shape:
        """Channels, height and width of an input; no extents where images decide."""
        extents = self.crop or (self.resize if len(self.resize) == 2 else ())
        return Shape((self.channels, *extents)) if extents else _NONE

    def __str__(self) -> str:
        parts = [self._resized(), self._cropped()]
        if self.channels == 1:
            parts.append("grey")
        if self.mean:
            parts.append(f"mean {_numbers(self.mean)}, std {_numbers(self.std)}")
        if self.decoder != "pillow":
            parts.append(self.decoder)
        return ", ".join(filter(None, parts))

    @property
    def _padded(self) -> bool:
        """True where nothing is cut off any image."""
        return len(self.resize) == 2 and all(
            crop >= extent for crop, extent in zip(self.crop, self.resize, strict=False)
        )

    def _cropped(self) -> str:
        if not self.crop:
            return "whole image"
        return f"{'padded to' if self._padded else 'centre'} {self.crop}"

    def _resized(self) -> str:
        if not self.resize:
            return ""
        size = f"short side {self.resize}" if len(self.resize) == 1 else str(self.resize)
        return f"{size} {self.interpolation}{'' if self.antialias else ' without antialiasing'}"


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)
