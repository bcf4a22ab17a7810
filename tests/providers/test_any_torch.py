"""torchvision in a process of its own, beside the torch that is installed, whichever it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tests.providers.torchvision_operators  # noqa: F401  where torchvision needs its help
from opbench.registry import torchvision_operators

pytest.importorskip("torchvision", reason="torchvision is not installed")

_NET = """
import torch, torchvision
from torch import nn
from torchvision.ops import DeformConv2d

class Deformed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = DeformConv2d(3, 8, 3, bias=False)

    def forward(self, x):
        offset = torch.zeros(1, 18, x.shape[2] - 2, x.shape[3] - 2, device=x.device)
        return self.conv(x, offset)
"""


def _opbench(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "opbench", *args],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_a_library_s_network_and_a_file_that_imports_it_are_counted(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(_NET)
    targets = ("torchvision:squeezenet1_1", "mine.py:Deformed", "--input-size", "3x32x32")
    done = _opbench(tmp_path, "count", *targets, "--format", "json")
    assert done.returncode == 0, done.stderr
    squeezenet, deformed = json.loads(done.stdout)
    assert squeezenet["params"] == 1_235_496  # as torchvision publishes
    # A 3x3 convolution of 3 features to 8, at 30 x 30 places.
    assert deformed["macs"] == 30 * 30 * 8 * 3 * 3 * 3


@pytest.mark.slow
@pytest.mark.skipif(
    not torchvision_operators.declared(), reason="torchvision has its operators here"
)
def test_a_network_that_runs_what_is_not_there_says_what_to_install(tmp_path: Path) -> None:
    network = "torchvision:fasterrcnn_mobilenet_v3_large_320_fpn"
    done = _opbench(tmp_path, "count", network, "--input-size", "3x64x64")
    assert done.returncode == 2
    assert "it runs torchvision::nms, and torchvision" in done.stderr
    assert "pip install --force-reinstall torch torchvision" in done.stderr
    assert "Traceback" not in done.stderr
