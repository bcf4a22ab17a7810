"""Images on their way through a network: decode, resize and normalise, and read the top five.

A target brings images as a list, ``(module, [image, ...])``, which make one batch: paths, encoded
bytes (JPEG, PNG and what else Pillow reads) or PIL images, whose decoding has been done.  A third
element may be ``{"preprocess": f, "postprocess": g}``: f makes a tensor (channels x height x width)
of a PIL image, such as a transform of torchvision or timm, and g takes the outputs of the network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from opbench.errors import MissingExtraError, TargetError

if TYPE_CHECKING:
    from PIL.Image import Image

# Of ImageNet's training images, in the order of the channels.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SHORT_SIDE, CROP, TOP = 256, 224, 5
_OPTIONS = ("preprocess", "postprocess")


def preprocess(image: Image, short_side: int = SHORT_SIDE, crop: int = CROP) -> Tensor:
    """Resize an RGB image to a short side, crop its centre, and normalise: 3 x crop x crop."""
    scale = short_side / min(image.size)
    width, height = (max(crop, round(scale * extent)) for extent in image.size)
    left, top = (width - crop) // 2, (height - crop) // 2
    resized = image.resize((width, height), pillow_image().Resampling.BILINEAR)
    pixels = bytearray(resized.crop((left, top, left + crop, top + crop)).tobytes())
    values = torch.frombuffer(pixels, dtype=torch.uint8).view(crop, crop, 3).permute(2, 0, 1)
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (MEAN, STD))
    return (values / 255 - mean) / std


def top_five(outputs: Tensor) -> list[list[int]]:
    """Return the five classes with the largest outputs for each image, fewer where there are."""
    return outputs.topk(min(TOP, outputs.shape[-1])).indices.tolist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The images of one batch, and what is done before and after a forward pass."""

    sources: Sequence[Any]
    preprocess: Callable[[Any], Tensor] = preprocess
    postprocess: Callable[[Any], object] = top_five

    @classmethod
    def read(cls, sources: Sequence[Any], options: Mapping[str, Any] | None = None) -> Images:
        """Take a list of images and what else a target returned.  Raises ``TargetError``."""
        options = options or {}
        if unknown := [name for name in options if name not in _OPTIONS]:
            raise TargetError(
                f"beside images there may be {' and '.join(_OPTIONS)}, not {unknown[0]!r}"
            )
        if not sources:
            raise TargetError("its list of images is empty: put one in it")
        return cls(sources=tuple(sources), **options)

    def decode(self) -> list[Image]:
        """Read every image into memory, as RGB.  Raises ``MissingExtraError`` without Pillow."""
        return [_decoded(each) for each in self.sources]

    def resize(self, decoded: Sequence[Image]) -> Tensor:
        """Preprocess images and put them into one batch."""
        return torch.stack([self.preprocess(each) for each in decoded])


def _decoded(source: Any) -> Image:
    pillow = pillow_image()
    if isinstance(source, pillow.Image):
        return source.convert("RGB")  # type: ignore[no-any-return]
    if not isinstance(source, bytes | str | os.PathLike):
        raise TargetError(
            f"an image is a path, encoded bytes or a PIL image, not a {type(source).__name__}"
        )
    with pillow.open(BytesIO(source) if isinstance(source, bytes) else source) as opened:
        return opened.convert("RGB")  # type: ignore[no-any-return]


def pillow_image() -> Any:
    """Return the module ``PIL.Image``.  Raises ``MissingExtraError`` without Pillow."""
    try:
        return import_module("PIL.Image")
    except ImportError as error:
        raise MissingExtraError(
            "Pillow, which decodes images, is not installed: pip install 'opbench[images]'"
        ) from error
