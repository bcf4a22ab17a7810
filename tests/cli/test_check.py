"""``opbench check``, from the first lock to every way a network can change."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import Result

from opbench.inputs import AskedInputs
from opbench.lock import load, recount
from opbench.record import Count
from opbench.registry import entries
from opbench.registry.targets import Target, count_target
from opbench.spec import ArchitectureSpec, Shape
from tests.fixtures import Opbench
from tests.locked import macs

NET = """
import torch
from torch import nn

@torch.library.custom_op("opbench_check::{op}", mutates_args=())
def mystery(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

@mystery.register_fake
def _(x):
    return torch.empty_like(x)

class Mystery(nn.Module):
    def forward(self, x):
        return mystery(x)

def build():
    return nn.Sequential({body})
"""
# The products of tests.locked.network.
PLAIN = "nn.Conv2d(3, {width}, 3, bias=False), nn.Flatten(), nn.Linear({width} * 36, 5)"
SIZE = ("--input-size", "3x8x8")

Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A new folder with net.py, entered; the same files in a new folder are a later commit.

    A file is imported once per process, so a network that changes has to move.
    """
    numbers = iter(range(100))

    def make(
        body: str = PLAIN.format(width=4), *, lock: Path | None = None, toml: str = ""
    ) -> Path:
        folder = tmp_path_factory.mktemp("project")
        op = f"{folder.name}_{next(numbers)}".replace("-", "_")
        (folder / "net.py").write_text(NET.format(body=body, op=op))
        if toml:
            (folder / "pyproject.toml").write_text(toml)
        if lock:
            (folder / lock.name).write_bytes(lock.read_bytes())
        monkeypatch.chdir(folder)
        return folder

    for variable in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GITHUB_ACTIONS"):
        monkeypatch.delenv(variable, raising=False)
    return make


@pytest.fixture
def lock(project: Project, opbench: Opbench) -> Path:
    """A lock that holds net.py:build as it is at first."""
    path = project() / "opbench.lock.json"
    assert opbench("check", "--update", "net.py:build", *SIZE).exit_code == 0
    return path


def found(result: Result) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(result.stdout)}


def test_without_a_lock_the_answer_is_how_to_make_one(project: Project, opbench: Opbench) -> None:
    folder = project()
    result = opbench("check")
    assert result.exit_code == 2
    assert "opbench check --update" in result.stderr and not result.stdout
    assert sorted(each.name for each in folder.iterdir()) == ["net.py"]


def test_an_unchanged_network_passes_and_its_lock_stays_as_it_is(
    lock: Path, opbench: Opbench
) -> None:
    before = lock.read_bytes()
    assert opbench("check").exit_code == 0
    result = opbench("check", "net.py:build", *SIZE, "--format", "json")
    assert result.exit_code == 0
    row = found(result)["net.py:build"]
    assert row["status"] == "equal" and row["macs"] == row["locked_macs"] == macs(4)
    assert opbench("check", "--update").exit_code == 0
    assert opbench("check", "--update", "net.py:build").exit_code == 0
    assert lock.read_bytes() == before


def test_one_channel_more_fails_and_says_where(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    folder = project(PLAIN.format(width=5), lock=lock)
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1
    row = found(result)["net.py:build"]
    assert row["status"] == "heavier" and not row["ok"]
    assert (row["locked_macs"], row["macs"]) == (macs(4), macs(5))
    assert "conv2d 1x3x8x8 * 4x3x3x3 -> 1x4x6x6 became 1x3x8x8 * 5x3x3x3 -> 1x5x6x6" in row["why"]
    assert (folder / lock.name).read_bytes() == lock.read_bytes()
    text = opbench("check")
    assert text.exit_code == 1
    assert f"macs: {macs(4):,} became {macs(5):,}" in text.stdout
    assert "1 network: 1 heavier" in text.stdout


def test_an_update_accepts_the_change_and_tells_it(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    project(PLAIN.format(width=5), lock=lock)
    result = opbench("check", "--update", "--format", "json")
    assert result.exit_code == 0
    assert found(result)["net.py:build"]["status"] == "heavier"
    assert opbench("check").exit_code == 0


def test_one_channel_less_fails_unless_the_project_allows_it(
    lock: Path, project: Project, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(PLAIN.format(width=3), lock=lock)
    result = opbench("check")
    assert result.exit_code == 1 and "lighter" in result.stdout and "--update" in result.stdout
    monkeypatch.setenv("OPBENCH_CHECK_LIGHTER", "pass")
    assert opbench("check", "--strict").exit_code == 0
    monkeypatch.delenv("OPBENCH_CHECK_LIGHTER")
    project(PLAIN.format(width=3), lock=lock, toml='[tool.opbench.check]\nlighter = "pass"\n')
    assert opbench("check").exit_code == 0


def test_a_renamed_module_passes_and_says_renamed(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    layers = PLAIN.format(width=4).split(", nn.")
    named = ", ".join(
        f'("{name}", nn.{each.removeprefix("nn.")})'
        for name, each in zip("abc", layers, strict=True)
    )
    project(f"__import__('collections').OrderedDict([{named}])", lock=lock)
    result = opbench("check", "--format", "json")
    assert result.exit_code == 0
    row = found(result)["net.py:build"]
    assert row["status"] == "renamed" and row["ok"]
    assert row["why"] == "renamed: 0 to a, 1 to b, 2 to c"
    assert "net.py:build has renamed modules: 0 to a" in opbench("check").stdout
    assert opbench("check", "--strict").exit_code == 1


def test_another_activation_function_is_told_and_fails_with_strict(
    project: Project, opbench: Opbench
) -> None:
    layers = "nn.Conv2d(3, 4, 3), {kind}()"
    path = project(layers.format(kind="nn.ReLU")) / "opbench.lock.json"
    assert opbench("check", "--update", "net.py:build", *SIZE).exit_code == 0
    project(layers.format(kind="nn.GELU"), lock=path)
    result = opbench("check")
    assert result.exit_code == 0
    assert "net.py:build has changed" in result.stdout
    assert "module 1 (ReLU became GELU)" in result.stdout
    assert opbench("check", "--strict").exit_code == 1


def test_another_input_size_fails_whatever_is_allowed(project: Project, opbench: Opbench) -> None:
    body = "nn.Conv2d(3, 4, 3)"
    toml = '[tool.opbench.check]\nlighter = "pass"\nmax_increase = "999%"\n{more}'
    path = project(body, toml=toml.format(more="")) / "opbench.lock.json"
    assert opbench("check", "--update", "net.py:build", *SIZE).exit_code == 0
    for size in ("3x7x7", "3x9x9"):
        given = opbench("check", "net.py:build", "--input-size", size)
        assert given.exit_code == 1
        assert f"has another input size: input: 1x3x8x8 became 1x{size}" in given.stdout
        assert f"opbench check --update net.py:build --input-size {size}" in given.stdout
        project(body, lock=path, toml=toml.format(more=f'input_sizes = "{size}"\n'))
        assert opbench("check").exit_code == 1


def test_rules_of_the_project_hold_and_flags_and_environment_win(
    lock: Path, project: Project, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = '[tool.opbench.check]\nstrict = true\nmax_increase = { "net.py:*" = "26%" }\n'
    project(PLAIN.format(width=5), lock=lock, toml=toml)
    result = opbench("check", "--format", "json")
    assert result.exit_code == 0
    assert "within max_increase" in found(result)["net.py:build"]["note"]
    monkeypatch.setenv("OPBENCH_CHECK_MAX_INCREASE", "1%")
    assert opbench("check").exit_code == 1
    project(PLAIN.format(width=4) + ", nn.ReLU()", lock=lock, toml=toml)
    assert opbench("check").exit_code == 1
    assert opbench("check", "--no-strict").exit_code == 0


def test_an_operator_without_a_rule_fails_the_check(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    project(f"{PLAIN.format(width=4)}, Mystery()", lock=lock)
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1
    row = found(result)["net.py:build"]
    assert row["status"] == "cannot count"
    assert "opbench_check::" in row["uncounted"][0] and "no rule for opbench_check::" in row["note"]
    update = opbench("check", "--update")
    assert update.exit_code == 1 and "no rule for" in update.stdout
    assert opbench("check").exit_code == 1
    assert opbench("check").stdout.count("no rule for") == 1


def test_a_file_that_no_longer_imports_is_a_row_with_file_and_line(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    folder = project("nn.Conv2d(3, 4, 3", lock=lock)
    assert opbench("check", "--update", "lenet5").exit_code == 0
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1
    rows = found(result)
    assert rows["net.py:build"]["status"] == "cannot count"
    assert "SyntaxError" in rows["net.py:build"]["note"]
    assert "net.py, line " in rows["net.py:build"]["note"]
    assert rows["lenet5"]["status"] == "equal"
    before = (folder / lock.name).read_bytes()
    assert opbench("check", "--update").exit_code == 1
    assert (folder / lock.name).read_bytes() == before


def test_a_missing_module_in_a_file_names_the_line_that_imports_it(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    folder = project(lock=lock)
    text = (folder / "net.py").read_text()
    (folder / "net.py").write_text(f"{text}\nimport no_such_module_at_all\n")
    note = found(opbench("check", "--format", "json"))["net.py:build"]["note"]
    assert f"net.py, line {text.count(chr(10)) + 2}" in note
    assert "No module named 'no_such_module_at_all'" in note


FIVE_AT_ONCE = """
import os, sys
from opbench.cli import app
import opbench.lock.recount  # torch, once for all
from opbench.processes import calls
calls.FORKS = False  # each of the five counts by itself

for number in range(5):
    if os.fork() == 0:
        sys.argv[1:] = ["check", "--update", f"five.py:net{number}", "--input-size", "7"]
        app()
sys.exit(any([os.wait()[1] for _ in range(5)]))
"""


@pytest.mark.slow
def test_five_updates_at_once_lock_five_targets(project: Project) -> None:
    folder = project()
    nets = [f"def net{number}(): return nn.Linear(7, {number + 1})" for number in range(5)]
    (folder / "five.py").write_text("\n".join(["from torch import nn", *nets]))
    done = subprocess.run([sys.executable, "-c", FIVE_AT_ONCE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    networks = load(folder / "opbench.lock.json").networks
    assert {name: block.macs for name, block in networks.items()} == {
        f"five.py:net{number}": 7 * (number + 1) for number in range(5)
    }
    assert not list(folder.glob(".opbench*"))


def test_a_file_that_is_gone_is_gone_and_an_update_takes_it_out(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    folder = project(lock=lock)
    assert opbench("check", "--update", "lenet5").exit_code == 0
    (folder / "net.py").unlink()
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1 and found(result)["net.py:build"]["status"] == "gone"
    assert opbench("check", "net.py:build").exit_code == 1
    assert opbench("check", "--update").exit_code == 0
    held = json.loads((folder / lock.name).read_text())
    assert list(held["networks"]) == ["lenet5"] and held["targets"] == ["lenet5"]
    assert opbench("check").exit_code == 0


def test_an_attribute_that_is_gone_is_gone_and_an_update_takes_it_out(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    folder = project(lock=lock)
    text = (folder / "net.py").read_text()
    (folder / "net.py").write_text(text.replace("def build", "def builds"))
    rows = found(opbench("check", "net.py:build", "net.py:builds", *SIZE, "--format", "json"))
    assert rows["net.py:build"]["status"] == "gone" and rows["net.py:builds"]["status"] == "new"
    assert "net.py:builds, which is new, has the same counts" in rows["net.py:build"]["note"]
    result = opbench("check")
    assert result.exit_code == 1 and "did you mean builds?" in result.stdout
    assert opbench("check", "--update", "net.py:builds", *SIZE).exit_code == 0
    assert opbench("check", "--update").exit_code == 0
    held = json.loads((folder / lock.name).read_text())
    assert list(held["networks"]) == held["targets"] == ["net.py:builds"]
    assert opbench("check").exit_code == 0
    never = opbench("check", "net.py:nothing", *SIZE)
    assert never.exit_code == 2 and "net.py has no 'nothing'" in never.stderr


def test_a_module_that_is_gone_is_gone_and_one_that_it_imports_is_not(
    project: Project, opbench: Opbench
) -> None:
    folder = project()
    for name in ("check_moves", "check_breaks"):
        (folder / f"{name}.py").write_text("from torch import nn\nnet = nn.Linear(3, 2)\n")
        assert opbench("check", "--update", f"{name}:net", "--input-size", "3").exit_code == 0
        del sys.modules[name]
    (folder / "check_moves.py").unlink()
    (folder / "check_breaks.py").write_text("import no_such_module_at_all\n")
    rows = found(opbench("check", "--format", "json"))
    assert rows["check_moves:net"]["status"] == "gone"
    assert "there is no module check_moves" in rows["check_moves:net"]["note"]
    assert rows["check_breaks:net"]["status"] == "cannot count"


def test_a_script_that_exits_is_a_row_and_the_others_go_on(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    folder = project(lock=lock)
    assert opbench("check", "--update", "lenet5").exit_code == 0
    script = "import argparse\nargparse.ArgumentParser().parse_args(['--no-such-option'])\n"
    (folder / "net.py").write_text(script)
    rows = found(opbench("check", "--format", "json"))
    assert rows["net.py:build"]["status"] == "cannot count"
    assert "SystemExit: 2" in rows["net.py:build"]["note"]
    assert rows["lenet5"]["status"] == "equal"


def test_what_a_network_prints_is_not_in_the_report(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    folder = project(lock=lock)
    text = (
        (folder / "net.py")
        .read_text()
        .replace("    return nn", "    print('built')\n    return nn")
    )
    (folder / "net.py").write_text(f"print('imported')\n{text}")
    result = opbench("check", "--format", "json")
    assert result.exit_code == 0 and found(result)["net.py:build"]["status"] == "equal"
    assert "imported\n" in result.stderr and "built\n" in result.stderr


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Make the registry hold exactly these names, each an existing entry."""
    originals = dict(entries.specs())

    def hold(names: dict[str, str]) -> None:
        import dataclasses

        specs = {
            name: dataclasses.replace(originals[original], name=name)
            for name, original in names.items()
        }
        monkeypatch.setattr(entries, "specs", lambda: MappingProxyType(specs))

    return hold


@pytest.fixture
def two(project: Project, opbench: Opbench, registered: Callable[[dict[str, str]], None]) -> Path:
    """A lock of a registry of two."""
    path = project() / "opbench.lock.json"
    registered({"first": "lenet5", "second": "conv3x3_256"})
    assert opbench("check", "--update", "*").exit_code == 0
    return path


def test_an_update_without_a_lock_or_targets_asks_for_one(
    project: Project, opbench: Opbench
) -> None:
    folder = project()
    result = opbench("check", "--update")
    assert result.exit_code == 2 and "--update needs a TARGET" in result.stderr
    assert "'*' names the networks of opbench itself" in result.stderr
    assert not list(folder.glob("*.json"))


def test_the_registry_is_locked_where_it_is_asked_for(two: Path, opbench: Opbench) -> None:
    held = json.loads(two.read_text())
    assert held["targets"] == ["*"]
    assert list(held["networks"]) == ["first", "second"]
    assert held["networks"]["first"]["macs"] == 325_680
    assert held["networks"]["second"]["macs"] == 256 * 256 * 9
    assert opbench("check").exit_code == 0


def test_a_network_added_to_the_registry_is_new(
    two: Path, opbench: Opbench, registered: Callable[[dict[str, str]], None]
) -> None:
    registered({"first": "lenet5", "second": "conv3x3_256", "third": "bottleneck_256_64"})
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1
    assert {name: row["status"] for name, row in found(result).items()} == {
        "first": "equal",
        "second": "equal",
        "third": "new",
    }
    assert "opbench check --update third" in found(result)["third"]["note"]
    assert opbench("check", "--update", "third").exit_code == 0
    assert opbench("check").exit_code == 0


def test_a_network_that_is_renamed_is_gone_and_new(
    two: Path, opbench: Opbench, registered: Callable[[dict[str, str]], None]
) -> None:
    registered({"first": "lenet5", "deuxieme": "conv3x3_256"})
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1
    rows = found(result)
    assert rows["second"]["status"] == "gone" and rows["deuxieme"]["status"] == "new"
    assert "deuxieme, which is new, has the same counts" in rows["second"]["note"]
    assert opbench("check", "second").exit_code == 1
    assert opbench("check", "--update").exit_code == 0
    assert list(json.loads(two.read_text())["networks"]) == ["deuxieme", "first"]


def test_an_update_of_one_target_leaves_every_other_line(
    two: Path, opbench: Opbench, registered: Callable[[dict[str, str]], None]
) -> None:
    registered({"first": "bottleneck_256_64", "second": "lenet5"})
    before = json.loads(two.read_text())["networks"]
    assert opbench("check", "--update", "second").exit_code == 0
    after = json.loads(two.read_text())["networks"]
    assert after["first"] == before["first"] and after["second"]["macs"] == 325_680


def test_only_the_targets_named_are_counted(
    two: Path, opbench: Opbench, registered: Callable[[dict[str, str]], None]
) -> None:
    registered({"first": "lenet5", "second": "lenet5"})
    assert opbench("check", "first").exit_code == 0
    result = opbench("check", "fir*", "--format", "json")
    assert list(found(result)) == ["first"]
    assert opbench("check").exit_code == 1


def test_a_name_that_nothing_knows_is_a_mistake_with_near_matches(
    two: Path, opbench: Opbench
) -> None:
    result = opbench("check", "frist")
    assert result.exit_code == 2 and "did you mean first?" in result.stderr


def test_a_registry_that_does_not_import_is_caught_with_its_line(
    two: Path, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> dict[str, ArchitectureSpec]:
        raise SyntaxError("invalid syntax", ("opbench/architectures/new.py", 7, 1, "x"))

    monkeypatch.setattr(entries, "specs", broken)
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1
    for row in found(result).values():
        assert row["status"] == "cannot count"
        assert "opbench/architectures/new.py, line 7" in row["note"]


def test_a_network_that_raises_when_it_is_built_does_not_stop_the_others(
    two: Path, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(target: Target, size: AskedInputs) -> Count:
        if target.name == "first":
            raise ZeroDivisionError("division by zero")
        return count_target(target, size)

    monkeypatch.setattr(recount, "count_target", fails)
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1
    assert {row["status"] for row in found(result).values()} == {"cannot count", "equal"}
    assert "ZeroDivisionError: division by zero" in found(result)["first"]["note"]


def test_a_size_that_was_asked_for_is_asked_for_again(project: Project, opbench: Opbench) -> None:
    project()
    assert opbench("check", "--update", "resnet18", "--input-size", "3x64x64").exit_code == 0
    result = opbench("check", "--format", "json")
    assert result.exit_code == 0 and found(result)["resnet18"]["input_size"] == "3x64x64"
    other = opbench("check", "resnet18", "--input-size", "3x96x96", "--format", "json")
    assert other.exit_code == 1
    assert "input: 1x3x64x64 became 1x3x96x96" in found(other)["resnet18"]["why"]


WORDS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.fc = nn.Embedding(9, 4), nn.Linear(4, 5)

    def forward(self, ids, mask=None):
        rows = self.table(ids)
        return self.fc(rows if mask is None else rows[:, : int(mask.sum())])
"""


def test_inputs_that_were_given_are_given_again(project: Project, opbench: Opbench) -> None:
    folder = project()
    (folder / "words.py").write_text(WORDS)
    given = ("--input", "ids=1x16:int64", "--input", "mask=1x7:bool")
    assert opbench("check", "--update", "words.py:Net", *given).exit_code == 0
    (block,) = json.loads((folder / "opbench.lock.json").read_text())["networks"].values()
    assert block["inputs"] == ["ids=1x16:int64", "mask=1x7:bool"]
    assert (block["input_size_from"], block["macs"]) == ("--input", 7 * 4 * 5)
    again = opbench("check", "--format", "json")
    assert again.exit_code == 0 and found(again)["words.py:Net"]["status"] == "equal"

    other = opbench("check", "words.py:Net", "--input", "ids=2x16:int64", "--format", "json")
    row = found(other)["words.py:Net"]
    assert (other.exit_code, row["status"]) == (1, "other input")
    assert "input: ids=1x16:int64, mask=1x7:bool became ids=2x16:int64" in row["why"]
    assert "`opbench check --update words.py:Net --input ids=2x16:int64` accepts it" in row["note"]

    later = project(lock=folder / "opbench.lock.json")
    (later / "words.py").write_text(WORDS.replace("ids", "input_ids"))
    renamed = opbench("check", "--format", "json")
    note = found(renamed)["words.py:Net"]["note"]
    assert renamed.exit_code == 1 and note.startswith("the inputs in the lock no longer fit; ")
    assert "Net.forward takes no argument 'ids'; did you mean input_ids?" in note
    anew = ("--input", "input_ids=1x16:int64", "--input", "mask=1x7:bool")
    assert opbench("check", "--update", "words.py:Net", *anew).exit_code == 0
    assert opbench("check").exit_code == 0


def test_without_any_size_nothing_is_written(project: Project, opbench: Opbench) -> None:
    folder = project()
    result = opbench("check", "--update", "net.py:build")
    assert result.exit_code == 2 and "error: net.py:build: " in result.stderr
    assert "--input-size 3x224x224" in result.stderr
    assert {each.name for each in folder.iterdir()} <= {"net.py", "__pycache__"}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:300], "not valid JSON"),
        (lambda text: text.replace('"format": 2', '"format": 99'), "upgrade opbench"),
        (lambda text: text.replace('"macs": ', '"macs": 1', 1), "edited by hand"),
        (lambda text: "macs: 100\n", "not valid JSON"),
        (lambda text: '{"net.py:build": {"macs": 100}}', "not a lock of opbench"),
    ],
    ids=["cut", "newer", "total", "yaml", "by hand"],
)
def test_a_lock_that_cannot_be_read_is_answered_and_kept(
    lock: Path, opbench: Opbench, damage: Callable[[str], str], said: str
) -> None:
    lock.write_text(damage(lock.read_text()))
    before = lock.read_bytes()
    for arguments in ([], ["net.py:build"], ["--update"], ["--update", "net.py:build", *SIZE]):
        result = opbench("check", *arguments)
        assert result.exit_code == 2, arguments
        assert f"{lock}, line " in result.stderr and said in result.stderr
        assert lock.read_bytes() == before


def test_a_damaged_lock_is_written_anew_only_where_the_project_says_what_belongs_in_it(
    project: Project, opbench: Opbench
) -> None:
    path = project(toml='[tool.opbench.check]\ntargets = ["lenet5"]\n') / "opbench.lock.json"
    path.write_text("{")
    assert opbench("check", "--update", "conv3x3_256").exit_code == 2
    assert path.read_text() == "{"
    result = opbench("check", "--update")
    assert result.exit_code == 0 and "the damaged lock is replaced" in result.stderr
    assert list(json.loads(path.read_text())["networks"]) == ["lenet5"]
    path.write_text(path.read_text().replace('"format": 2', '"format": 99'))
    result = opbench("check", "--update")
    assert result.exit_code == 2 and "upgrade opbench" in result.stderr


def test_a_lock_can_lie_elsewhere_and_file_targets_stay_relative_to_the_project(
    project: Project, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = '[tool.opbench]\nlock = "locks/l.json"\n'
    folder = project(toml=toml)
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert opbench("check", "--update", "../net.py:build", *SIZE).exit_code == 0
    assert list(json.loads((folder / "locks" / "l.json").read_text())["networks"]) == [
        "net.py:build"
    ]
    assert opbench("check").exit_code == 0
    assert opbench("check", folder / "net.py:build").exit_code == 0
    assert opbench("check", "--update", "lenet5", "--lock", "other.json").exit_code == 0
    assert (folder / "sub" / "other.json").is_file()
    new = opbench("check", "lenet5", "squeezenet1_1", "--lock", "other.json").stdout
    assert "opbench check --lock other.json --update squeezenet1_1" in " ".join(new.split())


def test_targets_of_the_project_are_expected_in_its_lock(
    project: Project, opbench: Opbench
) -> None:
    folder = project(toml='[tool.opbench.check]\ntargets = ["lenet5", "conv3x3_256"]\n')
    assert opbench("check", "--update", "lenet5").exit_code == 0
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1 and found(result)["conv3x3_256"]["status"] == "new"
    other = opbench("check", "--update", "lenet5", "--lock", folder / "other.json")
    assert other.exit_code == 0
    assert opbench("check", "--lock", folder / "other.json").exit_code == 0


TWO_SIZES = '[tool.opbench.check]\ninput_sizes = { "net.py:*" = ["3x8x8", "3x9x9"] }\n'
ANY_SIZE = "nn.Conv2d(3, {width}, 3, bias=False)"


def test_several_sizes_of_a_target_are_locked_and_checked_each(
    project: Project, opbench: Opbench
) -> None:
    path = project(ANY_SIZE.format(width=4), toml=TWO_SIZES) / "opbench.lock.json"
    assert opbench("check", "--update", "net.py:build").exit_code == 0
    held = json.loads(path.read_text())["networks"]
    assert {name: block["macs"] for name, block in held.items()} == {
        "net.py:build@3x8x8": 36 * 27 * 4,
        "net.py:build@3x9x9": 49 * 27 * 4,
    }
    assert opbench("check").exit_code == opbench("check", "net.py:build").exit_code == 0
    project(ANY_SIZE.format(width=5), lock=path, toml=TWO_SIZES)
    rows = found(opbench("check", "--format", "json"))
    assert {name: row["status"] for name, row in rows.items()} == dict.fromkeys(held, "heavier")
    one = opbench("check", "net.py:build", "--input-size", "3x9x9", "--format", "json")
    assert list(found(one)) == ["net.py:build@3x9x9"]
    assert "opbench check --update net.py:build`" in found(one)["net.py:build@3x9x9"]["note"]


def test_a_size_that_is_no_longer_listed_is_gone_and_one_that_is_added_is_new(
    project: Project, opbench: Opbench
) -> None:
    path = project(ANY_SIZE.format(width=4), toml=TWO_SIZES) / "opbench.lock.json"
    assert opbench("check", "--update", "net.py:build").exit_code == 0
    project(ANY_SIZE.format(width=4), lock=path, toml=TWO_SIZES.replace("3x9x9", "3x7x7"))
    result = opbench("check", "--format", "json")
    assert result.exit_code == 1
    assert {name[-5:]: row["status"] for name, row in found(result).items()} == {
        "3x7x7": "new",
        "3x8x8": "equal",
        "3x9x9": "gone",
    }
    assert opbench("check", "--update").exit_code == 0
    assert opbench("check").exit_code == 0


def test_a_lock_of_several_sizes_is_checked_as_before_when_the_setting_is_removed(
    project: Project, opbench: Opbench
) -> None:
    path = project(ANY_SIZE.format(width=4), toml=TWO_SIZES) / "opbench.lock.json"
    assert opbench("check", "--update", "net.py:build").exit_code == 0
    names = {"net.py:build@3x8x8", "net.py:build@3x9x9"}
    project(ANY_SIZE.format(width=4), lock=path)
    for command in (["check"], ["check", "net.py:build"], ["check", "--update"]):
        result = opbench(*command, "--format", "json")
        assert result.exit_code == 0
        assert {name: row["status"] for name, row in found(result).items()} == dict.fromkeys(
            names, "equal"
        )
        assert "pyproject.toml" not in result.output
        assert "input_sizes lists none for net.py:build, " in result.stderr
    project(ANY_SIZE.format(width=5), lock=path)
    assert opbench("check").exit_code == 1
    assert opbench("check", "--update", "net.py:build").exit_code == 0
    assert opbench("check").exit_code == 0
    # What the note advises: one size replaces those of the lock.
    one = '[tool.opbench.check]\ninput_sizes = "3x9x9"\n'
    project(ANY_SIZE.format(width=5), lock=Path("opbench.lock.json"), toml=one)
    assert opbench("check", "--update").exit_code == 0
    rows = found(opbench("check", "--format", "json"))
    assert {name: row["macs"] for name, row in rows.items()} == {"net.py:build": 49 * 27 * 5}


NETS = """
import torch
from torch import nn

class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, bias=False)
    def forward(self, one, other):
        return self.conv(one).sum() + self.conv(other).sum()

class Raises(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 3)
    def forward(self, x):
        raise ValueError("not today")

def build():
    return nn.Conv2d(3, 4, 3, bias=False)

def pair():
    return Pair(), (torch.zeros(1, 3, 5, 5), torch.zeros(1, 3, 6, 6))

def alone():
    return build(), (torch.zeros(1, 3, 7, 7),)
"""
PAIR = (9 + 16) * 27 * 4  # outputs of 3 x 3 and 4 x 4


def commit(project: Project, text: str, lock: Path | None = None, toml: str = "") -> Path:
    """A new folder whose net.py is ``text``; returns the path of its lock."""
    folder = project(lock=lock, toml=toml)
    (folder / "net.py").write_text(text)
    return folder / "opbench.lock.json"


def test_sizes_are_not_for_a_target_that_brings_its_inputs(
    project: Project, opbench: Opbench
) -> None:
    path = commit(project, NETS)
    assert opbench("check", "--update", "net.py:pair").exit_code == 0
    assert opbench("check", "--update", "net.py:build", *SIZE).exit_code == 0
    path = commit(project, NETS, path, TWO_SIZES)
    rows = found(opbench("check", "--format", "json"))
    assert rows["net.py:pair"]["status"] == "equal" and "net.py:pair@3x8x8" not in rows
    assert rows["net.py:build"]["status"] == "gone"
    assert opbench("check", "--update").exit_code == 0
    held = load(path)
    assert held.targets == ("net.py:build", "net.py:pair")
    assert held.networks["net.py:pair"].macs == PAIR
    assert set(held.networks) == {"net.py:build@3x8x8", "net.py:build@3x9x9", "net.py:pair"}
    commit(project, NETS.replace("def build", "def other"), path, TWO_SIZES)
    assert found(opbench("check", "--format", "json"))["net.py:build@3x8x8"]["status"] == "gone"


def test_the_sizes_of_all_inputs_are_locked(project: Project, opbench: Opbench) -> None:
    path = commit(project, NETS)
    assert opbench("check", "--update", "net.py:pair").exit_code == 0
    assert load(path).networks["net.py:pair"].other_input_sizes == (Shape((3, 6, 6)),)
    row = found(opbench("check", "--format", "json"))["net.py:pair"]
    assert row["input_sizes"] == row["locked_input_sizes"] == ["3x5x5", "3x6x6"]
    commit(project, NETS.replace("3, 6, 6", "3, 7, 7"), path)
    changed = found(opbench("check", "--format", "json"))["net.py:pair"]
    assert changed["status"] == "other input" and changed["input_sizes"] == ["3x5x5", "3x7x7"]
    assert "input: 3x5x5, 3x6x6 (batch 1) became 3x5x5, 3x7x7 (batch 1)" in changed["why"]


def test_sizes_are_for_a_target_that_brings_one_image_until_it_brings_other_inputs(
    project: Project, opbench: Opbench
) -> None:
    path = commit(project, NETS, toml=TWO_SIZES)
    assert opbench("check", "--update", "net.py:alone").exit_code == 0
    assert {name: block.macs for name, block in load(path).networks.items()} == {
        "net.py:alone@3x8x8": 36 * 27 * 4,
        "net.py:alone@3x9x9": 49 * 27 * 4,
    }
    changed = NETS.replace("def alone", "def before").replace("def pair", "def alone")
    path = commit(project, changed, path, TWO_SIZES)
    rows = found(opbench("check", "--format", "json"))
    assert {name: row["status"] for name, row in rows.items()} == {
        "net.py:alone": "new",
        "net.py:alone@3x8x8": "gone",
        "net.py:alone@3x9x9": "gone",
    }
    assert opbench("check", "--update").exit_code == opbench("check").exit_code == 0
    assert {name: block.macs for name, block in load(path).networks.items()} == {
        "net.py:alone": PAIR
    }


def test_a_size_that_no_target_takes_is_refused(project: Project, opbench: Opbench) -> None:
    path = commit(project, NETS)
    result = opbench("check", "--update", "net.py:pair", *SIZE)
    assert result.exit_code == 2 and not path.exists()
    assert "net.py:pair brings its own inputs: remove --input-size" in result.stderr
    assert opbench("check", "--update", "net.py:pair", "net.py:build", *SIZE).exit_code == 0
    path = commit(project, NETS.replace("return Pair()", "return 1 / 0"), path, TWO_SIZES)
    assert opbench("check", "--update").exit_code == opbench("check").exit_code == 1
    assert load(path).networks["net.py:pair"].macs == PAIR
    assert "net.py:pair" in load(path).targets


def test_an_entry_stays_until_its_target_is_counted_at_the_sizes_that_replace_its_own(
    project: Project, opbench: Opbench
) -> None:
    path = commit(project, NETS)
    assert opbench("check", "--update", "net.py:build", *SIZE).exit_code == 0
    toml = TWO_SIZES.replace("3x9x9", "3x2x2")  # smaller than the kernel
    path = commit(project, NETS, path, toml)
    for arguments in ([], ["--update"], []):
        result = opbench("check", *arguments, "--format", "json")
        assert result.exit_code == 1
        assert found(result)["net.py:build"]["status"] == "cannot count"
        held = load(path)
        assert "net.py:build" in held.networks and held.targets == ("net.py:build",)
    path = commit(project, "raise ValueError()", path, TWO_SIZES)
    for arguments in ([], ["--update"], []):
        result = opbench("check", *arguments, "--format", "json")
        assert result.exit_code == 1
        assert found(result)["net.py:build"]["status"] == "cannot count"
    assert "net.py:build" in load(path).networks


def test_a_target_that_cannot_be_counted_is_not_added(project: Project, opbench: Opbench) -> None:
    path = commit(project, NETS)
    alone = opbench("check", "--update", "net.py:Raises", *SIZE)
    assert alone.exit_code == 2 and not alone.stdout and not path.exists()
    assert alone.stderr.startswith("error: net.py:Raises: ") and "not today" in alone.stderr
    both = opbench("check", "--update", "net.py:Raises", "net.py:build", *SIZE)
    assert both.exit_code == 1 and "not today" in both.stdout
    assert "; not added to the lock" in " ".join(both.stdout.split())
    assert load(path).targets == tuple(load(path).networks) == ("net.py:build",)
    before = path.read_bytes()
    assert opbench("check", "--update", "net.py:Raises", *SIZE).exit_code == 2
    assert opbench("check", "--update", "net.py:pair", "net.py:nothing").exit_code == 1
    assert set(load(path).networks) == {"net.py:build", "net.py:pair"}
    assert opbench("check").exit_code == 0 and path.read_bytes() != before


def test_one_target_that_fails_never_hides_the_others(project: Project, opbench: Opbench) -> None:
    """A lock may name targets without an entry: by hand, or written by an earlier opbench."""
    path = commit(project, NETS)
    assert opbench("check", "--update", "net.py:build", *SIZE).exit_code == 0
    names = ["net.py:Raises", "net.py:nothing", "nowhere.py:net", "nothing_of_that_name*"]
    listed = ", ".join(f'"{each}"' for each in ["net.py:build", *names])
    path.write_text(
        path.read_text().replace('"targets": ["net.py:build"]', f'"targets": [{listed}]')
    )
    for arguments in ([], ["--update"]):
        result = opbench("check", *arguments, "--format", "json")
        assert result.exit_code == 1
        assert {name: row["status"] for name, row in found(result).items()} == {
            "net.py:build": "equal",
            **dict.fromkeys(names, "cannot count"),
        }
    assert load(path).targets == ("net.py:build",)
    assert opbench("check").exit_code == 0


def test_what_an_update_says_of_a_failing_target_removes_it(
    project: Project, opbench: Opbench
) -> None:
    path = commit(project, NETS)
    assert opbench("check", "--update", "net.py:build", "net.py:alone", *SIZE).exit_code == 0
    path = commit(project, NETS.replace("return build(),", "return 1 / 0,"), path)
    result = opbench("check", "--update", "--format", "json")
    assert result.exit_code == 1 and set(load(path).networks) == {"net.py:alone", "net.py:build"}
    assert "delete its entry from the lock" in found(result)["net.py:alone"]["note"]
    held = json.loads(path.read_text())
    del held["networks"]["net.py:alone"]
    path.write_text(json.dumps(held))
    assert opbench("check", "--update").exit_code == 1
    assert load(path).targets == ("net.py:build",)
    assert opbench("check").exit_code == 0


@pytest.mark.parametrize("name", ["net.py", "net.py:*", "net.py:[ab]*", "*.py:*", "./net.py"])
def test_a_file_and_a_glob_of_it_are_its_networks_in_the_lock(
    project: Project, opbench: Opbench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = commit(project, NETS, toml="[tool.opbench]\n")
    targets = ["net.py:build", "net.py:alone", "lenet5"]
    assert opbench("check", "--update", *targets[:2], *SIZE).exit_code == 0
    assert opbench("check", "--update", "lenet5").exit_code == 0
    before = path.read_bytes()
    assert set(found(opbench("check", name, "--format", "json"))) == set(targets[:2])
    assert opbench("check", "--update", name).exit_code == 0
    assert path.read_bytes() == before
    (path.parent / "sub").mkdir()
    monkeypatch.chdir(path.parent / "sub")
    assert set(found(opbench("check", f"../{name}", "--format", "json"))) == set(targets[:2])


def test_a_file_without_a_network_in_the_lock_is_refused(lock: Path, opbench: Opbench) -> None:
    (lock.parent / "other.py").write_text("def nothing(): ...")
    file = opbench("check", "other.py")
    assert file.exit_code == 2 and "other.py is a file: name the network in it" in file.stderr
    glob = opbench("check", "other.py:*")
    assert glob.exit_code == 2 and "other.py has no '*'" in glob.stderr


def test_a_glob_of_the_settings_that_matches_nothing_is_a_warning(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    toml = '[tool.opbench.check]\nmax_increase = { "nte.py:*" = "1%", "net.py:*" = "1%" }\n'
    project(lock=lock, toml=toml)
    result = opbench("check")
    assert result.exit_code == 0
    assert "max_increase 'nte.py:*' matches no network of the lock" in result.stderr
    assert result.stderr.count("warning") == 1
    assert "warning" not in opbench("check", "net.py:build").stderr
    unknown = opbench("check", "net.py:build", "nte*")
    assert unknown.exit_code == 2 and "'nte*'" in unknown.stderr


CALLS = """
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.last = nn.Sigmoid()

    def forward(self, x):
        return self.last(F.{first}(F.{second}(self.conv(x))))
"""


def test_functional_activation_functions_are_in_the_lock_and_their_change_is_told(
    project: Project, opbench: Opbench
) -> None:
    def commit(lock: Path | None = None, **names: str) -> Path:
        folder = project(lock=lock)
        (folder / "net.py").write_text(CALLS.format(**names))
        return folder / "opbench.lock.json"

    path = commit(first="relu", second="relu")
    assert opbench("check", "--update", "net.py:Net", *SIZE).exit_code == 0
    text = path.read_text()
    assert '  "functions": {"relu": 2},\n' in text
    for first, became in (("gelu", "gelu, relu"), ("relu_", "")):
        commit(path, first=first, second="relu")
        row = found(opbench("check", "--format", "json"))["net.py:Net"]
        assert row["ok"]
        assert row["status"] == ("changed" if became else "equal")
        told = f"activation functions (2 x relu became {became})" if became else ""
        assert told in row["note"]
        assert opbench("check", "--strict").exit_code == bool(became)
    earlier = path.with_name("earlier.json")
    earlier.write_text(text.replace('  "functions": {"relu": 2},\n', ""))
    earlier.replace(path)
    commit(path, first="gelu", second="relu")
    result = opbench("check", "--strict")
    assert result.exit_code == 0
    assert "activation functions, are not compared until" in result.stderr


def test_a_lock_of_format_1_is_told_once_and_completed_by_an_update(
    project: Project, opbench: Opbench
) -> None:
    body = "nn.Conv2d(3, 4, 3), nn.{kind}()"
    path = project(body.format(kind="ReLU")) / "opbench.lock.json"
    assert opbench("check", "--update", "net.py:build", *SIZE).exit_code == 0
    new = path.read_text()
    old = new.replace('"format": 2', '"format": 1').replace('  "every_module": true,\n', "")
    path.write_text(old.replace(',\n   "1": {"kind": "ReLU"}', ""))
    project(body.format(kind="GELU"), lock=path)
    result = opbench("check", "--strict")
    assert result.exit_code == 0
    assert result.stderr.count("was written by an older opbench") == 1
    assert "activation functions, are not compared" in result.stderr
    project(body.format(kind="ReLU"), lock=path)
    updated = opbench("check", "--update")
    assert updated.exit_code == 0 and "older opbench" not in updated.stderr
    assert Path("opbench.lock.json").read_text() == new
    assert "older opbench" not in opbench("check").stderr


def test_a_lock_with_conflict_markers_says_which_command_ends_the_conflict(
    lock: Path, opbench: Opbench
) -> None:
    text = lock.read_text()
    lock.write_text(text.replace('  "params"', '<<<<<<< HEAD\n  "params"', 1))
    for arguments in ([], ["--update"], ["--update", "net.py:build", *SIZE]):
        result = opbench("check", *arguments)
        assert result.exit_code == 2
        assert "has conflict markers of a merge" in result.stderr
        assert (
            "git checkout --theirs" in result.stderr and "opbench check --update" in result.stderr
        )


def test_a_merge_conflict_is_ended_by_what_the_sentence_says(
    project: Project, opbench: Opbench
) -> None:
    folder = project(PLAIN.format(width=4))
    assert opbench("check", "--update", "net.py:build", *SIZE).exit_code == 0
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "four channels")
    path = folder / "opbench.lock.json"
    for branch, change in (("theirs", 7), ("ours", 8)):
        git(folder, "checkout", "-qb", branch, "main")
        path.write_text(path.read_text().replace('"torch": "2', f'"torch": "{change}2'))
        git(folder, "commit", "-qam", branch)
    merge = subprocess.run(["git", "merge", "theirs"], cwd=folder, capture_output=True)
    assert merge.returncode == 1
    said = opbench("check").stderr
    (command,) = re.findall(r"`(git checkout [^`]*) && opbench check --update`", said)
    subprocess.run(command, shell=True, cwd=folder, check=True, capture_output=True)
    assert opbench("check", "--update").exit_code == 0
    assert opbench("check").exit_code == 0


CLASSES = """
from torch import nn

class Other(nn.Module):
    pass

class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, {width}, 3)
        self.act = nn.ReLU()
    def forward(self, x):
        return self.act(self.conv(x))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.units = nn.ModuleList([Unit(){more}])
    def forward(self, x):
        return sum(unit(x) for unit in self.units)
"""


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"width": 5, "more": ""}, "class Unit(nn.Module):"),
        ({"width": 4, "more": ", Unit()"}, "class Net(nn.Module):"),
    ],
    ids=["changed", "new"],
)
def test_an_annotation_points_at_the_class_in_which_a_module_changed(
    project: Project, opbench: Opbench, change: dict[str, Any], line: str
) -> None:
    folder = project()
    (folder / "models").mkdir()
    (folder / "models" / "classes.py").write_text(CLASSES.format(width=4, more=""))
    (folder / "net.py").write_text("from models.classes import Net\n")
    assert opbench("check", "--update", "net.py:Net", *SIZE).exit_code == 0
    changed = project(lock=folder / "opbench.lock.json")
    (changed / "models").mkdir()
    source = CLASSES.format(**change)
    (changed / "models" / "classes.py").write_text(source)
    (changed / "net.py").write_text("from models.classes import Net\n")
    for name in ("models", "models.classes"):
        sys.modules.pop(name, None)
    result = opbench("check", "--format", "sarif")
    assert result.exit_code == 1
    (found,) = json.loads(result.stdout)["runs"][0]["results"]
    (place,), (related,) = found["locations"], found["relatedLocations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "models/classes.py"},
        "region": {"startLine": source.splitlines().index(line) + 1},
    }
    assert related["physicalLocation"]["artifactLocation"] == {"uri": "opbench.lock.json"}


def test_what_cannot_be_counted_is_annotated_where_it_raised(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    folder = project(lock=lock)
    source = (folder / "net.py").read_text() + "\nraise ValueError('no')\n"
    (folder / "net.py").write_text(source)
    result = opbench("check", "--format", "github")
    assert result.exit_code == 1
    line = len(source.splitlines())
    assert result.stdout.startswith(f"::error file=net.py,line={line},title=")


def test_networks_with_one_cause_share_its_lines(project: Project, opbench: Opbench) -> None:
    both = "\ndef other():\n    return nn.Sequential(build())\n"
    path = project(PLAIN.format(width=4)) / "opbench.lock.json"
    (path.parent / "net.py").write_text((path.parent / "net.py").read_text() + both)
    assert opbench("check", "--update", "net.py:build", "net.py:other", *SIZE).exit_code == 0
    folder = project(PLAIN.format(width=5), lock=path)
    (folder / "net.py").write_text((folder / "net.py").read_text() + both)
    result = opbench("check")
    change = "4x3x3x3 -> 1x4x6x6 became 1x3x8x8 * 5x3x3x3"
    assert result.exit_code == 1 and result.stdout.count(change) == 1
    for name, module in (("build", "modules 0, 2"), ("other", "module 0")):
        assert f"net.py:{name} is heavier because of {module}: +1,152 of +1,152 MACs; " in (
            result.stdout
        )
    rows = found(opbench("check", "--format", "json"))
    assert all(change in row["why"] for row in rows.values())


def test_quiet_prints_nothing_unless_it_fails(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    assert opbench("check", "--quiet").stdout == ""
    project(PLAIN.format(width=5), lock=lock)
    assert "heavier" in opbench("check", "-q").stdout


def test_the_help_says_that_counting_runs_code(opbench: Opbench) -> None:
    said = " ".join(opbench("check", "--help").stdout.split())
    assert "counting runs their code" in said
    assert "[0.001 or more]" in said  # seconds of --timeout


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_against_a_commit_its_lock_is_compared(
    lock: Path, project: Project, opbench: Opbench
) -> None:
    folder = project(PLAIN.format(width=5), lock=lock)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "four channels")
    assert opbench("check", "--update").exit_code == 0
    assert opbench("check").exit_code == 0
    result = opbench("check", "--against", "HEAD", "--format", "json")
    assert result.exit_code == 1
    assert found(result)["net.py:build"]["locked_macs"] == macs(4)
    (folder / lock.name).write_text("{")
    annotated = opbench("check", "--against", "HEAD", "--format", "github")
    assert annotated.exit_code == 1 and annotated.stdout.startswith("::error file=net.py,line=1")
    assert opbench("check", "--against", "nowhere").exit_code == 2
    assert opbench("check", "--against", "HEAD", "--update").exit_code == 2


def test_every_format_tells_the_same_change(
    lock: Path, project: Project, opbench: Opbench, tmp_path: Path
) -> None:
    folder = project(PLAIN.format(width=5), lock=lock)
    out = folder / "out"
    arguments = [f"--output={out / name}" for name in ("r.json", "r.md", "r.xml", "r.sarif")]
    result = opbench("check", "--format", "csv", *arguments, f"--output=github:{out / 'g'}")
    assert result.exit_code == 1
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert row["macs"] == str(macs(5))
    assert json.loads((out / "r.json").read_text())[0]["macs"] == macs(5)
    change = f"macs: {macs(4):,} became {macs(5):,}"
    assert f"- {change}" in (out / "r.md").read_text()
    case = ElementTree.parse(out / "r.xml").find("testsuite/testcase")
    assert case is not None and case.get("name") == "net.py:build"
    assert change in (case.findtext("failure") or "")
    (run,) = json.loads((out / "r.sarif").read_text())["runs"]
    assert run["results"][0]["ruleId"] == "opbench-check/heavier"
    assert change in run["results"][0]["message"]["text"]
    line = (folder / "net.py").read_text().splitlines().index("def build():") + 1
    annotation = (out / "g").read_text()
    assert annotation.startswith(f"::error file=net.py,line={line},title=opbench check")
    assert "see also opbench.lock.json, line 6" in annotation
    (place,), (related,) = (run["results"][0][key] for key in ("locations", "relatedLocations"))
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "net.py"
    assert place["physicalLocation"]["region"]["startLine"] == line
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "opbench.lock.json"


def test_a_registered_network_is_annotated_at_its_line_of_the_lock(
    two: Path, opbench: Opbench, registered: Callable[[dict[str, str]], None]
) -> None:
    registered({"first": "lenet5", "second": "bottleneck_256_64"})
    line = two.read_text().splitlines().index(' "second": {') + 1
    result = opbench("check", "--format", "github", "--strict")
    assert f"::error file=opbench.lock.json,line={line},title=" in result.stdout


def test_a_workflow_gets_its_step_summary(
    lock: Path, opbench: Opbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert opbench("check").exit_code == 0
    assert page.read_text().startswith("before\n### opbench check: passes\n")
    assert "1 network: 1 equal" in page.read_text()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "page"))
    result = opbench("check")
    assert result.exit_code == 0 and "no step summary" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--output", "report"],
        ["--output", "pdf:report.pdf"],
        ["--format", "xml"],
        ["--input-size", "3x0x3"],
        ["--lock", "."],
        ["nowhere.py"],
        ["nowhere.py:net"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_in_one_sentence(
    lock: Path, opbench: Opbench, arguments: list[str]
) -> None:
    before = lock.read_bytes()
    result = opbench("check", *arguments)
    assert result.exit_code == 2
    assert not result.stdout and "Traceback" not in result.stderr
    assert lock.read_bytes() == before


def test_an_output_that_cannot_be_written_is_refused(lock: Path, opbench: Opbench) -> None:
    result = opbench("check", f"--output={lock / 'r.json'}")
    assert result.exit_code == 2 and "--output" in result.stderr


def test_an_empty_lock_guards_nothing_and_says_so(lock: Path, opbench: Opbench) -> None:
    held = json.loads(lock.read_text())
    lock.write_text(json.dumps(held | {"networks": {}, "targets": []}))
    result = opbench("check")
    assert result.exit_code == 2 and "holds no networks" in result.stderr


def test_a_missing_lock_is_told_before_torch_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from opbench.cli import app; from typer.testing import CliRunner\n"
        "result = CliRunner().invoke(app, ['check'])\n"
        "assert result.exit_code == 2, result.output\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = {key: value for key, value in os.environ.items() if key[:8] != "OPBENCH_"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env=environment)
