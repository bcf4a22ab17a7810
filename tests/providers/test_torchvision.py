"""torchvision's networks against the operation counts that torchvision publishes for them.

With every set of weights torchvision states its operations (``meta["_ops"]``, in units of 10^9
and three decimals) and parameters, counted by a program of its own: one multiply-add of a
convolution, linear layer or matrix product is one.  Counts here have to meet each to its last
digit, or be itemised below.  Each network is built as its weights need it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import cast

import pytest
from torch import nn

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
    "convnext_tiny.IMAGENET1K_V1",
    "densenet121.IMAGENET1K_V1",
    "efficientnet_b0.IMAGENET1K_V1",
    "inception_v3.IMAGENET1K_V1",
    "lraspp_mobilenet_v3_large.COCO_WITH_VOC_LABELS_V1",
    "mnasnet0_5.IMAGENET1K_V1",
    "mobilenet_v3_small.IMAGENET1K_V1",
    "quantized_shufflenet_v2_x0_5.IMAGENET1K_FBGEMM_V1",
    "raft_small.C_T_V1",
    "regnet_y_400mf.IMAGENET1K_V1",
    "resnet50.IMAGENET1K_V2",
    "r3d_18.KINETICS400_V1",
    "s3d.KINETICS400_V1",
    "shufflenet_v2_x0_5.IMAGENET1K_V1",
    "squeezenet1_1.IMAGENET1K_V1",
    "swin_t.IMAGENET1K_V1",
    "vgg11.IMAGENET1K_V1",
    "vit_b_32.IMAGENET1K_V1",
}

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

# One set of weights found a person in the noise: the head for keypoints, eight 3x3 convolutions on
# 14 x 14 and a 4x4 transposed one, ran on one box.
KEYPOINTS = {
    "keypointrcnn_resnet50_fpn.COCO_V1": 14
    * 14
    * (256 * 9 * 512 + 7 * 512 * 9 * 512 + 512 * 17 * 4 * 4)
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


SETS = {
    f"{name}.{weights.name}": weights
    for name in models.list_models()
    for weights in models.get_model_weights(name)
}
NAMES = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in SETS]


@pytest.mark.parametrize("name", NAMES)
def test_operations_are_those_that_torchvision_publishes(name: str) -> None:
    (target,) = resolve([f"torchvision:{name}"])
    counted = count_target(target)
    assert not counted.uncounted
    assert abs(itemised(name, counted) - SETS[name].meta["_ops"] * 1e9) <= ROUNDING


def itemised(name: str, counted: Count) -> int:
    """The count as torchvision's weights would have it."""
    network = name.partition(".")[0]
    if network not in BOXES:
        return counted.macs
    of_one_box, boxes = BOXES[network]
    (second_stage,) = (each.macs for each in counted.modules if each.name == "roi_heads")
    return counted.macs - second_stage + boxes * of_one_box + KEYPOINTS.get(name, 0)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_that_torchvision_publishes(name: str) -> None:
    plain = name.partition(".")[0] if name.startswith("quantized_") else name
    network = build_without_weights(lambda: providers.build("torchvision", plain))
    left_out = itertools.chain(frozen(name, network), untrained(name, network))
    params = sum(each.numel() for each in network.parameters())
    params -= sum(each.numel() for module in left_out for each in module.parameters())
    assert params == SETS[name].meta["num_params"]


def frozen(name: str, network: nn.Module) -> Iterator[nn.Module]:
    if name.partition(".")[0] in FROZEN:
        modules = cast(nn.Module, network.backbone).modules()
        yield from (each for each in modules if isinstance(each, nn.BatchNorm2d))


def untrained(name: str, network: nn.Module) -> Iterator[nn.Module]:
    """The auxiliary classifiers of a quantised GoogLeNet, which its weights do not have."""
    if name.startswith("quantized_googlenet"):
        yield from (each for part, each in network.named_children() if part.startswith("aux"))


@pytest.mark.slow
def test_a_size_may_be_given_to_two_images_and_to_a_batch() -> None:
    (target,) = resolve(["torchvision:raft_small"])
    one = count_target(target, (3, 128, 128))
    three = count_target(target, (3, 128, 128), batch_size=3)
    assert one.input_size == three.input_size == (3, 128, 128)
    assert (three.batch_size, three.macs) == (3, 3 * one.macs)
