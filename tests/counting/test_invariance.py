"""The same integers on every device, in every mode, for every type and wrapping."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn

from opbench.counting import build_and_count, count
from opbench.errors import BadValueError, CountError, TargetError
from opbench.record import Count

SIZE = (3, 16, 16)


class _Gated(nn.Module):
    """Separable convolutions, a gate, a skip connection and a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding="same", groups=8)
        self.gate = nn.Linear(8, 8)
        self.up = nn.ConvTranspose2d(8, 3, 4, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = nn.functional.dropout(self.norm(self.stem(images)), 0.1, self.training)
        gate = torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]
        return self.up(x + self.depthwise(x) * gate)


class _Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(16, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(self.patches(images).flatten(2).transpose(1, 2)).mean(1))


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.LSTM(48, 6, 2, bidirectional=True, proj_size=4, batch_first=True)
        self.head = nn.GRU(8, 5, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.rows(images.transpose(1, 2).flatten(2))[0])[1]


class _Products(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Bilinear(16, 16, 4)

    def forward(self, images: Tensor) -> Tensor:
        x = torch.einsum("nchw,ncvw->nchv", images, images)
        return torch.baddbmm(x[:, 0], x[:, 1], x[:, 2]).mean() + self.mix(x[:, 0], x[:, 1])


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "convolutions": _Gated,
    "transformer": _Transformer,
    "recurrent": _Recurrent,
    "products": _Products,
}

MACS = {
    "convolutions": 8 * 64 * 27 + 8 * 64 * 9 + 8 * 8 + (8 * 64) * (3 * 16),
    "transformer": 16 * 16 * 48
    + 2 * (4 * 16 * 16 * 16 + 2 * 16 * 16 * 16 + 2 * 16 * 32 * 16)
    + 5 * 16,
    "recurrent": 16 * 2 * (4 * 6 * (48 + 4) + 4 * 6)
    + 16 * 2 * (4 * 6 * (8 + 4) + 4 * 6)
    + 16 * 3 * 5 * (8 + 5),
    "products": 3 * 16 * 16 * 16 + 16 * 16 * 16 + 16 * 4 * 16 * 16,
}


@pytest.fixture(params=BUILDERS, ids=str)
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


def test_the_count_is_the_arithmetic(name: str) -> None:
    assert count(BUILDERS[name](), SIZE).macs == MACS[name]


def test_meta_and_cpu_agree_on_everything(name: str) -> None:
    network = BUILDERS[name]()
    meta, real = (count(network, SIZE, device=device) for device in ("meta", "cpu"))
    assert (meta.device, real.device) == ("meta", "cpu")
    assert replace(real, device="meta") == meta


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_too(name: str) -> None:
    network = BUILDERS[name]()
    assert count(network, SIZE, device="cuda").macs == MACS[name]
    assert count(network.cuda(), SIZE).macs == MACS[name]


def test_building_for_the_purpose_agrees_with_counting_what_exists(name: str) -> None:
    assert build_and_count(BUILDERS[name], SIZE) == count(BUILDERS[name](), SIZE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_type_changes_bytes_only(name: str, dtype: torch.dtype) -> None:
    expected = count(BUILDERS[name](), SIZE)
    asked = count(BUILDERS[name](), SIZE, dtype=dtype)
    made = count(BUILDERS[name]().to(dtype), SIZE)
    assert asked == made
    assert integers(asked) == integers(expected)
    wide = {torch.float16: 0.5, torch.bfloat16: 0.5, torch.float64: 2}[dtype]
    assert asked.peak_activation_bytes == expected.peak_activation_bytes * wide


def test_half_precision_agrees_on_real_tensors(name: str) -> None:
    counted = count(BUILDERS[name](), SIZE, dtype=torch.bfloat16, device="cpu")
    assert counted.macs == MACS[name]


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_the_type_is_that_of_example_inputs_too(device: str) -> None:
    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(10, 8), nn.Linear(8, 5)

        def forward(self, words: Tensor, more: dict[str, Tensor]) -> Tensor:
            return self.head(self.table(words) + more["images"])

    def build() -> tuple[nn.Module, tuple[Any, ...]]:
        return Looks(), (torch.tensor([1, 2, 3]), {"images": torch.randn(3, 8)})

    counted = build_and_count(build, dtype=torch.bfloat16, device=device)
    assert counted.macs == 3 * 5 * 8
    # eight bytes for an index; two for an element of the images, the rows and their sum
    assert counted.peak_activation_bytes == 3 * 8 + 2 * (3 * 8 + 3 * 8 + 3 * 8)


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.train(),
        lambda network: network.eval(),
        lambda network: network.requires_grad_(False),
        lambda network: network.to(memory_format=torch.channels_last),
        lambda network: torch.compile(network),
        lambda network: nn.DataParallel(network),
    ],
    ids=["train", "eval", "frozen", "channels last", "compiled", "data parallel"],
)
def test_how_a_network_is_kept_does_not_matter(name: str, change: Callable[[Any], Any]) -> None:
    assert count(change(BUILDERS[name]()), SIZE).macs == MACS[name]


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_the_callers_autocast_does_not_matter(name: str, device: str) -> None:
    expected = count(BUILDERS[name](), SIZE, device=device)
    with torch.autocast("cpu", torch.bfloat16):
        assert count(BUILDERS[name](), SIZE, device=device) == expected


def test_the_callers_default_device_does_not_matter(name: str) -> None:
    expected = count(BUILDERS[name](), SIZE)
    with torch.device("meta"):
        assert count(BUILDERS[name](), SIZE) == expected


def test_weights_made_in_inference_mode_do_not_matter(name: str) -> None:
    with torch.inference_mode():
        network = BUILDERS[name]()
    for device in ("meta", "cpu"):
        assert count(network, SIZE, device=device).macs == MACS[name]


def test_a_network_that_exists_on_meta_only_can_be_counted_anywhere(name: str) -> None:
    with torch.device("meta"):
        network = BUILDERS[name]()
    for device in ("meta", "cpu"):
        assert count(network, SIZE, device=device).macs == MACS[name]


def test_no_weights_are_allocated() -> None:
    def build() -> nn.Module:
        network = nn.Sequential(*[nn.Linear(100_000, 100_000) for _ in range(1000)])
        nn.init.trunc_normal_(network.get_parameter("0.weight"), std=0.02)
        return network

    counted = build_and_count(build, (100_000,))
    assert counted.macs == 1000 * 100_000**2
    assert counted.weight_bytes == 4 * 1000 * (100_000**2 + 100_000)


def test_a_constructor_may_compute_with_real_numbers() -> None:
    class Computes(nn.Module):
        index: Tensor

        def __init__(self) -> None:
            super().__init__()
            rates = [x.item() for x in torch.linspace(0, 0.5, 4)]
            index = torch.arange(16).view(4, 4).t().flatten()
            self.register_buffer("index", index)
            self.width = int(torch.randint(8, 9, (1,)).item())
            self.layers = nn.ModuleList(nn.Dropout(rate) for rate in rates)
            self.position = nn.Parameter(torch.zeros(1, int(index.max()) + 1))
            self.head = nn.Linear(16, self.width)

        def forward(self, x: Tensor) -> Tensor:
            return self.head((x + self.position)[:, self.index])

    counted = build_and_count(Computes, (16,))
    assert (counted.device, counted.macs) == ("meta", 8 * 16)


def test_a_network_that_looks_at_values_is_counted_on_the_cpu_and_says_so() -> None:
    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x) if float(x.sum()) != 0 else x

    for counted in (count(Looks(), (8,)), build_and_count(Looks, (8,))):
        assert (counted.device, counted.macs) == ("cpu", 64)


def test_what_depends_on_values_is_the_same_every_time() -> None:
    class Halts(nn.Module):
        """As many steps as a random input asks for."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            drawn = torch.randint(50, (1,)).item() + random.randrange(50) + numpy.random.randint(50)
            for _ in range(int(drawn + 10 * x.abs().sum().item())):
                x = self.layer(x)
            return x

    assert len({build_and_count(Halts, (8,)).macs for _ in range(5)}) == 1
    network = Halts()
    assert len({count(network, (8,)).macs for _ in range(5)}) == 1


def test_a_build_may_bring_its_own_inputs() -> None:
    def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
        return nn.Bilinear(3, 4, 5), (torch.randn(2, 3), torch.randn(2, 4))

    counted = build_and_count(build)
    assert counted.macs == 2 * 5 * 3 * 4
    assert (counted.batch_size, counted.input_size) == (2, (3,))


def test_inputs_may_be_any_arguments() -> None:
    class Takes(nn.Module):
        def forward(self, pair: dict[str, Tensor], times: int, flag: bool = False) -> Tensor:
            x = pair["a"]
            for _ in range(times):
                x = x @ pair["b"]
            return x if flag else x + 1

    inputs = ({"a": torch.randn(2, 3), "b": torch.randn(3, 3)}, 4, True)
    assert count(Takes(), inputs).macs == 4 * 2 * 3 * 3


def test_a_single_tensor_is_an_input() -> None:
    assert count(nn.Linear(8, 5), torch.randn(2, 8)).macs == 2 * 5 * 8


def test_a_build_without_inputs_needs_a_size() -> None:
    with pytest.raises(BadValueError, match="no example inputs"):
        build_and_count(_Gated)


def test_a_batch_size_beside_example_inputs_is_refused() -> None:
    with pytest.raises(BadValueError, match="bring their own batch"):
        count(nn.Linear(8, 5), (torch.randn(2, 8),), batch_size=4)


def test_a_network_that_cannot_be_built_says_why() -> None:
    def build() -> nn.Module:
        raise ValueError("no such variant")

    with pytest.raises(TargetError, match="cannot be built: ValueError: no such variant"):
        build_and_count(build, SIZE)


def test_something_that_is_no_network_is_refused() -> None:
    with pytest.raises(TargetError, match=r"a value of type dict: it must return an nn\.Module"):
        build_and_count(dict, SIZE)


def test_scripted_parts_cannot_be_counted_on_meta() -> None:
    network = torch.jit.script(nn.Sequential(nn.Linear(8, 8)))
    with pytest.raises(CountError, match="need real values"):
        count(network, (8,), device="meta")
    assert count(network, (8,)).device == "cpu"


def integers(counted: Count) -> Count:
    """Everything that does not depend on how wide a number is stored."""
    return replace(counted, weight_bytes=0, peak_activation_bytes=0)
