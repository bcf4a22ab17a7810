"""Compile ahead of time with AOTInductor: a package of machine code that runs without Python.

PyTorch's caches of compiled code are left as they are, so that a network that was compiled before
is converted in less time.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch._inductor
from torch import nn

from opbench.runtimes.parts.exported import convertible, export
from opbench.runtimes.runtime import Example, Executable, ExecutionSettings, Runtime


def _prepare(network: nn.Module, example: Example, settings: ExecutionSettings) -> Executable:
    start = time.perf_counter()
    with TemporaryDirectory(prefix="opbench-") as folder, convertible():
        program = export(network, example)
        package = Path(folder) / "network.pt2"
        torch._inductor.aoti_compile_and_package(program, package_path=str(package))
        size = package.stat().st_size
        loaded = torch._inductor.aoti_load_package(str(package))
    return Executable(
        call=loaded,
        precision=settings.precision,
        conversion_s=time.perf_counter() - start,
        artefact_bytes=size,
        versions=RUNTIME.versions(),
    )


RUNTIME = Runtime(name="aot", prepare=_prepare, converts=True)
