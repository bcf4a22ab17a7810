"""``[tool.opbench.rules]``: counting rules that a project names for its own operators."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.fixtures import Opbench

NET = """
import torch
from torch import nn

@torch.library.custom_op("{operator}", mutates_args=())
def gemm(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return x @ weight

@gemm.register_fake
def _(x, weight):
    return x.new_empty(len(x), weight.shape[1])

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 5))

    def forward(self, x):
        return gemm(x, self.weight)

def build():
    return Net(), (torch.zeros(3, 4),)
"""
RULES = "def gemm(x, out):\n    return out.numel() * x.shape[-1]\nNUMBER = 3\n"

_NUMBERS = count()
Project = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A folder with a network of an operator of its own, and a rule in a folder below it."""
    operator = f"opbench_project_{next(_NUMBERS)}::gemm"

    def make(place: str | None = "counting/rules.py:gemm", rules: str = RULES) -> Path:
        (tmp_path / "counting").mkdir(exist_ok=True)
        (tmp_path / "counting" / "rules.py").write_text(rules)
        (tmp_path / "net.py").write_text(NET.format(operator=operator))
        table = f'"{operator}" = "{place}"\n' if place else ""
        (tmp_path / "pyproject.toml").write_text(f"[tool.opbench.rules]\n{table}")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return make


def _counted(opbench: Opbench) -> dict[str, object]:
    result = opbench("count", "net.py:build", "--format", "json")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)
    return {"macs": row["macs"], "uncounted": row["uncounted"]}


def test_a_file_of_the_project_counts(project: Project, opbench: Opbench) -> None:
    project()
    assert _counted(opbench) == {"macs": 3 * 4 * 5, "uncounted": []}


def test_a_place_is_relative_to_the_settings_not_to_where_one_stands(
    project: Project, opbench: Opbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project()
    monkeypatch.chdir(folder / "counting")
    result = opbench("count", "../net.py:build", "--format", "json")
    assert json.loads(result.stdout)[0]["macs"] == 3 * 4 * 5


def test_a_module_of_the_project_counts(project: Project, opbench: Opbench) -> None:
    folder = project(f"opbench_rules_of_project_{next(_NUMBERS)}:gemm")
    name = (folder / "pyproject.toml").read_text().split('= "')[1].split(":")[0]
    (folder / f"{name}.py").write_text(RULES)
    assert _counted(opbench) == {"macs": 3 * 4 * 5, "uncounted": []}


def test_without_the_table_the_operator_is_named(project: Project, opbench: Opbench) -> None:
    project(None)
    found = _counted(opbench)
    assert found["macs"] == 0
    assert found["uncounted"] != []


def test_check_counts_by_the_rule_from_the_lock_on(project: Project, opbench: Opbench) -> None:
    folder = project()
    assert opbench("check", "net.py:build", "--update").exit_code == 0
    lock = json.loads((folder / "opbench.lock.json").read_text())
    assert f'"macs": {3 * 4 * 5}' in json.dumps(lock)
    assert opbench("check").exit_code == 0
    project(None)
    gone = opbench("check")
    assert gone.exit_code == 1
    assert "gemm" in gone.output


def test_a_network_without_such_operators_runs_no_rule(project: Project, opbench: Opbench) -> None:
    folder = project(rules="raise SystemExit('run for nothing')")
    (folder / "plain.py").write_text("from torch import nn\ndef build(): return nn.Linear(4, 5)\n")
    assert opbench("count", "plain.py:build", "--input-size", "4").exit_code == 0


@pytest.mark.parametrize(
    ("place", "rules", "sentence"),
    [
        ("counting/none.py:gemm", RULES, "none.py, which does not exist"),
        ("counting/rules.py:gem", RULES, "is 'gem' of counting/rules.py, which has no function"),
        ("counting/rules.py:NUMBER", RULES, "'NUMBER' of counting/rules.py, which has no function"),
        ("no_such_package.rules:gemm", RULES, "cannot be imported: ModuleNotFoundError"),
        ("counting/rules.py:gemm", "def gemm(:", "cannot be imported: SyntaxError"),
        ("counting/rules.py:gemm", "raise SystemExit(3)", "cannot be imported: SystemExit"),
        ("counting/rules.py:gemm", "1 / 0", "cannot be imported: ZeroDivisionError"),
        ("counting/rules.py:gemm", "def gemm(x): return -1", "0 or more, not -1"),
        ("counting/rules.py:gemm", "def gemm(x): return x.y", "fails: AttributeError"),
        ("counting/rules.py:gemm", "def gemm(y): return 1", "takes 'y', which is no argument"),
    ],
)
def test_a_rule_that_does_not_work_is_one_sentence(
    project: Project, opbench: Opbench, place: str, rules: str, sentence: str
) -> None:
    project(place, rules)
    result = opbench("count", "net.py:build")
    assert result.exit_code == 2
    shown = " ".join(result.output.split())
    assert "the counting rule of opbench_project_" in shown
    assert sentence in shown
    assert "Traceback" not in shown


def test_a_rule_of_opbench_cannot_be_replaced(project: Project, opbench: Opbench) -> None:
    folder = project(None)
    rules = (folder / "pyproject.toml").read_text() + '"aten::mm" = "counting/rules.py:gemm"\n'
    (folder / "pyproject.toml").write_text(rules)
    result = opbench("count", "net.py:build")
    assert result.exit_code == 2
    assert "aten::mm has a rule of opbench" in " ".join(result.output.split())
