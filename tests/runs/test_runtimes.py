"""Runtimes: found by name, ours and others', and what they execute is the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint

import pytest
import torch
from torch import nn

from opbench.errors import TargetError, UnknownNameError
from opbench.runtimes import Runtime, find, names

Install = Callable[[str], None]

DOUBLE = Runtime(
    name="double", prepare=lambda module, mode: lambda x: 2 * module(x), compiles=False
)


@pytest.fixture
def entry_point(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install an entry point of the given value under the name "double"."""

    def install(value: str) -> None:
        point = EntryPoint(name="double", value=value, group="opbench.runtimes")
        monkeypatch.setattr(
            "opbench.runtimes.lookup.entry_points",
            lambda group, name="double": [point] if name == "double" else [],
        )
        find.cache_clear()

    yield install
    find.cache_clear()


def test_this_packages_runtimes_are_the_files_of_the_room() -> None:
    assert {"eager", "compile"} <= set(names())
    assert find("eager").name == "eager"
    assert not find("eager").compiles
    assert find("compile").compiles


def test_eager_is_the_module_itself() -> None:
    module = nn.Linear(2, 2)
    assert find("eager").prepare(module, None) is module


def test_another_package_adds_one(entry_point: Install) -> None:
    entry_point("tests.runs.test_runtimes:DOUBLE")
    assert "double" in names()
    module = nn.Identity()
    assert find("double").prepare(module, None)(torch.ones(1)) == torch.full((1,), 2.0)


def test_an_entry_point_that_names_none_and_an_unknown_name_are_refused(
    entry_point: Install,
) -> None:
    entry_point("tests.runs.test_runtimes:nn")
    with pytest.raises(TargetError, match="must name an opbench"):
        find("double")
    with pytest.raises(UnknownNameError, match="did you mean eager"):
        find("eagre")
