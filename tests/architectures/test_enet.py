"""ENet against sums over the rows of the paper's Table 1."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from opbench.architectures.enet import ARCHITECTURES, Downsampling, Upsampling, unpool
from opbench.counting import build_and_count

SPECS = {spec.name: spec for spec in ARCHITECTURES}


class Tally:
    """Parameters and MACs added up row by row."""

    def __init__(self) -> None:
        self.params = 0
        self.macs = 0

    def conv(self, cin: int, cout: int, kernel: int, positions: int, bias: bool = False) -> None:
        """``positions`` are those of the output, of a transposed convolution's input."""
        self.params += kernel * cin * cout + cout * bias
        self.macs += kernel * cin * cout * positions

    def norm(self, channels: int, *, prelu: bool = True) -> None:
        self.params += 2 * channels + channels * prelu

    def bottleneck(self, cin: int, cout: int, positions: int, kind: str = "regular") -> None:
        """``positions`` of the smaller of the two maps."""
        width = cout // 4
        outputs = 4 * positions if kind == "up" else positions
        self.conv(cin, width, 4 if kind == "down" else 1, positions)
        self.norm(width)
        if kind == "asymmetric":
            self.conv(width, width, 5, positions)
            self.conv(width, width, 5, positions, bias=True)
        else:
            self.conv(width, width, 9, positions, bias=True)
        self.norm(width)
        self.conv(width, cout, 1, outputs)
        self.norm(cout)  # its PReLU is that of the sum
        if kind == "up":
            self.conv(cin, cout, 1, positions)
            self.norm(cout, prelu=False)


def encoder(height: int, width: int) -> Tally:
    tally = Tally()
    area = height * width
    tally.conv(3, 13, 9, area // 4, bias=True)
    tally.norm(16)
    tally.bottleneck(16, 64, area // 16, "down")
    for _ in range(4):
        tally.bottleneck(64, 64, area // 16)
    tally.bottleneck(64, 128, area // 64, "down")
    for kind in ("regular", "dilated", "asymmetric", "dilated") * 4:
        tally.bottleneck(128, 128, area // 64, kind)
    return tally


def test_rows_of_table_1_sum_to_the_counts() -> None:
    tally, area = encoder(360, 640), 360 * 640
    tally.bottleneck(128, 64, area // 64, "up")
    for _ in range(2):
        tally.bottleneck(64, 64, area // 16)
    tally.bottleneck(64, 16, area // 16, "up")
    tally.bottleneck(16, 16, area // 4)
    tally.conv(16, 19, 4, area // 4, bias=True)
    counted = build_and_count(SPECS["enet"].build, (3, 360, 640))
    assert counted.params == tally.params == 364_647
    assert counted.macs == tally.macs == 1_723_564_800


def test_classifier_is_the_encoder_and_a_linear_layer() -> None:
    tally = encoder(224, 224)
    counted = build_and_count(SPECS["enet_classifier"].build, (3, 224, 224))
    assert counted.params == tally.params + 129 * 1000
    assert counted.macs == tally.macs + 128 * 1000


def test_released_code_differs_by_the_slopes_of_the_decoder() -> None:
    """ReLU in place of PReLU: three a bottleneck of the decoder."""
    with torch.device("meta"):
        network = SPECS["enet"].build()
    decoder = [network.up4, network.stage4, network.up5, network.stage5]
    slopes = sum(m.weight.numel() for p in decoder for m in p.modules() if isinstance(m, nn.PReLU))
    assert slopes == 3 * (16 + 16 + 64) + (4 + 4 + 16) * 2
    assert 364_647 - slopes == 364_311


def test_explanations_of_the_stated_values_are_arithmetic() -> None:
    with torch.device("meta"):
        network = SPECS["enet"].build()
    buffers = sum(m.num_features * 2 for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    assert buffers == 8_352
    assert round((364_647 + buffers) / 1e4) == 37
    assert round((364_647 + 128 * 19 + 19) / 1e4) == 37
    transposed = 16 * 16 * 9 * 45 * 80 + 4 * 4 * 9 * 90 * 160 + 16 * 19 * 4 * 180 * 320
    assert round(2 * (1_723_564_800 + 3 * transposed) / 1e7) == 393


def test_unpooling_puts_each_value_where_the_maximum_was() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 3, 6, 8)
    pooled, indices = F.max_pool2d(x, 2, return_indices=True)
    restored = unpool(pooled, indices)
    assert torch.equal(restored, F.max_unpool2d(pooled, indices, (2, 2)))
    assert torch.equal(restored[restored > 0].sort().values, pooled.flatten().sort().values)
    assert torch.equal(restored[restored > 0], x[restored > 0])


def test_decoder_unpools_with_the_indices_of_the_encoder() -> None:
    """With its branch silenced an upsampling block answers only where the maxima were."""
    torch.manual_seed(0)
    down = Downsampling(4, 8, dropout=0.0).eval()
    up: Any = Upsampling(8, 4, dropout=0.0).eval()
    nn.init.zeros_(up.branch[6].weight)
    x = torch.rand(1, 4, 8, 8)
    y, indices = down(x)
    out = up(y, indices).flatten(2)
    answered = out != 0
    assert torch.equal(answered, torch.zeros_like(answered).scatter(2, indices.flatten(2), True))


@pytest.mark.slow
def test_eval_graph_does_not_depend_on_the_image_it_was_traced_with() -> None:
    torch.manual_seed(0)
    network = SPECS["enet"].build().eval()
    with torch.inference_mode():
        traced = torch.jit.trace(network, torch.rand(1, 3, 32, 64))
        images = torch.rand(1, 3, 32, 64)
        torch.testing.assert_close(traced(images), network(images))


def test_context_stages_dilate_as_in_table_1() -> None:
    with torch.device("meta"):
        network = SPECS["enet"].build()
    kernels = []
    for block in network.encoder.stage2:
        middle = block.branch[3]
        if isinstance(middle, nn.Sequential):
            kernels.append([conv.kernel_size for conv in middle])
        else:
            kernels.append(middle.dilation[0])
    asymmetric = [(5, 1), (1, 5)]
    assert kernels == [1, 2, asymmetric, 4, 1, 8, asymmetric, 16]
