"""Whatever leads a network back to itself leads the copy to the copy.

Each network here is fresh from its constructor, in training mode, and runs its large layer in that
mode.  A copy that follows its own references is in evaluation mode, runs the small layer and leaves
the original's counter alone.
"""

from __future__ import annotations

import copy
import functools
import gc
import queue
import threading
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MethodType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.conventions.forward import trace
from opbench.counting import build_and_count, count
from opbench.counting.copies.copying import private_copy
from opbench.errors import CountError
from tests.counting.copies.test_no_harm import same, state_of

SMALL = 3 * 4 * 5


class Base(nn.Module):
    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = nn.Linear(4, 5), nn.Linear(4, 500)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def choose(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.large(x) if self.training else self.small(x)


class Calls(Base):
    """Calls ``head``, which somebody sets."""

    head: Any

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x)
        return out


class Helper:
    def __init__(self, network: Base) -> None:
        self.network = network

    def __call__(self, x: Tensor) -> Tensor:
        return self.network.choose(x)


class Slotted:
    __slots__ = ("network",)

    def __init__(self, network: Base) -> None:
        self.network = network

    def run(self, x: Tensor) -> Tensor:
        return self.network.choose(x)


class LockedHelper(Helper):
    def __init__(self, network: Base) -> None:
        super().__init__(network)
        self.lock = threading.Lock()
        self.endless = (each for each in range(3))


@dataclass(frozen=True)
class Frozen:
    network: Base
    steps: list[int] = field(default_factory=list)

    def run(self, x: Tensor) -> Tensor:
        return self.network.choose(x)


class Child(nn.Module):
    def __init__(self, parent: Base, refer: Callable[[Base], Any]) -> None:
        super().__init__()
        self.parent = [refer(parent)]

    def forward(self, x: Tensor) -> Tensor:
        parent: Any = self.parent[0]
        if isinstance(parent, weakref.ref):
            parent = parent()
        out: Tensor = parent.choose(x)
        return out


def with_head(make: Callable[[Base], Any]) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        network = Calls()
        object.__setattr__(network, "head", make(network))
        return network

    return build


def with_forward(make: Callable[[Base], Any]) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        network = Base()
        network.forward = make(network)
        return network

    return build


def with_child(refer: Callable[[Base], Any]) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        network = Calls()
        network.head = Child(network, refer)
        return network

    return build


def closure(network: Base) -> Any:
    def head(x: Tensor) -> Tensor:
        return network.choose(x)

    return head


def recursive(network: Base) -> Any:
    def head(x: Tensor, depth: int = 2) -> Tensor:
        return head(x, depth - 1) if depth else network.choose(x)

    return head


def default(network: Base) -> Any:
    return lambda x, network=network: network.choose(x)


def named_default(network: Base) -> Any:
    def head(x: Tensor, *, network: Base = network) -> Tensor:
        return network.choose(x)

    return head


def decorated(network: Base) -> Any:
    return functools.wraps(network.choose)(lambda x: network.choose(x))


def partial(network: Base) -> Any:
    return functools.partial(Base.choose, network)


def cached(network: Base) -> Any:
    return functools.lru_cache(maxsize=None)(network.choose)


def in_containers(network: Base) -> Any:
    table = defaultdict(list, {"heads": [OrderedDict(first=deque([(closure(network),)]))]})
    return lambda x: table["heads"][0]["first"][0][0](x)


def in_a_namespace(network: Base) -> Any:
    space = SimpleNamespace(network=network, lock=threading.Lock())
    return lambda x: space.network.choose(x)


def weak_values(network: Base) -> Any:
    known = weakref.WeakValueDictionary({"root": network})
    return lambda x: known["root"].choose(x)


def weak_keys(network: Base) -> Any:
    known = weakref.WeakKeyDictionary({network: True})
    return lambda x: next(iter(known)).choose(x)


def weak_set(network: Base) -> Any:
    known = weakref.WeakSet([network])
    return lambda x: next(iter(known)).choose(x)


def weak_method(network: Base) -> Any:
    choose = weakref.WeakMethod(network.choose)
    return lambda x: choose()(x)  # type: ignore[misc]


def hooked() -> nn.Module:
    base, last = Base(), nn.Identity()
    last.register_forward_hook(lambda module, args, out: base.choose(out))
    base.forward = lambda x: x
    return nn.Sequential(base, last)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "closure": with_head(closure),
    "recursive closure": with_head(recursive),
    "default argument": with_head(default),
    "keyword default": with_head(named_default),
    "decorated": with_head(decorated),
    "partial": with_head(partial),
    "cached": with_head(cached),
    "bound method": with_head(lambda network: network.choose),
    "bound method of a helper": with_head(lambda network: Slotted(network).run),
    "method of a function": with_head(lambda network: MethodType(Base.choose, network)),
    "helper": with_head(Helper),
    "helper with a lock": with_head(LockedHelper),
    "frozen helper": with_head(lambda network: Frozen(network).run),
    "containers": with_head(in_containers),
    "namespace with a lock": with_head(in_a_namespace),
    "patched forward, function": with_forward(closure),
    "patched forward, lambda": with_forward(lambda network: lambda x: network.choose(x)),
    "patched forward, bound": with_forward(lambda network: network.choose),
    "patched forward, helper": with_forward(lambda network: Slotted(network).run),
    "patched forward, partial": with_forward(partial),
    "weak reference": with_child(weakref.ref),
    "weak proxy": with_child(weakref.proxy),
    "weak values": with_head(weak_values),
    "weak keys": with_head(weak_keys),
    "weak set": with_head(weak_set),
    "weak method": with_head(weak_method),
    "parent in a list": with_child(lambda network: network),
    "hook": hooked,
}


@pytest.fixture(params=NETWORKS, ids=str)
def network(request: pytest.FixtureRequest) -> nn.Module:
    return NETWORKS[request.param]()


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_the_copy_runs_its_own_state(network: nn.Module, device: str) -> None:
    counted = count(network, (torch.ones(3, 4),), device=device)
    assert (counted.macs, counted.device) == (SMALL, device)


def test_the_originals_buffers_do_not_change(network: nn.Module) -> None:
    count(network, (torch.ones(3, 4),))
    assert [int(each) for name, each in network.named_buffers() if name.endswith("calls")] == [0]


class Refuses(Calls):
    def __deepcopy__(self, memo: Any) -> Any:
        raise RuntimeError("not to be copied")


class IsItsOwnCopy(Calls):
    def __deepcopy__(self, memo: Any) -> Any:
        return self


class SharesItsLayers(Calls):
    def __deepcopy__(self, memo: Any) -> Any:
        twin = copy.copy(self)
        twin._modules = dict(self._modules)
        return twin


class RefusesToBePickled(Calls):
    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("not to be pickled")


@pytest.mark.parametrize("kind", [Refuses, RefusesToBePickled, IsItsOwnCopy, SharesItsLayers])
@pytest.mark.parametrize("inside", [False, True])
def test_a_module_that_refuses_to_be_copied_is_counted(kind: type[Calls], inside: bool) -> None:
    network = kind()
    network.head, network.calls = closure(network), torch.zeros((), dtype=torch.int64)
    before = state_of(network)
    counted = count(nn.Sequential(network) if inside else network, (torch.ones(3, 4),))
    assert (counted.macs, counted.device) == (SMALL, "meta")
    assert same(before, state_of(network))


def test_a_variable_of_a_function_is_not_changed() -> None:
    calls, seen = 0, []

    def head(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        seen.append(x)
        return x

    network = nn.Sequential(nn.Linear(4, 5))
    network.register_forward_hook(lambda module, args, out: head(out))
    note = network[0]
    object.__setattr__(note, "log", seen.append)
    note.register_forward_hook(lambda module, args, out: module.log(out))
    count(network, (4,))
    assert (calls, seen) == (0, [])


def test_a_list_that_hooks_fill_is_the_one_that_forward_reads() -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(4, 6), nn.Linear(6, 5)
            self.features: list[Tensor] = []
            features = self.features
            self.body.register_forward_hook(lambda module, args, out: features.append(out))

        def forward(self, x: Tensor) -> Tensor:
            self.body(x)
            return self.head(self.features[-1])

    network = Reads()
    assert count(network, (4,)).macs == 4 * 6 + 6 * 5
    assert network.features == []


class Stubborn(Helper):
    """Is everybody's: its copy is itself."""

    def __init__(self, network: Base) -> None:
        super().__init__(network)
        self.seen: list[Tensor] = []

    def __deepcopy__(self, memo: Any) -> Stubborn:
        return self

    def __call__(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return super().__call__(x)


class RefusingHelper(Helper):
    def __deepcopy__(self, memo: Any) -> Any:
        raise RuntimeError("not to be copied")


class Registered(Base):
    latest: Registered

    def forward(self, x: Tensor) -> Tensor:
        return type(self).latest.choose(x)


def registered() -> nn.Module:
    Registered.latest = network = Registered()
    return network


GLOBAL: list[Base] = []


def global_choice(x: Tensor) -> Tensor:
    return GLOBAL[-1].choose(x)


def known_globally(kind: type[Base] = Base) -> nn.Module:
    network = kind()
    network.forward = global_choice
    GLOBAL.append(network)
    return network


def in_a_queue(network: Base) -> Any:
    waiting: queue.Queue[Base] = queue.Queue()
    waiting.put(network)

    def head(x: Tensor) -> Tensor:
        waiting.put(found := waiting.get())
        return found.choose(x)

    return head


class Lazy(Base):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.LazyLinear(6)

    def choose(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(super().choose(x))
        return out


SHARED: dict[str, Callable[[], nn.Module]] = {
    "global variable": known_globally,
    "variable of the class": registered,
    "helper whose copy is itself": with_head(Stubborn),
    "helper that refuses": with_head(RefusingHelper),
    "forward of a helper that refuses": with_forward(lambda network: RefusingHelper(network)),
    "queue": with_head(in_a_queue),
}


@pytest.mark.parametrize("way", SHARED, ids=str)
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_an_original_that_is_reached_is_traced_itself_and_put_back(way: str, device: str) -> None:
    network = SHARED[way]()
    before = state_of(network)
    for _ in range(2):
        counted = count(network, (torch.ones(3, 4),), device=device)
        assert (counted.macs, counted.device) == (SMALL, device)
        assert same(before, state_of(network))


def test_an_original_that_is_reached_is_put_back_when_the_pass_fails() -> None:
    network = known_globally()
    before = state_of(network)
    with pytest.raises(CountError, match="cannot run on 3x7"):
        count(network, (torch.ones(3, 7),))
    assert same(before, state_of(network))


def test_lazy_layers_of_an_original_are_lazy_again() -> None:
    network = known_globally(Lazy)
    before = state_of(network)
    assert count(network, (torch.ones(3, 4),)).macs == SMALL + 3 * 5 * 6
    assert same(before, state_of(network))
    assert isinstance(network.last, nn.LazyLinear)


def test_a_built_network_that_is_reached_is_counted_without_weights() -> None:
    counted = build_and_count(known_globally, (torch.ones(3, 4),))
    assert (counted.macs, counted.device) == (SMALL, "meta")


def test_other_conventions_trace_it_too() -> None:
    calls = trace(known_globally, (torch.ones(3, 4),))
    assert [tuple(call.out.shape) for call in calls if call.name == "linear"] == [(3, 5)]


class Inside(nn.Module):
    """Knows its parent as a module, which is then below itself."""

    def __init__(self, parent: Base) -> None:
        super().__init__()
        self.parent = parent

    def forward(self, x: Tensor) -> Tensor:
        return self.parent.choose(x)


@pytest.mark.parametrize("training", [False, True])
def test_a_child_that_holds_its_parent(training: bool) -> None:
    network = Calls()
    network.head = Inside(network)
    counted = count(network, (torch.ones(3, 4),), training=training)
    weights_only = 2 * 3 * 4 * 500  # the first layer's input has no gradient
    assert counted.macs == (weights_only if training else SMALL)
    assert counted.params == 4 * 5 + 5 + 4 * 500 + 500
    assert network.training
    assert network.calls == 0


def test_the_copy_dies_with_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[weakref.ref[nn.Module]] = []
    plain = private_copy

    def noted(network: nn.Module, device: str) -> nn.Module:
        twin = plain(network, device)
        copies.append(weakref.ref(twin))
        return twin

    monkeypatch.setattr("opbench.counting.copies.original.private_copy", noted)
    gc.disable()  # which would collect a copy in a circle, some time
    try:
        count(nn.Sequential(nn.Linear(4, 5)), (torch.ones(3, 4),))
        assert [each() for each in copies] == [None]
    finally:
        gc.enable()


class Scales:
    """The state of a quantised weight, which its network keeps up to date."""

    def __init__(self) -> None:
        self.factor = torch.ones(5)


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight: Any
        weight: Any = nn.Parameter(torch.ones(5, 4))
        weight.scales = Scales()
        self.weight = weight

    def forward(self, x: Tensor) -> Tensor:
        scales: Scales = self.weight.scales
        scales.factor = scales.factor + 1
        return nn.functional.linear(x, self.weight) * scales.factor


class Owned(Base):
    """Holds a parameter that knows its layer."""

    def __init__(self) -> None:
        super().__init__()
        weight: Any = self.small.weight
        weight.owner = self.small

    def forward(self, x: Tensor) -> Tensor:
        weight: Any = self.small.weight
        out: Tensor = weight.owner(x)
        assert weight.owner is self.small
        return out


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_layer_that_its_parameter_holds_is_the_copied_one(device: str) -> None:
    assert count(Owned(), (torch.ones(3, 4),), device=device).macs == SMALL


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_what_a_parameter_holds_is_copied_with_it(device: str) -> None:
    network = Scaled()
    before = network.weight.scales.factor
    assert count(network, (torch.ones(3, 4),), device=device).macs == SMALL
    assert network.weight.scales.factor is before
