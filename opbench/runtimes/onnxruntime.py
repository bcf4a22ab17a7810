"""ONNX Runtime: a graph exported by torch.onnx.export, or an ONNX file as it is.

Its threads wait for work without spinning: those that spin take cores from whatever else the
process computes, and PyTorch then is several times slower.  Float16 has kernels for processors of
Arm alone (``MlasFp16AccelerationSupported``); on others the graph would be computed in float32
between casts, and bfloat16 has none.  On a GPU its CUDA provider computes, and in the mode
"tensorrt" TensorRT, with the CUDA provider for what TensorRT does not take.  There is no setting
against TF32 in TensorRT: where it matters, outputs differ by more than float32 allows.
"""

from __future__ import annotations

import os
import platform
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from opbench.errors import BadValueError
from opbench.runtimes.parts.exported import (
    ONNX_NAME,
    convertible,
    export_onnx,
    require_contiguous,
    threads_of,
)
from opbench.runtimes.parts.flat import from_arrays, tensors_of_call
from opbench.runtimes.parts.kept import artefact, bytes_on_disk
from opbench.runtimes.parts.onnx_file import OnnxFile
from opbench.runtimes.parts.quantised_onnx import export_quantised
from opbench.runtimes.runtime import (
    INT8,
    Example,
    Executable,
    ExecutionSettings,
    Forward,
    Runtime,
)

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_TENSORRT = "TensorrtExecutionProvider"
_ARM = ("aarch64", "arm64")
# Read when it is imported: it would report its use to the makers, from threads of its own, and
# write into the temporary folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
_QUIET = 3  # errors alone


def _prepare(network: nn.Module, example: Example, settings: ExecutionSettings) -> Executable:
    RUNTIME.require()
    _require_kernels(settings)
    require_contiguous(example, RUNTIME.name)
    start = time.perf_counter()
    make = export_quantised if settings.dtype == INT8 else _export
    if isinstance(network, OnnxFile):
        session, size = _session(network.path, settings), network.path.stat().st_size
    else:
        with (
            convertible(),
            artefact(settings, partial(make, network, example, settings)) as folder,
        ):
            session, size = _session(folder / ONNX_NAME, settings), bytes_on_disk(folder)
    return Executable(
        call=_on_host(session),
        precision=settings.precision,
        conversion_s=time.perf_counter() - start,
        artefact_bytes=size,
        versions=RUNTIME.versions(),
    )


def _export(
    network: nn.Module, example: Example, settings: ExecutionSettings, folder: Path
) -> None:
    export_onnx(network, example, folder)


def _require_kernels(settings: ExecutionSettings) -> None:
    """Raise ``BadValueError`` for a precision in which it would not compute."""
    on_arm = settings.device != "cpu" or platform.machine().lower() in _ARM
    if settings.dtype == "bfloat16" or (settings.dtype == "float16" and not on_arm):
        raise BadValueError(
            f"ONNX Runtime has no {settings.dtype} kernels on this processor: use --dtype float32"
        )
    if settings.dtype == INT8 and settings.device != "cpu":
        raise BadValueError("ONNX Runtime computes in int8 on the processor: remove --device")


def _session(path: Path, settings: ExecutionSettings) -> Any:
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads_of(settings)
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    wanted = _providers_of(runtime, settings)
    session = runtime.InferenceSession(
        str(path), options, providers=[*wanted], provider_options=[*wanted.values()]
    )
    # It falls back to another provider without a word.
    first = next(iter(wanted))
    if session.get_providers()[0] != first:
        raise BadValueError(
            f"ONNX Runtime could not open its {first}, and would compute without it"
        )
    return session


def _providers_of(runtime: Any, settings: ExecutionSettings) -> dict[str, dict[str, str]]:
    """Return the providers of a device, the first choice first, with their options."""
    if settings.device == "cpu":
        if settings.mode:
            raise BadValueError(f"{settings.mode} computes on a GPU: add --device cuda")
        return {_CPU: {}}
    there = runtime.get_available_providers()
    if _CUDA not in there:
        raise BadValueError(
            "this ONNX Runtime computes on the processor alone: pip install onnxruntime-gpu, or "
            "remove --device"
        )
    number = {"device_id": settings.device.partition(":")[2] or "0"}
    cuda = {_CUDA: {**number, "use_tf32": str(int(settings.tf32))}}
    if settings.mode != "tensorrt":
        return cuda
    if _TENSORRT not in there:
        raise BadValueError("this ONNX Runtime has no TensorRT: write --runtime onnxruntime")
    half = str(int(settings.dtype == "float16"))
    return {_TENSORRT: {**number, "trt_fp16_enable": half}, **cuda}


def _on_host(session: Any) -> Forward:
    """Return a call that takes tensors and returns tensors, in the memory of the host."""
    names = [each.name for each in session.get_inputs()]
    run = session.run

    def call(*args: Any, **kwargs: Any) -> Any:
        given = tensors_of_call(args, kwargs)
        feed = {name: each.detach().cpu().numpy() for name, each in zip(names, given, strict=True)}
        return from_arrays(run(None, feed))

    return call


def _providers() -> tuple[str, ...]:
    return tuple(import_module("onnxruntime").get_available_providers())


RUNTIME = Runtime(
    name="onnxruntime",
    prepare=_prepare,
    converts=True,
    takes_files=True,
    quantises=True,
    packages=("onnxruntime", "onnx", "onnxscript"),
    extra="onnx",
    providers=_providers,
)
