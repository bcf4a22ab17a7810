"""Runtimes: found by name, ours and others', and what they execute is the network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch
from torch import nn

from opbench.errors import TargetError, UnknownNameError
from opbench.record import Cell
from opbench.runtimes import Runtime, find, names
from opbench.table import read_folder
from opbench.timing import ceilings
from tests.fixtures import Opbench

Install = Callable[[str], None]

CELL = {"name": "conv", "input_size": "3x8x8", "batch_size": 1, "device": "cpu"}
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
        names.cache_clear()
        find.cache_clear()

    yield install
    names.cache_clear()
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


@pytest.mark.slow
def test_a_run_times_any_runtime_by_its_name(
    entry_point: Install, opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ceilings, "_SECONDS", 0.0)
    monkeypatch.setattr(ceilings, "_COPY_BYTES", {"cpu": 1 << 16})
    monkeypatch.setattr(ceilings, "_LARGEST_PRODUCT", 512)
    entry_point("tests.runs.test_runtimes:DOUBLE")
    network = f"{Path(__file__).with_name('networks.py')}:conv"
    quick = ("--in-process", "--rounds", 3, "--max-seconds", 0.05, "--input-size", "3x8x8")
    result = opbench("run", network, "--runtime", "eager,double", *quick, "--results", tmp_path)
    assert result.exit_code == 0, result.stderr
    records = read_folder(tmp_path).cells
    # A cell that needs another round is written later.
    variants = {cell.record.cell.runtime: cell.conditions.variant for cell in records}
    # One thread is not what PyTorch takes by itself on a processor of more cores.
    threads = variants["eager"]
    assert len(records) == 2 and threads in ("", "1 thread")
    assert variants["double"] == ", ".join(filter(None, ["double", threads]))


def test_a_mode_of_compile_adds_the_runtime() -> None:
    assert Cell.from_json({**CELL, "compile": "default"}).runtime == "compile"
    assert Cell.from_json(CELL).runtime == "eager"


@pytest.mark.parametrize(
    ("asked", "executions"),
    [
        (("--runtime", "eager,compile"), ["eager", "compile default"]),
        (("--compile", "eager,max-autotune"), ["eager", "compile max-autotune"]),
        (("--compile", "default,max-autotune"), ["compile default", "compile max-autotune"]),
        (("--runtime", "eager", "--compile", "default"), ["eager", "compile default"]),
        (("--runtime", "compile", "--compile", "default"), ["compile default"]),
    ],
)
def test_runtimes_and_modes_are_planned(
    opbench: Opbench, asked: tuple[str, ...], executions: list[str]
) -> None:
    plan = opbench("run", "lenet5", "--dry-run", "--in-process", *asked, "--format", "json")
    assert plan.exit_code == 0, plan.stderr
    assert [Cell.from_json(row).execution for row in json.loads(plan.stdout)] == executions
