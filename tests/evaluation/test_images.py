"""Images decoded and made inputs: equal to torchvision's transforms to the last bit, and what is no
image is a sentence."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np
import PIL
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from opbench.accuracy.measured.preprocessing import (
    CENTRAL_CROP,
    FULL_IMAGE,
    Decoder,
    Interpolation,
    Preprocessing,
)
from opbench.errors import MissingExtraError
from opbench.evaluation.images import decode, to_input, versions
from opbench.images import MEAN, STD
from opbench.registry import torchvision_operators
from opbench.spec import Shape
from tests.evaluation.pictures import photograph

torchvision_operators.load(lambda: pytest.importorskip("torchvision"))
transforms = import_module("torchvision.transforms")
functional = transforms.functional

RGB, GREY = Preprocessing(), Preprocessing(channels=1)
SIZES = [(640, 480), (333, 500), (224, 224), (61, 40), (225, 400), (100, 301)]


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def of_torchvision(image: Image.Image, protocol: Preprocessing) -> torch.Tensor:
    """The same protocol by torchvision's transforms of PIL images."""
    mode = functional.InterpolationMode(protocol.interpolation)
    steps: list[Callable[[Any], Any]] = []
    if len(protocol.resize) == 1:
        steps.append(transforms.Resize(protocol.resize[0], mode))
    elif protocol.resize:
        steps.append(transforms.Resize(tuple(protocol.resize), mode))
    if protocol.crop:
        steps.append(transforms.CenterCrop(tuple(protocol.crop)))
    steps.append(transforms.ToTensor())
    if protocol.mean:
        steps.append(transforms.Normalize(protocol.mean, protocol.std))
    made: torch.Tensor = transforms.Compose(steps)(image)
    return made


def protocol(
    resize: tuple[int, ...] = (),
    crop: tuple[int, ...] = (),
    interpolation: Interpolation = "bilinear",
    **more: Any,
) -> Preprocessing:
    return Preprocessing(
        resize=Shape(resize), crop=Shape(crop), interpolation=interpolation, **more
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "asked",
    [
        protocol((256,), (224, 224), mean=MEAN, std=STD),
        protocol((235,), (224, 224), "bicubic", mean=MEAN, std=STD),
        protocol((73,), (64, 51), "nearest"),
        protocol((73,), (64, 51), "box"),
        protocol((73,), (64, 51), "hamming"),
        protocol((73,), (64, 51), "lanczos"),
        protocol((90, 77), (77, 77), "bicubic"),
        protocol((30, 40)),
        protocol((), (301, 77)),
        protocol((28, 28), (33, 32)),
    ],
    ids=str,
)
def test_inputs_are_those_of_torchvision_to_the_last_bit(
    size: tuple[int, int], asked: Preprocessing
) -> None:
    image = photograph(*size)
    made = to_input(image, asked)
    assert made.dtype == torch.float32
    assert torch.equal(made, of_torchvision(image, asked))


@given(
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    short=st.integers(1, 40),
    crop=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_sizes_and_crops_are_rounded_as_torchvision_rounds_them(
    width: int, height: int, short: int, crop: tuple[int, int]
) -> None:
    image, asked = photograph(width, height), protocol((short,), crop)
    assert torch.equal(to_input(image, asked), of_torchvision(image, asked))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_without_antialiasing_inputs_are_those_of_torchvisions_tensors(
    size: tuple[int, int], interpolation: Interpolation
) -> None:
    image = photograph(*size)
    resized = functional.resize(
        functional.pil_to_tensor(image),
        [50],
        functional.InterpolationMode(interpolation),
        antialias=False,
    )
    made = to_input(image, protocol((50,), interpolation=interpolation, antialias=False))
    assert torch.equal(made, resized / 255)
    if min(size) > 100:
        assert not torch.equal(made, to_input(image, protocol((50,), interpolation=interpolation)))


def test_halving_without_antialiasing_takes_the_mean_of_two_pixels() -> None:
    image = Image.fromarray(np.array([[0, 102, 204, 51]], np.uint8))
    made = to_input(image, protocol((1, 2), antialias=False, channels=1))
    # (0 + 102) / 2 = 51 and (204 + 51) / 2 = 127.5, which rounds to the even 128.
    assert made.flatten().tolist() == pytest.approx([51 / 255, 128 / 255])


def test_nearest_is_the_same_with_and_without_antialiasing() -> None:
    image = photograph(61, 40)
    ways = [protocol((17,), interpolation="nearest", antialias=each) for each in (True, False)]
    assert torch.equal(*(to_input(image, each) for each in ways))


def test_a_digit_is_padded_on_all_sides_and_remains_the_full_image() -> None:
    asked = protocol((28, 28), (32, 32), channels=1)
    digit = photograph(28, 28, "L")
    made = to_input(digit, asked)
    assert tuple(made.shape) == asked.input_size == (1, 32, 32)
    assert torch.equal(made[:, 2:30, 2:30], functional.to_tensor(digit))
    made[:, 2:30, 2:30] = 0
    assert not made.any()
    assert (asked.view, str(asked)) == (FULL_IMAGE, "28x28 bilinear, padded to 32x32, grey")
    assert protocol((32, 32), (28, 28)).view == CENTRAL_CROP
    assert protocol((32,), (32, 32)).view == CENTRAL_CROP


def test_normalisation_is_by_channel() -> None:
    asked = protocol(mean=(0.0, 0.2, 0.5), std=(1.0, 0.5, 0.25))
    made = to_input(Image.new("RGB", (1, 1), (255, 51, 0)), asked)
    assert made.flatten().tolist() == pytest.approx([1.0, 0.0, -2.0])


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "CMYK", "LA", "RGBA", "YCbCr", "HSV"])
@pytest.mark.parametrize(("asked", "to"), [(RGB, "RGB"), (GREY, "L")])
def test_colours_are_converted_as_pillow_converts_them(
    mode: str, asked: Preprocessing, to: str
) -> None:
    image = photograph(20, 10).convert(mode)
    assert decode(image, asked).tobytes() == image.convert(to).tobytes()
    kind = {"CMYK": "TIFF", "YCbCr": "TIFF", "HSV": ""}.get(mode, "PNG")
    if kind:
        raw = encoded(image, kind)
        expected = Image.open(BytesIO(raw)).convert(to)
        assert decode(raw, asked).tobytes() == expected.tobytes()


def test_a_jpeg_of_printing_colours_is_converted() -> None:
    raw = encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG")
    assert decode(raw, RGB).getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_values_of_16_bits_are_scaled_and_not_clipped(kind: str) -> None:
    values = np.array([[0, 255, 256, 0x8000, 0xFFFF]], np.uint16)
    raw = encoded(Image.fromarray(values), kind)
    grey = decode(raw, GREY)
    assert np.asarray(grey).tolist() == [[0, 0, 1, 128, 255]]
    assert np.asarray(decode(raw, RGB))[..., 2].tolist() == [[0, 0, 1, 128, 255]]
    wide = Image.fromarray(values.astype(np.int32))  # as Pillow read them before release 11
    assert decode(wide, GREY).tobytes() == grey.tobytes()


def test_the_colours_of_a_palette_stay_where_it_is_transparent() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    raw = encoded(image, transparency=bytes([0, 128]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoded = decode(raw, RGB)
    assert np.asarray(decoded).tolist() == [[[255, 0, 0], [0, 0, 255]]]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    raw = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert decode(raw, RGB).getpixel((1, 1)) == (255, 0, 0)


def test_the_orientation_that_exif_states_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    raw = encoded(photograph(32, 16), "JPEG", exif=exif)
    assert decode(raw, RGB).size == (32, 16)


def test_a_jpeg_is_scaled_while_it_is_decoded_but_not_below_the_resized_one() -> None:
    image = photograph(1024, 768)
    jpeg, png = encoded(image, "JPEG"), encoded(image)
    asked = protocol((256,), (224, 224), decoder="pillow-draft")
    # The short side allows a third, and libjpeg halves.
    assert decode(jpeg, asked).size == (512, 384)
    assert decode(png, asked).tobytes() == image.tobytes()
    assert decode(jpeg, protocol(decoder="pillow-draft")).size == (1024, 768)
    assert to_input(decode(jpeg, asked), asked).shape == (3, 224, 224)


def eps() -> bytes:
    return encoded(photograph(8, 8), "EPS")


def of_floats() -> bytes:
    return encoded(Image.fromarray(np.array([[0.5]], np.float32)), "TIFF")


def of_32_bits() -> bytes:
    return encoded(Image.fromarray(np.array([[70000]], np.int32)), "TIFF")


@pytest.mark.parametrize("decoder", ["pillow", "pillow-draft"])
@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "it is empty"),
        (b"<html>Not Found</html>", "it is no image that Pillow reads"),
        (encoded(photograph(64, 64), "JPEG")[:-200], "truncated"),
        (encoded(photograph(64, 64))[:-2000], "it cannot be decoded: "),
        (encoded(photograph(64, 64), "GIF")[:-500], "it cannot be decoded: "),
        (eps(), "a program in PostScript, which is not run"),
        (of_floats(), "floating-point values, of which no range is known"),
        (of_32_bits(), "grey values of 32 bits"),
    ],
)
def test_what_cannot_be_decoded_is_a_sentence(raw: bytes, sentence: str, decoder: Decoder) -> None:
    with pytest.raises(ValueError, match=sentence):
        decode(raw, protocol((16,), decoder=decoder))


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="it has no pixels: 0 x 4"):
        decode(Image.new("RGB", (0, 4)), RGB)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [11, 40])
def test_a_decompression_bomb_is_refused(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = encoded(photograph(side, 10))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="pixels"):
        decode(raw, RGB)


def test_an_image_that_resizing_would_make_a_bomb_is_refused() -> None:
    with pytest.raises(ValueError, match="resized it has 256 x 15360000 pixels, more than the"):
        to_input(Image.new("RGB", (1, 60_000)), protocol((256,)))


FILES = [
    encoded(photograph(16, 12), "JPEG"),
    encoded(photograph(16, 12)),
    encoded(photograph(16, 12, "P"), "GIF"),
    encoded(photograph(16, 12), "TIFF"),
    encoded(photograph(16, 12), "BMP"),
    encoded(photograph(16, 12), "WEBP"),
]


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged metadata
@settings(max_examples=300)
@given(
    raw=st.sampled_from(FILES),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6),
    end=st.integers(0, 2000),
    asked=st.sampled_from([RGB, GREY, protocol((7,), decoder="pillow-draft")]),
)
def test_a_damaged_file_is_decoded_or_a_sentence(
    raw: bytes, changes: list[tuple[int, int]], end: int, asked: Preprocessing
) -> None:
    damaged = bytearray(raw)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    try:
        made = decode(bytes(damaged[:end]), asked)
    except ValueError as error:
        assert str(error)
    else:
        assert made.mode == ("L" if asked is GREY else "RGB")
        assert made.width
        assert made.height


def test_the_decoders_versions_are_told() -> None:
    found = versions(RGB)
    assert found["Pillow"] == PIL.__version__
    assert next(iter(found.keys() - {"Pillow"})).startswith("libjpeg")
    assert all(isinstance(each, str) and each for each in found.values())


def test_without_opencv_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    asked = protocol(decoder="opencv")
    for ask in (lambda: decode(encoded(photograph(4, 4)), asked), lambda: versions(asked)):
        with pytest.raises(MissingExtraError, match="pip install opencv-python-headless"):
            ask()


def test_opencv_decodes_what_is_lossless_to_the_same_values() -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    asked = protocol(decoder="opencv")
    assert versions(asked)["OpenCV"] == cv2.__version__
    image = photograph(40, 30)
    assert decode(encoded(image), asked).tobytes() == image.tobytes()
    grey = image.convert("L")
    alone = protocol(decoder="opencv", channels=1)
    assert decode(encoded(grey), alone).tobytes() == grey.tobytes()
    assert decode(image, asked).tobytes() == image.tobytes()
    deep = np.array([[0, 256, 0xFFFF]], np.uint16)
    assert np.asarray(decode(encoded(Image.fromarray(deep)), alone)).tolist() == [[0, 1, 255]]
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded(image, "JPEG", exif=exif), asked).size == (40, 30)
    with pytest.raises(ValueError, match="truncated"):
        decode(encoded(image, "JPEG")[:-300], asked)
