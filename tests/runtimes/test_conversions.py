"""Each runtime gives the outputs of eager, in the precision that was asked for, or says why not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch
from torch import nn

from opbench.errors import BadValueError, ConversionError
from opbench.record import Artefact, Cell
from opbench.runs.artefact import Inspection
from opbench.runs.network import PlacedNetwork, build
from opbench.runs.shelf import Shelf
from opbench.runtimes import Example, Executable, ExecutionSettings, find
from opbench.runtimes.openvino import _options
from opbench.runtimes.parts.any_shape import AnyShape
from opbench.runtimes.parts.exported import convertible, export
from opbench.runtimes.parts.flat import tensors_in
from opbench.spec import Shape
from tests.builders import cell

NETWORKS = Path(__file__).parent / "networks.py"
SIZE = Shape((3, 8, 8))
COMPILER = pytest.mark.skipif(
    not any(shutil.which(each) for each in ("g++", "clang++")), reason="needs a C++ compiler"
)
CONVERTING = ["onnxruntime", "openvino"]
# An exporter takes seconds, a compiler more.
ALL = [
    *CONVERTING,
    *(pytest.param(each, marks=[pytest.mark.slow, COMPILER]) for each in ("aot", "compile")),
]


def of(name: str, runtime: str, **changes: Any) -> Cell:
    return cell(f"{NETWORKS}:{name}", **{"input_size": SIZE, "runtime": runtime, **changes})


def prepared(asked: Cell) -> tuple[PlacedNetwork, Executable]:
    with torch.inference_mode():
        network = build(asked, own_inputs=not asked.input_size, seed=0)
        return network, network.executable(asked)


def inspected(asked: Cell) -> Artefact:
    network, executable = prepared(asked)
    with torch.inference_mode():
        return Inspection(
            cell=asked,
            network=network,
            executable=executable,
            own_inputs=not asked.input_size,
            seed=0,
        ).artefact()


@pytest.mark.parametrize("runtime", ALL)
def test_outputs_are_those_of_eager_in_float32(runtime: str) -> None:
    found = inspected(of("small", runtime, batch_size=2))
    assert found.precision == "float32"
    assert found.output_error is not None and found.output_error < 1e-5
    # Others follow as long as there is time.
    assert found.agreement == 1.0 and 2 <= found.answers <= 8
    assert found.differs == found.unchecked == ""
    assert found.runtime_versions
    if runtime != "compile":
        # Weights alone: 8 filters of 27, 8 x 5, and biases, of four bytes each.
        assert found.artefact_bytes and found.artefact_bytes >= 4 * (8 * 27 + 8 + 40 + 5)
        assert found.conversion_s > 0


@pytest.mark.parametrize("runtime", CONVERTING)
def test_arguments_by_name_and_outputs_in_containers(runtime: str) -> None:
    network, executable = prepared(of("two_inputs", runtime, input_size=Shape()))
    wanted = tensors_in(network.inputs.passed_to(network.module))
    found = tensors_in(network.inputs.passed_to(executable.call))
    assert len(found) == 2
    for one, other in zip(wanted, found, strict=True):
        torch.testing.assert_close(other, one)


@pytest.mark.parametrize("runtime", CONVERTING)
def test_a_network_that_cannot_be_exported_is_a_sentence(runtime: str) -> None:
    with pytest.raises(ConversionError, match=f"{runtime} cannot take it: "):
        prepared(of("branching", runtime))


@pytest.mark.parametrize(
    ("runtime", "changes", "said"),
    [
        ("openvino", {"dtype": "float64"}, "does not compute in float64"),
        ("openvino", {"memory_format": "channels_last"}, "remove --memory-format"),
        ("openvino", {"pass_": "training"}, "remove --pass training"),
        ("onnxruntime", {"dtype": "bfloat16"}, "no bfloat16 kernels"),
        ("onnxruntime", {"memory_format": "channels_last"}, "remove --memory-format"),
        ("aot", {"pass_": "training"}, "remove --pass training"),
        ("eager", {"dtype": "int8"}, "use --runtime onnxruntime or openvino"),
        ("aot", {"dtype": "int8"}, "have moved to torchao"),
        ("onnxruntime", {"dtype": "int8"}, "calibrates int8 on images: add --data"),
    ],
)
def test_what_a_runtime_has_not_is_a_sentence(
    runtime: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadValueError, match=said):
        prepared(of("small", runtime, **changes))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_openvino_computes_in_what_was_asked_for_or_says_so(dtype: str) -> None:
    asked = of("small", "openvino", dtype=dtype)
    try:
        found = inspected(asked)
    except BadValueError as error:
        assert "OpenVINO computes in" in str(error)
        return
    assert found.precision == dtype
    assert found.output_error is not None and 0 < found.output_error < 0.1


def test_eager_in_bfloat16_is_compared_with_the_weights_before_rounding() -> None:
    half, full = (inspected(of("small", "eager", dtype=each)) for each in ("bfloat16", "float32"))
    assert full.output_error == 0.0
    # A rounding changes a number by up to 2^-8 of it.
    assert half.output_error is not None and 1e-4 < half.output_error < 0.1
    assert half.weights_sha256 == full.weights_sha256
    assert half.artefact != full.artefact


def test_a_network_that_is_another_each_time_is_compared_with_its_own_weights() -> None:
    found = inspected(of("random_weights", "eager", dtype="bfloat16"))
    assert found.output_error is not None and found.output_error < 0.1


def test_the_artefact_is_the_same_each_time_and_another_for_another_size() -> None:
    one, again = (inspected(of("small", "eager")).artefact for _ in "12")
    assert one == again
    assert one != inspected(of("small", "eager", input_size=Shape((3, 9, 9)))).artefact


def test_threads_are_those_that_were_asked_for_and_leave_with_the_network() -> None:
    process = psutil.Process()
    prepared(of("small", "onnxruntime", threads=1))  # loads what stays loaded
    before = process.num_threads()
    network, executable = prepared(of("small", "onnxruntime", threads=3))
    network.passes(executable.call)()
    # The calling thread is one of them.
    assert process.num_threads() == before + 2
    del network, executable
    assert process.num_threads() == before


def test_openvino_has_the_threads_that_were_asked_for_and_one_stream() -> None:
    openvino = import_module("openvino")
    with convertible():
        program = export(nn.ReLU(), Example((torch.ones(1, 3),)))
        model = openvino.convert_model(program)
    options = _options(ExecutionSettings(threads=1))
    compiled = openvino.Core().compile_model(model, "CPU", options)
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert compiled.get_property("NUM_STREAMS") == 1
    assert _options(ExecutionSettings())["INFERENCE_NUM_THREADS"] == torch.get_num_threads()
    assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"


def test_what_onednn_was_told_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    prepared(of("small", "eager"))
    assert "ONEDNN_DEFAULT_FPMATH_MODE" not in os.environ


@pytest.mark.slow
def test_one_executable_for_each_shape() -> None:
    network = build(of("small", "openvino"), own_inputs=False, seed=0).module
    call = AnyShape(find("openvino"), network, ExecutionSettings())
    for images in (1, 3, 1):
        given = torch.randn(images, *SIZE)
        with torch.inference_mode():
            torch.testing.assert_close(call(given), network(given), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "runtime", [*CONVERTING, pytest.param("aot", marks=[pytest.mark.slow, COMPILER])]
)
def test_what_was_made_is_loaded_by_the_next_process(
    runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = of("small", runtime)
    with torch.inference_mode():
        network = build(asked, own_inputs=False, seed=0)
        first = network.executable(asked, folder=tmp_path / "cell")

        def never(*args: Any, **kwargs: Any) -> None:
            raise AssertionError("it was converted again")

        monkeypatch.setattr(torch.export, "export", never)
        monkeypatch.setattr(torch.onnx, "export", never)
        again = network.executable(asked, folder=tmp_path / "cell")
        found = network.inputs.passed_to(again.call)
        torch.testing.assert_close(found, network.inputs.passed_to(first.call))
    assert again.artefact_bytes == first.artefact_bytes
    assert [each.name for each in (tmp_path / "cell").iterdir()] == ["whole"]


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_full_shelf_takes_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_memory: bool
) -> None:
    """On a disk it is full when as much is free as it holds; in memory after a gibibyte."""
    mounts = [SimpleNamespace(mountpoint="/", fstype="ext4")]
    mounts += [SimpleNamespace(mountpoint=str(tmp_path), fstype="tmpfs")] * in_memory
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    most, free = (10, 1000) if in_memory else (1 << 30, 10)
    monkeypatch.setattr("opbench.runs.shelf._MOST_IN_MEMORY", most)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    shelf = Shelf(folder=tmp_path / "shelf")
    assert shelf.place(of("small", "eager")) is None
    place = shelf.place(of("small", "openvino"))
    assert place is not None
    place.mkdir(parents=True)
    (place / "network").write_bytes(bytes(9))
    assert shelf.place(of("small", "onnxruntime"))
    (place / "weights").write_bytes(bytes(1))
    assert shelf.place(of("small", "openvino")) == place
    assert shelf.place(of("small", "onnxruntime")) is None


@pytest.mark.slow
def test_pytorch_is_no_slower_beside_the_threads_of_onnx_runtime() -> None:
    """Threads that spin while they wait would take cores from PyTorch: several times slower."""
    eager = of("small", "eager", input_size=Shape((3, 224, 224)))
    network, executable = prepared(eager)
    call = network.passes(executable.call)
    alone = _least_s(call)
    other, beside = prepared(of("small", "onnxruntime", input_size=Shape((3, 224, 224))))
    for _ in range(3):
        other.passes(beside.call)()
        assert _least_s(call) < 3 * alone


def _least_s(call: Any) -> float:
    taken = []
    with torch.inference_mode():
        for _ in range(50):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return min(taken)


@pytest.mark.slow
def test_openvino_reports_nothing_to_its_makers(tmp_path: Path) -> None:
    """It would send what it converts, and keep an identifier in the home folder."""
    code = (
        "import sys, torch; from torch import nn; from opbench.runtimes import *;"
        "find('openvino').prepare(nn.Linear(2, 2), Example((torch.ones(1, 2),)),"
        " ExecutionSettings());"
        "assert 'openvino_telemetry' not in sys.modules"
    )
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert [*tmp_path.iterdir()] == []


class Branches(nn.Module):
    """Computes one of two things, by the numbers that it is given."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images if images.sum() > 0 else -images


@pytest.mark.parametrize("runtime", CONVERTING)
def test_what_no_exporter_takes_is_told_by_its_reason(runtime: str) -> None:
    with pytest.raises(Exception, match=r"^Could not guard on data-dependent"):
        find(runtime).prepare(Branches(), Example((torch.ones(1, 3, 8, 8),)), ExecutionSettings())


def test_onnx_runtime_reports_nothing_to_its_makers(tmp_path: Path) -> None:
    code = "from opbench.runtimes import find; find('onnxruntime').providers()"
    given = {name: each for name, each in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment = {**given, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert [*tmp_path.iterdir()] == []
