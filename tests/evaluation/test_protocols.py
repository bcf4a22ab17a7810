"""Protocols: of the libraries' weights as the libraries apply them, of the registry, of options."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import torch
from PIL import Image

from opbench.accuracy import primaries
from opbench.accuracy.measured.preprocessing import CENTRAL_CROP, FULL_IMAGE
from opbench.errors import BadValueError
from opbench.evaluation.images import to_input
from opbench.evaluation.protocols import ProtocolOptions, protocol_of
from opbench.images import MEAN, STD
from opbench.registry import entries, providers, torchvision_operators
from opbench.spec import DATASETS, Shape
from opbench.zoo.rows import ZooRow, load
from tests.evaluation.pictures import photograph

torchvision_operators.load(lambda: pytest.importorskip("torchvision"))
torchvision_operators.load(lambda: pytest.importorskip("timm"))
data, models = import_module("timm.data"), import_module("torchvision.models")

IMAGENET, DIGIT = Shape((3, 224, 224)), Shape((1, 28, 28))
OWN = "net.py:net"


def options(**given: Any) -> ProtocolOptions:
    sizes: dict[str, Any] = {
        name: Shape(given[name]) for name in ("resize", "crop") if name in given
    }
    return ProtocolOptions(**(given | sizes))


@pytest.mark.parametrize(
    "name",
    [
        "resnet50.IMAGENET1K_V1",
        "resnet50.IMAGENET1K_V2",
        "efficientnet_b3.IMAGENET1K_V1",
        "vit_b_16.IMAGENET1K_SWAG_E2E_V1",
        "quantized_resnet18.IMAGENET1K_FBGEMM_V1",
    ],
)
def test_torchvisions_weights_are_evaluated_as_its_presets_do(name: str) -> None:
    network, _, tag = name.partition(".")
    preset = models.get_model_weights(network)[tag].transforms()
    protocol = protocol_of(f"torchvision:{name}", input_size=None)
    for size in ((500, 333), (120, 700)):
        assert torch.equal(to_input(photograph(*size), protocol), preset(photograph(*size)))


def test_torchvisions_choice_of_weights_says_so() -> None:
    protocol = protocol_of("torchvision:resnet50", input_size=IMAGENET)
    assert protocol.source == "torchvision's ResNet50_Weights.IMAGENET1K_V2"
    assert (protocol.resize, protocol.crop) == ((232,), (224, 224))  # as its documentation prints


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("fasterrcnn_resnet50_fpn", "detection"),
        ("fcn_resnet50", "segmentation"),
        ("r3d_18", "video"),
        ("raft_small", "optical flow"),
    ],
)
def test_networks_for_other_tasks_are_refused(name: str, task: str) -> None:
    with pytest.raises(BadValueError, match=f"torchvision:{name} is a network for {task}: only"):
        protocol_of(f"torchvision:{name}", input_size=None)


def of_timm(name: str, **asked: Any) -> Any:
    """timm's transform for evaluation of a set of weights."""
    config = data.resolve_data_config(
        {}, pretrained_cfg=providers.timm_config(name).to_dict(), **asked
    )
    return data.create_transform(**config, is_training=False)


@pytest.mark.parametrize(
    "name",
    [
        "resnet50.a1_in1k",
        "tf_efficientnet_lite0.in1k",
        "vit_base_patch16_clip_224.openai",
        "coat_lite_medium_384.in1k",  # squashed whole
        "dm_nfnet_f0.dm_in1k",  # squashed, then cropped
        "inception_v4.tf_in1k",
        "mobilenetv3_large_100.ra_in1k",
    ],
)
def test_timms_weights_are_evaluated_as_its_transforms_do(name: str) -> None:
    protocol = protocol_of(f"timm:{name}", input_size=None)
    assert protocol.source == f"timm's {name}"
    for size in ((500, 333), (120, 700)):
        assert torch.equal(to_input(photograph(*size), protocol), of_timm(name)(photograph(*size)))


def test_timms_size_for_tests_is_had_by_a_crop_of_that_size() -> None:
    name = "resnet50.a1_in1k"
    by_crop = protocol_of(f"timm:{name}", input_size=IMAGENET, options=options(crop=(288,)))
    by_size = protocol_of(f"timm:{name}", input_size=Shape((3, 288, 288)))
    image = photograph(500, 333)
    expected = of_timm(name, use_test_size=True)(image)
    assert torch.equal(to_input(image, by_crop), expected)
    assert torch.equal(to_input(image, by_size), expected)
    assert by_crop.source == f"timm's {name}, with --crop"
    assert protocol_of(f"timm:{name}", input_size=None).resize == (235,)  # floor(224 / 0.95)


def test_an_interpolation_that_is_drawn_at_random_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = providers.timm_config("resnet50.a1_in1k")
    config.interpolation = "random"
    monkeypatch.setattr(providers, "timm_config", lambda name: config)
    with pytest.raises(BadValueError, match="by 'random' interpolation: choose one"):
        protocol_of("timm:resnet50.a1_in1k", input_size=None)
    asked = options(interpolation="bicubic")
    protocol = protocol_of("timm:resnet50.a1_in1k", input_size=None, options=asked)
    assert protocol.interpolation == "bicubic"


def test_timms_choice_of_weights_says_so() -> None:
    assert protocol_of("timm:resnet50", input_size=IMAGENET).source == (
        f"timm's resnet50.{providers.timm_config('resnet50').tag}"
    )


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_protocols_are_those_of_the_accuracies_on_file(library: str) -> None:
    """The zoo's rows say how images were resized for the accuracy that is printed."""
    rows = [row for row in load(library) if row.top1 is not None and classifies(row)]
    assert len(rows) > 100
    for row in rows:
        protocol = protocol_of(row.name, input_size=row.input_size)
        assert protocol.input_size == row.input_size, row.name
        assert min(protocol.resize) == row.resize, row.name
        assert protocol.interpolation == row.interpolation, row.name
        assert protocol.view == row.protocol, row.name


def classifies(row: ZooRow) -> bool:
    network = row.architecture.partition(":")[2]
    tasks = ("classification", "quantization")
    return row.library.name == "timm" or providers.task(network) in tasks


def test_filled_borders_are_refused_unless_options_say_otherwise() -> None:
    name = "timm:deepseek_vit_412m.deepseek_v4_1_flash"
    if providers.timm_config(name.partition(":")[2]) is None:
        pytest.skip("this release of timm has no network whose images are filled up")
    with pytest.raises(BadValueError, match="timm fills up the borders of images of deepseek"):
        protocol_of(name, input_size=None)
    asked = options(resize=(256,), crop=(224,))
    assert protocol_of(name, input_size=None, options=asked).resize == (256,)


def test_timm_has_a_protocol_for_every_set_of_weights_but_those_with_borders() -> None:
    refused = set()
    for name in providers.weights("timm"):
        try:
            protocol = protocol_of(f"timm:{name}", input_size=None)
        except BadValueError:
            refused.add(name)
        else:
            steps = {type(each).__name__: each for each in of_timm(name).transforms}
            resized, cropped = steps["Resize"].size, tuple(steps["CenterCrop"].size)
            size = (resized,) if isinstance(resized, int) else tuple(resized)
            assert protocol.resize == size, name
            assert (protocol.crop or protocol.resize) == cropped, name
    assert {providers.timm_config(name).crop_mode for name in refused} <= {"border"}


@pytest.mark.parametrize(
    ("name", "resize", "crop"),
    [
        ("resnet50", (256,), (224, 224)),
        ("alexnet", (259,), (227, 227)),  # 227 * 256 / 224 = 259.4
        ("inception_v3", (342,), (299, 299)),  # 341.7
        ("caffenet128", (144,), (128, 128)),
        ("lenet5", (28, 28), (32, 32)),
        ("ciresan_mlp", (28, 28), (29, 29)),
        ("resnet110_cifar", (32, 32), ()),
    ],
)
def test_entries_have_what_is_usual_for_their_data_set(
    name: str, resize: tuple[int, ...], crop: tuple[int, ...]
) -> None:
    protocol = protocol_of(name, input_size=None)
    assert (protocol.resize, protocol.crop) == (resize, crop)
    imagenet = entries.get(name).dataset.startswith("imagenet")
    assert (protocol.mean, protocol.std) == ((MEAN, STD) if imagenet else ((), ()))
    assert protocol.source.startswith(f"the registry's {name}: what is usual for ")


def test_every_entry_that_classifies_has_a_protocol_of_its_size_and_view() -> None:
    for spec in entries.specs().values():
        if DATASETS[spec.dataset].test_images is None:
            with pytest.raises(BadValueError, match=f"{spec.name} does not classify images"):
                protocol_of(spec.name, input_size=None)
            continue
        protocol = protocol_of(spec.name, input_size=Shape(spec.input_size))
        assert protocol.input_size == spec.input_size
        published = primaries().get(spec.name)
        if published and published.protocol in (CENTRAL_CROP, FULL_IMAGE):
            assert protocol.view == published.protocol


def test_lenet_sees_the_digit_in_the_middle_of_its_field() -> None:
    digit = Image.new("L", (28, 28), 255)
    made = to_input(digit, protocol_of("lenet5", input_size=Shape((1, 32, 32))))
    assert made.shape == (1, 32, 32)
    assert made.sum() == 28 * 28
    assert made[0, 2:30, 2:30].all()


def test_images_of_a_network_of_ones_own_stay_as_they_are() -> None:
    for size, channels in ((IMAGENET, 3), (DIGIT, 1), (None, 3)):
        protocol = protocol_of(OWN, input_size=size)
        assert (protocol.resize, protocol.crop, protocol.mean) == ((), (), ())
        assert (protocol.channels, protocol.source) == (channels, "images as they are")
        assert protocol.view == FULL_IMAGE
    made = to_input(Image.new("RGB", (7, 5), (255, 0, 51)), protocol_of(OWN, input_size=None))
    assert made.shape == (3, 5, 7)
    assert made[:, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.2])


def test_options_replace_what_others_say_and_are_named() -> None:
    asked = options(resize=(248,), interpolation="bicubic", antialias=True)
    protocol = protocol_of("torchvision:resnet50.IMAGENET1K_V1", input_size=None, options=asked)
    assert protocol.source == (
        "torchvision's ResNet50_Weights.IMAGENET1K_V1, with --resize --interpolation --antialias"
    )
    assert (protocol.resize, protocol.crop, protocol.mean) == ((248,), (224, 224), MEAN)
    assert (protocol.interpolation, protocol.antialias) == ("bicubic", True)


def test_options_that_say_the_same_change_nothing_but_the_source() -> None:
    name = "torchvision:resnet50.IMAGENET1K_V1"
    asked = options(resize=(256,), crop=(224,), mean=MEAN, std=STD)
    plain = protocol_of(name, input_size=None)
    made = protocol_of(name, input_size=None, options=asked)
    assert made.sha256 == plain.sha256
    assert made.source == f"{plain.source}, with --resize --crop --mean --std"


def test_a_protocol_of_options_alone() -> None:
    asked = options(
        resize=(40,),
        crop=(32,),
        interpolation="box",
        antialias=True,
        mean=(0.5,),
        std=(0.25,),
        channels=1,
    )
    protocol = protocol_of(OWN, input_size=None, options=asked)
    assert protocol.source == "options"
    assert protocol.input_size == (1, 32, 32)
    as_they_are = protocol_of(OWN, input_size=None, options=options(resize=(), crop=(), channels=1))
    assert (as_they_are.resize, as_they_are.crop, as_they_are.channels) == ((), (), 1)


def test_a_crop_moves_the_resizing_of_a_rule_with_it() -> None:
    larger = protocol_of("resnet50", input_size=IMAGENET, options=options(crop=(448,)))
    assert (larger.resize, larger.crop) == ((512,), (448, 448))
    padded = protocol_of(OWN, input_size=Shape((1, 32, 32)), options=options(crop=(32,)))
    assert (padded.resize, padded.crop) == ((), (32, 32))


def test_padding_on_purpose_names_both_sizes() -> None:
    asked = options(resize=(28, 28), crop=(32,))
    assert protocol_of(OWN, input_size=IMAGENET, options=asked).crop == (32, 32)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"resize": (200,)}, "--crop 224x224 is larger than images that --resize 200 makes"),
        ({"resize": (100, 300)}, "--crop 224x224 is larger than images that --resize 100x300"),
        ({"interpolation": "cubic"}, "--interpolation 'cubic' is unknown: choose one of nearest"),
        ({"decoder": "dali"}, "--decoder 'dali' is unknown: choose one of pillow, pillow-draft"),
        ({"interpolation": "lanczos", "antialias": False}, "--interpolation lanczos always smooth"),
        ({"channels": 4}, r"--channels 4: images have 1 channel \(grey\) or 3"),
        ({"mean": MEAN, "std": STD, "channels": 1}, "--mean has 3 numbers, and images have 1 ch"),
        ({"mean": (0.5,), "std": (0.5,)}, "--mean has 1 numbers, and images have 3 channels"),
        ({"mean": ()}, "--std needs --mean: give both, or neither"),
        ({"mean": (0.5, 0.5, float("nan"))}, "--mean has a number that is not finite"),
        ({"std": (0.5, 0.5, 0.0)}, "--std has a number that is not positive"),
        ({"crop": (1, 2, 3)}, "--crop 1x2x3: write one number for a square"),
        ({"resize": (1, 2, 3)}, "--resize 1x2x3: write one number for the shorter side"),
        ({"resize": (0,)}, "--resize 0: write one number"),
    ],
)
def test_options_that_make_no_protocol_are_named(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadValueError, match=sentence):
        protocol_of("resnet50", input_size=IMAGENET, options=options(**given))


def test_grey_values_need_a_mean_of_their_own_where_the_weights_have_one() -> None:
    with pytest.raises(BadValueError, match="--mean has 3 numbers, and images have 1 channels"):
        protocol_of("torchvision:resnet50", input_size=None, options=options(channels=1))


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        ((16,), "net.py:net takes inputs of size 16, and images have channels"),
        ((3, 16, 112, 112), "takes inputs of size 3x16x112x112"),
        ((4, 224, 224), "net.py:net takes images of 4 channels, and images are decoded into"),
    ],
)
def test_a_network_alone_that_takes_no_images_is_refused(
    size: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(BadValueError, match=sentence):
        protocol_of(OWN, input_size=Shape(size))
