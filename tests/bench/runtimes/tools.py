"""ONNX Runtime and OpenVINO as opbench times them, beside their own API and ``benchmark_app``.

All time one artefact, each in a process of its own, in turns of random order within a minute.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from opbench.intervals import Interval, median
from opbench.live.side import open_side
from opbench.registry import entries
from opbench.timing.settings import CudaOptions
from tests.bench.runtimes.registry import cell_of
from tests.bench.runtimes.turns import ratio_of_turns
from tests.bench.timing.claims import ROOT, Claim

NETWORKS = ("squeezenet1_1", "googlenet", "resnet18")
SECONDS = 1.0
_WITHIN = 0.10
_FILES = {"onnxruntime": "network.onnx", "openvino": "network.xml"}
_TOOLS = {"onnxruntime": ("its own API",), "openvino": ("its own API", "benchmark_app")}
_MEDIAN = re.compile(r"Median:\s+([\d.]+) ms")


def section(rounds: int) -> tuple[list[Claim], str]:
    """Time all in turns; return the claims, and what they are about."""
    claims = [
        claim
        for name in NETWORKS
        for runtime in _FILES
        for claim in _compared(name, runtime, rounds)
    ]
    text = (
        "## Beside the runtimes' own tools\n\n"
        f"The same file with as many threads, {rounds} turns of {SECONDS:g} s each in processes of "
        "their own, in random order: *its own API* is a plain loop over `InferenceSession.run` or "
        "`InferRequest.infer`, and `benchmark_app` is that of the wheel of OpenVINO, `-api sync`.\n"
    )
    return claims, text


def _compared(name: str, runtime: str, rounds: int) -> Iterator[Claim]:
    draw = random.Random(f"{name} {runtime}")
    with TemporaryDirectory() as folder:
        timed("opbench", name, runtime, Path(folder))  # makes the artefact
        kinds = ("opbench", *_TOOLS[runtime])
        taken: dict[str, list[list[float]]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind in draw.sample(kinds, len(kinds)):
                taken[kind].append(timed(kind, name, runtime, Path(folder)))
    for tool in _TOOLS[runtime]:
        ratio = ratio_of_turns(taken[tool], taken["opbench"])
        yield Claim(
            what=f"{name} in {runtime}: opbench's time over that of {tool}",
            wanted="within 10 %",
            seen=_told(ratio, median([median(each) for each in taken["opbench"]])),
            holds=verdict(ratio),
        )


def verdict(ratio: Interval) -> bool | None:
    """Return whether a ratio is within a tenth of 1; None where its interval leaves it open."""
    low, high = 1 / (1 + _WITHIN), 1 + _WITHIN
    if low <= ratio.low and ratio.high <= high:
        return True
    return None if ratio.low <= high and ratio.high >= low else False


def _told(ratio: Interval, seconds: float) -> str:
    return f"{ratio.estimate:.3f} ({ratio.low:.3f}-{ratio.high:.3f}) of {1e3 * seconds:.2f} ms"


def timed(kind: str, name: str, runtime: str, folder: Path) -> list[float]:
    """Return samples that a fresh process took, in seconds per pass."""
    if kind == "benchmark_app":
        return [_of_benchmark_app(folder / "whole" / _FILES[runtime], _shape(name))]
    words = [sys.executable, "-m", __spec__.name if __spec__ else __name__]
    done = subprocess.run(
        [*words, kind, name, runtime, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    samples: list[float] = json.loads(done.stdout.splitlines()[-1])
    return samples


def _shape(name: str) -> list[int]:
    """Return the shape of one image with its batch."""
    return [1, *entries.get(name).input_size]


def _of_benchmark_app(path: Path, shape: list[int]) -> float:
    command = [str(Path(sys.executable).parent / "benchmark_app"), "-m", str(path), "-d", "CPU"]
    command += ["-hint", "none", "-api", "sync", "-t", f"{SECONDS:.0f}", "-nstreams", "1"]
    command += ["-nthreads", str(torch.get_num_threads()), "-infer_precision", "f32"]
    command += ["-shape", str(shape).replace(" ", "")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = _MEDIAN.search(said)
    if found is None:
        raise RuntimeError(f"benchmark_app printed no median:\n{said}")
    return float(found[1]) / 1e3


def _by_opbench(name: str, runtime: str, folder: Path) -> list[float]:
    request = {
        "cell": cell_of(name, runtime).to_json(),
        "cuda": CudaOptions().to_json(),
        "own_inputs": True,
        "seed": 0,
        "device_time": False,
        "moved": (),
        "folder": str(folder),
        "number": 2,  # the outputs are compared elsewhere
    }
    with torch.inference_mode():
        side = open_side(request)
        taken: list[float] = side.block(SECONDS)["samples_s"]
    return taken


def _by_its_api(name: str, runtime: str, folder: Path) -> list[float]:
    path = str(folder / "whole" / _FILES[runtime])
    image = torch.randn(_shape(name)).numpy()
    call = _session(path, image) if runtime == "onnxruntime" else _request(path, image)
    return _loop(call)


def _session(path: str, image: Any) -> Callable[[], object]:
    library = import_module("onnxruntime")
    options = library.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = library.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image}
    return lambda: session.run(None, feed)


def _request(path: str, image: Any) -> Callable[[], object]:
    library = import_module("openvino")
    core = library.Core()
    options = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
    }
    model = core.read_model(path)
    model.reshape(list(image.shape))
    request = core.compile_model(model, "CPU", options).create_infer_request()
    return lambda: request.infer([image])


def _loop(call: Callable[[], object]) -> list[float]:
    """Call for a while, after as long a warm-up as opbench has."""
    samples: list[float] = []
    for seconds in (0.05, SECONDS):
        end, samples = time.perf_counter() + seconds, []
        while (start := time.perf_counter()) < end:
            call()
            samples.append(time.perf_counter() - start)
    return samples


def main() -> None:
    """Time one artefact in this process, and print the samples."""
    kind, name, runtime, folder = sys.argv[1:]
    by = _by_opbench if kind == "opbench" else _by_its_api
    sys.stdout.write(f"\n{json.dumps(by(name, runtime, Path(folder)))}\n")


if __name__ == "__main__":
    main()
