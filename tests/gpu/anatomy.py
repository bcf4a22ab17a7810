"""Print the seconds that each step of a fresh process takes: ``python -m tests.gpu.anatomy
DEVICE NETWORK``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any


class _Steps:
    """Seconds of named steps, each until the GPU has ended it."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self.wait: Callable[[], object] = lambda: None

    def take(self, name: str, step: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        done = step()
        self.wait()
        self.taken[name] = time.perf_counter() - began
        return done


def main(device: str, name: str) -> None:
    """Import, initialise, build and call as a worker does."""
    steps = _Steps()
    torch = steps.take("import torch", lambda: import_module("torch"))
    steps.take("import opbench", lambda: import_module("opbench.runs.worker"))
    steps.take("is_available", torch.cuda.is_available)
    steps.take("first tensor", lambda: torch.zeros(1, device=device))
    if device != "cpu":
        steps.wait = torch.cuda.synchronize
    network = import_module("opbench").create(name).eval()
    steps.take("move", lambda: network.to(device))
    images = torch.zeros(1, 8, 32, 32, device=device)
    weights = torch.zeros(8, 8, 3, 3, device=device)
    functional = torch.nn.functional
    steps.take("first convolution", lambda: functional.conv2d(images, weights))
    steps.take("first product", lambda: images[0, 0] @ images[0, 0])
    size = import_module("opbench.registry.targets").resolve([name])[0].input_size
    batch = torch.randn(1, *size, device=device)
    with torch.inference_mode():
        for call in ("first call", "second call", "third call", *10 * ["tenth call"]):
            steps.take(call, lambda: network(batch))
        timed = import_module("opbench.timing.device").open_device(device)
        yardstick = import_module("opbench.timing.yardstick").yardstick
        steps.take("yardstick", lambda: yardstick(timed))
    sys.stdout.write(f"{json.dumps(steps.taken)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
