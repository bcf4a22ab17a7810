"""Linear layers, matrix products and bilinear forms: output elements x inner length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .case import Case, Does, normal
from .loops import array


def product(
    idea: str,
    function: Callable[..., Any],
    shapes: tuple[tuple[int, ...], ...],
    macs: int,
    perform: Callable[..., Any],
) -> Case:
    """A case of one function of its inputs."""
    return Case(
        idea=idea,
        build=lambda: Does(lambda net, *inputs: function(*inputs)),
        inputs=normal(*shapes),
        macs=macs,
        perform=lambda do, net, *inputs: perform(do, *inputs),
    )


def _matmul(do: Any, a: Any, b: Any) -> Any:
    return do.matmul(a, b)


LINEAR = (
    Case(
        idea="linear",
        build=lambda: nn.Linear(8, 5),
        inputs=normal((2, 8)),
        macs=2 * 5 * 8,
        perform=lambda do, net, x: do.linear(x, net.weight, net.bias),
    ),
    Case(
        idea="linear without bias",
        build=lambda: nn.Linear(8, 5, bias=False),
        inputs=normal((2, 8)),
        macs=2 * 5 * 8,
        perform=lambda do, net, x: do.linear(x, net.weight),
    ),
    Case(
        idea="linear on a single vector",
        build=lambda: nn.Linear(8, 5),
        inputs=normal((8,)),
        macs=5 * 8,
        perform=lambda do, net, x: do.linear(x, net.weight, net.bias),
    ),
    Case(
        idea="linear on a sequence",
        build=lambda: nn.Linear(8, 5),
        inputs=normal((2, 3, 8)),
        macs=2 * 3 * 5 * 8,
        perform=lambda do, net, x: do.linear(x, net.weight, net.bias),
    ),
    Case(
        idea="linear without bias on a map of four axes",
        build=lambda: nn.Linear(4, 5, bias=False),
        inputs=normal((2, 3, 2, 4)),
        macs=2 * 3 * 2 * 5 * 4,
        perform=lambda do, net, x: do.linear(x, net.weight),
    ),
    Case(
        idea="linear to one output",
        build=lambda: nn.Linear(8, 1),
        inputs=normal((3, 8)),
        macs=3 * 1 * 8,
        perform=lambda do, net, x: do.linear(x, net.weight, net.bias),
    ),
    Case(
        idea="linear on a transposed view",
        build=lambda: Does(lambda net, x: F.linear(x.transpose(1, 2), net.weight), weight=(5, 3)),
        inputs=normal((2, 3, 4)),
        macs=2 * 4 * 5 * 3,
        perform=lambda do, net, x: do.linear(x.transpose(1, 2), net.weight),
    ),
    Case(
        idea="linear as a function",
        build=lambda: Does(
            lambda net, x: F.linear(x, net.weight, net.bias), weight=(5, 8), bias=(5,)
        ),
        inputs=normal((2, 8)),
        macs=2 * 5 * 8,
        perform=lambda do, net, x: do.linear(x, net.weight, net.bias),
    ),
    Case(
        idea="linear written as a product and a sum",
        build=lambda: Does(lambda net, x: x @ net.weight.t() + net.bias, weight=(5, 8), bias=(5,)),
        inputs=normal((2, 8)),
        macs=2 * 5 * 8,
        perform=lambda do, net, x: do.linear(x, net.weight, net.bias),
    ),
    Case(
        idea="two layers of a perceptron",
        build=lambda: nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 4)),
        inputs=normal((3, 6)),
        macs=3 * (9 * 6 + 4 * 9),
        perform=lambda do, net, x: do.linear(
            np.tanh(do.linear(x, net[0].weight, net[0].bias)), net[2].weight, net[2].bias
        ),
    ),
    Case(
        idea="bilinear layer",
        build=lambda: nn.Bilinear(4, 5, 3),
        inputs=normal((2, 4), (2, 5)),
        macs=2 * 3 * (4 * 5),
        perform=lambda do, net, x, y: do.bilinear(x, y, net.weight, net.bias),
    ),
    Case(
        idea="bilinear layer without bias on a sequence",
        build=lambda: nn.Bilinear(4, 2, 3, bias=False),
        inputs=normal((2, 3, 4), (2, 3, 2)),
        macs=2 * 3 * 3 * (4 * 2),
        perform=lambda do, net, x, y: do.bilinear(
            x.flatten(0, 1), y.flatten(0, 1), net.weight
        ).reshape(2, 3, 3),
    ),
    Case(
        idea="bilinear form as a function",
        build=lambda: Does(lambda net, x, y: F.bilinear(x, y, net.weight), weight=(1, 3, 3)),
        inputs=normal((2, 3), (2, 3)),
        macs=2 * 1 * (3 * 3),
        perform=lambda do, net, x, y: do.bilinear(x, y, net.weight),
    ),
)

PRODUCTS = (
    product("mm", torch.mm, ((3, 4), (4, 5)), 3 * 5 * 4, _matmul),
    product("mm of one row", torch.mm, ((1, 4), (4, 5)), 5 * 4, _matmul),
    product("mm with an inner length of one", torch.mm, ((3, 1), (1, 5)), 3 * 5 * 1, _matmul),
    product("bmm", torch.bmm, ((2, 3, 4), (2, 4, 5)), 2 * 3 * 5 * 4, _matmul),
    product("mv", torch.mv, ((3, 4), (4,)), 3 * 4, _matmul),
    product("dot", torch.dot, ((7,), (7,)), 7, _matmul),
    product("vdot", torch.vdot, ((7,), (7,)), 7, _matmul),
    product("matmul of two vectors", torch.matmul, ((7,), (7,)), 7, _matmul),
    product("matmul of matrix and vector", torch.matmul, ((3, 4), (4,)), 3 * 4, _matmul),
    product("matmul of vector and matrix", torch.matmul, ((4,), (4, 5)), 5 * 4, _matmul),
    product("matmul of two matrices", torch.matmul, ((3, 4), (4, 5)), 3 * 5 * 4, _matmul),
    product("matmul of batches", torch.matmul, ((2, 3, 4), (2, 4, 5)), 2 * 3 * 5 * 4, _matmul),
    product(
        "matmul of a batch and a matrix", torch.matmul, ((2, 3, 4), (4, 5)), 2 * 3 * 5 * 4, _matmul
    ),
    product(
        "matmul of a matrix and a batch", torch.matmul, ((3, 4), (2, 4, 5)), 2 * 3 * 5 * 4, _matmul
    ),
    product("matmul of a batch and a vector", torch.matmul, ((2, 3, 4), (4,)), 2 * 3 * 4, _matmul),
    product("matmul of a vector and a batch", torch.matmul, ((4,), (2, 4, 5)), 2 * 5 * 4, _matmul),
    product(
        "matmul with broadcast batches",
        torch.matmul,
        ((2, 1, 3, 4), (5, 4, 2)),
        (2 * 5) * 3 * 2 * 4,
        _matmul,
    ),
    product(
        "matmul of a transposed view",
        lambda a, b: a @ b.transpose(-1, -2),
        ((2, 3, 4), (2, 5, 4)),
        2 * 3 * 5 * 4,
        lambda do, a, b: do.matmul(a, b.transpose(-1, -2)),
    ),
    product(
        "the operator @ with a batch of five axes",
        lambda a, b: a @ b,
        ((2, 1, 2, 3, 2), (2, 2, 2, 2, 3)),
        (2 * 2 * 2) * 3 * 3 * 2,
        _matmul,
    ),
    product(
        "mm into a given result",
        lambda a, b: torch.mm(a, b, out=torch.empty(3, 5, device=a.device)),
        ((3, 4), (4, 5)),
        3 * 5 * 4,
        _matmul,
    ),
    product(
        "addmm",
        torch.addmm,
        ((3, 5), (3, 4), (4, 5)),
        3 * 5 * 4,
        lambda do, c, a, b: array(c) + do.matmul(a, b),
    ),
    product(
        "addmm with factors: scaling is no product",
        lambda c, a, b: torch.addmm(c, a, b, beta=0.5, alpha=2),
        ((3, 5), (3, 4), (4, 5)),
        3 * 5 * 4,
        lambda do, c, a, b: array(c) * 0.5 + do.matmul(a, b) * 2,
    ),
    product(
        "addmm in place",
        lambda c, a, b: c.addmm_(a, b),
        ((3, 5), (3, 4), (4, 5)),
        3 * 5 * 4,
        lambda do, c, a, b: array(c) + do.matmul(a, b),
    ),
    product(
        "addmv",
        torch.addmv,
        ((3,), (3, 4), (4,)),
        3 * 4,
        lambda do, c, a, b: array(c) + do.matmul(a, b),
    ),
    product(
        "baddbmm",
        torch.baddbmm,
        ((2, 3, 5), (2, 3, 4), (2, 4, 5)),
        2 * 3 * 5 * 4,
        lambda do, c, a, b: array(c) + do.matmul(a, b),
    ),
    product(
        "addbmm: the sum over the batch is part of the dot product",
        torch.addbmm,
        ((3, 5), (2, 3, 4), (2, 4, 5)),
        3 * 5 * (2 * 4),
        lambda do, c, a, b: array(c) + do.matmul(a, b).sum(0),
    ),
    product(
        "inner",
        torch.inner,
        ((2, 3), (4, 3)),
        2 * 4 * 3,
        lambda do, a, b: do.matmul(a, b.T),
    ),
    product(
        "tensordot over two axes",
        lambda a, b: torch.tensordot(a, b, 2),
        ((2, 3, 4), (3, 4, 5)),
        2 * 5 * (3 * 4),
        lambda do, a, b: do.matmul(a.flatten(1), b.flatten(0, 1)),
    ),
    product(
        "multi_dot: the cheaper order is the one that runs",
        lambda a, b, c: torch.linalg.multi_dot([a, b, c]),
        ((2, 6), (6, 2), (2, 5)),
        2 * 2 * 6 + 2 * 5 * 2,
        lambda do, a, b, c: do.matmul(do.matmul(a, b), c),
    ),
    product(
        "matrix_power: a square and one more",
        lambda a: torch.linalg.matrix_power(a, 3),
        ((3, 3),),
        2 * (3 * 3 * 3),
        lambda do, a: do.matmul(do.matmul(a, a), a),
    ),
    product(
        "covariance of variables",
        lambda a: torch.mm(a - a.mean(1, keepdim=True), (a - a.mean(1, keepdim=True)).t()) / 4,
        ((3, 5),),
        3 * 3 * 5,
        lambda do, a: do.matmul(*(lambda c: (c, c.T))(array(a - a.mean(1, keepdim=True)))) / 4,
    ),
    product(
        "einsum of a matrix product",
        lambda a, b: torch.einsum("ij,jk->ik", a, b),
        ((3, 4), (4, 5)),
        3 * 5 * 4,
        _matmul,
    ),
    product(
        "einsum of a batched product",
        lambda a, b: torch.einsum("bij,bjk->bik", a, b),
        ((2, 3, 4), (2, 4, 5)),
        2 * 3 * 5 * 4,
        _matmul,
    ),
    product(
        "einsum of attention scores",
        lambda a, b: torch.einsum("bqhd,bkhd->bhqk", a, b),
        ((1, 3, 2, 4), (1, 5, 2, 4)),
        (1 * 2 * 3 * 5) * 4,
        lambda do, a, b: do.matmul(a.transpose(1, 2), b.permute(0, 2, 3, 1)),
    ),
    product(
        "einsum with an ellipsis",
        lambda a, b: torch.einsum("...i,oi->...o", a, b),
        ((2, 3, 4), (5, 4)),
        2 * 3 * 5 * 4,
        lambda do, a, b: do.linear(a, b),
    ),
    product(
        "einsum of an inner product",
        lambda a, b: torch.einsum("i,i->", a, b),
        ((6,), (6,)),
        6,
        _matmul,
    ),
    product(
        "einsum summed over everything",
        lambda a, b: torch.einsum("ij,ij->", a, b),
        ((3, 4), (3, 4)),
        3 * 4,
        lambda do, a, b: do.matmul(a.flatten(), b.flatten()),
    ),
    product(
        "einsum of three factors, from left to right",
        lambda a, b, c: torch.einsum("ij,jk,kl->il", a, b, c),
        ((5, 4), (4, 3), (3, 2)),  # from right to left they would be 64
        5 * 3 * 4 + 5 * 2 * 3,
        lambda do, a, b, c: do.matmul(do.matmul(a, b), c),
    ),
    Case(
        idea="a sparse matrix: only stored elements are multiplied",
        build=lambda: Does(lambda net, m, x: torch.sparse.mm(m, x)),
        inputs=lambda: (torch.diag(torch.tensor([1.0, 2, 3, 4])).to_sparse(), torch.randn(4, 5)),
        macs=4 * 5,
        perform=lambda do, net, m, x: np.stack(
            [
                [do.dot(row[row != 0].tolist(), column[row != 0].tolist()) for column in array(x).T]
                for row in array(m)
            ]
        ),
    ),
    Case(
        idea="an embedding bag with weights: rows are weighted and added",
        build=lambda: nn.EmbeddingBag(10, 6, mode="sum"),
        inputs=lambda: (torch.tensor([[1, 2, 3], [4, 4, 5]]), None, torch.randn(2, 3)),
        macs=(2 * 6) * 3,
        perform=lambda do, net, rows, _, weights: np.stack(
            [
                do.matmul(weight, net.weight[index])
                for index, weight in zip(rows, weights, strict=True)
            ]
        ),
    ),
    product(
        "affine_grid: every point is a product with theta",
        lambda theta: F.affine_grid(theta, [1, 1, 2, 2], align_corners=True),
        ((1, 2, 3),),
        (2 * 2 * 2) * 3,
        lambda do, theta: do.matmul(
            np.array([[x, y, 1.0] for y in (-1.0, 1.0) for x in (-1.0, 1.0)]), theta[0].T
        ).reshape(1, 2, 2, 2),
    ),
)
