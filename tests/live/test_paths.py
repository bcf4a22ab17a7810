"""Modules of a project are imported from its copy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from opbench.errors import TargetError
from opbench.live.paths import redirect, require_moved


def test_folders_of_the_project_are_those_of_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    monkeypatch.setattr(sys, "path", ["/elsewhere", str(here / "src"), str(here), ""])
    redirect([str(here), str(there)])
    assert sys.path == ["/elsewhere", str(there / "src"), str(there), ""]


def test_packages_that_an_editable_installation_maps_are_found_in_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    finder = ModuleType("__editable___nets_finder")
    finder.MAPPING = {"nets": str(here / "lib" / "nets"), "other": "/elsewhere/other"}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, finder.__name__, finder)
    monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(__module__=finder.__name__)])
    monkeypatch.setattr(sys, "path", ["/elsewhere"])
    redirect([str(here), str(there)])
    assert {"nets": str(there / "lib" / "nets"), "other": "/elsewhere/other"} == finder.MAPPING
    assert sys.path == ["/elsewhere"]


def test_what_is_installed_inside_the_project_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    installed = [str(here / ".venv/lib/python3.11/site-packages")]
    monkeypatch.setattr(sys, "path", [*installed])
    torch = module("torch", here / ".venv/lib/python3.11/site-packages/torch/__init__.py")
    monkeypatch.setitem(sys.modules, "torch", torch)
    redirect([str(here), str(there)])
    assert sys.path == installed
    assert sys.modules["torch"] is torch


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """A project and its copy, each with a module that says where it is; the project's is loaded."""
    places = tmp_path / "here", tmp_path / "there"
    for place in places:
        (place / "src/netpackage").mkdir(parents=True)
        (place / "src/netpackage/__init__.py").write_text("")
        (place / "src/netpackage/nets.py").write_text(f"WHERE = {place.name!r}\n")
    monkeypatch.setattr(sys, "path", [str(places[0] / "src"), *sys.path])
    assert import_module("netpackage.nets").WHERE == "here"
    yield str(places[0]), str(places[1])
    for name in ("netpackage.nets", "netpackage"):
        sys.modules.pop(name, None)


def test_a_module_that_was_imported_before_is_imported_from_the_copy(
    project: tuple[str, str],
) -> None:
    redirect(project)
    assert import_module("netpackage.nets").WHERE == "there"
    require_moved("netpackage.nets:net", project)


@pytest.mark.parametrize("target", ["netpackage.nets:net", "other.py:net"])
def test_code_of_the_project_that_did_not_come_from_the_copy_is_refused(
    project: tuple[str, str], target: str
) -> None:
    with pytest.raises(TargetError, match=r"netpackage.* was imported from .*here.*, not from the"):
        require_moved(target, project)


@pytest.mark.parametrize("target", ["netpackage.nets:net", "other.py:net"])
def test_a_package_that_is_installed_beside_the_copy_is_refused(
    project: tuple[str, str], target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redirect(project)
    installed = tmp_path / "site-packages"
    for name in ("netpackage", "netpackage.nets"):
        monkeypatch.setitem(sys.modules, name, module(name, installed / "netpackage/__init__.py"))
    with pytest.raises(TargetError, match=r"site-packages.*: install the project with `pip inst"):
        require_moved(target, project)


def module(name: str, file: Path) -> ModuleType:
    """A module that was imported from ``file``."""
    made = ModuleType(name)
    made.__file__ = str(file)
    return made


def test_without_a_copy_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [*sys.path]
    redirect([])
    require_moved("sys:net", [])
    assert sys.path == before
