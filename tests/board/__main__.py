"""Train, evaluate and time the five networks, and draw them: ``python -m tests.board [DATA]``.

DATA is the folder of Fashion-MNIST's four files, by default that of Debian's package
``dataset-fashion-mnist``.  The weights stay in ``results/mine/fashion-mnist``, and are used again;
everything else is made anew, in every runtime, in about a quarter of an hour on a quiet machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from safetensors.torch import save_file

import opbench
from tests.board.networks import plain, separable
from tests.board.training import DATA, padded, read_train, train

RESULTS = Path("results/fashion-mnist")
WEIGHTS = Path("results/mine/fashion-mnist")
FILE = "tests/board/networks.py"

RUNTIMES = ("eager", "compile", "aot", "onnxruntime", "openvino")
FIGURES = ("accuracy-vs-ops", "ops-vs-time", "accuracy-vs-time", "runtimes")

# What builds it, the side of its images, epochs, and the largest rate.
BOARD = {
    "lenet5": (lambda: opbench.create("lenet5"), 32, 5, 3e-3),
    "ciresan_mlp": (lambda: opbench.create("ciresan_mlp"), 29, 4, 5e-4),
    "ciresan_mlp_9x1000": (lambda: opbench.create("ciresan_mlp_9x1000"), 29, 4, 5e-4),
    f"{FILE}:separable": (separable, 28, 6, 1e-2),
    f"{FILE}:plain": (plain, 28, 4, 1e-2),
}


def main() -> None:
    """Make the board."""
    data = Path(*sys.argv[1:2]) if sys.argv[1:] else DATA
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    for made in ("evaluations", "runs"):
        shutil.rmtree(RESULTS / made, ignore_errors=True)
    for name, (build, side, epochs, rate) in BOARD.items():
        weights = WEIGHTS / f"{name.rpartition(':')[2]}.safetensors"
        if not weights.exists():
            images, classes = read_train(data)
            network = train(build, padded(images, side), classes, epochs=epochs, rate=rate)
            save_file(network.state_dict(), weights)
        trained = [name, "--weights", str(weights)]
        for runtime in RUNTIMES:
            asked = ["--data", str(data), "--dataset", "fashion_mnist", "--runtime", runtime]
            _opbench("evaluate", *trained, *asked)
        size = f"1x{side}x{side}"
        _opbench("run", *trained, "--input-size", size, "--runtime", ",".join(RUNTIMES), "--wait")
    _opbench("plot", *FIGURES, "--file-format", "svg,png")
    _opbench("list", "--runtime", "all", "--frontier")


def _opbench(*arguments: str) -> None:
    """Run a command; a network that a runtime does not take is not on the board in that."""
    command = [sys.executable, "-m", "opbench", *arguments, "--results", str(RESULTS)]
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.stderr.write(f"exit code {done.returncode}: {' '.join(arguments)}\n")


if __name__ == "__main__":
    main()
