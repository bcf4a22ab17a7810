"""Train, evaluate and time the five networks, and draw them: ``python -m tests.board [DATA]``.

DATA is the folder of Fashion-MNIST's four files, by default that of Debian's package
``dataset-fashion-mnist``.  The weights stay in ``results/mine/fashion-mnist``.
"""

from __future__ import annotations

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
    images, classes = read_train(data)
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    for name, (build, side, epochs, rate) in BOARD.items():
        weights = WEIGHTS / f"{name.rpartition(':')[2]}.safetensors"
        if not weights.exists():
            network = train(build, padded(images, side), classes, epochs=epochs, rate=rate)
            save_file(network.state_dict(), weights)
        asked = [name, "--weights", str(weights), "--data", str(data)]
        _opbench("evaluate", *asked, "--dataset", "fashion_mnist", "--resume")
    names = [*BOARD]
    sizes = [f"1x{side}x{side}" for _, side, *_ in BOARD.values()]
    for size in dict.fromkeys(sizes):
        of_size = [name for name, each in zip(names, sizes, strict=True) if each == size]
        _opbench("run", *of_size, "--input-size", size)
    _opbench("plot", "accuracy-vs-ops", "ops-vs-time", "--file-format", "svg,png")


def _opbench(*arguments: str) -> None:
    command = [sys.executable, "-m", "opbench", *arguments, "--results", str(RESULTS)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
