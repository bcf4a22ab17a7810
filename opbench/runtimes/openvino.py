"""OpenVINO on the processor: a program of torch.export, or an ONNX file as it is.

Left alone it computes in bfloat16 where the processor can, whatever the network's type.  Here the
network is converted in float32 and the precision of its inference is set to that of the cell; where
it says that it computes in another, the cell fails.

For int8 the network is quantised by NNCF, OpenVINO's own tool for it.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from contextlib import redirect_stdout
from functools import cache, partial
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import nn

from opbench.errors import BadValueError, ConversionError, MissingExtraError, message_of
from opbench.runtimes.parts.calibration import calibration_batches
from opbench.runtimes.parts.exported import (
    convertible,
    export,
    require_contiguous,
    threads_of,
)
from opbench.runtimes.parts.flat import from_arrays, tensors_in, tensors_of_call
from opbench.runtimes.parts.kept import artefact, bytes_on_disk
from opbench.runtimes.parts.onnx_file import OnnxFile
from opbench.runtimes.parts.rewritten import Rewritten
from opbench.runtimes.runtime import (
    INT8,
    Example,
    Executable,
    ExecutionSettings,
    Forward,
    Runtime,
    absent_of,
    versions_of,
)

# Its names of the data types in which it can compute; what is not quantised stays in float32.
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", INT8: "f32"}
# Of the operators of a quantised network, at run time.
_QUANTISED = {"i8", "u8"}
_QUANTISER = "nncf"

_NAME = "network.xml"
# In the last lines of its reports.
_UNKNOWN = re.compile(r"(?:Conversion is failed for|No conversion rule found for operations): (.+)")


def _prepare(network: nn.Module, example: Example, settings: ExecutionSettings) -> Executable:
    RUNTIME.require()
    _require_possible(settings)
    require_contiguous(example, RUNTIME.name)
    openvino = _library()
    start = time.perf_counter()
    model, size = _model(openvino, network, example, settings)
    compiled = openvino.Core().compile_model(model, "CPU", _options(settings))
    conversion_s = time.perf_counter() - start
    precision = _computed_in(compiled, settings)
    if precision != settings.dtype:
        raise BadValueError(
            f"OpenVINO computes in {precision} on this processor: use --dtype {precision}"
        )
    return Executable(
        call=_call(compiled),
        precision=precision,
        conversion_s=conversion_s,
        artefact_bytes=size,
        versions=RUNTIME.versions() | (versions_of([_QUANTISER]) if settings.dtype == INT8 else {}),
    )


@cache
def _library(name: str = "openvino") -> Any:
    """Import OpenVINO, or its quantiser, but not the package that reports their use to the makers.

    That would send, keep a thread for it, and write into the user's home folder.
    """
    reports = "openvino_telemetry"
    if reports in sys.modules:
        return import_module(name)
    sys.modules[reports] = None  # type: ignore[assignment]  # importing it fails
    try:
        return import_module(name)
    finally:
        del sys.modules[reports]


def _require_possible(settings: ExecutionSettings) -> None:
    """Raise ``BadValueError`` for a device or a data type that it does not have."""
    if settings.device != "cpu":
        raise BadValueError("OpenVINO computes on the processor: remove --device")
    if settings.dtype not in _PRECISIONS:
        raise BadValueError(
            f"OpenVINO does not compute in {settings.dtype}: choose from {', '.join(_PRECISIONS)}"
        )
    if settings.dtype == INT8 and (absent := absent_of([_QUANTISER])):
        raise MissingExtraError(
            f"OpenVINO needs {absent} for int8: pip install 'opbench[openvino,int8]'"
        )


def _model(
    openvino: Any, network: nn.Module, example: Example, settings: ExecutionSettings
) -> tuple[Any, int]:
    """Return the model, for the shapes of ``example``, and its bytes on disk."""
    read = openvino.Core().read_model
    if isinstance(network, OnnxFile):
        model, size = read(str(network.path)), network.path.stat().st_size
    else:
        # Saved and read again as the next process reads it, and as others would.
        make = partial(_save, openvino, network, example, settings)
        with convertible(), artefact(settings, make) as folder:
            model, size = read(str(folder / _NAME)), bytes_on_disk(folder)
    shapes = [list(each.shape) for each in tensors_in((example.args, dict(example.kwargs)))]
    # Open axes would be computed anew in each call.
    model.reshape(dict(zip(model.inputs, shapes, strict=True)))
    return model, size


def _save(
    openvino: Any,
    network: nn.Module,
    example: Example,
    settings: ExecutionSettings,
    folder: Path,
) -> None:
    with Rewritten():
        program = export(network, example, torch.float32)
    model = _converted(openvino, program)
    if settings.dtype == INT8:
        model = _quantised(model, example, settings)
    # Left alone it saves weights in float16.
    openvino.save_model(model, str(folder / _NAME), compress_to_fp16=False)


def _converted(openvino: Any, program: torch.export.ExportedProgram) -> Any:
    """Convert a program.  Raises ``ConversionError`` that names the operators it does not know."""
    try:
        return openvino.convert_model(program)
    except Exception as error:
        if found := _UNKNOWN.search(message_of(error)):
            raise ConversionError(f"OpenVINO does not convert {found[1]}") from error
        raise


def _quantised(model: Any, example: Example, settings: ExecutionSettings) -> Any:
    """Quantise weights and activations.  Raises ``BadValueError`` without images for it."""
    batches = [*calibration_batches(settings, example, "OpenVINO")]
    nncf = _library(_QUANTISER)
    nncf.set_log_level(logging.ERROR)
    # Left alone it takes the mean of the batches' ranges, which is another for each batch size.
    ranges = import_module("nncf.quantization.range_estimator").RangeEstimatorParametersSet.MINMAX
    advanced = nncf.AdvancedQuantizationParameters(activations_range_estimator_params=ranges)
    # It draws a bar of its progress.
    with redirect_stdout(StringIO()):
        return nncf.quantize(
            model,
            nncf.Dataset(batches),
            subset_size=len(batches),
            advanced_parameters=advanced,
        )


def _options(settings: ExecutionSettings) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": _PRECISIONS[settings.dtype],
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads_of(settings),
        # PyTorch's threads are not bound to cores either.
        "ENABLE_CPU_PINNING": False,
    }


def _computed_in(compiled: Any, settings: ExecutionSettings) -> str:
    """Return the data type in which a model says that it computes."""
    if settings.dtype == INT8 and any(
        each.get_rt_info()["runtimePrecision"].astype(str) in _QUANTISED
        for each in compiled.get_runtime_model().get_ops()
    ):
        return INT8
    said = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return next((name for name, short in _PRECISIONS.items() if short == said), str(said))


def _call(compiled: Any) -> Forward:
    request = compiled.create_infer_request()
    infer = request.infer

    def call(*args: Any, **kwargs: Any) -> Any:
        given = [_array(each) for each in tensors_of_call(args, kwargs)]
        return from_arrays(list(infer(given, share_inputs=True).values()))

    return call


def _array(value: torch.Tensor) -> Any:
    # The model takes float32, and NumPy has no bfloat16.
    value = value.detach()
    return (value.float() if value.is_floating_point() else value).numpy()


def _providers() -> tuple[str, ...]:
    return tuple(_library().Core().available_devices)


RUNTIME = Runtime(
    name="openvino",
    prepare=_prepare,
    converts=True,
    takes_files=True,
    quantises=True,
    packages=("openvino",),
    extra="openvino",
    providers=_providers,
)
