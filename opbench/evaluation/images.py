"""Decode images, and resize, crop and normalise them by a protocol.

Values are those of the transforms for evaluation of torchvision and timm, to the last bit: sizes
are truncated, crops rounded and divisions made in the order in which they do it.

``opbench.images`` is for the batch that a target brings for ``opbench run --stages``, whose
preprocessing is its own.
"""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from opbench.accuracy.measured.preprocessing import Preprocessing
from opbench.errors import MissingExtraError, OpbenchError, message_of
from opbench.images import pillow_image
from opbench.spec import Shape

if TYPE_CHECKING:
    from PIL.Image import Image

# Of Pillow, for grey values of 16 bits.
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
_LARGEST = 0xFFFF


def decode(raw: bytes | Image, preprocessing: Preprocessing) -> Image:
    """Decode an image into RGB or grey values of 8 bits, as ``channels`` says.

    Colours are converted as ``PIL.Image.Image.convert`` does: transparency is ignored.  Of values
    of 16 bits the upper eight are kept, as Pillow does for colours but not for grey values, which
    it clips.  The orientation that EXIF states is ignored, as torchvision and timm ignore it.  Of
    an animation the first frame is taken.

    Raises ``ValueError`` where ``raw`` cannot be decoded, and ``MissingExtraError``.
    """
    mode = "L" if preprocessing.channels == 1 else "RGB"
    try:
        image = raw if not isinstance(raw, bytes) else _opened(raw)
        if preprocessing.decoder == "opencv" and isinstance(raw, bytes):
            return _by_opencv(raw, image, mode)
        if preprocessing.decoder == "pillow-draft" and preprocessing.resize:
            height, width = resized(image.height, image.width, preprocessing.resize)
            image.draft(None, (width, height))
        return _converted(_sound(image), mode)
    except (OpbenchError, _UnusableError):
        raise
    except Exception as error:  # damaged files make Pillow raise almost anything
        raise ValueError(f"it cannot be decoded: {message_of(error) or error!r}") from error


class _UnusableError(ValueError):
    """An image that is refused by a sentence of its own."""


def _opened(raw: bytes) -> Image:
    """Read the header of an image."""
    pillow = pillow_image()
    if not raw:
        raise _UnusableError("it is empty")
    try:
        image = cast("Image", pillow.open(BytesIO(raw)))
    except (pillow.UnidentifiedImageError, pillow.DecompressionBombError) as error:
        bomb = isinstance(error, pillow.DecompressionBombError)
        told = message_of(error) if bomb else "it is no image that Pillow reads"
        raise _UnusableError(told) from error
    if image.format == "EPS":
        raise _UnusableError("it is a program in PostScript, which is not run")
    return _sound(image)


def _sound(image: Image) -> Image:
    """Return an image whose pixels may be decoded: some, and not too many of them."""
    if not image.width or not image.height:
        raise _UnusableError(f"it has no pixels: {image.width} x {image.height}")
    _require_few(image.height, image.width, "it")
    return image


def _require_few(height: int, width: int, subject: str) -> None:
    """Refuse more pixels than Pillow warns of: a small file may ask for any number of them."""
    most = pillow_image().MAX_IMAGE_PIXELS
    if most and height * width > most:
        raise _UnusableError(
            f"{subject} has {width} x {height} pixels, more than the {most} that Pillow takes for "
            "safe"
        )


def _converted(image: Image, mode: str) -> Image:
    if image.mode in _DEEP:
        image = _of_eight_bits(np.asarray(image))
    elif image.mode == "I":  # 16 bits of a PNG file, before Pillow 11
        values = np.asarray(image)
        if values.min() < 0 or values.max() > _LARGEST:
            raise _UnusableError("it has grey values of 32 bits, of which no range is known")
        image = _of_eight_bits(values)
    elif image.mode == "F":
        raise _UnusableError("it has floating-point values, of which no range is known")
    elif image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # of the same colours, without a warning
    return image.convert(mode)


def _of_eight_bits(values: Any) -> Image:
    return cast("Image", pillow_image().fromarray((values >> 8).astype(np.uint8)))


def _by_opencv(raw: bytes, image: Image, mode: str) -> Image:
    """Decode by OpenCV what Pillow decodes: of a file that is cut off, OpenCV makes up the rest.

    Pillow decodes a JPEG file at an eighth of its size for this.
    """
    cv2 = _opencv()
    image.draft(None, (1, 1))
    image.load()
    flags = cv2.IMREAD_GRAYSCALE if mode == "L" else cv2.IMREAD_COLOR
    flags |= cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(raw, np.uint8), flags)
    if decoded is None:
        raise _UnusableError("it is no image that OpenCV reads")
    if mode == "RGB":
        decoded = np.ascontiguousarray(decoded[:, :, ::-1])  # OpenCV's order is blue first
    return cast("Image", pillow_image().fromarray(decoded))


def to_input(image: Image, preprocessing: Preprocessing) -> Tensor:
    """Resize, crop and normalise a decoded image: channels x height x width in float32.

    Raises ``ValueError`` for one so narrow that its longer side would become too long.
    """
    return normalised(cut(image, preprocessing), preprocessing).contiguous()


def cut(image: Image, preprocessing: Preprocessing) -> Tensor:
    """Resize and crop a decoded image: channels x height x width, of 8 bits.

    Raises ``ValueError`` for one so narrow that its longer side would become too long.
    """
    values = _resized(image, preprocessing)
    return _cropped(values, *preprocessing.crop) if preprocessing.crop else values


def normalised(values: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Scale values of 8 bits to 0 to 1 and normalise them, of one image or of a batch."""
    scaled = values.to(torch.float32).div(255)
    if preprocessing.mean:
        mean, std = (
            torch.tensor(each, dtype=torch.float32, device=values.device).view(-1, 1, 1)
            for each in (preprocessing.mean, preprocessing.std)
        )
        scaled = scaled.sub_(mean).div_(std)
    return scaled


def resized(height: int, width: int, resize: Shape) -> tuple[int, int]:
    """Return the height and width that an image is resized to, the longer side truncated."""
    if len(resize) != 1:
        return resize[0], resize[1]
    (short,) = resize
    long = int(short * max(height, width) / min(height, width))
    return (long, short) if width <= height else (short, long)


def _resized(image: Image, preprocessing: Preprocessing) -> Tensor:
    size = image.height, image.width
    if preprocessing.resize:
        size = resized(*size, preprocessing.resize)
        _require_few(*size, "resized it")
    if size == (image.height, image.width):
        return _values(image)
    if preprocessing.antialias or preprocessing.interpolation == "nearest":
        filter_ = pillow_image().Resampling[preprocessing.interpolation.upper()]
        return _values(image.resize((size[1], size[0]), filter_))
    values = _values(image)[None].to(torch.float32)
    made = F.interpolate(values, size=size, mode=preprocessing.interpolation, align_corners=False)
    return made[0].clamp(0, 255).round().to(torch.uint8)


def _values(image: Image) -> Tensor:
    """Return the 8-bit values of an image, channels x height x width."""
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.view(image.height, image.width, -1).permute(2, 0, 1)


def _cropped(values: Tensor, height: int, width: int) -> Tensor:
    """Cut the centre out, after padding what is smaller with zeros on either side."""
    above, left = (
        max(0, wanted - found)
        for wanted, found in zip((height, width), values.shape[1:], strict=True)
    )
    if above or left:
        values = F.pad(values, (left // 2, (left + 1) // 2, above // 2, (above + 1) // 2))
    top, start = (
        round((found - wanted) / 2)
        for wanted, found in zip((height, width), values.shape[1:], strict=True)
    )
    return values[:, top : top + height, start : start + width]


def versions(preprocessing: Preprocessing) -> dict[str, str]:
    """Return the versions of what decodes and resizes.  Raises ``MissingExtraError``."""
    pillow_image()
    features = import_module("PIL.features")
    turbo = features.check_feature("libjpeg_turbo")
    jpeg = features.version_feature("libjpeg_turbo") if turbo else features.version_codec("jpg")
    found = {"Pillow": import_module("PIL").__version__}
    found["libjpeg-turbo" if turbo else "libjpeg"] = jpeg or "none"
    if preprocessing.decoder == "opencv":
        found["OpenCV"] = _opencv().__version__
    return found


def _opencv() -> Any:
    try:
        return import_module("cv2")
    except ImportError as error:
        raise MissingExtraError(
            "OpenCV, which --decoder opencv asks for, is not installed: "
            "pip install opencv-python-headless"
        ) from error
