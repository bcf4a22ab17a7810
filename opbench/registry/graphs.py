"""ONNX files as targets: counted from the file, and never run.

Importing this module imports no onnx, which is loaded when the first file is counted.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from opbench.errors import BadValueError, MissingExtraError, TargetError
from opbench.inputs import AskedInputs, described
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
    if dtype not in (None, "float32"):
        raise BadValueError(f"{path} stores the types of its tensors: remove --dtype")
    try:
        graph = import_module("opbench.counting.graph")
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in ("onnx", "google", "ml_dtypes"):
            raise
        raise MissingExtraError(
            f"{path} is an ONNX file, and the onnx package reads those: pip install 'opbench[onnx]'"
        ) from error
    counted: Count = graph.count_file(
        path,
        graph.GraphRequest(
            name=str(path),
            input_size=None if described(asked) else asked,
            batch_size=batch_size,
            inputs=described(asked),
        ),
    )
    return counted


def refuse(path: Path) -> NoReturn:
    """Raise ``TargetError``: nothing here runs a graph."""
    raise TargetError(
        f"{path} is an ONNX file, which no runtime here runs: `opbench count`, `check` and `show` "
        "take it"
    )


def release() -> str:
    """Return the release of the package that reads the files, as in "onnx 1.20"; "" without."""
    try:
        return f"onnx {version('onnx')}"
    except PackageNotFoundError:
        return ""
