"""Peak activation memory: by hand, and against what torch's allocators did.

The CPU allocator's trace comes from ``torch.profiler``; the CUDA allocator, where there is one, is
asked after every operator.  Between two operators either has to agree with the count of tensors
alive to the byte (a few bytes are left for scalars); inside an operator it also holds scratch
memory, which the count leaves out and which makes an allocator's own peak the larger of the two.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from opbench.counting import build_and_count, count

SCALARS = 64


def test_input_and_output_of_one_layer_are_alive_together() -> None:
    counted = count(nn.Conv2d(3, 4, 3), (3, 8, 8))
    assert counted.peak_activation_bytes == 4 * (3 * 8 * 8 + 4 * 6 * 6)


def test_inputs_in_a_dictionary_are_alive_too() -> None:
    class Adds(nn.Module):
        def forward(self, pair: dict[str, Tensor]) -> Tensor:
            return pair["a"] + pair["b"]

    inputs = ({"a": torch.zeros(100), "b": torch.zeros(100)},)
    assert count(Adds(), inputs).peak_activation_bytes == 3 * 400


def test_an_activation_that_is_replaced_is_freed() -> None:
    network = nn.Sequential(*[nn.ReLU() for _ in range(5)])
    # The input is held by the caller; the old and the new activation are alive at once.
    assert count(network, (100,)).peak_activation_bytes == 3 * 400


def test_working_in_place_costs_nothing() -> None:
    network = nn.Sequential(nn.ReLU(), *[nn.ReLU(inplace=True) for _ in range(5)])
    assert count(network, (100,)).peak_activation_bytes == 2 * 400


def test_views_cost_nothing() -> None:
    class Views(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.view(10, 10).t()[2:5].unsqueeze(0).expand(7, 3, 10)

    assert count(Views(), (100,)).peak_activation_bytes == 400


def test_a_skip_connection_is_kept_until_it_is_used() -> None:
    class Skip(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            skip = x + 1
            for _ in range(4):
                x = x * 2
            return x + skip

    # input, skip, old and new activation
    assert count(Skip(), (100,)).peak_activation_bytes == 4 * 400


def test_a_list_of_features_adds_up() -> None:
    class Collects(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x + each for each in range(5)], dim=1)

    assert count(Collects(), (100,)).peak_activation_bytes == 400 + 5 * 400 + 2000


def test_half_precision_takes_half() -> None:
    network = nn.Conv2d(3, 4, 3)
    full = count(network, (3, 8, 8)).peak_activation_bytes
    assert count(network, (3, 8, 8), dtype=torch.bfloat16).peak_activation_bytes * 2 == full


def test_parameters_buffers_and_views_of_them_are_not_on_the_bill() -> None:
    class Tied(nn.Module):
        shift: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(10, 10))
            self.register_buffer("shift", torch.zeros(10))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight.t() + self.shift[:10]

    assert count(Tied(), (10,)).peak_activation_bytes == 3 * 40


def test_a_reference_cycle_is_not_collected_at_a_random_moment() -> None:
    class Cycle(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(3):
                loop: list[object] = [x]
                loop.append(loop)
                x = x + 1
            return x

    peaks = {count(Cycle(), (100,)).peak_activation_bytes for _ in range(5)}
    assert peaks == {4 * 400}


@pytest.mark.slow
def test_the_first_count_of_a_process_is_like_any_other() -> None:
    """Half of torch is imported by its first operators; what that leaves behind is not counted."""
    program = """
from torch import nn
from opbench.counting import build_and_count
build = lambda: nn.Sequential(
    nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8),
    nn.Flatten(), nn.Linear(288, 10), nn.GELU(), nn.LayerNorm(10))
assert build_and_count(build, (3, 18, 18)) == build_and_count(build, (3, 18, 18))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=300)


def _plain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(8),
        nn.Flatten(),
        nn.Linear(8 * 16 * 16, 10),
        nn.Softmax(1),
    )


class _Dense(nn.Module):
    """Concatenation, slices, several branches and a broadcast gate."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2)
        self.branches = nn.ModuleList(nn.Conv2d(8, 8, k, padding=k // 2) for k in (1, 3, 5))
        self.gate = nn.Linear(24, 24)
        self.up = nn.ConvTranspose2d(24, 3, 2, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        x = torch.cat([branch(x).relu() for branch in self.branches], 1)
        gate = torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]
        x = x * gate + nn.functional.avg_pool2d(x, 3, 1, 1)
        return nn.functional.interpolate(self.up(x), scale_factor=2.0)


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 8, 8)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, norm_first=bool(i))
            for i in range(2)
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).transpose(1, 2)
        for layer in self.layers:
            x = layer(x)
        return x.mean(1)


@pytest.mark.parametrize("build", [_plain, _Dense, _Attention])
def test_the_allocator_agrees_between_operators(build: Callable[[], nn.Module]) -> None:
    expected = build_and_count(build, (3, 32, 32), batch_size=4).peak_activation_bytes
    between, inside = allocated(build(), torch.randn(4, 3, 32, 32))
    assert between == pytest.approx(expected, abs=SCALARS)
    assert inside >= between


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("build", [_plain, _Dense, _Attention])
def test_the_cuda_allocator_agrees_too(build: Callable[[], nn.Module]) -> None:
    expected = build_and_count(build, (3, 32, 32), batch_size=4).peak_activation_bytes
    between, inside = allocated_on_cuda(build(), torch.randn(4, 3, 32, 32))
    assert between == pytest.approx(expected, abs=SCALARS)
    assert inside >= between


def allocated(network: nn.Module, images: Tensor) -> tuple[int, int]:
    """Largest bytes held at the end of an operator, and at any moment, by the CPU allocator."""
    network.eval()
    with _layer_by_layer():
        network(images)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as trace:
            network(images)
    return _peaks(trace.profiler.kineto_results.events(), images.nbytes)


def allocated_on_cuda(network: nn.Module, images: Tensor) -> tuple[int, int]:
    """The same by the CUDA allocator: bytes as they were asked for, before it rounds them up."""
    network, images = network.eval().cuda(), images.cuda()
    with _layer_by_layer():
        network(images)  # libraries take workspaces once and keep them
        torch.cuda.reset_peak_memory_stats()
        others = _requested("current") - images.nbytes
        with _AfterEachOperator() as held:
            network(images)
    return held.most - others, _requested("peak") - others


def _requested(when: str) -> int:
    return int(torch.cuda.memory_stats()[f"requested_bytes.all.{when}"])


class _AfterEachOperator(TorchDispatchMode):
    most = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        self.most = max(self.most, _requested("current"))
        return out


@contextmanager
def _layer_by_layer() -> Iterator[None]:
    """Without gradients, and without the fast paths that take several layers in one."""
    fast_paths = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_paths)


def _peaks(events: list[Any], live: int) -> tuple[int, int]:
    allocations = [(e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"]
    ends: list[tuple[int, int]] = []
    for start, longest in sorted(
        (e.start_ns(), -e.duration_ns()) for e in events if e.name().startswith("aten::")
    ):
        if not ends or start >= ends[-1][0]:  # not inside another operator
            ends.append((start - longest, 0))
    between = inside = live
    for _, change in sorted(allocations + ends, key=lambda each: each[0]):
        live += change
        inside = max(inside, live)
        between = max(between, live) if change == 0 else between
    return between, inside
