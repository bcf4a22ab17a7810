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
from opbench.runtimes import Example, Executable, ExecutionSettings, Runtime, find, names
from opbench.table import read_folder
from tests.fixtures import Opbench

Install = Callable[[str], None]

CELL = {"name": "conv", "input_size": "3x8x8", "batch_size": 1, "device": "cpu"}


def _double(network: nn.Module, example: Example, settings: ExecutionSettings) -> Executable:
    return Executable(call=lambda x: 2 * network(x), precision=settings.precision)


# A broken conversion: its outputs are twice those of the network.
DOUBLE = Runtime(name="double", prepare=_double)


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
    assert {"eager", "compile", "aot", "onnxruntime", "openvino"} <= set(names())
    assert find("eager").name == "eager"
    assert not find("eager").compiles
    assert find("compile").compiles


def test_eager_is_the_module_itself() -> None:
    module = nn.Linear(2, 2)
    assert find("eager").prepare(module, Example(), ExecutionSettings()).call is module


def test_another_package_adds_one(entry_point: Install) -> None:
    entry_point("tests.runs.test_runtimes:DOUBLE")
    assert "double" in names()
    module = nn.Identity()
    prepared = find("double").prepare(module, Example(), ExecutionSettings())
    assert prepared.call(torch.ones(1)) == torch.full((1,), 2.0)


def test_an_entry_point_that_names_none_and_an_unknown_name_are_refused(
    entry_point: Install,
) -> None:
    entry_point("tests.runs.test_runtimes:nn")
    with pytest.raises(TargetError, match="must name an opbench"):
        find("double")
    with pytest.raises(UnknownNameError, match="did you mean eager"):
        find("eagre")


def test_a_run_times_any_runtime_by_its_name_and_a_broken_conversion_loses_its_place(
    entry_point: Install, opbench: Opbench, tmp_path: Path, quick_rounds: None
) -> None:
    entry_point("tests.runs.test_runtimes:DOUBLE")
    network = f"{Path(__file__).with_name('networks.py')}:conv"
    quick = ("--in-process", "--rounds", 3, "--max-seconds", 0.05, "--input-size", "3x8x8")
    result = opbench("run", network, "--runtime", "eager,double", *quick, "--results", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert "differs" in result.stdout and "1.0e+00" in result.stdout
    (path,) = (tmp_path / "runs").iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    records = {each["runtime"]: each for each in lines if each["kind"] == "record"}
    eager, double = records["eager"], records["double"]
    assert (eager["output_error"], eager["agreement"]) == (0.0, 1.0)
    # Twice an output is off by the output itself.
    assert double["output_error"] == pytest.approx(1.0)
    assert double["quality"] == "differs" != eager["quality"]
    assert eager["weights_sha256"] == double["weights_sha256"]
    assert eager["artefact"] != double["artefact"]
    folder = read_folder(tmp_path)
    assert [each.record.cell.runtime for each in folder.cells] == ["eager"]
    (failed,) = folder.failures
    assert failed.conditions.runtime == "double"
    assert "it does not count" in failed.failure.reason
    assert any("in double not shown" in note for note in folder.notes)


def test_a_mode_of_compile_in_an_old_file_is_of_that_runtime() -> None:
    assert Cell.from_json({**CELL, "compile": "default"}).runtime == "compile"
    assert Cell.from_json(CELL).runtime == "eager"


@pytest.mark.parametrize(
    ("asked", "executions"),
    [
        (("--runtime", "eager,compile"), ["eager", "compile default"]),
        (("--runtime", "eager,compile:max-autotune"), ["eager", "compile max-autotune"]),
        (
            ("--runtime", "compile,compile:max-autotune,compile:default"),
            ["compile default", "compile max-autotune"],
        ),
        (("--runtime", "aot,onnxruntime,openvino"), ["aot", "onnxruntime", "openvino"]),
    ],
)
def test_runtimes_and_modes_are_planned(
    opbench: Opbench, asked: tuple[str, ...], executions: list[str]
) -> None:
    plan = opbench("run", "lenet5", "--dry-run", "--in-process", *asked, "--format", "json")
    assert plan.exit_code == 0, plan.stderr
    assert [Cell.from_json(row).execution for row in json.loads(plan.stdout)] == executions


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "lenet5", "--compile", "default"), "write --runtime compile:default"),
        (("run", "lenet5", "--compile", "eager,max-autotune"), "eager,compile:max-autotune"),
        (("compare", "lenet5", "lenet5", "--compile", "default"), "--runtime compile:default"),
        (("compare", "lenet5", "--vary", "compile=eager,default"), "eager,compile:default"),
    ],
)
def test_the_old_option_is_a_sentence(opbench: Opbench, words: tuple[str, ...], said: str) -> None:
    result = opbench(*words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_a_runtime_that_is_not_installed_is_a_sentence_with_the_command(
    opbench: Opbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "opbench.runtimes.runtime.find_spec", lambda name: None if name == "openvino" else True
    )
    result = opbench(
        "run", "lenet5", "--runtime", "eager,openvino", "--in-process", "--results", tmp_path
    )
    assert result.exit_code == 2
    assert "pip install 'opbench[openvino]'" in " ".join(result.stderr.split())
    assert not (tmp_path / "runs").exists()
