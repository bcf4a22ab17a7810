"""Damaged run files, by every command that reads them: a sentence with file and line, or the rest.

Each damage is a kind that was met: a value of another type, nesting, numbers that are none, half
of a character.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opbench.runs.lines import RUN
from tests.builders import cell, header, record, write_run
from tests.fixtures import Opbench

PLAN = (cell("lenet5"),)


def changed(**changes: Any) -> Callable[[], bytes]:
    """A record with other values."""
    return lambda: json.dumps(RUN.line_json(record("lenet5")) | changes).encode()


def with_header(**changes: Any) -> Callable[[], bytes]:
    """A header with other values."""
    return lambda: json.dumps(RUN.line_json(header("x", plan=PLAN)) | changes).encode()


LINES: dict[str, Callable[[], bytes]] = {
    "name is a list": changed(name=["lenet5"]),
    "median is a list": changed(median_s=[0.01]),
    "samples are text": changed(samples_s="0.01"),
    "a time of 0": changed(samples_s=[0.0, 0.01]),
    "a negative time": changed(median_s=-0.01),
    "NaN": changed(median_s=float("nan")),
    "infinity": changed(high_s=float("inf")),
    "a time beyond any": changed(median_s=1e300),
    "5,000 digits": lambda: changed(macs=7)().replace(b'"macs": 7', b'"macs": ' + b"9" * 5000),
    "deep nesting": lambda: b'{"kind":"record","name":' + b"[" * 100_000,
    "half a character": lambda: changed()().replace(b'"lenet5"', b'"\\ud800"'),
    "not UTF-8": lambda: changed()().replace(b"lenet5", b"l\xe9net5"),
    "not JSON": lambda: b"<<<<<<< HEAD",
    "an empty line": lambda: b"",
}
HEADERS: dict[str, Callable[[], bytes]] = {
    "environment is a list": with_header(environment=["cpu"]),
    "plan is text": with_header(plan="lenet5"),
    "plan of text": with_header(plan=["lenet5"]),
    "protocol is a number": with_header(protocol=3),
    "another format": with_header(format=99),
    "no header": changed(),
    "rounds of 5,000 digits": lambda: with_header(format=7)().replace(b" 7", b" " + b"9" * 5000),
}
COMMANDS = {
    "list": ("list", "lenet5", "--columns", "name,latency_s"),
    "claims": ("claims",),
    "compare": ("compare", "x", "whole"),
    "resume": ("run", "--resume", "x", "--dry-run", "--in-process"),
}
EVERY_COMMAND = pytest.mark.parametrize("command", COMMANDS)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with one good run."""
    write_run(tmp_path, record("lenet5"), first=header("whole", plan=PLAN))
    return tmp_path


def said(opbench: Opbench, command: str, results: Path) -> tuple[int, str]:
    """The exit code and the messages of a command."""
    result = opbench(*COMMANDS[command], "--results", results)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stderr


@EVERY_COMMAND
@pytest.mark.parametrize("damage", LINES)
def test_a_damaged_line_is_named_and_the_rest_used(
    opbench: Opbench, results: Path, command: str, damage: str
) -> None:
    path = write_run(results, record("lenet5"), first=header("x", plan=PLAN))
    path.write_bytes(path.read_bytes() + LINES[damage]() + b"\n")
    code, messages = said(opbench, command, results)
    # The header of this run was made up, so that it is of another environment or finished.
    assert code == (2 if command == "resume" else 0)
    assert f"warning: {path}, line 3: " in messages.replace("skipped a damaged line: ", "")


@EVERY_COMMAND
@pytest.mark.parametrize("damage", HEADERS)
def test_a_damaged_header_is_named_and_other_runs_are_used(
    opbench: Opbench, results: Path, command: str, damage: str
) -> None:
    path = results / "runs" / "x.jsonl"
    path.write_bytes(HEADERS[damage]() + b"\n")
    code, messages = said(opbench, command, results)
    alone = command in ("compare", "resume")  # asked for by name
    assert code == (2 if alone else 0)
    assert f"{'error' if alone else 'warning'}: {path}, line 1: " in messages
    assert len(messages) < 1500
