"""Networks of one idea each that together meet every rule of every convention."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Does(nn.Module):
    """A network that is one function of its inputs; ``parts`` are its modules."""

    def __init__(self, function: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(self, *inputs)


@dataclass(frozen=True)
class Layer:
    build: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...]

    def network(self) -> nn.Module:
        return self.build().eval()

    def inputs(self) -> tuple[Tensor, ...]:
        return tuple(map(torch.zeros, self.shapes))


def _layer(build: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> Layer:
    return Layer(build, shapes)


def _function(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Layer:
    return Layer(lambda: Does(lambda _, *inputs: function(*inputs)), shapes)


class _Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        return torch.mm(x, weight) + torch.mm(x, weight)


def _deprecated(x: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return F.upsample(x, scale_factor=2)


def _used_under_two_parents() -> nn.Module:
    shared = nn.Conv2d(3, 3, 3, padding=1)
    return nn.Sequential(nn.Sequential(shared, nn.ReLU()), nn.Sequential(shared))


def _pools(axes: int) -> nn.Module:
    kinds = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d), (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
    adaptive = (
        (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
        (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    )
    return nn.Sequential(
        *(kind[axes - 1](2, stride=1) for kind in kinds),
        *(kind[axes - 1](size) for kind, size in zip(adaptive, (5, 3), strict=True)),
    )


MAP, SEQUENCE = (1, 4, 8, 6), (1, 5, 8)
_IMAGE = (1, 3, 8, 8)

LAYERS: dict[str, Layer] = {
    "conv1d": _layer(lambda: nn.Conv1d(4, 6, 3, stride=2), (1, 4, 9)),
    "conv2d, groups, dilation, no bias": _layer(
        lambda: nn.Conv2d(4, 6, 3, dilation=2, groups=2, bias=False), MAP
    ),
    "conv2d, padding same": _layer(lambda: nn.Conv2d(4, 6, 3, padding="same"), MAP),
    "conv3d": _layer(lambda: nn.Conv3d(2, 3, (1, 2, 3)), (1, 2, 4, 5, 6)),
    "conv2d of one image without a batch": _layer(lambda: nn.Conv2d(4, 6, 3), MAP[1:]),
    "conv_transpose1d": _layer(lambda: nn.ConvTranspose1d(4, 6, 3, stride=2), (1, 4, 9)),
    "conv_transpose2d, groups, output padding": _layer(
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, groups=2), MAP
    ),
    "conv_transpose3d": _layer(lambda: nn.ConvTranspose3d(2, 3, 2, bias=False), (1, 2, 3, 3, 3)),
    "linear": _layer(lambda: nn.Linear(8, 3), (1, 8)),
    "linear on a sequence": _layer(lambda: nn.Linear(8, 3), SEQUENCE),
    "linear on a sequence, no bias": _layer(lambda: nn.Linear(8, 3, bias=False), SEQUENCE),
    "linear on a map": _layer(lambda: nn.Linear(6, 3), MAP),
    "bilinear": _layer(lambda: nn.Bilinear(4, 5, 3), (1, 4), (1, 5)),
    "embedding and a table of weights": _layer(
        lambda: Does(
            lambda self, x: self.table(x.long()).sum(1) + self.bags(x.long()),
            table=nn.Embedding(7, 3),
            bags=nn.EmbeddingBag(7, 3),
        ),
        (1, 5),
    ),
    "normalisation in one dimension": _layer(
        lambda: nn.Sequential(nn.BatchNorm1d(4), nn.InstanceNorm1d(4, affine=True)), (1, 4, 9)
    ),
    "normalisation in two": _layer(
        lambda: nn.Sequential(
            nn.BatchNorm2d(4),
            nn.BatchNorm2d(4, affine=False),
            nn.InstanceNorm2d(4),
            nn.GroupNorm(2, 4),
            nn.GroupNorm(2, 4, affine=False),
        ),
        MAP,
    ),
    "normalisation in three": _layer(
        lambda: nn.Sequential(nn.BatchNorm3d(2), nn.InstanceNorm3d(2)), (1, 2, 3, 3, 3)
    ),
    "batch normalisation with the batch's statistics": _layer(
        lambda: nn.BatchNorm2d(4, track_running_stats=False), MAP
    ),
    "layer normalisation": _layer(
        lambda: nn.Sequential(
            nn.LayerNorm(8), nn.LayerNorm(8, elementwise_affine=False), nn.RMSNorm(8)
        ),
        SEQUENCE,
    ),
    "activation functions": _layer(
        lambda: nn.Sequential(
            nn.ReLU(),
            nn.ReLU(inplace=True),
            nn.ReLU6(),
            nn.PReLU(4),
            nn.ELU(),
            nn.LeakyReLU(),
            nn.GELU(),
            nn.SiLU(),
            nn.Tanh(),
            nn.Softmax(dim=1),
        ),
        MAP,
    ),
    "pooling in one dimension": _layer(lambda: _pools(1), (1, 4, 9)),
    "pooling in two": _layer(lambda: _pools(2), (1, 4, 9, 9)),
    "pooling in three": _layer(lambda: _pools(3), (1, 2, 9, 9, 9)),
    "pooling to a size that does not divide": _layer(lambda: nn.AdaptiveAvgPool2d(3), (1, 4, 7, 5)),
    "upsampling in two": _layer(
        lambda: nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.Upsample(size=(9, 7), mode="bilinear"),
            nn.Upsample(scale_factor=2, mode="bicubic"),
            nn.UpsamplingNearest2d(scale_factor=2),
            nn.UpsamplingBilinear2d(scale_factor=2),
        ),
        MAP,
    ),
    "upsampling in one and three": _layer(
        lambda: Does(
            lambda self, x, y: (self.line(x), self.volume(y)),
            line=nn.Upsample(scale_factor=2, mode="linear"),
            volume=nn.Upsample(scale_factor=2, mode="trilinear"),
        ),
        (1, 2, 5),
        (1, 2, 3, 3, 3),
    ),
    "grid sampling": _function(
        lambda x, grid: F.grid_sample(x, grid, align_corners=False), MAP, (1, 5, 5, 2)
    ),
    "rnn": _layer(lambda: nn.RNN(8, 3, num_layers=2, batch_first=True), SEQUENCE),
    "gru, both directions, no bias": _layer(
        lambda: nn.GRU(8, 3, num_layers=2, bidirectional=True, bias=False), SEQUENCE
    ),
    "lstm": _layer(lambda: nn.LSTM(8, 3, num_layers=2, bidirectional=True), SEQUENCE),
    "lstm with a projection": _layer(lambda: nn.LSTM(8, 6, proj_size=3), SEQUENCE),
    "recurrent cells": _layer(
        lambda: Does(
            lambda self, x: (self.rnn(x), self.gru(x), self.lstm(x)),
            rnn=nn.RNNCell(8, 3),
            gru=nn.GRUCell(8, 3),
            lstm=nn.LSTMCell(8, 3, bias=False),
        ),
        (1, 8),
    ),
    "multi-head attention": _layer(
        lambda: Does(
            lambda self, x: self.attention(x, x, x)[0],
            attention=nn.MultiheadAttention(8, 2, batch_first=True),
        ),
        SEQUENCE,
    ),
    "a transformer's encoder layer": _layer(
        lambda: nn.TransformerEncoderLayer(8, 2, dim_feedforward=12), SEQUENCE
    ),
    "fused attention": _function(
        F.scaled_dot_product_attention, (1, 2, 5, 4), (1, 2, 7, 4), (1, 2, 7, 4)
    ),
    "attention that is not fused": _function(
        F.scaled_dot_product_attention, (1, 5, 4), (1, 7, 4), (1, 7, 6)
    ),
    "functions instead of modules": _function(
        lambda x: F.max_pool2d(F.relu(F.silu(F.gelu(F.elu(F.relu6(x))))), 2), MAP
    ),
    "a softmax and a rectifier by other names": _function(lambda x: torch.relu(x).softmax(1), MAP),
    "interpolation by functions": _function(
        lambda x: F.interpolate(
            F.interpolate(F.interpolate(x, scale_factor=1.5), size=7, mode="bilinear"),
            scale_factor=(2.0, 1.0),
        ),
        MAP,
    ),
    "a deprecated function, written with another": _function(_deprecated, MAP),
    "a size in a tuple": _function(lambda x: F.interpolate(x, (9, 5)), MAP),
    "additions and multiplications": _function(
        lambda x, y: torch.add(x, y).mul(2).add(y) + torch.mul(x, y) - 3 * x, (1, 4, 8), (4, 8)
    ),
    "products": _function(
        lambda x, y: (x @ y, torch.matmul(x, y), x.matmul(y), torch.bmm(x, y), x.bmm(y)),
        (2, 3, 4),
        (2, 4, 5),
    ),
    "products of matrices": _function(
        lambda x, y, z: (torch.mm(x, y), x.mm(y), torch.addmm(z, x, y), z.addmm(x, y)),
        (3, 4),
        (4, 5),
        (3, 5),
    ),
    "products that are added": _function(
        lambda x, y, z: torch.baddbmm(z, x, y, beta=0), (2, 3, 4), (2, 4, 5), (2, 3, 5)
    ),
    "a product added in place": _function(
        lambda x, y, z: z.clone().addmm_(x, y), (3, 4), (4, 5), (3, 5)
    ),
    "einsum": _function(lambda x, y: torch.einsum("bij, bkj -> bik", x, y), (2, 3, 4), (2, 5, 4)),
    "einsum of three": _function(
        lambda x, y, z: torch.einsum("ij,jk,kl->il", x, y, z), (3, 40), (40, 5), (5, 6)
    ),
    "a result that is thrown away": _layer(
        lambda: Does(
            lambda self, x: (self.head(x), self.body(x))[1],
            head=nn.Conv2d(4, 2, 1),
            body=nn.Conv2d(4, 3, 1),
        ),
        MAP,
    ),
    "a module with two parents": _layer(_used_under_two_parents, _IMAGE),
    "a module called twice": _layer(
        lambda: Does(lambda self, x: self.conv(self.conv(x)), conv=nn.Conv2d(3, 3, 1)), _IMAGE
    ),
    "a module called past its hooks": _layer(
        lambda: Does(lambda self, x: self.conv.forward(x), conv=nn.Conv2d(3, 3, 1)), _IMAGE
    ),
    "a module that never runs": _layer(
        lambda: Does(lambda self, x: self.one(x), one=nn.Conv2d(3, 3, 1), two=nn.Conv2d(3, 9, 1)),
        _IMAGE,
    ),
    "a parametrised weight": _layer(
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 3)), (1, 8)
    ),
    "a function with its own gradient": _function(_Doubled.apply, (3, 4), (4, 5)),
    "a batch of two": _layer(
        lambda: nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU()), (2, *MAP[1:])
    ),
}
