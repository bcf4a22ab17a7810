"""The rules of backward operators, on the kernels that a gradient really runs on the CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from opbench.counting import count
from opbench.counting.rules.products import RULES


def backward_macs(out: Tensor) -> dict[str, int]:
    """Return the MACs of the operators with a rule that run in a backward pass, by name."""

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            out = func(*args, **(kwargs or {}))
            name = func._schema.name.removeprefix("aten::")
            if name in RULES:
                found[name] += RULES[name].macs(args, out)
            return out

    found: Counter[str] = Counter()
    with Watch():
        out.sum().backward()
    return {name: macs for name, macs in found.items() if macs}


def leaf(*shape: int) -> Tensor:
    return torch.randn(shape, requires_grad=True)


CONVOLUTIONS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "plain": (lambda: nn.Conv2d(4, 6, 3), (2, 4, 6, 6), (2 * 6 * 4 * 4) * (4 * 9)),
    "groups": (lambda: nn.Conv2d(4, 6, 3, groups=2), (2, 4, 6, 6), (2 * 6 * 4 * 4) * (2 * 9)),
    "depthwise": (lambda: nn.Conv2d(4, 4, 3, groups=4), (2, 4, 6, 6), (2 * 4 * 4 * 4) * 9),
    "stride, padding": (
        lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1),
        (2, 4, 7, 7),
        (2 * 6 * 4 * 4) * (4 * 9),
    ),
    "one axis": (lambda: nn.Conv1d(4, 6, 3), (2, 4, 6), (2 * 6 * 4) * (4 * 3)),
    "three axes": (lambda: nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4), (3 * 27) * (2 * 8)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3), (2, 4, 5, 5), (2 * 4 * 25) * (6 * 9)),
    "transposed groups": (
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2),
        (2, 4, 5, 5),
        (2 * 4 * 25) * (3 * 9),
    ),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_a_convolution_computes_the_gradients_that_are_asked_for(kind: str) -> None:
    build, shape, forward = CONVOLUTIONS[kind]
    layer = build()
    assert count(layer, (torch.zeros(shape),)).macs == forward
    both, weight = layer(leaf(*shape)), layer(torch.zeros(shape))
    assert backward_macs(both) == {"convolution_backward": 2 * forward}
    assert backward_macs(weight) == {"convolution_backward": forward}
    layer.requires_grad_(False)
    assert backward_macs(layer(leaf(*shape))) == {"convolution_backward": forward}


def test_the_bias_alone_costs_nothing() -> None:
    layer = nn.Conv2d(4, 6, 3)
    layer.weight.requires_grad_(False)
    assert backward_macs(layer(torch.zeros(2, 4, 6, 6))) == {}


def test_fused_attention_computes_the_scores_again() -> None:
    q, k = leaf(2, 3, 5, 8), leaf(2, 3, 7, 8)
    found = backward_macs(nn.functional.scaled_dot_product_attention(q, k, k))
    name = "_scaled_dot_product_flash_attention_for_cpu_backward"
    assert found == {name: (2 * 3) * (5 * 7) * (5 * 8)}


def test_a_weighted_bag_costs_what_it_adds_up_for_rows_and_for_weights() -> None:
    bag, indices = nn.EmbeddingBag(10, 6, mode="sum"), torch.tensor([[1, 2, 2], [3, 4, 5]])
    found = backward_macs(bag(indices, per_sample_weights=leaf(2, 3)))
    assert found == {
        "_embedding_bag_backward": 6 * 6,
        "_embedding_bag_per_sample_weights_backward": 6 * 6,
    }


def test_the_onednn_kernel_of_an_lstm_computes_all_gradients() -> None:
    layer = nn.LSTM(4, 5)
    found = backward_macs(layer(leaf(3, 2, 4))[0])
    if "mkldnn_rnn_layer_backward" not in found:
        pytest.skip("this build has no oneDNN")
    assert found == {"mkldnn_rnn_layer_backward": 2 * 6 * (20 * 4 + 20 * 5)}


class Score(nn.Module):
    """The gradient of a number with respect to the input, as score and energy networks have."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad(self.inner(x).sum(), x)[0]


@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_a_gradient_in_the_forward_pass_counts(kind: str) -> None:
    build, shape, forward = CONVOLUTIONS[kind]
    counted = count(Score(build()), (torch.zeros(shape),))
    assert (counted.macs, counted.uncounted) == (2 * forward, ())
