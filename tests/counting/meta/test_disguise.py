"""A network takes the same way on the meta device as with real tensors, or is counted with those.

Each network runs its small layer (4 x 5 weights) on the CPU and would run its large one (4 x 500)
if it noticed the meta device.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import FloatTensor, Tensor, nn

from opbench.conventions.forward import trace
from opbench.counting import build_and_count, count
from opbench.errors import CountError

ROWS = 3
SMALL = ROWS * 4 * 5
CPU = torch.device("cpu")


class Decides(nn.Module):
    def __init__(self, is_real: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.small, self.large = nn.Linear(4, 5), nn.Linear(4, 500)
        self.is_real = is_real

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.small(x) if self.is_real(self, x) else self.large(x)
        return out


FLOATS = (FloatTensor, torch.HalfTensor)


def optional() -> Any:
    return torch.FloatTensor | None


def cast_to(kind: Any, x: Tensor) -> Tensor:
    cast: Tensor = x.type(kind)
    return cast


def set_default(kind: Any) -> bool:
    torch.set_default_tensor_type(kind)
    return True


LOOKS: dict[str, Callable[[Any, Tensor], Any]] = {
    "type of the device": lambda network, x: x.device.type == "cpu",
    "device": lambda network, x: x.device == CPU,
    "name of the device": lambda network, x: str(x.device) == "cpu",
    "is_meta": lambda network, x: not x.is_meta,
    "is_cpu": lambda network, x: x.is_cpu,
    "device of a weight": lambda network, x: next(network.parameters()).device.type == "cpu",
    "device of an activation": lambda network, x: network.small(x).device.type == "cpu" and x is x,
    "device of a new tensor": lambda network, x: x.new_zeros(3).device == x.device == CPU,
    "type": lambda network, x: x.type() == "torch.FloatTensor",
    "class": lambda network, x: isinstance(x, torch.FloatTensor),
    "classes": lambda network, x: isinstance(x.half(), (torch.DoubleTensor, torch.HalfTensor)),
    "other class": lambda network, x: not isinstance(x, torch.LongTensor),
    "class of values": lambda network, x: isinstance(torch.arange(3), torch.LongTensor),
    "imported class": lambda network, x: isinstance(x, FloatTensor),
    "one of two imported classes": lambda network, x: isinstance(x, FLOATS),
    "class or None": lambda network, x: isinstance(x, optional()),
    "class for a class": lambda network, x: {FloatTensor: True}[torch.FloatTensor],
    "cast to a class": lambda network, x: cast_to(torch.DoubleTensor, x).dtype is torch.float64,
    "cast to a class by keyword": lambda network, x: (
        x.type(dtype=torch.DoubleTensor).dtype is torch.float64  # type: ignore[call-overload]
    ),
    "made by a class": lambda network, x: torch.LongTensor([2, 3]).dtype is torch.LongTensor.dtype,
    "default class": lambda network, x: set_default(torch.FloatTensor),
    "address": lambda network, x: x.data_ptr() and x.data_ptr() == x.view(-1).data_ptr(),
    "addresses of others": lambda network, x: x.data_ptr() != network.small.weight.data_ptr(),
    "address of a part": lambda network, x: x[1].data_ptr() - x.data_ptr() == 4 * x.stride(0),
    "device of a storage": lambda network, x: x.untyped_storage().device.type == "cpu",
    "device of a storage with a type": lambda network, x: x.storage().device == CPU,
    "attrgetter": lambda network, x: attrgetter("device.type")(x) == "cpu",
    "getattr": lambda network, x: getattr(x, "device").type in {"cpu", "cuda"},  # noqa: B009
    "values made on the device": lambda network, x: (
        torch.arange(3, device=x.device).tolist()[2] == 2
    ),
}


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.filterwarnings("ignore:torch.set_default_tensor_type")
@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_a_look_at_the_device_sees_the_cpu(look: str) -> None:
    network = Decides(LOOKS[look])
    meta = count(network, (torch.ones(ROWS, 4),), device="meta")
    real = count(network, (torch.ones(ROWS, 4),), device="cpu")
    assert meta.macs == real.macs
    assert meta.macs - (SMALL if look == "device of an activation" else 0) == SMALL


IMPORTED = """
import torch
from torch import FloatTensor, nn

KIND = torch.LongTensor

class Net(nn.Module):
    kinds = [torch.LongTensor]

    def __init__(self):
        super().__init__()
        self.small, self.large = nn.Linear(4, 5), nn.Linear(4, 500)

    def forward(self, x: torch.FloatTensor | None = None, kind=torch.LongTensor):
        return self.small(x) if isinstance(x, FloatTensor) else self.large(x)
"""


def test_what_is_imported_meanwhile_keeps_the_classes_of_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imported_late.py").write_text(IMPORTED)
    monkeypatch.syspath_prepend(str(tmp_path))
    counted = build_and_count(
        lambda: import_module("imported_late").Net(), (torch.ones(ROWS, 4),), device="meta"
    )
    assert counted.macs == SMALL
    late = import_module("imported_late")
    kept = (late.KIND, late.FloatTensor, *late.Net.kinds, *late.Net.forward.__defaults__[1:])
    assert kept == (torch.LongTensor, torch.FloatTensor, torch.LongTensor, torch.LongTensor)
    assert {type(each) for each in kept} == {type(torch.FloatTensor)}
    assert torch.ones(2).type(late.KIND).dtype is torch.int64


def test_torch_holds_its_classes_again_afterwards() -> None:
    before = {holder: dict(vars(holder)) for holder in (torch, torch.cuda)}
    count(Decides(LOOKS["class"]), (torch.ones(ROWS, 4),))
    for holder, names in before.items():
        assert {name: each for name, each in vars(holder).items() if name in names} == names


def test_a_constructor_that_looks_sees_the_cpu() -> None:
    class Constructs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            weight = nn.Linear(4, 4).weight
            width = 500 if weight.is_meta or weight.device.type == "meta" else 5
            self.head = nn.Linear(4, width)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(x)
            return out

    counted = build_and_count(Constructs, (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (SMALL, "meta")


@pytest.mark.parametrize("look", ["is_meta", "class", "imported class"])
def test_other_conventions_take_the_same_way(look: str) -> None:
    calls = trace(lambda: Decides(LOOKS[look]), (torch.ones(ROWS, 4),))
    assert [tuple(call.out.shape) for call in calls if call.name == "linear"] == [(ROWS, 5)]


def test_the_context_of_a_device_is_that_of_the_cpu() -> None:
    class Casts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast(x.device.type, torch.bfloat16):
                out: Tensor = self.head(x)
            return out

    counted = count(Casts(), (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (
        SMALL,
        "cpu",
    )  # meta ignores autocast


def test_a_large_tensor_made_on_the_device_takes_no_memory() -> None:
    columns = 10**12

    class Makes(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            table = torch.zeros(4, columns, device=x.device)
            noise = torch.randn(1, columns, device=x.device)
            return x @ table + noise + torch.full((1, columns), 0.5, device=x.device)

    counted = count(Makes(), (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (ROWS * 4 * columns, "meta")


def test_tensors_answer_as_ever_afterwards() -> None:
    def fail(network: nn.Module, x: Tensor) -> bool:
        raise ValueError

    before = dict(vars(Tensor))
    count(Decides(LOOKS["device"]), (4,))
    with pytest.raises(CountError):
        count(Decides(fail), (4,))
    assert dict(vars(Tensor)) == before
    assert torch.empty(2, device="meta").is_meta


ATTEMPTS: dict[str, Callable[[Tensor], Any]] = {
    "float": lambda x: float(x.sum()),
    "item": lambda x: x[0, 0].item(),
    "tolist": lambda x: x.tolist(),
    "bool": lambda x: bool((x > 0).any()),
    "numpy": lambda x: x.numpy(),
    "asarray": lambda x: numpy.asarray(x),
    "nonzero": lambda x: x.nonzero(),
    "dlpack": lambda x: numpy.from_dlpack(x),
    "mask": lambda x: x[x > 0],
    "copy to the CPU": lambda x: x.cpu().numpy(),
}


def succeeds(attempt: Callable[[Tensor], Any]) -> Callable[[nn.Module, Tensor], bool]:
    def tried(network: nn.Module, x: Tensor) -> bool:
        try:
            attempt(x)
        except Exception:  # noqa: BLE001  as careless networks do
            return False
        return True

    return tried


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_an_error_of_the_meta_device_that_a_network_catches_is_noticed(attempt: str) -> None:
    network = Decides(succeeds(ATTEMPTS[attempt]))
    counted = count(network, (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (SMALL, "cpu")
    assert "catches an error of the meta device" in counted.fallback
    with pytest.raises(CountError, match="catches an error of the meta device"):
        count(network, (torch.ones(ROWS, 4),), device="meta")


def test_an_error_that_a_constructor_catches_is_noticed() -> None:
    class Constructs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            weight = nn.Parameter(torch.randn(64, 64))
            self.head = nn.Linear(4, 5 if succeeds(lambda x: x.sum().item())(self, weight) else 500)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(x)
            return out

    counted = build_and_count(Constructs, (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (SMALL, "cpu")


def test_an_error_that_real_tensors_raise_too_changes_nothing() -> None:
    counted = count(Decides(succeeds(lambda x: x @ x)), (torch.ones(ROWS, 4),))
    assert counted.macs == ROWS * 4 * 500


def _reads(read: Callable[[Tensor], Any]) -> Callable[[nn.Module, Tensor], bool]:
    def is_real(_: nn.Module, x: Tensor) -> bool:
        try:
            read(x)
        except (RuntimeError, NotImplementedError):
            return False
        return True

    return is_real


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@pytest.mark.parametrize(
    "read",
    [
        lambda x: next(iter(x.untyped_storage())),
        lambda x: x.untyped_storage()[0],
        lambda x: x.untyped_storage().tolist(),
        lambda x: x.untyped_storage().cpu(),
        lambda x: x.storage()[0],
        lambda x: x.storage().tolist(),
    ],
)
def test_an_error_that_a_storage_raises_and_the_network_catches_needs_real_tensors(
    read: Callable[[Tensor], Any],
) -> None:
    counted = count(Decides(_reads(read)), (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (SMALL, "cpu")


def _autocast(network: Any, x: Tensor) -> bool:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return bool(torch.mm(x, x.t()).dtype == torch.bfloat16)


def test_autocast_on_the_cpu_needs_real_tensors() -> None:
    counted = count(Decides(_autocast), (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (SMALL + ROWS * 4 * ROWS, "cpu")
    assert "autocast on the CPU" in counted.fallback


@pytest.mark.filterwarnings("ignore:CUDA is not available")
@pytest.mark.parametrize(
    ("kind", "enabled"), [("cpu", False), ("cuda", False), ("cuda", True)], ids=str
)
def test_other_autocast_needs_none(kind: str, enabled: bool) -> None:
    def is_real(_: nn.Module, x: Tensor) -> bool:
        with torch.autocast(kind, enabled=enabled):
            return (x + x).dtype == torch.float32

    counted = count(Decides(is_real), (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (SMALL, "meta")
