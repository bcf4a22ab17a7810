"""The registry: found by scanning, loud about mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

import opbench as package
from opbench.architectures import vgg
from opbench.errors import TargetError, UnknownNameError
from opbench.registry import entries


@pytest.fixture(autouse=True)
def fresh_registry() -> Iterator[None]:
    """The registry is read once per process; these tests change what there is to read."""
    entries.specs.cache_clear()
    entries.built_in.cache_clear()
    yield
    entries.specs.cache_clear()
    entries.built_in.cache_clear()


def entry_point(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint(name="theirs", value=value, group=entries.ENTRY_POINT_GROUP)
    monkeypatch.setattr(entries, "entry_points", lambda group: [point])


def test_names_are_sorted_and_globs_match() -> None:
    assert list(entries.names()) == sorted(entries.names())
    assert entries.match("vgg1[69]") == ("vgg16", "vgg19")
    assert entries.match("nothing*") == ()


def test_an_unknown_name_offers_near_matches() -> None:
    with pytest.raises(UnknownNameError, match="did you mean squeezenet1_1, squeezenet1_0"):
        entries.get("squezenet1_1")


def test_case_and_hyphens_are_forgiven_and_labels_are_names() -> None:
    for name, spec in entries.specs().items():
        assert entries.match(spec.label) == entries.match(name.upper()) == (name,)
        assert entries.get(spec.label) is spec
    assert entries.match("ResNet*") == entries.match("resnet*")


def test_create_builds_the_network() -> None:
    assert type(package.create("lenet5")).__name__ == "LeNet5"


def test_a_name_used_twice_fails_loudly() -> None:
    found = {"vgg16": entries.get("vgg16")}
    with pytest.raises(TargetError, match="'vgg16' from somewhere is already taken"):
        entries.add(found, [entries.get("vgg16")], origin="somewhere")


def test_a_module_without_entries_fails_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(vgg, "ARCHITECTURES")
    with pytest.raises(RuntimeError, match=r"vgg\.py has no ARCHITECTURES"):
        entries.names()


def test_other_packages_add_entries_but_cannot_take_a_built_in_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry_point(monkeypatch, "opbench.architectures.vgg:ARCHITECTURES")
    with pytest.raises(TargetError, match="already taken"):
        entries.names()


def test_an_entry_point_that_cannot_be_loaded_names_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry_point(monkeypatch, "no_such_package.zoo:ENTRIES")
    with pytest.raises(TargetError, match="theirs = no_such_package"):
        entries.names()


def test_an_entry_point_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entry_point(monkeypatch, "string:ascii_letters")
    with pytest.raises(TargetError, match="tuple of ArchitectureSpec"):
        entries.names()


def test_entries_of_other_packages_come_last_and_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = replace(entries.get("lenet5"), name="a_net_of_theirs")
    entries.specs.cache_clear()
    monkeypatch.setattr(vgg, "THEIRS", (theirs,), raising=False)
    entry_point(monkeypatch, "opbench.architectures.vgg:THEIRS")
    assert entries.names()[-1] == "a_net_of_theirs"
    assert entries.foreign_names() == ("a_net_of_theirs",)
    assert "a_net_of_theirs" not in entries.built_in()
