"""What is delivered: the pre-commit hook and the action, each run for real, and what the project
promises of its folder, its versions and the shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from typer.testing import CliRunner

from opbench.cli import app
from opbench.settings import load_settings

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

NET = """
from torch import nn

def build():
    return nn.Conv2d(3, {width}, 3, bias=False)
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    aside = ("OPBENCH_", "GITHUB_", "PYTEST_", "GIT_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(aside)}
    environment = {**kept, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose network is locked and committed."""
    folder = tmp_path_factory.mktemp("committed")
    (folder / "net.py").write_text(NET.format(width=4))
    with pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        arguments = ["check", "--update", "net.py:build", "--input-size", "3x8x8"]
        assert CliRunner().invoke(app, arguments).exit_code == 0
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "a network and its lock")
    return folder


@pytest.fixture
def checkout(committed: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return shutil.copytree(committed, tmp_path / "checkout")


def try_hook(checkout: Path, hooks: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), "--all-files"]
    return run(command, checkout, PRE_COMMIT_HOME=str(cache))


@pytest.mark.slow
def test_the_pre_commit_hook_passes_and_then_stops_a_heavier_network(
    checkout: Path, tmp_path: Path
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    git(hooks, "init", "-q")
    git(hooks, "add", ".")
    git(hooks, "commit", "-qm", "hooks")
    done = try_hook(checkout, hooks, tmp_path / "cache")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "opbench check" in done.stdout and "Passed" in done.stdout
    (checkout / "net.py").write_text(NET.format(width=5))
    done = try_hook(checkout, hooks, tmp_path / "cache")
    assert done.returncode == 1 and "Failed" in done.stdout
    assert "macs: 3,888 became 4,860" in done.stdout  # 36 positions x 27 products x channels


def action(name: str = "check") -> dict[str, Any]:
    path = ROOT / ".github" / "actions" / name / "action.yml"
    read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def run_action(
    checkout: Path, summary: Path, inputs: Mapping[str, str], name: str = "check"
) -> subprocess.CompletedProcess[str]:
    """The action's one step as the runner runs it: expressions filled in, bash, the step's env."""
    declared = action(name)
    assert set(inputs) <= set(declared["inputs"])
    values = {name: str(each["default"]) for name, each in declared["inputs"].items()}
    values |= inputs
    (step,) = declared["runs"]["steps"]

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(f"${{{{ inputs.{name} }}}}", value)
        assert "${{" not in text
        return text

    script = checkout.parent / "script.sh"
    script.write_text(filled(step["run"]))
    assert script.read_text() == step["run"], "an input inside the script could be a command"
    variables = {key: filled(value) for key, value in step["env"].items()}
    folder = checkout / filled(step["working-directory"])
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    return run(
        bash,
        folder,
        **variables,
        GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_WORKSPACE=str(checkout),
        GITHUB_ACTIONS="true",
    )


@pytest.mark.slow
def test_the_action_passes_on_an_unchanged_checkout(checkout: Path, tmp_path: Path) -> None:
    done = run_action(checkout, tmp_path / "summary.md", {})
    assert done.returncode == 0, done.stderr
    assert "::error" not in done.stdout
    assert "1 network: 1 equal" in done.stderr
    assert "opbench check: passes" in (tmp_path / "summary.md").read_text()


@pytest.mark.slow
def test_the_action_annotates_a_heavier_network_and_writes_its_reports(
    checkout: Path, tmp_path: Path
) -> None:
    (checkout / "net.py").write_text(NET.format(width=5))
    inputs = {
        "targets": "net.py:build\n\n",
        "against": "HEAD",
        "strict": "true",
        "junit": "out/report.xml",
        "sarif": "out/report.sarif",
    }
    done = run_action(checkout, tmp_path / "summary.md", inputs)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=net.py,line=4,title=opbench check")
    assert "macs: 3,888 became 4,860" in (tmp_path / "summary.md").read_text()
    suite = ElementTree.parse(checkout / "out" / "report.xml").getroot()
    assert suite.get("failures") == "1"
    assert (checkout / "out" / "report.sarif").is_file()


def test_the_action_takes_an_input_for_a_name_and_never_for_a_command(
    checkout: Path, tmp_path: Path
) -> None:
    inputs = {
        "targets": f"$(touch {tmp_path}/caught)\n--help",
        "lock": f"`touch {tmp_path}/caught`",
    }
    done = run_action(checkout, tmp_path / "summary.md", inputs)
    assert done.returncode == 2
    assert not (tmp_path / "caught").exists()


@pytest.mark.parametrize("name", ["check", "compare"])
def test_every_input_of_an_action_is_described_and_used(name: str) -> None:
    declared = action(name)
    (step,) = declared["runs"]["steps"]
    used = str(step["env"]) + step["working-directory"]
    for name, each in declared["inputs"].items():
        assert each["description"] and isinstance(each["default"], str)
        assert f"${{{{ inputs.{name} }}}}" in used


@pytest.mark.slow
def test_the_action_that_compares_takes_an_input_for_a_value_and_never_for_a_command(
    checkout: Path, tmp_path: Path
) -> None:
    for inputs in (
        {"targets": f"$(touch {tmp_path}/caught):x", "against": "HEAD"},
        {"targets": "net.py:build", "against": f"`touch {tmp_path}/caught`"},
        {"targets": "--help"},
    ):
        done = run_action(checkout, tmp_path / "summary.md", inputs, "compare")
        assert done.returncode == 2, done.stderr
    assert not (tmp_path / "caught").exists()


def test_this_repository_uses_its_own_action() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    (own,) = [step for step in steps if step.get("uses") == "./.github/actions/check"]
    assert set(own.get("with", {})) <= set(action()["inputs"])


def test_the_lowest_versions_are_those_that_are_promised() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert pinned == [each.replace(">=", "==") for each in project["dependencies"]]


def test_what_a_newcomer_makes_is_not_tracked() -> None:
    mine = ROOT / "results" / "mine"
    assert load_settings(ROOT, {}).results == mine
    git(ROOT, "check-ignore", "--quiet", str(mine / "runs" / "a.jsonl"))
    done = run(["make", "--dry-run", "run"], ROOT)
    assert set(re.findall(r"--results (\S+)", done.stdout)) == {"results/mine"}
    assert "the chart: results/mine/figures/accuracy-vs-ops.png" in done.stdout


def test_the_top_folder_holds_what_it_may() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    top = {name.split("/")[0] for name in listed.stdout.splitlines()}
    visible = {name for name in top if not name.startswith(".")}
    folders = {"opbench", "results", "tests"}
    assert visible == folders | {
        "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "pyproject.toml",
    }  # fmt: skip


def test_the_shell_completes_commands() -> None:
    words = {"_OPBENCH_COMPLETE": "complete_bash", "COMP_WORDS": "opbench c", "COMP_CWORD": "1"}
    done = run(["opbench"], ROOT, **words)
    assert done.stdout.split() == ["count", "compare", "check", "claims"], done.stderr
