"""Every command that prints a table obeys ``--format``, whatever the names are."""

from __future__ import annotations

import csv
import inspect
import io
import json
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from typer.testing import Result

from opbench import cli
from opbench.cli.render import Format
from opbench.escapes import csv_cell, printable
from opbench.runs.lines import End
from opbench.timing import disturbances
from tests import hostile
from tests.builders import failure, header, record, write_run
from tests.evaluation import images
from tests.fixtures import Opbench

# Of each command one call; RESULTS has runs of hostile names, the folder a lock of them.
CALLS: dict[str, tuple[str, ...]] = {
    "list": ("list", "vgg*", "--results", "RESULTS"),
    "show": ("show", "lenet5", "--no-witness"),
    "count": ("count", "lenet5", "--by", "module"),
    "run": ("run", "lenet5", "--dry-run", "--in-process"),
    "evaluate": (
        "evaluate",
        "net.py:Reader",
        "--data",
        "images",
        "--resume",
        "--results",
        "RESULTS",
    ),
    "compare": ("compare", "a", "b", "--results", "RESULTS"),
    "claims": ("claims", "--results", "RESULTS"),
    "check": ("check",),
    "doctor": ("doctor",),
    "merge": ("merge", "RESULTS", "--results", "elsewhere", "--dry-run"),
    "runs": ("runs", "--results", "RESULTS"),
}
# JSON in UTF-8 holds no lone surrogate, and so does no run.
RUN_NAMES = [name for name in hostile.NAMES if "\ud800" not in name]
WATCHING = ("run", "doctor")
QUICK = [name for name in CALLS if name not in WATCHING]
HOSTILE = ("list", "compare", "claims", "check", "runs")


def test_every_command_with_a_format_is_tried() -> None:
    functions = {
        name: getattr(import_module(f"opbench.cli.{name}"), function)
        for name, function in cli.COMMANDS.items()
    }
    with_format = {
        name
        for name, function in functions.items()
        if "format" in inspect.signature(function).parameters
    }
    assert with_format == CALLS.keys()


@pytest.fixture
def call(opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call a command in a folder where everything has a hostile name."""
    monkeypatch.chdir(tmp_path)
    for run in ("a", "b"):
        records = [record(name) for name in RUN_NAMES]
        failed = failure("fails\x1b[31m", "<img src=x>\x1b[31m ::error::boom\n::error::x | `x`")
        plan = (*(each.cell for each in records), failed.cell)
        first = header(run, plan=plan, environment={"cpu": "<b>CPU\x1b[32m</b>", "torch": "2"})
        write_run(tmp_path, *records, failed, End(reason="finished"), first=first)
    images.target(tmp_path)
    images.folder(tmp_path / "images", [(label, label) for label in range(images.CLASSES)])
    assert opbench("check", "lenet5", "--update").exit_code == 0
    lock = json.loads(Path("opbench.lock.json").read_text())
    block = lock["networks"]["lenet5"]
    lock["networks"] = {f"{name}:Net": block for name in hostile.NAMES}
    lock["targets"] = [*lock["networks"]]
    Path("opbench.lock.json").write_text(json.dumps(lock))

    def run_it(name: str, format: str) -> Result:
        arguments = [str(tmp_path) if each == "RESULTS" else each for each in CALLS[name]]
        result = opbench(*arguments, "--format", format)
        assert result.exit_code == (1 if name == "check" else 0), result.stderr
        return result

    return run_it


@pytest.mark.parametrize("name", QUICK)
def test_each_format_is_what_it_says(call: Any, name: str) -> None:
    _check_formats(call, name)


@pytest.mark.slow  # they watch the machine for a second each time
@pytest.mark.parametrize("name", WATCHING)
def test_each_format_of_what_watches_is_what_it_says(
    call: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What disturbs differs from one look at the machine to the next.
    seen = [disturbances.Disturbance(f"a {each}", "wait") for each in hostile.NAMES]
    monkeypatch.setattr(disturbances, "watch", lambda cores: seen)
    monkeypatch.setattr(disturbances, "findings", lambda facts: [])
    _check_formats(call, name)


def _check_formats(call: Any, name: str) -> None:
    rows = json.loads(call(name, "json").stdout)
    assert rows and all(isinstance(row, dict) for row in rows)
    assert not any(isinstance(value, dict) for row in rows for value in row.values())
    told = list(csv.DictReader(io.StringIO(call(name, "csv").stdout), strict=True))
    assert len(told) == len(rows)
    assert set(told[0]) >= {key for row in rows for key in row}
    parsed = MarkdownIt("commonmark").enable("table").parse(call(name, "markdown").stdout)
    lines = [each for each in parsed if each.type == "tr_open"]
    assert len(lines) == 1 + len(rows) or name == "compare"
    table = call(name, "table").stdout
    assert "|" not in table.splitlines()[0]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_reaches_a_terminal_or_a_log_as_anything_else(call: Any, name: str) -> None:
    for format in Format:
        result = call(name, format)
        hostile.check(result.stdout)
        hostile.check(result.stderr)


def test_names_come_back_from_json_and_csv(call: Any) -> None:
    for name, key, names in (
        ("compare", "name", {*RUN_NAMES, "fails\x1b[31m"}),
        ("check", "name", {f"{name}:Net" for name in hostile.NAMES}),
    ):
        assert {row[key] for row in json.loads(call(name, "json").stdout)} == names
        told = csv.DictReader(io.StringIO(call(name, "csv").stdout))
        assert {row[key] for row in told} == set(map(csv_cell, names))


def test_reports_for_ci_hold_hostile_names(call: Any) -> None:
    annotations = call("check", "github").stdout.splitlines()
    assert annotations and all(each.startswith(("::error ", "::notice ")) for each in annotations)
    assert all(each.isprintable() for each in annotations)
    cases = ElementTree.fromstring(call("check", "junit").stdout).iter("testcase")
    assert {each.get("name") for each in cases} == {
        printable(f"{name}:Net") for name in hostile.NAMES
    }
    assert json.loads(call("check", "sarif").stdout)["runs"][0]["results"]
    assert ElementTree.fromstring(call("compare", "junit").stdout).iter("testcase")
    assert all(each.isprintable() for each in call("compare", "github").stdout.splitlines())
