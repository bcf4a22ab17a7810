"""Images on their way into a network: sizes, values, and what is no image."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from opbench.counting.arguments import read_built
from opbench.errors import MissingExtraError, TargetError
from opbench.images import MEAN, STD, Images, preprocess, top_five


def png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_an_image_of_one_colour_has_its_normalised_value_everywhere() -> None:
    made = preprocess(Image.new("RGB", (300, 400), (0, 51, 255)))
    assert made.shape == (3, 224, 224)
    for channel, value, mean, std in zip(made, (0.0, 0.2, 1.0), MEAN, STD, strict=True):
        expected = torch.full((224, 224), (value - mean) / std)
        torch.testing.assert_close(channel, expected)


def test_the_centre_is_cropped_after_the_short_side_is_resized() -> None:
    # Its middle 256 columns are white; nothing is resized, and the middle 224 are taken.
    image = Image.new("RGB", (512, 256))
    image.paste((255, 255, 255), (128, 0, 384, 256))
    white = [(1 - mean) / std for mean, std in zip(MEAN, STD, strict=True)]
    made = preprocess(image)
    assert made.amin((1, 2)).tolist() == pytest.approx(white)
    assert preprocess(image, short_side=256, crop=256).shape == (3, 256, 256)


def test_paths_bytes_and_images_are_decoded_alike(tmp_path: Path) -> None:
    image = Image.new("L", (8, 6), 77)
    (tmp_path / "a.png").write_bytes(png(image))
    sources = [tmp_path / "a.png", str(tmp_path / "a.png"), png(image), image]
    images = Images.read(sources)
    decoded = images.decode()
    assert {(each.mode, each.size, each.getpixel((0, 0))) for each in decoded} == {
        ("RGB", (8, 6), (77, 77, 77))
    }
    assert images.resize(decoded).shape == (4, 3, 224, 224)


def test_the_top_five_are_in_their_order_and_fewer_classes_are_all() -> None:
    assert top_five(torch.tensor([[1.0, 9.0, 3.0, 7.0, 5.0, 0.0]])) == [[1, 3, 4, 2, 0]]
    assert top_five(torch.tensor([[1.0, 2.0]])) == [[1, 0]]


def test_a_target_brings_a_batch_with_what_is_done_before_and_after() -> None:
    options: dict[str, Any] = {
        "preprocess": lambda image: torch.full((1, *image.size), 3.0),
        "postprocess": len,
    }
    built = (nn.Identity(), [Image.new("RGB", (4, 5))] * 2, options)
    _, arguments = read_built(built)
    assert arguments is not None
    assert torch.equal(arguments.args[0], torch.full((2, 1, 4, 5), 3.0))
    assert arguments.images is not None
    assert arguments.images.postprocess is len


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (([],), "its list of images is empty: put one in it"),
        (([3],), "an image is a path, encoded bytes or a PIL image, not a int"),
        ((["a.png"], {"resize": 3}), "there may be preprocess and postprocess, not 'resize'"),
        (([torch.zeros(1)],), "returned a module with arguments of type list: it must return"),
    ],
)
def test_what_is_no_image_is_refused(given: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(TargetError, match=sentence):
        read_built((nn.Identity(), *given))


def test_without_pillow_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'opbench\[images\]'"):
        Images.read([b""]).decode()
