"""Read an ONNX file as a graph, without the weights that it keeps in other files."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import FunctionProto, ModelProto

from opbench.errors import BadFileError, remedy

_LARGEST = 2**31 - 1  # bytes of a protobuf message


def read_model(path: Path) -> ModelProto:
    """Return the model in a file.

    Raises ``BadFileError`` for a file that is missing, damaged, empty, too large or newer than the
    installed onnx.
    """
    model = ModelProto()
    try:
        if path.stat().st_size > _LARGEST:
            raise BadFileError(
                f"{path} is larger than the 2 GB that an ONNX file may have: save its weights as "
                "external data"
            )
        model.ParseFromString(path.read_bytes())
    except OSError as error:
        raise BadFileError(f"{path} cannot be read: {error.strerror}{remedy(error)}") from None
    except (DecodeError, RecursionError, ValueError):
        raise BadFileError(
            f"{path} is not an ONNX file, or it is damaged: export it anew"
        ) from None
    _require_graph(path, model)
    _require_version(path, model)
    return model


def _require_graph(path: Path, model: ModelProto) -> None:
    graph = model.graph
    if not graph.node and not graph.output:
        raise BadFileError(f"{path} holds no ONNX graph: export it anew")
    if not model.opset_import:
        raise BadFileError(f"{path} does not say which version of ONNX's operators it uses")


def _require_version(path: Path, model: ModelProto) -> None:
    newest = onnx.defs.onnx_opset_version()
    version = opsets_of(model).get("", 1)
    if version > newest or model.ir_version > onnx.IR_VERSION:
        needed = f"opset {version}" if version > newest else f"IR version {model.ir_version}"
        raise BadFileError(
            f"{path} uses {needed} and the installed onnx {onnx.__version__} knows "
            f"{newest if version > newest else onnx.IR_VERSION}: pip install --upgrade onnx"
        )
    if version < 1:
        raise BadFileError(f"{path} uses opset {version}, which does not exist")


def opsets_of(model: ModelProto | FunctionProto) -> dict[str, int]:
    """Return the version of the operators of each domain."""
    return {
        "" if each.domain == "ai.onnx" else each.domain: each.version for each in model.opset_import
    }
