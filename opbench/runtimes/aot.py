"""Compile ahead of time with AOTInductor: a package of machine code that runs without Python.

PyTorch's caches of compiled code are left as they are, so that a network that was compiled before
is converted in less time.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch._inductor
from torch import nn

from opbench.runtimes.parts.exported import convertible, export
from opbench.runtimes.parts.kept import artefact, bytes_on_disk
from opbench.runtimes.runtime import Example, Executable, ExecutionSettings, Runtime

_PACKAGE = "network.pt2"


def _prepare(network: nn.Module, example: Example, settings: ExecutionSettings) -> Executable:
    start = time.perf_counter()

    def make(folder: Path) -> None:
        torch._inductor.aoti_compile_and_package(
            export(network, example), package_path=str(folder / _PACKAGE)
        )

    with convertible(), artefact(settings, make) as folder:
        size = bytes_on_disk(folder)
        loaded = torch._inductor.aoti_load_package(str(folder / _PACKAGE))
    return Executable(
        call=loaded,
        precision=settings.precision,
        conversion_s=time.perf_counter() - start,
        artefact_bytes=size,
        versions=RUNTIME.versions(),
    )


RUNTIME = Runtime(name="aot", prepare=_prepare, converts=True)
