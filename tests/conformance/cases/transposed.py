"""Transposed convolutions: input elements x (output channels of a group x kernel elements)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import nn

from .case import Case, Does, Wraps, normal
from .loops import Array, Loops


def _transposed(do: Loops, net: Any, x: Any) -> Array:
    return do.conv_transpose(
        x,
        net.weight,
        net.bias,
        stride=net.stride,
        padding=net.padding,
        output_padding=net.output_padding,
        dilation=net.dilation,
        groups=net.groups,
    )


def transposed(idea: str, build: Callable[[], nn.Module], size: tuple[int, ...], macs: int) -> Case:
    """A case of one ``nn.ConvTransposeNd`` on an input of ``size``."""
    return Case(idea=idea, build=build, inputs=normal(size), macs=macs, perform=_transposed)


TRANSPOSED = (
    transposed(
        "conv_transpose1d", lambda: nn.ConvTranspose1d(3, 4, 3), (1, 3, 6), (3 * 6) * (4 * 3)
    ),
    transposed(
        "conv_transpose2d",
        lambda: nn.ConvTranspose2d(3, 4, 3),
        (1, 3, 4, 4),
        (3 * 4 * 4) * (4 * 3 * 3),
    ),
    transposed(
        "conv_transpose3d",
        lambda: nn.ConvTranspose3d(2, 3, 2),
        (1, 2, 3, 3, 3),
        (2 * 3 * 3 * 3) * (3 * 2 * 2 * 2),
    ),
    transposed(
        "conv_transpose2d of a batch without bias",
        lambda: nn.ConvTranspose2d(3, 4, 3, bias=False),
        (2, 3, 4, 4),
        2 * (3 * 4 * 4) * (4 * 3 * 3),
    ),
    transposed(
        "conv_transpose2d that doubles the resolution",
        lambda: nn.ConvTranspose2d(3, 4, 2, stride=2),
        (1, 3, 4, 4),
        (3 * 4 * 4) * (4 * 2 * 2),
    ),
    transposed(
        "conv_transpose2d with stride and padding: cropped products count",
        lambda: nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1),
        (1, 3, 4, 4),
        (3 * 4 * 4) * (4 * 4 * 4),
    ),
    transposed(
        "conv_transpose2d with output padding",
        lambda: nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1),
        (1, 3, 4, 4),
        (3 * 4 * 4) * (4 * 3 * 3),
    ),
    transposed(
        "conv_transpose2d with dilation",
        lambda: nn.ConvTranspose2d(3, 4, 3, dilation=2),
        (1, 3, 4, 4),
        (3 * 4 * 4) * (4 * 3 * 3),
    ),
    transposed(
        "conv_transpose2d with groups",
        lambda: nn.ConvTranspose2d(4, 6, 3, groups=2),
        (1, 4, 4, 4),
        (4 * 4 * 4) * (3 * 3 * 3),
    ),
    transposed(
        "conv_transpose2d depthwise",
        lambda: nn.ConvTranspose2d(4, 4, 4, stride=2, padding=1, groups=4),
        (1, 4, 3, 3),
        (4 * 3 * 3) * (1 * 4 * 4),
    ),
    transposed(
        "conv_transpose1d with everything",
        lambda: nn.ConvTranspose1d(
            4, 6, 3, stride=3, padding=2, output_padding=2, dilation=2, groups=2
        ),
        (2, 4, 5),
        2 * (4 * 5) * (3 * 3),
    ),
    transposed(
        "conv_transpose3d with stride",
        lambda: nn.ConvTranspose3d(2, 2, (1, 2, 2), stride=(1, 2, 2)),
        (1, 2, 2, 3, 3),
        (2 * 2 * 3 * 3) * (2 * 1 * 2 * 2),
    ),
    transposed(
        "conv_transpose2d with a kernel and stride for each axis",
        lambda: nn.ConvTranspose2d(3, 2, (2, 3), stride=(3, 1), padding=(0, 1)),
        (1, 3, 3, 4),
        (3 * 3 * 4) * (2 * 2 * 3),
    ),
    Case(
        idea="conv_transpose2d that is told its output size",
        build=lambda: Wraps(
            nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1),
            lambda layer, x: layer(x, output_size=(8, 8)),
        ),
        inputs=normal((1, 3, 4, 4)),
        macs=(3 * 4 * 4) * (4 * 3 * 3),
        perform=lambda do, net, x: do.conv_transpose(
            x, net.layer.weight, net.layer.bias, stride=2, padding=1, output_padding=1
        ),
    ),
    Case(
        idea="conv_transpose2d as a function, without a batch axis",
        build=lambda: Does(
            lambda net, x: F.conv_transpose2d(x, net.weight, stride=2), weight=(3, 4, 3, 3)
        ),
        inputs=normal((3, 4, 4)),
        macs=(3 * 4 * 4) * (4 * 3 * 3),
        perform=lambda do, net, x: do.conv_transpose(x[None], net.weight, stride=2)[0],
    ),
    Case(
        idea="an autoencoder: down and up again",
        build=lambda: nn.Sequential(
            nn.Conv2d(1, 4, 2, stride=2), nn.ReLU(), nn.ConvTranspose2d(4, 1, 2, stride=2)
        ),
        inputs=normal((1, 1, 8, 8)),
        macs=4 * (4 * 4) * (1 * 2 * 2) + (4 * 4 * 4) * (1 * 2 * 2),
        perform=lambda do, net, x: _transposed(
            do, net[2], do.conv(x, net[0].weight, net[0].bias, stride=2).clip(0)
        ),
    ),
)
