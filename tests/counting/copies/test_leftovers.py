"""Tensors that a count leaves in places of any kind are taken out, or the place is named."""

from __future__ import annotations

import contextvars
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import build_and_count, count
from opbench.errors import CountError

pytestmark = pytest.mark.usefixtures("all_objects")

WIDTH, LONG = 4, 2000
MACS = WIDTH * WIDTH + WIDTH * LONG


class Slots:
    __slots__ = ("table",)


class Tables:
    only: Tensor | None = None

    class Inner:
        only: Tensor | None = None


class Holder:
    def __init__(self) -> None:
        self.inner = SimpleNamespace(table=None)
        self.table: Tensor | None = None


SLOTS, HOLDER, LOCAL, SPACE = Slots(), Holder(), threading.local(), SimpleNamespace()
DEEP: dict[str, Any] = {"a": {"b": {"c": {"d": {}}}}}
VARIABLE: contextvars.ContextVar[Tensor | None] = contextvars.ContextVar("table", default=None)
PLACES: list[Tensor | None] = [None] * 4
OBJECTS: list[Any] = [Holder(), ("slots", Slots())]
NAMED = {"holders": Holder()}
FAR = {"a": {"b": {"c": [[Holder()]]}}}


def computed() -> Tensor:
    return (torch.rand(WIDTH, LONG) @ torch.rand(LONG, 1))[:, 0]


def attribute_of(holder: Any, name: str) -> Tensor:
    if getattr(holder, name, None) is None:
        setattr(holder, name, computed())
    table: Tensor = getattr(holder, name)
    return table


def deep() -> Tensor:
    table: Tensor = DEEP["a"]["b"]["c"]["d"].setdefault(WIDTH, computed())
    return table


def in_context() -> Tensor:
    if VARIABLE.get() is None:
        VARIABLE.set(computed())
    table = VARIABLE.get()
    assert table is not None
    return table


def beside_a_number(cache: dict[Any, Any] = {"hits": 0}) -> Tensor:  # noqa: B006  on purpose
    cache["hits"] += 1
    table: Tensor = cache.setdefault(WIDTH, computed())
    return table


def in_a_place() -> Tensor:
    table = PLACES[1] = computed() if PLACES[1] is None else PLACES[1]
    return table


WAYS: dict[str, Callable[[], Tensor]] = {
    "slots": lambda: attribute_of(SLOTS, "table"),
    "a nested object": lambda: attribute_of(HOLDER.inner, "table"),
    "a nested class": lambda: attribute_of(Tables.Inner, "only"),
    "a namespace": lambda: attribute_of(SPACE, "table"),
    "a thread's variable": lambda: attribute_of(LOCAL, "table"),
    "a context variable": in_context,
    "five dictionaries": deep,
    "a default beside a number": beside_a_number,
    "a place in a list": in_a_place,
    "an object in a list": lambda: attribute_of(OBJECTS[0], "table"),
    "slots beside a name in a list": lambda: attribute_of(OBJECTS[1][1], "table"),
    "an object of an object in a dictionary": lambda: attribute_of(NAMED["holders"].inner, "table"),
}


class Adds(nn.Module):
    def __init__(self, table: Callable[[], Tensor]) -> None:
        super().__init__()
        self.head = nn.Linear(WIDTH, WIDTH)
        self.table = table

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x) + self.table()
        return out


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_nothing_is_left(way: str, device: str) -> None:
    network = Adds(WAYS[way])
    for _ in range(2):
        assert count(network, (WIDTH,), device=device).macs == MACS
    assert PLACES == [None] * 4
    out = network(torch.ones(2, WIDTH, requires_grad=True))
    out.sum().backward()  # which a tensor of inference mode would refuse
    empty_again()


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_nothing_is_left_by_a_count_that_fails(way: str) -> None:
    network = Adds(WAYS[way])
    network.register_forward_hook(raises)
    with pytest.raises(CountError, match="the last layer fails"):
        count(network, (WIDTH,), device="cpu")
    network._forward_hooks.clear()
    network(torch.ones(2, WIDTH, requires_grad=True)).sum().backward()
    empty_again()


def raises(*_: Any) -> None:
    raise RuntimeError("the last layer fails")


def test_nothing_is_left_far_away_by_a_count_that_fails() -> None:
    network = nn.Linear(WIDTH, LONG)
    network.register_forward_hook(lambda module, args, out: KEPT.append(out))
    network.register_forward_hook(raises)
    with pytest.raises(CountError, match="the last layer fails"):
        count(network, (WIDTH,))
    assert KEPT == []


@pytest.mark.parametrize("device", ["meta", pytest.param("cpu", marks=pytest.mark.slow)])
def test_garbage_that_a_pass_has_made_older_is_no_leftover(device: str) -> None:
    class Cycle(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            node = SimpleNamespace(out=super().forward(x))
            node.itself = node
            gc.collect()
            gc.collect()
            out: Tensor = node.out
            return out

    assert count(Cycle(WIDTH, WIDTH), (WIDTH,), device=device).macs == WIDTH * WIDTH


def empty_again() -> None:
    for holder, name in ((SLOTS, "table"), (SPACE, "table"), (LOCAL, "table")):
        if hasattr(holder, name):
            delattr(holder, name)
    OBJECTS[0].table = OBJECTS[1][1].table = NAMED["holders"].inner.table = None
    HOLDER.inner.table = Tables.Inner.only = PLACES[1] = None
    VARIABLE.set(None)
    DEEP["a"]["b"]["c"]["d"].clear()


CALLS = {"in all": 0, "each": [0]}


def counter() -> Callable[[], int]:
    calls = 0

    def call() -> int:
        nonlocal calls
        calls += 1
        return calls

    return call


NEXT = counter()


def test_a_pass_that_is_tried_again_finds_what_it_counted_as_it_was() -> None:
    """The meta device fails where a value is looked at, and the CPU has its turn."""

    class First(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.small, self.large = nn.Linear(WIDTH, 5), nn.Linear(WIDTH, 500)

        def forward(self, x: Tensor) -> Tensor:
            CALLS["in all"] += 1  # type: ignore[operator]
            CALLS["each"][0] += 1  # type: ignore[index]
            first = CALLS == {"in all": 1, "each": [1]} and NEXT() == 1
            out: Tensor = self.small(x) if first else self.large(x)
            return out * out.sum().item()

    assert count(First(), (WIDTH,)).macs == 5 * WIDTH
    assert (CALLS, NEXT()) == ({"in all": 0, "each": [0]}, 1)


def test_a_hook_of_another_module_keeps_nothing() -> None:
    network = nn.Linear(WIDTH, LONG)
    network.register_forward_hook(lambda module, args, out: KEPT.append(out))
    assert count(network, (WIDTH,)).macs == WIDTH * LONG
    assert KEPT == []


KEPT: list[Tensor] = []


LIST: contextvars.ContextVar[list[Tensor]] = contextvars.ContextVar("list")
TUPLES: contextvars.ContextVar[list[Any]] = contextvars.ContextVar("tuples")
VALUES: contextvars.ContextVar[dict[int, Tensor]] = contextvars.ContextVar("values")
KEYS: contextvars.ContextVar[dict[Tensor, int]] = contextvars.ContextVar("keys")


def in_two_tuples(out: Tensor) -> None:
    pair = (out, "out")
    TUPLES.get().extend([pair, [pair], {"pair": pair}])


KEEPERS: dict[str, Callable[[Tensor], Any]] = {
    "a list": lambda out: LIST.get().append(out),
    "values of a dictionary": lambda out: VALUES.get().setdefault(len(VALUES.get()), out),
    "keys of a dictionary": lambda out: KEYS.get().setdefault(out, len(KEYS.get())),
    "tuples in several places": in_two_tuples,
}


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("keep", KEEPERS, ids=str)
def test_several_tensors_in_one_place_are_all_taken_out(keep: str, device: str) -> None:
    layers = [nn.Linear(WIDTH, WIDTH) for _ in range(6)]
    for layer in layers:
        layer.register_forward_hook(lambda module, args, out: (KEEPERS[keep](out), out)[1])
    places: list[Any] = [[], [], {}, {}]
    LIST.set(places[0])
    TUPLES.set(places[1])
    VALUES.set(places[2])
    KEYS.set(places[3])
    assert count(nn.Sequential(*layers), (WIDTH,), device=device).macs == 6 * WIDTH**2
    assert [each for place in places for each in place if each not in ([], {})] == []


def test_what_fails_in_the_search_is_not_told_instead_of_the_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any) -> None:
        raise TypeError("a class that answers nothing")

    network = nn.Linear(WIDTH, LONG)
    network.register_forward_hook(lambda module, args, out: KEPT.append(out))
    network.register_forward_hook(raises)
    monkeypatch.setattr("opbench.counting.copies.leftovers._take_out", fails)
    with pytest.raises(CountError, match="the last layer fails"):
        count(network, (WIDTH,), device="cpu")
    KEPT.clear()


def test_a_place_that_cannot_be_put_back_is_named() -> None:
    """An object that no variable of the network's module leads to within a few steps."""
    holder = FAR["a"]["b"]["c"][0][0]
    network = Adds(lambda: attribute_of(FAR["a"]["b"]["c"][0][0], "table"))
    place = rf"in the attribute table of an object of the class {__name__}\.Holder"
    with pytest.raises(CountError, match=place):
        count(network, (WIDTH,))
    holder.table = None
    assert build_and_count(lambda: network, (WIDTH,)).macs == MACS  # nothing runs afterwards
    holder.table = None


def test_what_torch_itself_keeps_is_no_leftover() -> None:
    class Jagged(Adds):
        def forward(self, x: Tensor) -> Tensor:
            rows = [x[0, :1], x[1, :2]]
            out: Tensor = self.head(torch.nested.nested_tensor(rows, layout=torch.jagged))
            return out

    counted = count(Jagged(computed), (torch.ones(2, 3, WIDTH),))
    assert counted.macs == (1 + 2) * WIDTH * WIDTH


class ImportsLate(nn.Module):
    """Keeps an exception in a module that is imported during the pass, as half of torch is.

    A comprehension has its variables of the function around it in cells.
    """

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        shapes = [y.shape for _ in range(1)]
        late = ModuleType("late_module")
        sys.modules["late_module"] = late
        try:
            raise ValueError(shapes)
        except ValueError as error:
            late.error = error  # type: ignore[attr-defined]
        return y + 1


def test_variables_of_a_frame_that_an_exception_keeps_are_no_leftovers() -> None:
    try:
        assert count(ImportsLate(), (3, 4)).macs == 0
        kept: Any = sys.modules["late_module"]
        assert isinstance(kept.error, ValueError)
    finally:
        sys.modules.pop("late_module", None)


_IMPORTS_PARTS_OF_TORCH = """
import sys
from importlib import import_module
from types import ModuleType

import torch
from torch import nn
from opbench.counting import count

device, part, *before = sys.argv[1:]
for each in before:
    import_module(each)

def scaled(x):
    y = x * 2
    if part not in sys.modules:
        import_module(part)
        sys.modules["late_module"] = ModuleType("late_module")
        try:
            raise ValueError
        except ValueError as error:  # which keeps this frame, and y with it
            sys.modules["late_module"].error = error
    return y + 1

class ImportsPartsOfTorch(nn.Module):
    def forward(self, x):
        return torch.cat([scaled(x), x, x])

first, second = (
    count(ImportsPartsOfTorch(), (64, 64), device=device).peak_activation_bytes
    for _ in range(2)
)
assert first == second, (first, second)
"""


@pytest.mark.slow
@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize(
    "modules", [("torch._dynamo",), ("torch._inductor.compile_fx", "torch._dynamo")]
)
def test_a_pass_that_imports_parts_of_torch_counts_as_any_other(
    device: str, modules: tuple[str, ...]
) -> None:
    command = [sys.executable, "-c", _IMPORTS_PARTS_OF_TORCH, device, *modules]
    subprocess.run(command, check=True)
