"""Counting leaves a network, torch and Python as they were, also when the forward pass raises."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import random
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm
from torch.utils.flop_counter import FlopCounterMode

import opbench
from opbench.counting import build_and_count, count, witness
from opbench.errors import BadValueError, CountError

SIZE = (3, 8, 8)


class Remembers(nn.Module):
    """Changes everything that a forward pass can change."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4, momentum=0.5)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.history: list[Any] = []
        self.last: Tensor | None = None
        self.table = {"steps": 0}
        self.noise = [torch.randn(4)]

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        self.steps = self.table["steps"] = self.table["steps"] + 1
        self.history.append(images)
        self.noise[0] += 1
        self.conv.weight.data.mul_(2)
        x = nn.functional.dropout(self.norm(self.conv(images)), 0.5, training=True)
        x = x + torch.rand(6, 6) + random.random() + float(numpy.random.rand())
        self.train(not self.training)
        self.last = x
        self.extra = nn.Linear(1, 1)
        return x


class Raises(Remembers):
    def forward(self, images: Tensor) -> Tensor:
        super().forward(images)
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True)
        torch.set_default_device("meta")
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.set_float32_matmul_precision("medium")
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
        torch.backends.cudnn.deterministic = not torch.backends.cudnn.deterministic
        torch.backends.cudnn.allow_tf32 = not torch.backends.cudnn.allow_tf32
        gc.enable()
        raise RuntimeError("half-way")


class Locked(Remembers):
    """Cannot be copied as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.stream = (each for each in range(3))


class LooksAtValues(Remembers):
    """Only runs on real tensors."""

    def forward(self, images: Tensor) -> Tensor:
        assert images.mean().item() < 100
        return super().forward(images)


def hooked() -> nn.Module:
    network = Remembers()
    network.conv.register_forward_hook(lambda module, args, out: out * 2)
    network.conv.register_forward_pre_hook(lambda module, args: None)
    network.register_full_backward_hook(lambda module, grads, out: None)
    return network


def pruned() -> nn.Module:
    network = Remembers()
    prune.random_unstructured(network.conv, "weight", 0.5)
    return network


def in_channels_last(network: Any) -> Any:
    return network.to(memory_format=torch.channels_last)


def with_gradients() -> nn.Module:
    network = Remembers()
    network.norm(network.conv(torch.randn(2, *SIZE))).sum().backward()
    return network


NETWORKS: dict[str, Callable[[], Any]] = {
    "stateful": Remembers,
    "in evaluation mode": lambda: Remembers().eval(),
    "raising half-way": Raises,
    "not copyable": Locked,
    "looking at values": LooksAtValues,
    "hooked": hooked,
    "pruned": pruned,
    "with gradients": with_gradients,
    "frozen": lambda: Remembers().requires_grad_(False),
    "in channels last": lambda: in_channels_last(Remembers()),
    "in half precision": lambda: Remembers().bfloat16(),
    "spectral norm": lambda: nn.Sequential(spectral_norm(nn.Conv2d(3, 4, 3))),
    "parametrised": lambda: nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 4, 3))),
    "compiled": lambda: torch.compile(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))),
    "lazy": lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d()),
    "scripted": lambda: torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))),
    "scripted and optimised": lambda: torch.jit.optimize_for_inference(
        torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval())
    ),
    "shared": lambda: nn.Sequential(*[nn.Conv2d(3, 3, 1)] * 3),
}


def state_of(network: nn.Module) -> list[Any]:
    """Everything about a network that somebody could look at, in comparable form."""
    return [_state_of_module(name, module) for name, module in network.named_modules()]


def _state_of_module(name: str, module: nn.Module) -> Any:
    tensors = [
        (key, id(each), each._version, each.device, each.stride(), each.requires_grad)
        for key, each in module.state_dict(keep_vars=True).items()
        if not nn.parameter.is_lazy(each)
    ]
    values = [
        each.detach().clone()
        for each in module.state_dict(keep_vars=True).values()
        if not nn.parameter.is_lazy(each)
    ]
    plain = {key: (type(value).__name__, _frozen(value)) for key, value in vars(module).items()}
    return name, type(module), getattr(module, "training", None), tensors, values, plain


def _frozen(value: Any) -> Any:
    if isinstance(value, Tensor):
        return id(value), value._version
    if isinstance(value, nn.Module) or callable(value):
        return id(value)
    if isinstance(value, dict):
        return [(key, _frozen(each)) for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        return [_frozen(each) for each in value]
    return copy.copy(value) if isinstance(value, (int, str, float, set, bool)) else id(value)


def same(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        return torch.equal(before, after)
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(same, before, after))
    return bool(before == after)


def surroundings() -> list[Any]:
    return [
        torch.get_rng_state(),
        random.getstate(),
        pickle.dumps(numpy.random.get_state(legacy=False)),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.empty(0).device,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.backends.mha.get_fastpath_enabled(),
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.enabled,
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.allow_tf32,
        torch.backends.opt_einsum.enabled,
        gc.isenabled(),
        id(nn.Module.__call__),
        len(nn.modules.module._global_forward_hooks),
        len(nn.modules.module._global_forward_pre_hooks),
        torch._C._len_torch_dispatch_stack(),
        torch._C._len_torch_function_stack(),
        sys.getprofile(),
        sys.gettrace() is None,
    ]


def attempt(network: nn.Module) -> None:
    try:
        count(network, SIZE)
    except CountError as error:
        assert "half-way" in str(error)


@pytest.fixture(params=NETWORKS, ids=str)
def network(request: pytest.FixtureRequest) -> Iterator[nn.Module]:
    yield NETWORKS[request.param]()


def test_a_network_is_left_as_it_was(network: nn.Module) -> None:
    before = state_of(network)
    attempt(network)
    assert same(before, state_of(network))


def test_torch_and_python_are_left_as_they_were(network: nn.Module) -> None:
    before = surroundings()
    attempt(network)
    assert same(before, surroundings())


def test_the_same_call_gives_the_same_count_again(network: nn.Module) -> None:
    if isinstance(network, Raises):
        pytest.skip("has no count")
    assert count(network, SIZE) == count(network, SIZE)


def test_the_witness_leaves_a_network_as_it_was_even_one_it_cannot_trace() -> None:
    network = Remembers()
    before, around = state_of(network), surroundings()
    with pytest.raises(CountError, match="fvcore cannot trace Remembers"):
        witness(network, SIZE)
    assert same(before, state_of(network))
    assert same(around, surroundings())


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_callers_mode_is_kept_and_does_not_matter(mode: Callable[[], Any]) -> None:
    network = Remembers()
    expected = count(network, SIZE)
    with mode():
        before = surroundings()
        assert count(network, SIZE) == expected
        assert same(before, surroundings())


def test_an_interrupt_goes_through_and_leaves_nothing_behind() -> None:
    class Interrupted(Remembers):
        def forward(self, images: Tensor) -> Tensor:
            super().forward(images)
            raise KeyboardInterrupt

    network = Interrupted()
    before, around = state_of(network), surroundings()
    with pytest.raises(KeyboardInterrupt):
        count(network, SIZE)
    assert same(before, state_of(network))
    assert same(around, surroundings())


def test_example_inputs_are_left_as_they_were() -> None:
    class InPlace(nn.Module):
        def forward(self, images: Tensor, index: Tensor) -> Tensor:
            return images.mul_(2)[index.add_(1)]

    images, index = torch.randn(4, 3), torch.tensor([0, 1])
    values, positions = images.clone(), index.clone()
    count(InPlace(), (images, index))
    assert torch.equal(images, values)
    assert torch.equal(index, positions)


def test_calls_of_another_thread_are_neither_counted_nor_disturbed() -> None:
    """A thread of somebody else's runs while the first one counts."""
    shared = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    outputs: list[Tensor] = []
    begin, end = threading.Event(), threading.Event()

    def other() -> None:
        begin.wait(60)
        outputs.append(shared(torch.ones(1, 8)))
        end.set()

    class Waits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, images: Tensor) -> Tensor:
            begin.set()
            assert end.wait(60)
            return self.layer(images)

    thread = threading.Thread(target=other)
    thread.start()
    assert count(Waits(), (8,)).macs == 8 * 8
    thread.join()
    assert torch.equal(outputs[0], shared(torch.ones(1, 8)))


def test_two_threads_count_one_after_the_other() -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(count(Remembers(), SIZE).macs))
        for _ in range(4)
    ]
    original = nn.Module.__call__
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [4 * 6 * 6 * 3 * 3 * 3] * 4
    assert nn.Module.__call__ is original


@pytest.mark.parametrize("size", [(), (0, 8, 8), (3, -1, 8)])
def test_an_impossible_size_is_refused_before_anything_runs(size: tuple[int, ...]) -> None:
    with pytest.raises(BadValueError, match="input size"):
        count(Remembers(), size)


@pytest.mark.parametrize("inputs", ["3x8x8", 3, None, {1: torch.zeros(1, 3, 8, 8)}, (3, 8.0, 8)])
def test_neither_size_nor_arguments_is_refused_before_anything_runs(inputs: Any) -> None:
    with pytest.raises(BadValueError, match=r"an input size must be|\(3, 224, 224\), the tuple"):
        count(Remembers(), inputs)


@pytest.mark.parametrize("use", [count, opbench.measure])
@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (Remembers, "not Remembers: call it"),
        (lambda: Remembers(), "<lambda>: call it"),
        ("lenet5", r"opbench.create\('lenet5'\)"),
        (None, "not None"),
    ],
)
def test_what_is_no_module_is_refused_with_what_to_do(
    use: Callable[..., Any], given: Any, advice: str
) -> None:
    with pytest.raises(BadValueError, match=f"expected an nn.Module, .*{advice}"):
        use(given, SIZE)


@pytest.mark.parametrize("batch", [0, -1, True])
def test_an_impossible_batch_is_refused(batch: int) -> None:
    with pytest.raises(BadValueError, match="batch"):
        count(Remembers(), SIZE, batch_size=batch)


def test_a_failing_forward_pass_names_module_shape_and_reason() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(7, 7))
    with pytest.raises(
        CountError, match=r"Sequential cannot run on 1x3x8x8 \(in 2\): .*multiplied"
    ):
        count(network, SIZE)


def test_a_file_that_sets_defaults_does_not_set_them_for_the_next_target() -> None:
    def build() -> nn.Module:
        torch.set_default_device("meta")
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.set_float32_matmul_precision("high")
        return nn.Linear(8, 5)

    before = surroundings()
    assert build_and_count(build, (8,)).macs == 5 * 8
    assert same(before, surroundings())


@pytest.mark.skipif(not hasattr(torch.backends, "fp32_precision"), reason="names since torch 2.9")
def test_precisions_set_by_their_newer_names_are_put_back_too() -> None:
    backends: Any = torch.backends

    class Precise(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            backends.cuda.matmul.fp32_precision = "tf32"
            backends.cudnn.conv.fp32_precision = "ieee"
            return super().forward(x)

    network = Precise(8, 5)
    holders: list[Any] = [backends.cuda.matmul, backends.cudnn.conv]
    before, around = [each.fp32_precision for each in holders], surroundings()
    count(network, (8,))
    assert [each.fp32_precision for each in holders] == before
    assert same(around, surroundings())


def test_einsum_costs_the_same_whether_opt_einsum_is_installed_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class RightToLeft:
        """In place of opt_einsum, which would choose this path here."""

        @staticmethod
        def contract_path(*args: Any, **kwargs: Any) -> tuple[list[tuple[int, int]], None]:
            return [(1, 2), (0, 1)], None

    class Chain(nn.Module):
        def forward(self, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
            return torch.einsum("ij,jk,kl->il", a, b, c)

    settings: Any = torch.backends.opt_einsum
    monkeypatch.setitem(vars(settings.m), "_opt_einsum", RightToLeft)
    monkeypatch.setitem(vars(settings.m), "is_available", lambda: True)
    monkeypatch.setattr(settings, "enabled", True)
    factors = torch.randn(5, 4), torch.randn(4, 3), torch.randn(3, 2)
    for device in ("meta", "cpu"):
        assert count(Chain(), factors, device=device).macs == 5 * 3 * 4 + 5 * 2 * 3
    assert settings.enabled
    with FlopCounterMode(display=False) as reference:  # the path is taken outside of a count
        Chain()(*factors)
    assert reference.get_total_flops() == 2 * (4 * 2 * 3 + 5 * 2 * 4)


def test_what_one_attempt_changes_the_next_does_not_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Moves(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            os.chdir("/")
            torch.set_default_dtype(torch.float64)
            assert x.mean().item() < 100  # only of real values, in a second attempt
            return super().forward(x)

    monkeypatch.chdir(tmp_path)
    Path("width").write_text("3")
    counted = build_and_count(lambda: Moves(4, int(Path("width").read_text())), (4,))
    assert (counted.macs, counted.weight_bytes) == (4 * 3, (4 * 3 + 3) * 4)
    assert Path.cwd() == tmp_path
