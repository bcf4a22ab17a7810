"""Quantise an ONNX graph statically, by ONNX Runtime's own tools.

Weights become int8 with a scale for each channel, activations int8 with the ranges that the images
of a calibration show, from the least to the largest value.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from opbench.runtimes.parts.calibration import calibration_batches
from opbench.runtimes.parts.exported import ONNX_NAME, export_onnx
from opbench.runtimes.runtime import Example, ExecutionSettings


def export_quantised(
    network: nn.Module, example: Example, settings: ExecutionSettings, folder: Path
) -> None:
    """Write the quantised graph of one forward pass into ``folder``.

    Raises ``BadValueError`` without images that the network takes.
    """
    batches = calibration_batches(settings, example, "ONNX Runtime")
    quantization = import_module("onnxruntime.quantization")
    shape_inference = import_module("onnxruntime.quantization.shape_inference")
    with TemporaryDirectory(prefix="opbench-", dir=folder.parent) as place:
        exported, folded = Path(place) / ONNX_NAME, Path(place) / "folded.onnx"
        export_onnx(network, example, Path(place))
        # Normalisations become part of the convolutions before them.
        shape_inference.quant_pre_process(str(exported), str(folded), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(folded),
            str(folder / ONNX_NAME),
            _reader(quantization, _input_name(folded), batches),
            per_channel=True,
        )


def _input_name(path: Path) -> str:
    onnx = import_module("onnx")
    return str(onnx.load(str(path), load_external_data=False).graph.input[0].name)


def _reader(quantization: Any, name: str, batches: Iterator[Any]) -> Any:
    """Return what the tool takes images from."""

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Any] | None:
            """Return the next batch by the name of its input, None after the last."""
            batch = next(batches, None)
            return None if batch is None else {name: batch}

    return Reader()
