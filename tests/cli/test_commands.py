"""The command line as a whole: quick to start, and nothing forgotten."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from opbench import cli
from tests.fixtures import Opbench


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_sentence_and_help_of_its_own(opbench: Opbench, name: str) -> None:
    assert cli.summary(name).endswith(".")
    assert cli.summary(name).split()[0] in opbench("--help").stdout
    assert opbench(name, "--help").exit_code == 0
    function = getattr(import_module(f"opbench.cli.{name}"), cli.COMMANDS[name])
    assert " ".join(function.__doc__.split()).startswith(cli.summary(name))


def test_a_command_that_does_not_exist_offers_a_near_one(opbench: Opbench) -> None:
    result = opbench("runn")
    assert result.exit_code == 2
    assert "Did you mean 'run'" in result.stderr


def test_help_imports_no_command_and_nothing_heavy() -> None:
    code = (
        "import sys; from opbench.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "ours = {name for name in sys.modules if name.startswith('opbench.cli.')}\n"
        "heavy = {'torch', 'pandas', 'numpy', 'matplotlib', 'rich.markdown'} & sys.modules.keys()\n"
        "assert not ours | heavy, ours | heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
