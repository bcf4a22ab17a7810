"""The fixture ``opbench``, in test suites of somebody else's, run for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from opbench.errors import BadValueError
from opbench.lock import FROM_OPTION, Block, Lock, save
from opbench.lock.recount import recount
from opbench.registry.targets import resolve
from opbench.testing.assertions import Assertions
from tests import locked

pytest_plugins = ["pytester"]


NET = """
from torch import nn

def build():
    layers = nn.Conv2d(3, {width}, 3, bias=False), nn.Flatten(), nn.Linear({width} * 36, 5)
    return nn.Sequential(*layers)

def looks():
    net = nn.Linear(2, 2)
    net.scale = net.weight.sum().item()
    return net
"""

SUITE = """
import torch
from net import build
from wide import build as wide

def test_counts(opbench):
    opbench.assert_macs(build(), {macs}, inputs=(3, 8, 8))
    opbench.assert_macs(build(), at_most={macs}, inputs=(3, 8, 8))
    opbench.assert_macs("net.py:build", {macs}, inputs=(3, 8, 8))
    opbench.assert_macs("lenet5", 325_680)
    opbench.assert_params(build(), {params})
    opbench.assert_params("lenet5", at_most=60_000)
    opbench.assert_params("net.py:build", {params})
    opbench.assert_params("net.py:looks", 6)

def test_lock(opbench):
    opbench.assert_within_lock("net.py:build")
    opbench.assert_within_lock(build(), name="net.py:build")

@torch.library.custom_op("opbench_plugin::mystery", mutates_args=())
def mystery(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

mystery.register_fake(torch.empty_like)

class Mystery(torch.nn.Module):
    def forward(self, x):
        return mystery(x)

def test_wrong_macs(opbench):
    opbench.assert_macs(build(), {macs} - 8, inputs=(3, 8, 8))

def test_too_many_params(opbench):
    opbench.assert_params(build(), at_most=1)

def test_heavier(opbench):
    opbench.assert_within_lock(wide(), name="net.py:build")

def test_not_in_the_lock(opbench):
    opbench.assert_within_lock("lenet5")

def test_uncounted(opbench):
    opbench.assert_macs(Mystery(), 0, inputs=(3,))

def test_no_lock(opbench, monkeypatch):
    monkeypatch.setenv("OPBENCH_LOCK", "elsewhere.json")
    opbench.assert_within_lock("net.py:build")

def test_no_inputs(opbench):
    opbench.assert_macs(build(), 1, inputs=(4, 8, 8))
"""


def macs(width: int) -> int:
    return 36 * width * 27 + 5 * 36 * width


def params(width: int) -> int:
    return 27 * width + 5 * 36 * width + 5


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lock of ``net.py:build``, made before pytester takes stock of this process."""
    (folder := tmp_path_factory.mktemp("net")).joinpath("net.py").write_text(NET.format(width=4))
    (target,) = resolve([str(folder / "net.py:build")])
    counted = recount(target, None, locked.SIZE)
    assert isinstance(counted, Block)
    path = folder / "opbench.lock.json"
    save(Lock(networks={"net.py:build": replace(counted, input_size_from=FROM_OPTION)}), path)
    return path


@pytest.mark.slow
def test_a_suite_passes_and_fails_with_how_much_where_and_what_next(
    lock: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in [key for key in os.environ if key.startswith("OPBENCH_")]:
        monkeypatch.delenv(variable)
    shutil.copy(lock, pytester.path)
    pytester.makefile(".toml", pyproject="[tool.opbench]")
    pytester.makepyfile(net=NET.format(width=4), wide=NET.format(width=5))
    pytester.makepyfile(SUITE.format(macs=macs(4), params=params(4)))
    result = pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=7)
    result.stdout.fnmatch_lines(
        [
            f"*Sequential has {macs(4):,} MACs, not {macs(4) - 8:,} (+8, +0.17%)",
            "*0 (Conv2d): 3,888 (84.4%)",
            "*2 (Linear): 720 (15.6%)",
            f"*Sequential has {params(4)} parameters, not at most 1 (+{params(4) - 1}*",
            "*2.weight: 720 *",
            "*net.py:build is heavier because of modules 0, 2: +1,152 of +1,152 MACs; *accepts it",
            f"*macs: {macs(4):,} became {macs(5):,} (+*",
            "*conv2d 1x3x8x8 * 4x3x3x3 -> 1x4x6x6 became 1x3x8x8 * 5x3x3x3 -> 1x5x6x6",
            "*lenet5 is not in *`opbench check --update lenet5` adds it",
            "*no rule for opbench_plugin::mystery*",
            "E * the lock *elsewhere.json does not exist: write it with `opbench check --update *",
            "E * Sequential takes images of 3 x height x width, not 4x8x8: *",
        ]
    )
    shown = result.stdout.str()
    assert not [name for name in ("assertions.py", "files.py", "forward.py") if name in shown]


def test_the_rules_of_the_project_hold(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = nn.Sequential(nn.Conv2d(3, 5, 3, bias=False), nn.Flatten(), nn.Linear(180, 5))
    assertions = Assertions(lock.parent)
    with pytest.raises(AssertionError, match="heavier"):
        assertions.assert_within_lock(wide, name="net.py:build")
    monkeypatch.setenv("OPBENCH_CHECK_MAX_INCREASE", "30%")
    assertions.assert_within_lock(wide, name="net.py:build")


def test_every_size_that_was_locked_is_asserted(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.opbench]\n")
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef build(): return nn.Conv2d(3, 4, 3, bias=False)\n"
    )
    (target,) = resolve([str(tmp_path / "net.py:build")])
    networks = {}
    for side in (8, 9):
        counted = recount(target, None, (3, side, side))
        assert isinstance(counted, Block)
        networks[f"net.py:build@3x{side}x{side}"] = counted
    save(Lock(networks=networks), tmp_path / "opbench.lock.json")
    assertions = Assertions(tmp_path)
    assertions.assert_within_lock("net.py:build")
    assertions.assert_within_lock(nn.Conv2d(3, 4, 3, bias=False), name="net.py:build")
    with pytest.raises(AssertionError) as caught:
        assertions.assert_within_lock(nn.Conv2d(3, 5, 3, bias=False), name="net.py:build")
    for name, outputs in (("net.py:build@3x8x8", 36), ("net.py:build@3x9x9", 49)):
        assert f"{name} is heavier" in str(caught.value)
        assert f"macs: {27 * 4 * outputs:,} became {27 * 5 * outputs:,}" in str(caught.value)


def test_what_cannot_be_asserted_is_said_in_a_sentence(lock: Path) -> None:
    assertions = Assertions(lock.parent)
    for mistake in (
        lambda: assertions.assert_macs(nn.ReLU(), 0),
        lambda: assertions.assert_macs("lenet5"),
        lambda: assertions.assert_macs("lenet5", 1, at_most=2),
        lambda: assertions.assert_macs("resnet*", 1),
        lambda: assertions.assert_within_lock(nn.ReLU()),
    ):
        with pytest.raises(BadValueError):
            mistake()


def test_a_run_that_does_not_ask_for_the_fixture_does_not_import_torch(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n\ndef test_it():\n    assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_expectations_of_this_file_are_those_of_the_small_network() -> None:
    assert macs(4) == locked.macs(4)
    assert params(4) + 8 == locked.params(4)  # which has batch norm


def test_a_name_in_a_failure_is_one_line_without_controls(tmp_path: Path) -> None:
    network = nn.Sequential()
    network.add_module("\x1b[31mred\n::error::x", nn.Linear(2, 3))
    with pytest.raises(AssertionError) as failed:
        Assertions(tmp_path).assert_macs(network, 5, inputs=(2,))
    assert str(failed.value).splitlines() == [
        "Sequential has 6 MACs, not 5 (+1, +20.00%)",
        r"  \x1b[31mred\n::error::x (Linear): 6 (100.0%)",
    ]
