"""FractalNet against the expansion rule and the paper's parameter counts."""

from __future__ import annotations

import math

import pytest
import torch
from torch import fx, nn

from opbench.architectures import fractalnet
from opbench.architectures.fractalnet import ARCHITECTURES, FractalNet, Join, surviving
from opbench.counting import build_and_count

(SPEC,) = ARCHITECTURES
WIDTHS = (64, 128, 256, 512, 512)


def convolution_weights(columns: int, widths: tuple[int, ...]) -> int:
    """Of the 2^C - 1 convolutions of a block, C read its input and the others its width."""
    total = 0
    for in_width, width in zip((3, *widths[:-1]), widths, strict=True):
        total += 9 * width * (columns * in_width + (2**columns - 1 - columns) * width)
    return total


def test_parameters_are_those_of_the_expansion_rule() -> None:
    weights = convolution_weights(3, WIDTHS)
    affine = 2 * 7 * sum(WIDTHS)
    assert weights == 33_698_880
    assert weights + affine + 513 * 10 == 33_724_618
    with torch.device("meta"):
        network = SPEC.build()
    assert sum(p.numel() for p in network.parameters()) == 33_724_618


def test_macs_are_those_of_the_expansion_rule() -> None:
    macs = 512 * 10
    for block, (in_width, width) in enumerate(zip((3, *WIDTHS[:-1]), WIDTHS, strict=True)):
        macs += (32 // 2**block) ** 2 * 9 * width * (3 * in_width + 4 * width)
    assert macs == 845_222_912
    assert build_and_count(SPEC.build, SPEC.input_size).macs == macs


@pytest.mark.parametrize(
    ("columns", "millions"), [(1, 0.3), (2, 0.8), (3, 2.1), (4, 4.8), (5, 10.2), (6, 21.1)]
)
def test_thin_networks_meet_the_papers_table_of_ultra_deep_networks(
    columns: int, millions: float
) -> None:
    """CIFAR-100, depths 5 to 160: the same rule, so 38.6 M for 20 layers cannot be its figure."""
    widths = (16, 32, 64, 128, 128)
    with torch.device("meta"):
        network = FractalNet(columns=columns, widths=widths, classes=100)
    params = sum(p.numel() for p in network.parameters())
    assert round(params / 1e6, 1) == millions


def test_longest_path_has_twenty_convolutions_and_the_shortest_five() -> None:
    with torch.device("meta"):
        network = SPEC.build().eval()
    modules = dict(network.named_modules())
    longest: dict[fx.Node, int] = {}
    shortest: dict[fx.Node, int] = {}
    for node in fx.symbolic_trace(network).graph.nodes:
        is_conv = node.op == "call_module" and isinstance(modules[node.target], nn.Conv2d)
        inputs = node.all_input_nodes
        longest[node] = is_conv + max((longest[i] for i in inputs), default=0)
        shortest[node] = is_conv + min((shortest[i] for i in inputs), default=0)
    assert longest[node] == 20
    assert shortest[node] == 5


def test_a_block_joins_two_columns_once_and_three_columns_once() -> None:
    with torch.device("meta"):
        network = SPEC.build().eval()
    divisors = [n.args[1] for n in fx.symbolic_trace(network).graph.nodes if "div" in n.name]
    assert divisors == [2, 3] * 5


def test_join_is_a_mean_that_ignores_drop_path_in_evaluation() -> None:
    columns = [torch.full((1, 2), value) for value in (1.0, 2.0, 6.0)]
    join = Join().eval()
    assert join(columns, None).tolist() == [[3.0, 3.0]]
    assert join(columns, 0).tolist() == [[3.0, 3.0]]


def test_local_drop_path_never_drops_all_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fractalnet, "LOCAL_DROP", 1.0)
    torch.manual_seed(0)
    survivors = {tuple(surviving(3, None)) for _ in range(64)}
    assert survivors == {(0,), (1,), (2,)}


def test_local_drop_path_drops_each_column_in_fifteen_percent_of_passes() -> None:
    torch.manual_seed(0)
    draws = 4000
    dropped = sum(0 not in surviving(2, None) for _ in range(draws))
    # The column survives alone half of the times that both would have been dropped.
    expected = 0.15 - 0.15**2 / 2
    assert abs(dropped / draws - expected) < 4 * math.sqrt(expected * (1 - expected) / draws)


def test_global_drop_path_keeps_one_column_in_every_join() -> None:
    assert [surviving(3, chosen) for chosen in (0, 1, 2)] == [[2], [1], [0]]
    assert [surviving(2, chosen) for chosen in (0, 1)] == [[1], [0]]
    assert surviving(2, 2) == [0, 1]  # the shallow column does not run through this join


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_global_drop_path_makes_the_network_one_column(
    chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the convolutions of the chosen column receive a gradient: 4, 2 or 1 a block."""
    monkeypatch.setattr(fractalnet, "draw_column", lambda columns: chosen)
    torch.manual_seed(0)
    network = FractalNet(widths=(4, 4, 4, 4, 4)).train()
    network(torch.randn(4, 3, 32, 32)).sum().backward()
    touched = [
        m for m in network.modules() if isinstance(m, nn.Conv2d) and m.weight.grad is not None
    ]
    assert len(touched) == 5 * 2 ** (2 - chosen)


def test_both_kinds_of_drop_path_are_drawn() -> None:
    torch.manual_seed(0)
    drawn = {fractalnet.draw_column(3) for _ in range(100)}
    assert drawn == {None, 0, 1, 2}


def test_the_same_seed_gives_the_same_training_pass() -> None:
    network = FractalNet(widths=(4, 4, 4, 4, 4)).train()
    images = torch.randn(4, 3, 32, 32)
    outputs = []
    for _ in range(2):
        torch.manual_seed(7)
        outputs.append(network(images))
    assert torch.equal(*outputs)


def test_dropout_grows_by_block() -> None:
    with torch.device("meta"):
        network = SPEC.build()
    rates = [
        {m.p for m in block.modules() if isinstance(m, nn.Dropout)} for block in network.blocks
    ]
    assert rates == [{0.0}, {0.1}, {0.2}, {0.3}, {0.4}]
