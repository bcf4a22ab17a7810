"""Networks that keep what they computed in global variables, as real ones do."""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

TABLES: dict[int, Tensor] = {}
NESTED: dict[str, dict[int, Tensor]] = {"tables": {}}
GROUPS: dict[int, list[Tensor]] = defaultdict(list)
RECENT: OrderedDict[int, tuple[Tensor, Tensor]] = OrderedDict()
ROWS: list[Tensor] = []
TABLE: Tensor | None = None
IS_READY = False


class Store:
    def __init__(self) -> None:
        self.table: Tensor | None = None
        self.tables: dict[int, Tensor] = {}


STORE = Store()


def computed(width: int) -> Tensor:
    """Two random factors and their product: width x 2 x width multiplications."""
    return torch.randn(width, 2) @ torch.randn(2, width)


def in_a_dictionary(width: int) -> Tensor:
    if width not in TABLES:
        TABLES[width] = computed(width)
    return TABLES[width]


def in_a_nested_dictionary(width: int) -> Tensor:
    tables = NESTED["tables"]
    if width not in tables:
        tables[width] = computed(width)
    return tables[width]


def in_groups(width: int) -> Tensor:
    if not GROUPS[width]:
        GROUPS[width].append(computed(width))
    return GROUPS[width][0]


def in_an_ordered_dictionary(width: int) -> Tensor:
    if width not in RECENT:
        RECENT[width] = (computed(width), torch.ones(1))
    RECENT.move_to_end(width)
    return RECENT[width][0]


def in_a_list_with_a_flag(width: int) -> Tensor:
    global IS_READY
    if not IS_READY:
        ROWS.append(computed(width))
        IS_READY = True
    return ROWS[0]


def in_a_variable(width: int) -> Tensor:
    global TABLE
    if TABLE is None:
        TABLE = computed(width)
    return TABLE


def in_an_object(width: int) -> Tensor:
    if STORE.table is None:
        STORE.table = computed(width)
    return STORE.table


def in_a_dictionary_of_an_object(width: int) -> Tensor:
    return STORE.tables.setdefault(width, computed(width))


@functools.lru_cache(maxsize=8)
def in_a_cached_function(width: int) -> Tensor:
    return computed(width)


@functools.cache
def in_another_cached_function(width: int) -> Tensor:
    return computed(width)


def remembering(function: Callable[[int], Tensor]) -> Callable[[int], Tensor]:
    known: dict[int, Tensor] = {}

    @functools.wraps(function)
    def call(width: int) -> Tensor:
        if width not in known:
            known[width] = function(width)
        return known[width]

    return call


@remembering
def in_a_decorator(width: int) -> Tensor:
    return computed(width)


class Adds(nn.Module):
    """Adds a table of its width to a linear layer."""

    kept: dict[int, Tensor] = {}  # noqa: RUF012  the cache is a class's on purpose
    only: Tensor | None = None

    def __init__(self, table: Callable[[Any, int], Tensor], width: int = 40) -> None:
        super().__init__()
        self.head = nn.Linear(width, width)
        self.table = table

    @functools.lru_cache(maxsize=4)  # noqa: B019  as real networks do
    def cached(self, width: int) -> Tensor:
        return computed(width)

    @staticmethod
    @functools.cache
    def static(width: int) -> Tensor:
        return computed(width)

    @classmethod
    @functools.cache
    def of_the_class(cls, width: int) -> Tensor:
        return computed(width)

    @functools.cached_property
    def constant(self) -> Tensor:
        return computed(self.head.in_features)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x) + self.table(self, x.shape[-1])[0]
        return out


def in_a_cached_method(network: Adds, width: int) -> Tensor:
    return network.cached(width)


def in_a_dictionary_of_the_class(network: Adds, width: int) -> Tensor:
    if width not in network.kept:
        network.kept[width] = computed(width)
    return network.kept[width]


def in_a_variable_of_the_class(network: Adds, width: int) -> Tensor:
    if Adds.only is None:
        Adds.only = computed(width)
    return Adds.only


def in_an_attribute(width: int) -> Tensor:
    if not hasattr(in_an_attribute, "table"):
        in_an_attribute.table = computed(width)  # type: ignore[attr-defined]
    table: Tensor = in_an_attribute.table  # type: ignore[attr-defined]
    return table


def in_a_default(width: int, known: dict[int, Tensor] = {}) -> Tensor:  # noqa: B006  on purpose
    if width not in known:
        known[width] = computed(width)
    return known[width]


FUNCTIONS: tuple[Callable[[int], Tensor], ...] = (
    in_a_dictionary,
    in_a_nested_dictionary,
    in_groups,
    in_an_ordered_dictionary,
    in_a_list_with_a_flag,
    in_a_variable,
    in_an_object,
    in_a_dictionary_of_an_object,
    in_a_cached_function,
    in_another_cached_function,
    in_a_decorator,
    in_an_attribute,
    in_a_default,
)
WAYS: dict[str, Callable[[Any, int], Tensor]] = {
    **{each.__name__: lambda network, width, f=each: f(width) for each in FUNCTIONS},  # type: ignore[misc]
    "in_a_cached_method": in_a_cached_method,
    "in_a_static_method": lambda network, width: network.static(width),
    "in_a_class_method": lambda network, width: network.of_the_class(width),
    "in_a_cached_property": lambda network, width: network.constant,
    "in_a_dictionary_of_the_class": in_a_dictionary_of_the_class,
    "in_a_variable_of_the_class": in_a_variable_of_the_class,
}


class Constructs(Adds):
    """Fills a cache in its constructor."""

    def __init__(self) -> None:
        super().__init__(lambda network, width: TABLES[width])
        in_a_dictionary(self.head.in_features)
