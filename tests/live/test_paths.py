"""Modules of a project are imported from its copy."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from opbench.live.paths import redirect


def test_folders_of_the_project_are_those_of_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    monkeypatch.setattr(sys, "path", ["/elsewhere", str(here / "src"), str(here), ""])
    redirect([str(here), str(there)])
    assert sys.path == ["/elsewhere", str(there / "src"), str(there), ""]


def test_packages_that_an_editable_installation_maps_are_found_in_the_copy_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    finder = ModuleType("__editable___nets_finder")
    finder.MAPPING = {"nets": str(here / "lib" / "nets"), "other": "/elsewhere/other"}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, finder.__name__, finder)
    monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(__module__=finder.__name__)])
    monkeypatch.setattr(sys, "path", ["/elsewhere"])
    redirect([str(here), str(there)])
    assert sys.path == [str(there / "lib"), "/elsewhere"]


def test_without_a_copy_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [*sys.path]
    redirect([])
    assert sys.path == before
