"""Fill a network's parameters at the cost of writing them once.

Timing needs numbers in the weights, not an initialisation scheme: drawing vgg16's by its scheme
takes longer than ten forward passes.  While a network is built here, the schemes of its layers
are skipped; afterwards each parameter is filled with a repeated block of uniform numbers.  What
has structure is not touched: constants, normalisation layers, buffers.

The rule that the values must keep: no denormal, infinity or NaN in any activation, because
arithmetic on them can run at another speed.  With a weight's second moment at GAIN / fan-in, a
plain chain of n layers with ReLU scales the signal's by (GAIN / 2)^n, and a residual network of n
blocks of two layers by (1 + GAIN^2 / 2)^n: at GAIN = 0.5 the deepest networks here, 75 layers in a
chain and 600 residual blocks, stay within float32 and bfloat16 by many orders of magnitude.

No gain keeps both within float16: a chain needs GAIN = 2, with which the blocks triple the signal
each.  There each layer is scaled, in one pass in float32, so that its output has a second moment of
1 (``level``).  A chain then keeps it, and a residual network's grows by 1 a block.

Reference:
    Mishkin and Matas, "All you need is a good init", ICLR 2016.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode

GAIN = 0.5
_BLOCK = 1 << 16
_TURN = 40_503  # odd: it takes as many turns as there are places to come round

_T = TypeVar("_T")

# Of torch.nn.init, these tell a mode of their call; the others draw with the tensor's own methods.
_SCHEMES = frozenset({nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_})
_DRAWS = frozenset({Tensor.uniform_, Tensor.normal_})


class _CheapDraws(TorchFunctionMode):
    """Inside this mode schemes are skipped, and other draws are of one block, repeated.

    They are not skipped because a scheme that redraws what lies out of bounds would never end.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _SCHEMES:
            return args[0] if args else kwargs["tensor"]
        if func in _DRAWS and args[0].numel() > _BLOCK:
            block = args[0].new_empty(_BLOCK)
            func(block, *args[1:], **kwargs)
            return _tile(args[0], block)
        return func(*args, **kwargs)


def build_cheaply(build: Callable[[], _T], modules: Callable[[_T], nn.Module], seed: int) -> _T:
    """Build a network without its initialisation scheme, its parameters filled.

    ``modules`` takes the network out of what was built.
    """
    with _CheapDraws():
        built = build()
    fill(modules(built), seed)
    return built


@torch.no_grad()
def fill(network: nn.Module, seed: int) -> None:
    """Uniform numbers in every parameter of two or more dimensions; 0 in a drawn bias.

    Vectors that belong to a layer with a matrix are its bias; all other vectors are scales and
    shifts of normalisation layers, whose constants are kept.
    """
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.empty(_BLOCK).uniform_(-1, 1, generator=generator).repeat(2)
    filled: set[int] = set()
    for module in network.modules():
        own = [each for each in module._parameters.values() if each is not None]
        has_matrix = any(parameter.dim() > 1 for parameter in own)
        for parameter in own:
            if id(parameter) in filled:
                continue
            filled.add(id(parameter))
            if parameter.dim() > 1:
                # Equal weights in every block of a residual network would add up: begin elsewhere.
                start = _TURN * len(filled) % _BLOCK
                needed = numbers[start : start + min(_BLOCK, parameter.numel())]
                bound = math.sqrt(3 * GAIN / max(1, parameter[0].numel()))
                _tile(parameter, needed * bound)
            elif has_matrix:
                parameter.zero_()


@torch.no_grad()
def level(network: nn.Module, forward: Callable[[], object]) -> None:
    """Scale the weights of convolutions and linear layers to outputs of second moment 1.

    ``forward`` is a pass of ``network`` whose biases are 0, as ``fill`` leaves them.
    """
    layers = [each for each in network.modules() if isinstance(each, (_ConvNd, nn.Linear))]
    hooks = [each.register_forward_hook(_level) for each in layers]
    try:
        forward()
    finally:
        for hook in hooks:
            hook.remove()


def _level(layer: nn.Module, _: object, out: Tensor) -> Tensor:
    scale = out.square().mean().rsqrt().nan_to_num(1.0, posinf=1.0)
    layer.get_parameter("weight").mul_(scale)
    return out * scale


def _tile(tensor: Tensor, block: Tensor) -> Tensor:
    if not tensor.is_contiguous():
        return tensor.copy_(_tile(torch.empty(tensor.shape, dtype=tensor.dtype), block))
    flat = tensor.detach().view(-1)
    block = block.to(flat)
    whole = flat.numel() // len(block) * len(block)
    flat[:whole].view(-1, len(block)).copy_(block.expand(whole // len(block), -1))
    flat[whole:].copy_(block[: flat.numel() - whole])
    return tensor
