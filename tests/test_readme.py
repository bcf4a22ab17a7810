"""The README says what the program says."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.readme import README, commands, generated

TEXT = README.read_text(encoding="utf-8")
_CALLS = sorted(set(re.findall(r"^\$ (opbench [^|#\n]*)", TEXT, re.MULTILINE)))


def test_generated_blocks_are_fresh() -> None:
    assert len(commands(TEXT)) >= 3
    assert generated(TEXT) == TEXT, "`make readme` writes them anew"


@pytest.mark.parametrize("call", _CALLS)
def test_every_command_shown_knows_its_options(opbench, call: str) -> None:
    _, command, *arguments = shlex.split(call)
    shown = opbench(command, "--help").stdout
    assert shown.startswith("\n Usage") or "Usage" in shown
    for argument in arguments:
        if argument.startswith("--"):
            assert argument in shown, f"{command} has no {argument}"


def test_pictures_shown_are_there() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT):
        assert (README.parent / path).is_file(), path
