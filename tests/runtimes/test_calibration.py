"""Images to calibrate on, in a file: which batches they make, and what is refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from opbench.errors import BadValueError, MissingExtraError
from opbench.runtimes import Example, ExecutionSettings, find
from opbench.runtimes.parts.calibrated_on import Calibration, calibration_in
from opbench.runtimes.parts.calibration import calibration_batches, images_to_check_on, kept
from opbench.runtimes.parts.outputs import difference, limit_of
from tests.runtimes.networks import small, two_inputs

SIZE = (3, 8, 8)


def images(number: int) -> torch.Tensor:
    """Images of which each has its number as every value."""
    return torch.arange(number, dtype=torch.float32).view(-1, 1, 1, 1).expand(number, *SIZE)


def settings(calibration: Calibration | None) -> ExecutionSettings:
    return ExecutionSettings(dtype="int8", calibration=calibration)


def example(batch: int) -> Example:
    return Example((torch.zeros(batch, *SIZE),))


@tried(max_examples=25)
@given(number=st.integers(1, 9), others=st.integers(0, 3), batch=st.integers(1, 12))
def test_each_image_is_in_a_batch_and_every_batch_is_full(
    number: int, others: int, batch: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("images") / "images.npy"
    calibration = kept(images(number + others), number, path)
    found = [*calibration_batches(settings(calibration), example(batch), "it")]
    assert [each.shape for each in found] == [(batch, *SIZE)] * -(-number // batch)
    assert {float(value) for each in found for value in each.ravel()} == set(range(number))
    checked = [*images_to_check_on(calibration, batch)]
    wanted = range(number, number + others) if others else range(number)
    assert {float(value) for each in checked for value in each.ravel()} == set(wanted)
    assert all(each.shape == (batch, *SIZE) for each in checked)


def test_the_hash_is_of_the_images_that_it_is_calibrated_on(tmp_path: Path) -> None:
    calibration = kept(images(5), 3, tmp_path / "images.npy")
    values = np.ascontiguousarray(images(3).numpy())
    digest = hashlib.sha256(b"(3, 3, 8, 8)" + values.tobytes()).hexdigest()
    assert (calibration.images, calibration.sha256) == (3, digest)
    assert kept(images(4), 3, tmp_path / "again.npy").sha256 == digest
    assert calibration_in({"calibration": calibration.to_json()}) == calibration
    assert calibration_in({"calibration": None}) is None


def test_no_images_and_other_inputs_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="calibrates int8 on images: add --data PATH"):
        calibration_batches(settings(None), example(1), "ONNX Runtime")
    calibration = kept(images(2), 2, tmp_path / "images.npy")
    _, args, kwargs = two_inputs()
    for other in (Example((torch.zeros(1, 3, 9, 9),)), Example(args, kwargs)):
        with pytest.raises(BadValueError, match="the network takes something else"):
            calibration_batches(settings(calibration), other, "ONNX Runtime")


def test_openvino_names_what_it_needs_for_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opbench.runtimes.openvino.absent_of", " and ".join)
    with pytest.raises(MissingExtraError, match=r"nncf for int8: pip install 'opbench\[openvino"):
        find("openvino").prepare(small(), example(1), settings(None))


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_outputs_of_int8_are_near_those_of_float32(runtime: str, tmp_path: Path) -> None:
    network = small().eval()
    drawn = torch.randn(20, *SIZE, generator=torch.Generator().manual_seed(1))
    calibration = kept(drawn, 16, tmp_path / "images.npy")
    with torch.inference_mode():
        made = find(runtime).prepare(
            network,
            example(2),
            ExecutionSettings(dtype="int8", calibration=calibration, folder=tmp_path / "kept"),
        )
        found = [
            difference([network(batch)], [made.call(batch)])
            for batch in images_to_check_on(calibration, 2)
        ]
    assert made.precision == "int8"
    # It is rounded, and not by much: half a step of 255 of some layers.
    assert all(1e-5 < each.error < (limit_of("int8") or 0) / 4 for each in found)
    # The next process needs no images: it loads what was made.
    again = find(runtime).prepare(
        network, example(2), ExecutionSettings(dtype="int8", folder=tmp_path / "kept")
    )
    assert again.artefact_bytes == made.artefact_bytes


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_one_artefact_of_int8_answers_alike_whatever_the_batch(
    runtime: str, tmp_path: Path
) -> None:
    network = small().eval()
    drawn = torch.randn(16, *SIZE, generator=torch.Generator().manual_seed(1))
    # Images of other contrasts, so that the ranges of batches differ.
    drawn *= torch.arange(1.0, 17.0).view(-1, 1, 1, 1)
    calibration = kept(drawn, 16, tmp_path / "images.npy")
    with torch.inference_mode():
        one, eight = (
            torch.cat([made.call(each) for each in drawn.split(batch)])
            for batch in (1, 8)
            for made in [find(runtime).prepare(network, example(batch), settings(calibration))]
        )
    assert difference([one], [eight]).error < 1e-5


@pytest.mark.slow
def test_onnx_runtime_stores_weights_of_eight_bits(tmp_path: Path) -> None:
    import onnx

    calibration = kept(images(2), 2, tmp_path / "images.npy")
    find("onnxruntime").prepare(
        small().eval(),
        example(1),
        ExecutionSettings(dtype="int8", calibration=calibration, folder=tmp_path),
    )
    (path,) = (tmp_path / "whole").iterdir()
    stored = onnx.load(str(path)).graph.initializer
    weights = [each for each in stored if len(each.dims) in (2, 4)]
    assert weights
    assert {each.data_type for each in weights} == {onnx.TensorProto.INT8}


@pytest.mark.slow
def test_the_quantiser_of_openvino_reports_nothing_to_its_makers(tmp_path: Path) -> None:
    code = (
        "import sys, torch; from pathlib import Path; from torch import nn;"
        "from opbench.runtimes import *; from tests.runtimes.test_calibration import kept;"
        "images = kept(torch.randn(8, 3, 8, 8), 8, Path(sys.argv[1]));"
        "find('openvino').prepare(nn.Conv2d(3, 4, 3), Example((torch.ones(2, 3, 8, 8),)),"
        " ExecutionSettings(dtype='int8', calibration=images));"
        "assert 'nncf' in sys.modules and 'openvino_telemetry' not in sys.modules"
    )
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-c", code, str(tmp_path / "images.npy")]
    subprocess.run(command, check=True, env={**os.environ, "HOME": str(home)})
    assert [*home.iterdir()] == []
