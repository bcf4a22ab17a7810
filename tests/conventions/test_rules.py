"""Each convention on one small network, with the arithmetic written out.

conv     3 -> 4 channels, 3x3, bias, 6x6 -> 4x4    64 outputs of 27 products
bn       4 x 4 x 4 = 64 elements
relu     64 elements
pool     2x2 / 2, 4 x 2 x 2 = 16 outputs
add      16 elements
linear   16 -> 5, bias                             5 outputs of 16 products
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from opbench.conventions import CONVENTIONS, Tally, get, tally, trace
from opbench.errors import CountError, UnknownNameError

CONV, LINEAR = 4 * 4 * 4 * 27, 5 * 16


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn, self.relu = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
        self.pool, self.linear = nn.MaxPool2d(2), nn.Linear(16, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.relu(self.bn(self.conv(images))))
        logits: Tensor = self.linear((x + x).flatten(1))
        return logits


COUNTED = [
    ("mac", {"convolution": CONV, "linear": LINEAR}),
    ("flop", {"convolution": 2 * CONV, "linear": 2 * LINEAR}),
    ("connections", {"convolution": CONV, "linear": LINEAR, "bias": 64 + 5}),
    ("torch", {"convolution": 2 * CONV, "linear": 2 * LINEAR}),
    ("torchvision", {"convolution": CONV, "linear": LINEAR}),
    ("fvcore", {"convolution": CONV, "linear": LINEAR, "normalisation": 2 * 64}),
    ("ptflops", {"convolution": CONV, "linear": LINEAR, "bias": 64 + 5}),
    (
        "ptflops-hooks",
        {
            "convolution": CONV,
            "linear": LINEAR,
            "bias": 64 + 5,
            "normalisation": 2 * 64,
            "activation function": 2 * 64,  # the module and the function
            "pooling": 2 * 64,
        },
    ),
    ("thop", {"convolution": CONV, "linear": LINEAR, "normalisation": 4 * 64}),
    (
        "torchinfo",
        {"convolution": CONV, "linear": LINEAR, "bias": 64 + 5 + 4, "normalisation": 4},
    ),
    (
        "chart2016",
        {
            "convolution": 2 * CONV,
            "linear": 2 * LINEAR,
            "bias": 64 + 5,
            "activation function": 64,
            "pooling": 16 * 4,
            "addition": 16,
        },
    ),
    (
        "torch-opcounter",
        {
            "convolution": 2 * CONV,
            "linear": 2 * LINEAR,
            "bias": 64 + 5,
            "activation function": 64,
            "pooling": 4 * 4,  # one channel
            "addition": 2 * 16,  # both terms
        },
    ),
]


@pytest.fixture(scope="module")
def small() -> Callable[[str], Tally]:
    recorded = trace(Small, (3, 6, 6))
    return lambda name: tally(get(name), recorded)


@pytest.mark.parametrize(("name", "by_kind"), COUNTED)
def test_what_each_counts(
    small: Callable[[str], Tally], name: str, by_kind: dict[str, int]
) -> None:
    counted = small(name)
    assert counted.by_kind == by_kind
    assert counted.total == sum(by_kind.values())


def test_every_convention_is_tried_above() -> None:
    assert {name for name, _ in COUNTED} == set(CONVENTIONS)


def test_a_difference_adds_up_and_starts_with_the_largest(small: Callable[[str], Tally]) -> None:
    gaps = small("chart2016").minus(small("mac"))
    assert sum(gaps.values()) == small("chart2016").total - small("mac").total
    assert next(iter(gaps)) == "convolution"
    assert small("mac").minus(small("mac")) == {}


def test_what_is_not_counted_is_a_negative_difference() -> None:
    recorded = trace(lambda: nn.Conv2d(4, 4, 3, padding="same"), (4, 5, 5))
    gaps = tally(get("fvcore"), recorded).minus(tally(get("mac"), recorded))
    assert gaps == {"convolution": -4 * 25 * 36}


def test_a_transposed_convolution_where_tools_go_wrong() -> None:
    """3 -> 5 channels, 4x4 / 2, 8x8 -> 16x16: every input element meets 5 x 16 weights."""
    recorded = trace(lambda: nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1), (3, 8, 8))
    kind = "transposed convolution"
    assert tally(get("mac"), recorded).by_kind == {kind: 3 * 64 * 5 * 16}
    assert tally(get("thop"), recorded).by_kind == {kind: 5 * 256 * 3 * 16}
    assert tally(get("torchinfo"), recorded).by_kind[kind] == 3 * 5 * 16 * 256


def test_the_opcounter_ignores_groups_and_gives_every_convolution_a_bias() -> None:
    recorded = trace(lambda: nn.Conv2d(4, 4, 3, groups=4, bias=False), (4, 5, 5))
    counted = tally(get("torch-opcounter"), recorded).by_kind
    assert counted == {"convolution": 2 * 4 * 9 * 36, "bias": 4 * 9}
    assert tally(get("chart2016"), recorded).by_kind == {"convolution": 2 * 4 * 9 * 9}


def test_a_batch_is_counted_whole_and_ptflops_hooks_refuse_it() -> None:
    one, three = (trace(Small, (3, 6, 6), batch_size=images) for images in (1, 3))
    for name in ("mac", "torch", "fvcore", "ptflops", "thop", "chart2016"):
        assert tally(get(name), three).total == 3 * tally(get(name), one).total, name
    with pytest.raises(CountError, match="one image"):
        tally(get("ptflops-hooks"), three)


def test_totals_are_written_the_way_the_source_prints_them(small: Callable[[str], Tally]) -> None:
    assert small("thop").printed == "2,064"
    assert small("torchvision").printed == "0.0 GFLOPS"


def test_an_unknown_name_gets_near_matches() -> None:
    with pytest.raises(UnknownNameError, match="did you mean torch"):
        get("torch_info")


@pytest.mark.parametrize(
    ("name", "build", "shape"),
    [
        ("fvcore", lambda: Vector(), (4, 4)),
        ("thop", lambda: nn.Softmax(), (4, 4)),
        ("ptflops-hooks", lambda: Keywords(), (4, 4)),
        ("thop", lambda: torch.jit.script(nn.ReLU()), (4, 4)),
        ("torch-opcounter", lambda: nn.ConvTranspose2d(4, 4, 2), (4, 4, 4)),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_where_a_tool_raises_no_number_is_given(
    name: str, build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    device = "cpu" if isinstance(build(), torch.jit.ScriptModule) else "meta"
    with pytest.raises(CountError, match=name.partition("-")[0]):
        tally(get(name), trace(build, shape, device=device))


class Vector(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[0] @ x[0, 0]


class Keywords(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(input=x)
        return y
