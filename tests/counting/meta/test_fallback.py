"""A network that needs real tensors says why, before they are made and when they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import build_and_count, count
from opbench.counting.meta import fallback
from opbench.counting.meta.disguise import on_meta
from opbench.counting.meta.fallback import LOG
from opbench.errors import CountError
from opbench.registry.targets import count_target, resolve
from tests.fixtures import Opbench, Write


class _Looks(nn.Module):
    """Multiplies once or twice, as the values say: 8 x 8 weights, 8 x 4 more."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return self.second(y) if y.isfinite().all().item() else y


class _Hungry(_Looks):
    """Runs out of memory where there are values."""

    def forward(self, x: Tensor) -> Tensor:
        if not on_meta(super().forward(x)):
            raise MemoryError
        return x


def test_the_count_carries_the_reason() -> None:
    counted = count(_Looks(), (8,))
    assert (counted.device, counted.macs) == ("cpu", 8 * 8 + 8 * 4)
    assert "Tensor.item() cannot be called on meta tensors" in counted.fallback
    assert "test_fallback.py, line" in counted.fallback


def test_a_device_that_was_asked_for_needs_no_reason() -> None:
    assert count(_Looks(), (8,), device="cpu").fallback == ""
    assert count(nn.Linear(8, 8), (8,)).fallback == ""


def test_it_is_said_once_and_before_weights_are_made(caplog: pytest.LogCaptureFixture) -> None:
    said_before: list[int] = []

    def build() -> nn.Module:
        said_before.append(len(caplog.records))
        return _Looks()

    build_and_count(build, (8,))
    assert said_before == [0, 1]
    (record,) = caplog.records
    assert record.name == LOG.name
    assert record.message.startswith("warning: real tensors are needed: RuntimeError: ")


def test_on_the_command_line_it_names_the_target(
    write: Write, opbench: Opbench, caplog: pytest.LogCaptureFixture
) -> None:
    source = "from tests.counting.meta.test_fallback import _Looks\nnet = _Looks\nother = _Looks\n"
    path = write("looks.py", source)
    done = opbench("count", f"{path}:net", f"{path}:other", "--input-size", "8")
    assert done.exit_code == 0
    for name, record in zip(("net", "other"), caplog.records, strict=True):
        told = f"warning: {path}:{name}: real tensors are needed: RuntimeError: Tensor.item()"
        assert record.message.startswith(told)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import not_there\n", "ModuleNotFoundError"),
        ("def net(:\n", "SyntaxError"),
        ("def net(width): ...\n", "needs arguments (width)"),
        ("other = 1\n", "has no 'net'"),
    ],
)
def test_what_real_tensors_would_not_mend_is_not_tried_with_them(
    write: Write, opbench: Opbench, caplog: pytest.LogCaptureFixture, source: str, said: str
) -> None:
    done = opbench("count", f"{write('wrong.py', source)}:net", "--input-size", "8")
    assert done.exit_code == 2
    assert said in done.stderr
    assert not caplog.records


def test_names_cannot_write_to_the_terminal(caplog: pytest.LogCaptureFixture) -> None:
    with fallback.naming("\x1b[2J%s"):
        fallback.announce("\x1b]0;title\x07")
    assert "\x1b" not in caplog.text
    assert "%s" in caplog.text
    assert not LOG.filters


def test_weights_beyond_the_free_memory_are_refused_before_they_are_made() -> None:
    built: list[bool] = []

    def build() -> nn.Module:
        weight = torch.empty(1)
        built.append(on_meta(weight))
        network = _Looks()
        network.large = nn.Linear(2**22, 2**22, bias=False)
        return network

    with pytest.raises(CountError) as caught:
        build_and_count(build, (8,))
    assert built == [True]
    assert f"not enough memory: the weights take {4 * 2**44 / 1e9:.1f} GB" in str(caught.value)
    assert "Tensor.item() cannot be called on meta tensors" in str(caught.value)


def test_running_out_of_memory_names_the_reason() -> None:
    with pytest.raises(CountError, match=r"Hungry.*MemoryError") as caught:
        count(_Hungry(), (8,))
    assert "real tensors are needed: RuntimeError: Tensor.item()" in str(caught.value)


def test_a_copy_must_fit_beside_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    weight_bytes = 4 * (8 * 8 + 8 + 8 * 4 + 4)
    monkeypatch.setattr(fallback, "available_memory", lambda: weight_bytes)
    assert count(_Looks(), (8,)).device == "cpu"
    monkeypatch.setattr(fallback, "available_memory", lambda: weight_bytes - 1)
    with pytest.raises(CountError, match="not enough memory: the weights take"):
        count(_Looks(), (8,), device="cpu")
    assert count(_Looks().first, (8,)).device == "meta"


@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        (lambda y: y[y > 0], "torch.nonzero() needs values, which the meta device does not have"),
        (lambda y: torch.equal(y, y), "aten::equal does not run on the meta device"),
    ],
    ids=["nonzero", "equal"],
)
def test_the_reason_is_short(looks: Callable[[Tensor], Any], reason: str) -> None:
    class Network(_Looks):
        def forward(self, x: Tensor) -> Tensor:
            looks(self.first(x))
            return x

    said = count(Network(), (8,)).fallback
    assert said.startswith(f"{reason} (")
    assert said.endswith(")")
    assert "test_fallback.py, line" in said


def test_of_a_long_reason_the_first_clause_is_given() -> None:
    said = "storage_device.is_cpu() INTERNAL ASSERT FAILED at x.cpp:183, please report a bug to "
    long = RuntimeError(f"{said}PyTorch. Nested tensors must be on the CPU; {'and so on ' * 40}")
    assert fallback.reason_of(long) == "RuntimeError: Nested tensors must be on the CPU"
    assert len(fallback.reason_of(RuntimeError("word " * 100))) <= 120


def test_other_failures_on_real_tensors_are_their_own() -> None:
    class Fails(_Looks):
        def forward(self, x: Tensor) -> Tensor:
            super().forward(x)
            raise ValueError("half-way")

    with pytest.raises(CountError, match="ValueError: half-way") as caught:
        count(Fails(), (8,))
    assert "real tensors" not in str(caught.value)


def test_registered_networks_need_no_values() -> None:
    (target,) = resolve(["lenet5"])
    assert count_target(target).fallback == ""
