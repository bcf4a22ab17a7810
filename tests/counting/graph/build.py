"""Small ONNX files, written node by node."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, helper

from opbench.counting.graph import GraphRequest, count_file
from opbench.record import Count

Extents = Sequence[int | str | None]
MICROSOFT = "com.microsoft"


def node(
    kind: str, inputs: str, outputs: str = "y", domain: str = "", **attributes: Any
) -> NodeProto:
    """A node; "-" leaves an input out."""
    names = [name.replace("-", "") for name in inputs.split()]
    return helper.make_node(kind, names, outputs.split(), domain=domain, **attributes)


def weight(name: str, *shape: int, kind: int = TensorProto.FLOAT) -> TensorProto:
    """A stored tensor of which only the shape is here: its elements are in a file that is not."""
    stored = TensorProto(name=name, dims=shape, data_type=kind)
    stored.data_location = TensorProto.EXTERNAL
    stored.external_data.add(key="location", value="absent.bin")
    return stored


def numbers(name: str, values: Any, kind: Any = np.int64) -> TensorProto:
    """A stored tensor with its elements."""
    array = np.asarray(values, dtype=kind)
    return helper.make_tensor(
        name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape, array.flatten().tolist()
    )


def info(name: str, shape: Extents | None, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def graph(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Any],
    stored: Sequence[TensorProto] = (),
    outputs: str = "y",
) -> GraphProto:
    """A graph; an input is its shape, or a pair (shape, type of elements)."""
    given = [
        info(name, *shape) if isinstance(shape, tuple) else info(name, shape)
        for name, shape in inputs.items()
    ]
    made = [helper.make_empty_tensor_value_info(name) for name in outputs.split()]
    return helper.make_graph(list(nodes), "made", given, made, list(stored))


def model(made: GraphProto, opset: int = 23, functions: Sequence[FunctionProto] = ()) -> ModelProto:
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    opsets += [helper.make_opsetid(each.domain, 1) for each in functions]
    return helper.make_model(made, opset_imports=opsets, functions=list(functions), ir_version=10)


def counted(made: ModelProto | GraphProto, **request: Any) -> Count:
    """Count a model as a file."""
    whole = made if isinstance(made, ModelProto) else model(made)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.onnx"
        path.write_bytes(whole.SerializeToString())
        return count_file(path, GraphRequest(name="made.onnx", **request))
