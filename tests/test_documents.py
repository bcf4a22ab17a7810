"""README and the documents in ``results/`` say what the program says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from opbench.accuracy import PROTOCOLS
from opbench.accuracy.own import COLUMNS
from tests.documents import DOCUMENTS, FILE, README, ROOT, commands, generated
from tests.fixtures import Opbench, Rows

TEXT = README.read_text(encoding="utf-8")
CALLS = sorted(set(re.findall(r"^\$ (opbench [^|#\n]*)", TEXT, re.MULTILINE)))
COUNTS_ANEW = {"README.md", "pitfalls.md"}
LINKED = (*DOCUMENTS, ROOT / ".github" / "CONTRIBUTING.md", ROOT / "CHANGELOG.md")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.name, marks=[pytest.mark.slow] * (path.name in COUNTS_ANEW))
        for path in DOCUMENTS
    ],
)
def test_generated_parts_are_fresh(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert generated(text) == text, "`make docs` writes them anew"


@pytest.mark.parametrize("name", ["README.md", "results/networks.md", "results/claims.md"])
def test_tables_are_generated(name: str) -> None:
    assert commands((ROOT / name).read_text(encoding="utf-8"))


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= 10_000


def test_readme_and_help_name_the_columns_and_protocols_of_accuracies(opbench: Opbench) -> None:
    recipe = TEXT.partition("**Place my network on the chart.**")[2].partition("**")[0]
    for column in re.findall(r"`(\w+)`", recipe.partition("```")[0])[1:]:
        assert column in COLUMNS
    shown = " ".join(opbench("plot", "--help").stdout.split())
    assert [each for each in PROTOCOLS if each not in shown] == []


@pytest.mark.parametrize("call", CALLS)
def test_every_command_shown_knows_its_options(opbench: Opbench, call: str) -> None:
    _, command, *arguments = shlex.split(call)
    shown = opbench(command, "--help").stdout
    assert "Usage" in shown
    for argument in arguments:
        if argument.startswith("--"):
            assert argument in shown, f"{command} has no {argument}"


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.name)
def test_linked_files_and_headings_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    headings = {_anchor(each) for each in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        if "://" not in link:
            assert (path.parent / file).exists(), link
            assert not anchor or file or anchor in headings, link


def _anchor(heading: str) -> str:
    """Return the fragment that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.usefixtures("quick_rounds")
def test_the_run_shown_is_the_published_one_with_the_columns_of_today(
    opbench: Opbench, rows: Rows, tmp_path: Path
) -> None:
    block = TEXT.partition("$ opbench run resnet18 squeezenet1_1\n")[2].partition("```")[0]
    header, *shown = (re.split(r"  +", line) for line in block.splitlines())
    quick = ("--in-process", "--max-seconds", "0.05", "--results", tmp_path)
    printed = opbench("run", "lenet5", *quick).stdout
    assert header == re.split(r"  +", printed.splitlines()[0])
    published = rows("list", "--columns", "name,latency_s", "--results", ROOT / "results")
    latency = {row["name"]: f"{row['latency_s'] * 1e3:.3f}" for row in published}
    for name, *cells in shown:
        assert cells[0].startswith(f"{latency[name]} (")


@pytest.mark.slow
def test_the_recipes_work_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files, Python, test and shell lines of README, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for file in FILE.finditer(TEXT):
        (tmp_path / file["name"]).write_text(file["text"], encoding="utf-8")
    rows = re.search(r"^\$ cat mine\.csv\n(.*?)^\$", TEXT, re.DOTALL | re.MULTILINE)
    assert rows
    (tmp_path / "mine.csv").write_text(rows[1])
    for call in ("check --quiet --update", "run mymodels.py:net", "plot accuracy-vs-ops"):
        (line,) = (each for each in CALLS if each.startswith(f"opbench {call}"))
        subprocess.run([sys.executable, "-m", *shlex.split(line)], check=True)
    assert (tmp_path / "results" / "figures" / "accuracy-vs-ops.svg").is_file()
    subprocess.run([sys.executable, "-m", "pytest", "-q", "test_models.py"], check=True)
    (snippet,) = re.findall(
        r"^```python\n(import opbench\n.*?)```$", TEXT, re.DOTALL | re.MULTILINE
    )
    network = "from mymodels import net\nmodule = net()\n"
    subprocess.run([sys.executable, "-c", network + snippet], check=True)
