"""timm's networks: against torchvision's of the same name, against PyTorch's own counter, and all
of them in one process.

torchvision's counts are confirmed to their last digit by ``test_torchvision``, so a network that
two libraries have written down independently has to cost the same in both.
"""

from __future__ import annotations

import gc
import json
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from opbench.lock import load
from opbench.registry import providers
from opbench.registry.targets import count_target, resolve
from opbench.zoo.rows import load as zoo_rows
from tests.fixtures import Opbench

timm = pytest.importorskip("timm", reason="timm is not installed")

slow = pytest.mark.slow

SAME = [
    ("resnet50", "resnet50"),
    ("convnext_tiny", "convnext_tiny"),
    pytest.param("densenet121", "densenet121", marks=slow),
    pytest.param("inception_v3", "inception_v3", marks=slow),
    pytest.param("regnety_004", "regnet_y_400mf", marks=slow),
    pytest.param("swin_tiny_patch4_window7_224", "swin_t", marks=slow),
    ("vit_base_patch32_224", "vit_b_32"),
    pytest.param("resnext50_32x4d", "resnext50_32x4d", marks=slow),
    pytest.param("vgg16", "vgg16", marks=slow),
    pytest.param("mobilenetv3_large_100", "mobilenet_v3_large", marks=slow),
    pytest.param("efficientnet_b0", "efficientnet_b0", marks=slow),
    pytest.param("resnet152", "resnet152", marks=slow),
    pytest.param("wide_resnet101_2", "wide_resnet101_2", marks=slow),
    pytest.param("resnext101_64x4d", "resnext101_64x4d", marks=slow),
    pytest.param("densenet201", "densenet201", marks=slow),
    pytest.param("mnasnet_100", "mnasnet1_0", marks=slow),
    pytest.param("mobilenetv2_100", "mobilenet_v2", marks=slow),
    pytest.param("tf_efficientnet_b7", "efficientnet_b7", marks=slow),
    pytest.param("regnetx_320", "regnet_x_32gf", marks=slow),
    pytest.param("convnext_large", "convnext_large", marks=slow),
    pytest.param("swin_base_patch4_window7_224", "swin_b", marks=slow),
    pytest.param("vit_large_patch16_224", "vit_l_16", marks=slow),
]

# Small networks of families whose operators are out of the ordinary.
UNUSUAL = [
    "botnet26t_256",  # relative positions
    pytest.param("halonet26t", marks=slow),  # unfolded windows
    pytest.param("lambda_resnet26t", marks=slow),  # lambda layers
    pytest.param("convit_tiny", marks=slow),
    pytest.param("crossvit_9_240", marks=slow),
    pytest.param("mixer_s32_224", marks=slow),
    pytest.param("coat_lite_tiny", marks=slow),
    pytest.param("efficientformerv2_s0", marks=slow),
    pytest.param("gcvit_xxtiny", marks=slow),
    pytest.param("mobilevit_xxs", marks=slow),
    pytest.param("nest_tiny", marks=slow),
    pytest.param("swinv2_tiny_window8_256", marks=slow),
    pytest.param("tnt_s_patch16_224", marks=slow),
    pytest.param("vit_tiny_r_s16_p8_224", marks=slow),
    pytest.param("volo_d1_224", marks=slow),
    pytest.param("xcit_nano_12_p16_224", marks=slow),
]


def macs(name: str) -> int:
    (target,) = resolve([name])
    counted = count_target(target)
    assert counted.device == "meta"
    assert not counted.uncounted
    return counted.macs


@pytest.mark.parametrize(("here", "there"), SAME)
def test_a_network_that_torchvision_has_too_costs_the_same(here: str, there: str) -> None:
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    assert macs(f"timm:{here}") == macs(f"torchvision:{there}")


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_networks_cost_what_pytorch_counts(name: str) -> None:
    with torch.device("meta"):
        network = timm.create_model(name).eval()
        image = torch.empty(1, *providers.input_size("timm", name))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    assert 2 * macs(f"timm:{name}") == counter.get_total_flops()


@pytest.mark.slow
def test_recurrent_networks_cost_each_step_of_each_row_and_column() -> None:
    """Sequencer2D-S: on a 32 x 32 then 16 x 16 map, each block runs one bidirectional LSTM along
    the columns and one along the rows, and joins the four results by a linear layer."""

    def block(side: int, width: int, hidden: int) -> int:
        lstm = 2 * side * side * 4 * hidden * (width + hidden)
        mixer = side * side * 3 * width * 2 * width
        return 2 * lstm + side * side * 4 * hidden * width + mixer

    stem = 32 * 32 * 192 * 3 * 7 * 7
    down = 16 * 16 * 384 * 192 * 2 * 2
    between = 2 * 16 * 16 * 384 * 384
    blocks = 4 * block(32, 192, 48) + (3 + 8 + 3) * block(16, 384, 96)
    assert macs("timm:sequencer2d_s") == stem + down + between + blocks + 384 * 1000


@slow
def test_all_of_them_are_counted_in_one_process_without_growing(opbench: Opbench) -> None:
    """And each costs what is on file of its usual weights, which are of 1,000 classes or others."""
    rows, memory = [], []
    for pattern in ("timm:[a-e]*", "timm:[f-r]*", "timm:[!a-r]*"):
        result = opbench("count", pattern, "--format", "json")
        assert result.exit_code == 0, result.stderr
        rows += json.loads(result.stdout)
        gc.collect()
        memory.append(psutil.Process().memory_info().rss)
    assert {row["name"] for row in rows} == {f"timm:{name}" for name in timm.list_models()}
    assert len([row for row in rows if row["uncounted"]]) <= 0.005 * len(rows)
    assert memory[-1] - memory[0] < 0.2 * memory[0]
    on_file = {(row.name, str(row.input_size)): row for row in zoo_rows("timm")}
    if version("timm") != next(iter(on_file.values())).release:
        pytest.skip("the file is of another release of timm")
    compared = 0
    for row in rows:
        tag = providers.timm_config(row["name"].removeprefix("timm:")).tag
        if kept := on_file.get((f"{row['name']}.{tag}", row["input_size"])):
            assert {key: row[key] for key in ("params", "macs", "activations")} == {
                key: getattr(kept, key) for key in ("params", "macs", "activations")
            }, row["name"]
            compared += 1
    assert compared > 0.9 * len({row.architecture for row in on_file.values()})


def test_a_lock_tells_the_release_that_a_network_is_from(
    opbench: Opbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert opbench("check", "--update", "timm:resnet18", "lenet5").exit_code == 0
    path = tmp_path / "opbench.lock.json"
    held = load(path).networks
    assert held["timm:resnet18"].versions["timm"] == version("timm")
    assert set(held["lenet5"].versions) == {"opbench", "torch"}
    older = path.read_text().replace(f'"timm": "{version("timm")}"', '"timm": "0.9.0"')
    path.write_text(older)
    assert opbench("check", "--update").exit_code == 0
    assert path.read_text() == older  # another release alone moves no byte
    result = opbench("check", "timm:resnet18", "--input-size", "3x96x96")
    assert f"timm 0.9.0 became {version('timm')}" in result.stdout
