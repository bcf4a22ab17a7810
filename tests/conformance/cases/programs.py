"""What programs do with operators: share, skip, discard, wrap, convert, and look at values."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm
from torch.utils.checkpoint import checkpoint

from .case import Case, Does, Wraps, normal
from .loops import Array, Loops, array


def _linear(do: Loops, layer: Any, x: Any) -> Array:
    return do.linear(x, layer.weight, layer.bias)


class _Pair(nn.Module):
    """Two linear layers, used by ``function``."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def _discards(net: Any, x: Tensor) -> Tensor:
    net.second(x)
    return net.first(x)


def _branches(net: Any, x: Tensor) -> Tensor:
    return net.first(x) if x.shape[0] == 2 else net.second(net.first(x))


def _looks(net: Any, x: Tensor) -> Tensor:
    return net.first(x) if x.abs().max().item() >= 0 else net.second(x)


def _uses_numpy(net: Any, x: Tensor) -> Tensor:
    return net.second(torch.from_numpy(np.abs(net.first(x).detach().numpy())))


def _both(net: Any, x: Tensor) -> Tensor:
    return net.second(net.first(x))


def _repeats(net: Any, x: Tensor) -> Tensor:
    for _ in range(4):
        x = net.first(x)
    return x


def _positions(net: Any, x: Tensor) -> Tensor:
    return net.first(x + torch.arange(6)) + torch.tensor([1.0] * 6)


def _selects(net: Any, x: Tensor) -> Tensor:
    return net.first(x[x[:, 0] < np.inf])


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        return grad @ weight.t(), x.t() @ grad


class _Energy(nn.Module):
    """A network whose result is a gradient: what is computed backwards is computed too."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(self.layer(x).sum(), x)[0]


def _pruned() -> nn.Module:
    layer = nn.Linear(6, 6)
    prune.l1_unstructured(layer, "weight", 0.5)
    return layer


def _one_after_the_other(net: Any, x: Tensor) -> Any:
    return net.second(net.first(x))


def _sequence() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))


def _run_sequence(do: Loops, net: Any, x: Any) -> Array:
    return _linear(do, net[2], np.maximum(_linear(do, net[0], x), 0))


def _hooked() -> nn.Module:
    layer = nn.Linear(6, 6)
    layer.register_forward_hook(lambda module, args, out: out @ module.weight)
    return layer


# Two images of six numbers through one layer of six, and through two of them.
_ONE, _TWO = 2 * 6 * 6, 2 * (2 * 6 * 6)
_IMAGES = normal((2, 6))

PROGRAMS = (
    Case(
        idea="a module used twice",
        build=lambda: nn.Sequential(*[nn.Linear(6, 6)] * 2),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: _linear(do, net[0], _linear(do, net[0], x)),
    ),
    Case(
        idea="a loop",
        build=lambda: _Pair(_repeats),
        inputs=_IMAGES,
        macs=4 * _ONE,
        perform=lambda do, net, x: _linear(
            do, net.first, _linear(do, net.first, _linear(do, net.first, _linear(do, net.first, x)))
        ),
    ),
    Case(
        idea="forward called directly",
        build=lambda: _Pair(lambda net, x: net.second.forward(net.first.forward(x))),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: _linear(do, net.second, _linear(do, net.first, x)),
    ),
    Case(
        idea="a module that is never called",
        build=lambda: _Pair(lambda net, x: net.first(x)),
        inputs=_IMAGES,
        macs=_ONE,
        perform=lambda do, net, x: _linear(do, net.first, x),
    ),
    Case(
        idea="a result that is thrown away was computed",
        build=lambda: _Pair(_discards),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: (_linear(do, net.second, x), _linear(do, net.first, x))[1],
    ),
    Case(
        idea="a branch on the shape",
        build=lambda: _Pair(_branches),
        inputs=_IMAGES,
        macs=_ONE,
        perform=lambda do, net, x: _linear(do, net.first, x),
    ),
    Case(
        idea="a branch on a value",
        build=lambda: _Pair(_looks),
        inputs=_IMAGES,
        macs=_ONE,
        perform=lambda do, net, x: _linear(do, net.first, x),
    ),
    Case(
        idea="rows chosen by a mask",
        build=lambda: _Pair(_selects),
        inputs=_IMAGES,
        macs=_ONE,
        perform=lambda do, net, x: _linear(do, net.first, x),
    ),
    Case(
        idea="a detour through NumPy",
        build=lambda: _Pair(_uses_numpy),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: _linear(do, net.second, np.abs(_linear(do, net.first, x))),
    ),
    Case(
        idea="positions made on the way",
        build=lambda: _Pair(_positions),
        inputs=_IMAGES,
        macs=_ONE,
        perform=lambda do, net, x: _linear(do, net.first, array(x) + np.arange(6)) + 1,
    ),
    Case(
        idea="a residual connection",
        build=lambda: _Pair(lambda net, x: x + net.second(F.relu(net.first(x)))),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: (
            array(x) + _linear(do, net.second, np.maximum(_linear(do, net.first, x), 0))
        ),
    ),
    Case(
        idea="activation checkpointing",
        build=lambda: _Pair(lambda net, x: checkpoint(net.first, x, use_reentrant=False)),
        inputs=_IMAGES,
        macs=_ONE,
        perform=lambda do, net, x: _linear(do, net.first, x),
    ),
    Case(
        idea="a function mapped over the batch",
        build=lambda: _Pair(lambda net, x: torch.vmap(net.first)(x)),
        inputs=_IMAGES,
        macs=_ONE,
        perform=lambda do, net, x: _linear(do, net.first, x),
    ),
    Case(
        idea="a custom autograd function",
        build=lambda: Does(lambda net, x: _Product.apply(x, net.weight), weight=(6, 6)),
        inputs=_IMAGES,
        macs=_ONE,
        perform=lambda do, net, x: do.matmul(x, net.weight),
    ),
    Case(
        idea="a gradient taken in the forward pass",
        build=_Energy,
        inputs=_IMAGES,
        macs=2 * 6 + 2 * 6,
        perform=lambda do, net, x: (
            do.linear(x, net.layer.weight),
            do.matmul(np.ones((2, 1)), net.layer.weight),
        )[1],
    ),
    Case(
        idea="a scripted network",
        build=lambda: torch.jit.script(_sequence()),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: _run_sequence(do, list(net.children()), x),
    ),
    Case(
        idea="a traced network",
        build=lambda: torch.jit.trace(_sequence(), torch.zeros(2, 6)),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: _run_sequence(do, list(net.children()), x),
    ),
    Case(
        idea="a scripted part of a network",
        build=lambda: nn.Sequential(nn.Linear(6, 6), torch.jit.script(nn.ReLU()), nn.Linear(6, 6)),
        inputs=_IMAGES,
        macs=_TWO,
        perform=_run_sequence,
    ),
    Case(
        idea="a symbolically traced network",
        build=lambda: torch.fx.symbolic_trace(_sequence()),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: _run_sequence(do, list(net.children()), x),
    ),
    Case(
        idea="a compiled network",
        build=lambda: cast(nn.Module, torch.compile(_sequence(), backend="eager")),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: _run_sequence(do, net._orig_mod, x),
    ),
    Case(
        idea="a compiled function in a network",
        build=lambda: _Pair(torch.compile(_one_after_the_other, backend="eager")),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: _linear(do, net.second, _linear(do, net.first, x)),
    ),
    Case(
        idea="a network in bfloat16",
        build=lambda: nn.Sequential(nn.Linear(6, 6).bfloat16(), nn.Identity()),
        inputs=lambda: (torch.ones(2, 6, dtype=torch.bfloat16),),
        macs=_ONE,
        perform=lambda do, net, x: torch.tensor(_linear(do, net[0], x)).bfloat16().float().numpy(),
    ),
    Case(
        idea="a network of lazy layers",
        build=lambda: nn.Sequential(nn.LazyLinear(6), nn.ReLU(), nn.LazyLinear(6)),
        inputs=_IMAGES,
        macs=_TWO,
        perform=_run_sequence,
    ),
    Case(
        idea="weight normalisation by a hook",
        build=lambda: weight_norm(nn.Linear(6, 6)),
        inputs=_IMAGES,
        macs=_ONE,
        perform=_linear,
    ),
    Case(
        idea="a parametrised weight",
        build=lambda: parametrizations.weight_norm(nn.Linear(6, 6)),
        inputs=_IMAGES,
        macs=_ONE,
        perform=_linear,
    ),
    Case(
        idea="spectral normalisation: the norm is u W v",
        build=lambda: spectral_norm(nn.Linear(6, 6)),
        inputs=_IMAGES,
        macs=_ONE + 6 * 6 + 6,
        perform=lambda do, net, x: do.linear(
            x,
            array(net.weight_orig)
            / do.matmul(net.weight_u, do.matmul(net.weight_orig, net.weight_v)),
            net.bias,
        ),
    ),
    Case(
        idea="a pruned weight: zeros are multiplied",
        build=_pruned,
        inputs=_IMAGES,
        macs=_ONE,
        perform=_linear,
    ),
    Case(
        idea="a product in a hook",
        build=_hooked,
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: do.matmul(_linear(do, net, x), net.weight),
    ),
    Case(
        idea="several outputs in a dictionary",
        build=lambda: Wraps(
            _sequence(), lambda net, x: sum({"a": net[0](x), "b": net[2](x)}.values())
        ),
        inputs=_IMAGES,
        macs=_TWO,
        perform=lambda do, net, x: _linear(do, net.layer[0], x) + _linear(do, net.layer[2], x),
    ),
    Case(
        idea="in double precision",
        build=lambda: nn.Linear(6, 6).double(),
        inputs=lambda: (torch.randn(2, 6, dtype=torch.float64),),
        macs=_ONE,
        perform=_linear,
    ),
    Case(
        idea="a tensor that is a class of its own",
        build=lambda: Does(lambda net, x: x.as_subclass(_Named) @ net.weight, weight=(6, 6)),
        inputs=_IMAGES,
        macs=_ONE,
        perform=lambda do, net, x: do.matmul(x, net.weight),
    ),
)


class _Named(Tensor):
    """A subclass without a dispatch of its own."""
