"""Operators without a dot product cost nothing; the loops that perform them never multiply pairs
into a sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .case import Case, Does, Wraps, normal
from .loops import Array, array, layer_norm, sigmoid, softmax


def free(
    idea: str,
    build: Callable[[], nn.Module],
    size: tuple[int, ...],
    perform: Callable[[Any, Array], Array],
) -> Case:
    """A case of one module that costs nothing on one input of ``size``."""
    return Case(
        idea=idea,
        build=build,
        inputs=normal(size),
        macs=0,
        perform=lambda do, net, x: perform(net, array(x)),
    )


def function(
    idea: str, does: Callable[..., Any], shapes: tuple[tuple[int, ...], ...], perform: Any
) -> Case:
    """The same for one function."""
    return Case(
        idea=idea,
        build=lambda: Does(lambda net, *inputs: does(*inputs)),
        inputs=normal(*shapes),
        macs=0,
        perform=lambda do, net, *inputs: perform(*map(array, inputs)),
    )


def _undone(pool: nn.Module, x: torch.Tensor) -> torch.Tensor:
    values, indices = pool(x)
    return F.max_unpool2d(values, indices, (2, 2))


def _batch_norm(net: Any, x: Array) -> Array:
    mean, variance, scale, shift = (
        array(each).reshape(1, -1, 1, 1)
        for each in (net.running_mean, net.running_var, net.weight, net.bias)
    )
    return (x - mean) / np.sqrt(variance + net.eps) * scale + shift


def _group_norm(net: Any, x: Array) -> Array:
    groups = x.reshape(len(x), net.num_groups, -1)
    scaled = groups - groups.mean(2, keepdims=True)
    scaled = (scaled / np.sqrt(groups.var(2, keepdims=True) + net.eps)).reshape(x.shape)
    shape = (1, -1, *[1] * (x.ndim - 2))
    return scaled * array(net.weight).reshape(shape) + array(net.bias).reshape(shape)


def _tiles(x: Array) -> Array:
    """(N, C, H, W) in squares of two: (N, C, H / 2, W / 2, 4)."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(n, c, h // 2, w // 2, 4)


def _twice(x: Array) -> Array:
    return x.repeat(2, axis=2).repeat(2, axis=3)


def _distances(x: Array, y: Array) -> Array:
    return np.sqrt(np.square(x[:, None] - y[None]).sum(-1))


FREE_OF_CHARGE = (
    free("ReLU", nn.ReLU, (2, 5), lambda net, x: np.maximum(x, 0)),
    free("sigmoid", nn.Sigmoid, (2, 5), lambda net, x: sigmoid(x)),
    free("SiLU in place", lambda: nn.SiLU(inplace=True), (2, 5), lambda net, x: x * sigmoid(x)),
    free("softmax", lambda: nn.Softmax(1), (2, 5), lambda net, x: softmax(x)),
    free("dropout", lambda: nn.Dropout(0.5), (2, 5), lambda net, x: x),
    free("batch normalisation", lambda: nn.BatchNorm2d(3), (2, 3, 4, 4), _batch_norm),
    free("layer normalisation", lambda: nn.LayerNorm(6), (2, 6), lambda net, x: layer_norm(x, net)),
    free("group normalisation", lambda: nn.GroupNorm(2, 4), (2, 4, 3, 3), _group_norm),
    free("max pooling", lambda: nn.MaxPool2d(2), (1, 2, 4, 4), lambda net, x: _tiles(x).max(-1)),
    free(
        "average pooling",
        lambda: nn.AvgPool2d(2),
        (1, 2, 4, 4),
        lambda net, x: _tiles(x).mean(-1),
    ),
    free(
        "global average pooling",
        lambda: nn.AdaptiveAvgPool2d(1),
        (1, 2, 4, 4),
        lambda net, x: x.mean((2, 3), keepdims=True),
    ),
    free(
        "nearest interpolation",
        lambda: nn.Upsample(scale_factor=2),
        (1, 2, 3, 3),
        lambda net, x: _twice(x),
    ),
    free(
        "pixel shuffle",
        lambda: nn.PixelShuffle(2),
        (1, 4, 2, 2),
        lambda net, x: x.reshape(1, 2, 2, 2, 2).transpose(0, 3, 1, 4, 2).reshape(1, 1, 4, 4),
    ),
    Case(
        idea="embedding: a row is fetched",
        build=lambda: nn.Embedding(10, 6),
        inputs=lambda: (torch.tensor([[1, 2, 3]]),),
        macs=0,
        perform=lambda do, net, x: array(net.weight)[x.numpy()],
    ),
    Case(
        idea="embedding bag: rows are added",
        build=lambda: nn.EmbeddingBag(10, 6, mode="sum"),
        inputs=lambda: (torch.tensor([[1, 2, 3], [4, 4, 4]]),),
        macs=0,
        perform=lambda do, net, x: array(net.weight)[x.numpy()].sum(1),
    ),
    function("addition", lambda a, b: a + b, ((2, 3), (2, 3)), lambda a, b: a + b),
    function(
        "a multiplication followed by a sum is no dot product",
        lambda a, b: (a * b).sum(),
        ((2, 3), (2, 3)),
        lambda a, b: (a * b).sum(),
    ),
    function(
        "a broadcast gate",
        lambda x, gate: x * torch.sigmoid(gate)[:, :, None, None],
        ((2, 3, 4, 4), (2, 3)),
        lambda x, gate: x * sigmoid(gate)[:, :, None, None],
    ),
    function("an outer product", torch.outer, ((3,), (4,)), lambda a, b: a[:, None] * b),
    function(
        "addr: an outer product added",
        torch.addr,
        ((3, 4), (3,), (4,)),
        lambda c, a, b: c + a[:, None] * b,
    ),
    function(
        "einsum without a sum",
        lambda a, b: torch.einsum("i,j->ij", a, b),
        ((3,), (4,)),
        lambda a, b: a[:, None] * b,
    ),
    function(
        "einsum of one factor", lambda a: torch.einsum("ij->j", a), ((3, 4),), lambda a: a.sum(0)
    ),
    function("a Kronecker product", torch.kron, ((2, 2), (2, 3)), np.kron),
    function("distances", torch.cdist, ((3, 4), (5, 4)), _distances),
    function("distances between many points", torch.cdist, ((30, 4), (28, 4)), _distances),
    function(
        "cosine similarity",
        lambda a, b: F.cosine_similarity(a, b, dim=1),
        ((3, 4), (3, 4)),
        lambda a, b: (a * b).sum(1) / np.sqrt(np.square(a).sum(1) * np.square(b).sum(1)),
    ),
    function(
        "grid sampling",
        lambda x, g: F.grid_sample(x, g.clamp(0, 0), mode="nearest", align_corners=True),
        ((1, 2, 3, 3), (1, 1, 1, 2)),
        lambda x, g: x[:, :, 1:2, 1:2],
    ),
    function(
        "variance and norms",
        lambda x: x.var(1) + x.norm(dim=1) + torch.linalg.vector_norm(x, dim=1),
        ((3, 4),),
        lambda x: x.var(1, ddof=1) + 2 * np.sqrt(np.square(x).sum(1)),
    ),
    function(
        "rearranging",
        lambda x: torch.cat([x.flip(1), x.roll(1, 0)], 1).t().reshape(2, -1)[:, 1:].contiguous(),
        ((3, 4),),
        lambda x: np.concatenate([x[:, ::-1], np.roll(x, 1, 0)], 1).T.reshape(2, -1)[:, 1:],
    ),
    Case(
        idea="a max pooling undone",
        build=lambda: Wraps(nn.MaxPool2d(2, return_indices=True), _undone),
        inputs=normal((1, 2, 4, 4)),
        macs=0,
        perform=lambda do, net, x: array(x) * (array(x) == _twice(_tiles(array(x)).max(-1))),
    ),
)
