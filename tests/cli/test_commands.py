"""The command line as a whole: quick to start, and nothing forgotten."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from opbench import cli
from opbench.cli.options import parse_fraction
from opbench.errors import BadValueError
from tests.fixtures import Opbench


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_sentence_and_help_of_its_own(opbench: Opbench, name: str) -> None:
    assert cli.summary(name).endswith(".")
    assert cli.summary(name).split()[0] in opbench("--help").stdout
    assert opbench(name, "--help").exit_code == 0
    function = getattr(import_module(f"opbench.cli.{name}"), cli.COMMANDS[name])
    assert " ".join(function.__doc__.split()).startswith(cli.summary(name))


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_examples_use_options_that_exist_and_fit_80_columns(opbench: Opbench, name: str) -> None:
    told = opbench(name, "--help").stdout
    examples = [shlex.split(line) for line in told.splitlines() if line.startswith("  opbench ")]
    assert len(examples) >= 2
    assert max(map(len, told.splitlines())) <= 80
    for _, command, *words in examples:
        assert command == name
        for word in words:
            assert not word.startswith("--") or f"{word} " in told, word


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_types_are_words_that_a_reader_knows(opbench: Opbench, name: str) -> None:
    told = opbench(name, "--help").stdout
    for theirs in ("<list", "<int", "<bool", "x>=", "<float>", "<str>", "<path"):
        assert theirs not in told


def test_every_command_can_be_quiet_and_without_colour(opbench: Opbench, tmp_path: Path) -> None:
    for name in cli.COMMANDS:
        assert {"--quiet", "--no-color"} <= set(opbench(name, "--help").stdout.split())
    asked = ("check", "--update", "lenet5", "--format", "json", "--lock", tmp_path / "a.lock.json")
    said = opbench(*asked)
    assert "1 network" in said.stderr
    quiet = opbench(*asked, "--quiet")
    assert quiet.stderr == opbench("-q", *asked).stderr == ""
    assert quiet.stdout
    assert "1 network" in opbench(*asked).stderr


def test_an_error_is_said_however_quiet(opbench: Opbench) -> None:
    assert opbench("list", "no_such_network", "--quiet").stderr.startswith("error: ")


def test_old_spellings_of_options_are_understood(opbench: Opbench, tmp_path: Path) -> None:
    new = opbench("report", "--output", tmp_path / "a.html", "--figures=perhaps")
    old = opbench("report", "--out", tmp_path / "a.html", "--figures=perhaps")
    assert (old.exit_code, old.stderr) == (new.exit_code, new.stderr)
    assert "--out " not in opbench("report", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("list", "--format", "yaml"),
            "--format must be one of table, json, csv, markdown, not 'yaml'",
        ),
        (("count", "--jobs", "two"), "--jobs must be a whole number, not 'two'"),
        (("count", "--jobs", "0"), "--jobs must be 1 or more, not '0'"),
        (("run", "--max-seconds", "long"), "--max-seconds must be a number, not 'long'"),
        (("list", "--no-such-option"), "no such option: --no-such-option"),
        (("run", "--batch", "2"), "no such option: --batch; did you mean --batch-size?"),
        (("run", "--size", "2"), "no such option: --size; did you mean --batch-size or --input-"),
        (("--no-such-option",), "no such option: --no-such-option"),
        (("-v",), "no such option: -v; use --version"),
        (("count", "-v"), "no such option: -v; everything is said unless -q is given"),
        (("count", "--img-size", "8"), "no such option: --img-size; did you mean --input-size?"),
        (("count", "--amp"), "no such option: --amp; use --dtype bfloat16"),
        (("run", "--cuda"), "no such option: --cuda; use --device cuda"),
        (("run", "--warmup", "3"), "no such option: --warmup; warming up is automatic"),
        (
            ("count", "--export-markdown", "f"),
            "no such option: --export-markdown; use --format markdown > FILE",
        ),
        (("count", "-o", "f"), "no such option: -o; use --format csv > FILE"),
        (("check", "-k", "net"), "no such option: -k; name TARGETs, or globs"),
        (("run", "--lf"), "no such option: --lf; use --resume"),
        (("check", "--lf"), "no such option: --lf; name what failed"),
        (("check", "--fix"), "no such option: --fix; use --update"),
        (("claims", "--amp"), "no such option: --amp; `"),
        (("report", "--output"), "option '--output' requires an argument; use --output FILE"),
    ],
)
def test_a_command_line_that_cannot_be_parsed_is_one_sentence(
    opbench: Opbench, arguments: tuple[str, ...], said: str
) -> None:
    result = opbench(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {said}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("text", "fraction"), [("1%", 0.01), ("0.01", 0.01), (" 2.5 %", 0.025)])
def test_a_fraction_is_written_with_or_without_percent(text: str, fraction: float) -> None:
    assert parse_fraction("--precision", text) == pytest.approx(fraction)


@pytest.mark.parametrize("text", ["", "%", "0", "0%", "100%", "1", "nan", "-1%", "1%%", "one"])
def test_what_is_no_fraction_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(BadValueError, match="--precision must be a percentage such as 1%"):
        parse_fraction("--precision", text)


def test_an_option_without_its_argument_names_the_help_of_its_command(opbench: Opbench) -> None:
    said = opbench("list", "--format").stderr
    assert "option '--format' requires an argument; " in said and " list --help` lists" in said


def test_help_is_a_word_as_well(opbench: Opbench) -> None:
    assert opbench("help", "list").stdout == opbench("list", "--help").stdout
    assert opbench("help").stdout == opbench("--help").stdout


def test_a_command_that_does_not_exist_offers_a_near_one(opbench: Opbench) -> None:
    result = opbench("counnt")
    assert result.exit_code == 2
    assert "did you mean count?" in result.stderr


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


def test_a_terminal_in_ascii_gets_escapes_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from opbench.cli import main; main()", "claims"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.isascii()
    assert rb"R\xb2 of a line" in done.stdout
    assert b"Traceback" not in done.stderr
