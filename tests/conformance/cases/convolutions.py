"""Convolutions: output elements x (input channels of a group x kernel elements)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .case import Case, Does, normal
from .loops import Array, Loops

_MODES = {"zeros": "constant", "circular": "wrap", "reflect": "reflect", "replicate": "edge"}


def _layer(do: Loops, net: Any, x: Any) -> Array:
    return do.conv(
        x,
        net.weight,
        net.bias,
        stride=net.stride,
        padding=net.padding,
        dilation=net.dilation,
        groups=net.groups,
        mode=_MODES[net.padding_mode],
    )


def conv(idea: str, build: Callable[[], nn.Module], size: tuple[int, ...], macs: int) -> Case:
    """A case of one ``nn.ConvNd`` on an input of ``size``."""
    return Case(idea=idea, build=build, inputs=normal(size), macs=macs, perform=_layer)


def _padding_same_by_hand(net: Any, x: Tensor) -> Tensor:
    return F.conv2d(F.pad(x, (1, 1, 1, 1)), net.weight)


CONVOLUTIONS = (
    conv("conv1d", lambda: nn.Conv1d(3, 4, 3), (1, 3, 10), 4 * 8 * (3 * 3)),
    conv("conv2d", lambda: nn.Conv2d(3, 4, 3), (1, 3, 8, 8), 4 * (6 * 6) * (3 * 3 * 3)),
    conv("conv3d", lambda: nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4), 3 * (3 * 3 * 3) * (2 * 2 * 2 * 2)),
    conv(
        "conv2d of a batch",
        lambda: nn.Conv2d(3, 4, 3),
        (3, 3, 6, 6),
        3 * 4 * (4 * 4) * (3 * 3 * 3),
    ),
    conv(
        "conv2d without bias",
        lambda: nn.Conv2d(3, 4, 3, bias=False),
        (1, 3, 6, 6),
        4 * (4 * 4) * (3 * 3 * 3),
    ),
    conv("conv2d 1x1", lambda: nn.Conv2d(6, 5, 1), (1, 6, 4, 4), 5 * (4 * 4) * 6),
    conv(
        "conv2d 1x1 with stride 2",
        lambda: nn.Conv2d(6, 5, 1, stride=2),
        (1, 6, 7, 7),
        5 * (4 * 4) * 6,
    ),
    conv(
        "conv2d with a kernel of 1x3",
        lambda: nn.Conv2d(3, 4, (1, 3)),
        (1, 3, 6, 6),
        4 * (6 * 4) * (3 * 3),
    ),
    conv(
        "conv2d as large as its input",
        lambda: nn.Conv2d(3, 4, 5),
        (1, 3, 5, 5),
        4 * (1 * 1) * (3 * 5 * 5),
    ),
    conv(
        "conv2d with stride",
        lambda: nn.Conv2d(3, 4, 3, stride=2),
        (1, 3, 9, 9),
        4 * (4 * 4) * (3 * 3 * 3),
    ),
    conv(
        "conv2d with a stride for each axis",
        lambda: nn.Conv2d(3, 4, 3, stride=(2, 3)),
        (1, 3, 9, 9),
        4 * (4 * 3) * (3 * 3 * 3),
    ),
    conv(
        "conv2d with a stride beyond its kernel",
        lambda: nn.Conv2d(3, 4, 2, stride=3),
        (1, 3, 8, 8),
        4 * (3 * 3) * (3 * 2 * 2),
    ),
    conv(
        "conv2d into patches",
        lambda: nn.Conv2d(3, 8, 4, stride=4),
        (1, 3, 8, 8),
        8 * (2 * 2) * (3 * 4 * 4),
    ),
    conv(
        "conv2d with padding: products with zeros count",
        lambda: nn.Conv2d(3, 4, 3, padding=1),
        (1, 3, 6, 6),
        4 * (6 * 6) * (3 * 3 * 3),
    ),
    conv(
        "conv2d with a padding for each axis",
        lambda: nn.Conv2d(3, 4, 3, padding=(0, 2)),
        (1, 3, 6, 6),
        4 * (4 * 8) * (3 * 3 * 3),
    ),
    conv(
        "conv2d with more padding than input",
        lambda: nn.Conv2d(2, 3, 3, padding=4),
        (1, 2, 2, 2),
        3 * (8 * 8) * (2 * 3 * 3),
    ),
    conv(
        "conv1d with padding='same'",
        lambda: nn.Conv1d(3, 4, 3, padding="same"),
        (1, 3, 7),
        4 * 7 * (3 * 3),
    ),
    conv(
        "conv2d with padding='same'",
        lambda: nn.Conv2d(3, 4, 3, padding="same"),
        (1, 3, 6, 6),
        4 * (6 * 6) * (3 * 3 * 3),
    ),
    conv(
        "conv2d with padding='same' and an even kernel",
        lambda: nn.Conv2d(3, 4, 4, padding="same"),
        (1, 3, 5, 5),
        4 * (5 * 5) * (3 * 4 * 4),
    ),
    conv(
        "conv2d with padding='same' and dilation",
        lambda: nn.Conv2d(3, 4, 3, padding="same", dilation=2),
        (1, 3, 5, 5),
        4 * (5 * 5) * (3 * 3 * 3),
    ),
    conv(
        "conv2d with padding='same' and groups",
        lambda: nn.Conv2d(4, 4, 3, padding="same", groups=2),
        (1, 4, 5, 5),
        4 * (5 * 5) * (2 * 3 * 3),
    ),
    conv(
        "conv3d with padding='same'",
        lambda: nn.Conv3d(2, 2, 3, padding="same"),
        (1, 2, 3, 3, 3),
        2 * (3 * 3 * 3) * (2 * 3 * 3 * 3),
    ),
    conv(
        "conv2d with padding='valid'",
        lambda: nn.Conv2d(3, 4, 3, padding="valid"),
        (1, 3, 6, 6),
        4 * (4 * 4) * (3 * 3 * 3),
    ),
    conv(
        "conv2d with circular padding",
        lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"),
        (1, 3, 5, 5),
        4 * (5 * 5) * (3 * 3 * 3),
    ),
    conv(
        "conv2d with reflected padding",
        lambda: nn.Conv2d(3, 4, 3, padding=2, padding_mode="reflect"),
        (1, 3, 5, 5),
        4 * (7 * 7) * (3 * 3 * 3),
    ),
    conv(
        "conv1d with replicated padding",
        lambda: nn.Conv1d(3, 4, 3, padding=1, padding_mode="replicate"),
        (1, 3, 5),
        4 * 5 * (3 * 3),
    ),
    conv(
        "conv2d with dilation",
        lambda: nn.Conv2d(3, 4, 3, dilation=2),
        (1, 3, 9, 9),
        4 * (5 * 5) * (3 * 3 * 3),
    ),
    conv(
        "conv2d with stride, padding and dilation",
        lambda: nn.Conv2d(3, 4, 3, stride=2, padding=2, dilation=2),
        (1, 3, 9, 9),
        4 * (5 * 5) * (3 * 3 * 3),
    ),
    conv(
        "conv3d with stride and padding",
        lambda: nn.Conv3d(1, 2, 3, stride=(1, 2, 2), padding=(1, 0, 1)),
        (1, 1, 3, 5, 5),
        2 * (3 * 2 * 3) * (1 * 3 * 3 * 3),
    ),
    conv(
        "conv2d with two groups",
        lambda: nn.Conv2d(4, 6, 3, groups=2),
        (1, 4, 6, 6),
        6 * (4 * 4) * (2 * 3 * 3),
    ),
    conv(
        "conv1d with three groups",
        lambda: nn.Conv1d(6, 9, 2, groups=3),
        (1, 6, 5),
        9 * 4 * (2 * 2),
    ),
    conv(
        "conv2d depthwise",
        lambda: nn.Conv2d(6, 6, 3, groups=6),
        (1, 6, 6, 6),
        6 * (4 * 4) * (1 * 3 * 3),
    ),
    conv(
        "conv2d depthwise with a multiplier",
        lambda: nn.Conv2d(3, 6, 3, groups=3),
        (1, 3, 6, 6),
        6 * (4 * 4) * (1 * 3 * 3),
    ),
    conv(
        "conv3d depthwise",
        lambda: nn.Conv3d(2, 2, 2, groups=2),
        (1, 2, 3, 3, 3),
        2 * (2 * 2 * 2) * (1 * 2 * 2 * 2),
    ),
    Case(
        idea="conv2d of one image without a batch axis",
        build=lambda: nn.Conv2d(3, 4, 3),
        inputs=normal((3, 6, 6)),
        macs=4 * (4 * 4) * (3 * 3 * 3),
        perform=lambda do, net, x: do.conv(x[None], net.weight, net.bias)[0],
    ),
    Case(
        idea="conv2d in channels last",
        build=lambda: cast(Any, nn.Conv2d(3, 4, 3)).to(memory_format=torch.channels_last),
        inputs=lambda: (torch.randn(1, 3, 6, 6).to(memory_format=torch.channels_last),),
        macs=4 * (4 * 4) * (3 * 3 * 3),
        perform=_layer,
    ),
    Case(
        idea="conv2d of a transposed view",
        build=lambda: Does(
            lambda net, x: F.conv2d(x.transpose(2, 3), net.weight), weight=(4, 3, 2, 3)
        ),
        inputs=normal((1, 3, 5, 6)),
        macs=4 * (5 * 3) * (3 * 2 * 3),
        perform=lambda do, net, x: do.conv(x.transpose(2, 3), net.weight),
    ),
    Case(
        idea="conv2d as a function",
        build=lambda: Does(lambda net, x: F.conv2d(x, net.weight, stride=2), weight=(4, 3, 3, 3)),
        inputs=normal((1, 3, 7, 7)),
        macs=4 * (3 * 3) * (3 * 3 * 3),
        perform=lambda do, net, x: do.conv(x, net.weight, stride=2),
    ),
    Case(
        idea="conv2d of a padded input",
        build=lambda: Does(_padding_same_by_hand, weight=(4, 3, 3, 3)),
        inputs=normal((1, 3, 5, 5)),
        macs=4 * (5 * 5) * (3 * 3 * 3),
        perform=lambda do, net, x: do.conv(x, net.weight, padding=1),
    ),
    Case(
        idea="conv2d through torch.convolution",
        build=lambda: Does(
            lambda net, x: torch.convolution(
                x, net.weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1
            ),
            weight=(4, 3, 3, 3),
        ),
        inputs=normal((1, 3, 5, 5)),
        macs=4 * (5 * 5) * (3 * 3 * 3),
        perform=lambda do, net, x: do.conv(x, net.weight, padding=1),
    ),
    Case(
        idea="conv1d with weights made from the input",
        build=lambda: Does(lambda net, x, kernel: F.conv1d(x, kernel)),
        inputs=normal((1, 2, 7), (3, 2, 3)),
        macs=3 * 5 * (2 * 3),
        perform=lambda do, net, x, kernel: do.conv(x, kernel),
    ),
    Case(
        idea="conv_tbc: time, batch, channels",
        build=lambda: Does(
            lambda net, x: torch.conv_tbc(x, net.weight, net.bias, 1),
            weight=(3, 4, 5),
            bias=(5,),
        ),
        inputs=normal((6, 2, 4)),
        macs=(6 * 2 * 5) * (3 * 4),
        perform=lambda do, net, x: do.conv(
            x.permute(1, 2, 0), net.weight.permute(2, 1, 0), net.bias, padding=1
        ).transpose(2, 0, 1),
    ),
    Case(
        idea="conv2d of complex numbers: a complex product is one",
        build=lambda: Does(lambda net, x, w: F.conv2d(x, w)),
        inputs=lambda: (
            torch.randn(1, 2, 4, 4, dtype=torch.complex64),
            torch.randn(3, 2, 3, 3, dtype=torch.complex64),
        ),
        macs=3 * (2 * 2) * (2 * 3 * 3),
        perform=lambda do, net, x, w: do.conv(x, w),
    ),
    Case(
        idea="a separable convolution",
        build=lambda: nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 6, 1)),
        inputs=normal((1, 4, 6, 6)),
        macs=4 * (4 * 4) * (3 * 3) + 6 * (4 * 4) * 4,
        perform=lambda do, net, x: _layer(do, net[1], _layer(do, net[0], x)),
    ),
    Case(
        idea="a convolution by unfolding into a product",
        build=lambda: Does(
            lambda net, x: (net.weight.flatten(1) @ F.unfold(x, 3)).view(1, 4, 4, 4),
            weight=(4, 3, 3, 3),
        ),
        inputs=normal((1, 3, 6, 6)),
        macs=4 * (4 * 4) * (3 * 3 * 3),
        perform=lambda do, net, x: do.conv(x, net.weight),
    ),
)
