"""ONNX files as targets: counted from the file, and run as they are by the runtimes that take them.

Importing this module imports no onnx, which is loaded when the first file is counted.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from opbench.errors import BadValueError, MissingExtraError, TargetError
from opbench.inputs import AskedInputs, TensorSpec, described
from opbench.registry import hints

if TYPE_CHECKING:
    from opbench.record import Count

SUFFIX = ".onnx"


def is_graph(target: str) -> bool:
    """Return whether a target names an ONNX file."""
    return target.lower().endswith(SUFFIX)


def files(pattern: str) -> list[Path]:
    """Return the file that a target names, or those of a glob.  Raises ``BadFileError``."""
    path = Path(pattern)
    if path.is_file():
        return [path]
    found = sorted(path.parent.glob(path.name)) if "*" in path.name else []
    if not found:
        raise hints.missing_file(path)
    return found


def count(path: Path, asked: AskedInputs, batch_size: int, dtype: str | None) -> Count:
    """Count the graph in a file on a size of one image, or on inputs that are described.

    Raises ``MissingExtraError`` without onnx, ``BadFileError`` for a file that is none,
    ``BadValueError`` for sizes that are missing or do not fit, and ``CountError``.
    """
    require_own_types(path, dtype)
    graph = _library(path)
    counted: Count = graph.count_file(path, _request(graph, path, asked, batch_size))
    return counted


def inputs(path: Path, asked: AskedInputs, batch_size: int) -> tuple[TensorSpec, ...]:
    """Return the inputs of the graph in a file, in its order, as ``count`` sizes them."""
    graph = _library(path)
    found: tuple[TensorSpec, ...] = graph.inputs_of_file(
        path, _request(graph, path, asked, batch_size)
    )
    return found


def require_own_types(path: Path, dtype: str | None) -> None:
    """Raise ``BadValueError`` for a data type that was asked for: the file has its own."""
    if dtype not in (None, "float32"):
        raise BadValueError(f"{path} stores the types of its tensors: remove --dtype")


def _library(path: Path) -> ModuleType:
    """Import what reads graphs.  Raises ``MissingExtraError`` without onnx."""
    try:
        return import_module("opbench.counting.graph")
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ("onnx", "google", "ml_dtypes"):
            raise
        raise MissingExtraError(
            f"{path} is an ONNX file, and the onnx package reads those: pip install 'opbench[onnx]'"
        ) from error


def _request(graph: ModuleType, path: Path, asked: AskedInputs, batch_size: int) -> Any:
    return graph.GraphRequest(
        name=str(path),
        input_size=None if described(asked) else asked,
        batch_size=batch_size,
        inputs=described(asked),
    )


def refuse(path: Path) -> NoReturn:
    """Raise ``TargetError``: PyTorch cannot build a graph."""
    raise TargetError(
        f"{path} is an ONNX file, of which PyTorch makes no network: `opbench count`, `check` and "
        "`show` take it, and `opbench run` with --runtime onnxruntime or --runtime openvino"
    )


def release() -> str:
    """Return the release of the package that reads the files, as in "onnx 1.20"; "" without."""
    try:
        return f"onnx {version('onnx')}"
    except PackageNotFoundError:
        return ""
