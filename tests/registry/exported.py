"""Export every network of the registry as an ONNX graph, and count the graph.

``python -m tests.registry.exported`` fills the column ``onnx_macs`` of ``results/counts.csv`` where
it is empty.  The exporter of torch writes its operators in terms of ONNX's, unfused and with the
names of modules; weights stay behind.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx_ir
import torch
from onnxscript import opset18

from opbench.counting.graph import GraphRequest, count_file
from opbench.record import Count
from opbench.registry import counts_csv
from opbench.registry.entries import get


def _rrelu(x: Any, noise: Any, lower: float, upper: float) -> Any:
    """RReLU at rest, which torch does not export."""
    return opset18.LeakyRelu(x, alpha=(lower + upper) / 2), noise


def exported(name: str) -> bytes:
    """Return the graph of a network of the registry, for one image."""
    spec = get(name)
    image = torch.zeros(1, *spec.input_size)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            spec.build().eval(),
            (image,),
            dynamo=True,
            optimize=False,
            verbose=False,
            custom_translation_table={torch.ops.aten.rrelu_with_noise_functional.default: _rrelu},
        )
    assert program is not None
    for value in program.model.graph.initializers.values():
        held = value.const_value
        assert held is not None
        shape = onnx_ir.Shape(map(int, held.shape.numpy()))
        value.const_value = onnx_ir.ExternalTensor(
            "absent.bin", 0, held.nbytes, held.dtype, shape=shape, name=value.name or ""
        )
    return bytes(onnx_ir.to_proto(program.model).SerializeToString())


def count_exported(name: str) -> Count:
    """Count the graph of a network of the registry."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(exported(name))
        return count_file(path, GraphRequest(name=path.name))


def main() -> None:
    """Fill the column."""
    rows = [
        replace(row, onnx_macs=count_exported(row.name).macs) if row.onnx_macs is None else row
        for row in counts_csv.load()
    ]
    counts_csv.save(rows, counts_csv.counts_file())


if __name__ == "__main__":
    main()
