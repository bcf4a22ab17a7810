"""torchvision's networks against the operation counts that torchvision publishes for them.

With every set of weights torchvision states its operations (``meta["_ops"]``, in units of 10^9
and three decimals) and parameters, counted by a program of its own: one multiply-add of a
convolution, linear layer or matrix product is one.  Counts here have to meet each to its last
digit, or be itemised below.
"""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from opbench.counting import build_and_count
from opbench.counting.meta.build import build_without_weights
from opbench.record import Count
from opbench.registry import providers
from opbench.registry.targets import count_target, resolve

pytest.importorskip("torchvision", reason="torchvision is not installed")
from torchvision import models

LAST_DIGIT = 1e6
ROUNDING = LAST_DIGIT / 2 + 1

# One or two of each kind and family; the others are marked slow.
QUICK = {
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "inception_v3",
    "lraspp_mobilenet_v3_large",
    "mnasnet0_5",
    "mobilenet_v3_small",
    "quantized_shufflenet_v2_x0_5",
    "raft_small",
    "regnet_y_400mf",
    "resnet50",
    "r3d_18",
    "s3d",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "vgg11",
    "vit_b_32",
}

# Weights for segmentation come with an auxiliary classifier, which runs and is counted by
# torchvision; without weights there is none.  It is a 3x3 and a 1x1 convolution on a map an eighth
# as large as the 520 x 520 image: from C channels (the third stage's) to C / 4 to 21 classes.
AUXILIARY_CHANNELS = {
    "deeplabv3_mobilenet_v3_large": 40,
    "deeplabv3_resnet50": 1024,
    "deeplabv3_resnet101": 1024,
    "fcn_resnet50": 1024,
    "fcn_resnet101": 1024,
}

# GoogLeNet's weights come without the two auxiliary classifiers of the training graph, which do
# not run but have parameters: from 512 and 528 channels, a 1x1 convolution to 128 with batch
# normalisation, 2048 -> 1024 and 1024 -> 1000.
GOOGLENET_AUXILIARY = sum(
    channels * 128 + 2 * 128 + (2048 + 1) * 1024 + (1024 + 1) * 1000 for channels in (512, 528)
)

# How many boxes reach the second stage depends on the weights: torchvision's own, on noise, let
# through the 1000 that are allowed, or none; random ones let through any number.  The
# multiply-adds of one box in the second stage, and the boxes behind the published number:
_BOX = 256 * 7 * 7 * 1024 + 1024 * 1024
BOXES = {
    "fasterrcnn_mobilenet_v3_large_320_fpn": (_BOX + 1024 * 91 * 5, 0),
    "fasterrcnn_mobilenet_v3_large_fpn": (_BOX + 1024 * 91 * 5, 0),
    "fasterrcnn_resnet50_fpn": (_BOX + 1024 * 91 * 5, 1000),
    "maskrcnn_resnet50_fpn": (_BOX + 1024 * 91 * 5, 1000),
    "keypointrcnn_resnet50_fpn": (_BOX + 1024 * 2 * 5, 1000),
}

# Frozen normalisation layers have no parameters; networks without weights get ordinary ones.
FROZEN = {
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fcos_resnet50_fpn",
    "keypointrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
}


NAMES = [
    pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
    for name in models.list_models()
]


@pytest.mark.parametrize("name", NAMES)
def test_operations_are_those_that_torchvision_publishes(name: str) -> None:
    (target,) = resolve([f"torchvision:{name}"])
    counted = count_target(target)
    assert target.input_size and not counted.uncounted
    published = {
        round(weights.meta["_ops"] * 1e9)
        for weights in models.get_model_weights(name)
        if evaluated_at(weights) in {target.input_size[-1], None}
    }
    assert min(abs(each - itemised(name, counted)) for each in published) <= ROUNDING


def evaluated_at(weights: Any) -> int | None:
    """The side of the image that a set of weights is for; None where the network resizes it."""
    transforms = weights.transforms()
    size = getattr(transforms, "crop_size", None) or getattr(transforms, "resize_size", None)
    return size[-1] if size else None


def itemised(name: str, counted: Count) -> int:
    """The count as torchvision's weights would have it."""
    if name in AUXILIARY_CHANNELS:
        channels = AUXILIARY_CHANNELS[name]
        return counted.macs + 65 * 65 * (channels * 9 + 21) * (channels // 4)
    if name in BOXES:
        of_one_box, boxes = BOXES[name]
        (second_stage,) = (each.macs for each in counted.modules if each.name == "roi_heads")
        return counted.macs - second_stage + boxes * of_one_box
    return counted.macs


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_that_torchvision_publishes(name: str) -> None:
    network = build_without_weights(lambda: providers.build("torchvision", name))
    params = sum(each.numel() for each in network.parameters())
    if name in FROZEN:
        params -= sum(
            each.numel()
            for module in network.backbone.modules()
            if isinstance(module, nn.BatchNorm2d)
            for each in module.parameters()
        )
    if name in AUXILIARY_CHANNELS:
        channels = AUXILIARY_CHANNELS[name]
        params += (channels * 9 + 2 + 21) * (channels // 4) + 21
    if name in {"googlenet", "quantized_googlenet"}:
        params -= GOOGLENET_AUXILIARY
    assert params in {weights.meta["num_params"] for weights in models.get_model_weights(name)}


LARGER = [
    (name, weights)
    for name in models.list_models()
    if providers.input_size("torchvision", name)[1:] != (512, 512)
    for weights in models.get_model_weights(name)
    if evaluated_at(weights) != providers.input_size("torchvision", name)[-1]
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "weights"), LARGER, ids=[f"{name}-{each.name}" for name, each in LARGER]
)
def test_so_are_those_at_the_larger_sizes_that_some_weights_are_for(
    name: str, weights: Any
) -> None:
    side = evaluated_at(weights)
    options = {"image_size": side} if name.startswith("vit_") else {}
    counted = build_and_count(lambda: models.get_model(name, **options), (3, side, side))
    assert abs(counted.macs - weights.meta["_ops"] * 1e9) <= ROUNDING


QUANTISED = [name for name in models.list_models() if name.startswith("quantized_")]


@pytest.mark.slow
@pytest.mark.parametrize("name", QUANTISED)
def test_quantised_kernels_cost_what_they_replace(name: str) -> None:
    size = providers.input_size("torchvision", name)
    counted = build_and_count(lambda: models.get_model(name, quantize=True), size)
    assert counted.device == "cpu"
    assert not counted.uncounted
    published = {weights.meta["_ops"] for weights in models.get_model_weights(name)}
    assert min(abs(counted.macs - each * 1e9) for each in published) <= ROUNDING


@pytest.mark.slow
def test_a_size_may_be_given_to_two_images_and_to_a_batch() -> None:
    (target,) = resolve(["torchvision:raft_small"])
    one = count_target(target, (3, 128, 128))
    three = count_target(target, (3, 128, 128), batch_size=3)
    assert one.input_size == three.input_size == (3, 128, 128)
    assert (three.batch_size, three.macs) == (3, 3 * one.macs)
