"""Row groups of Parquet files, read when an image in one is asked for."""

from __future__ import annotations

from collections import OrderedDict
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

from opbench.errors import MissingExtraError

_MOST_KEPT = 2**28  # bytes: several threads read ahead in neighbouring groups
_FEWEST_KEPT = 2


class RowGroups:
    """The images of row groups, in any thread; the groups read last are kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[Path, int], Any] = OrderedDict()

    def image(self, path: Path, column: str, group: int, index: int) -> bytes:
        """Return the bytes of one image.  Raises ``OSError`` or ``ValueError``."""
        values = self._column(path, column, group)
        value = values[index].as_py() if index < len(values) else None
        if isinstance(value, dict):
            value = value["bytes"]
        if not value:
            raise ValueError(f"row group {group} of {path.name} has no bytes for it")
        encoded: bytes = value
        return encoded

    def _column(self, path: Path, column: str, group: int) -> Any:
        with self._lock:
            if (path, group) not in self._kept:
                self._kept[path, group] = read_group(path, column, group)
                self._let_go()
            self._kept.move_to_end((path, group))
            return self._kept[path, group]

    def _let_go(self) -> None:
        """Forget the groups that were asked for longest ago, while all take too much memory."""
        while (
            len(self._kept) > _FEWEST_KEPT
            and sum(column.nbytes for column in self._kept.values()) > _MOST_KEPT
        ):
            self._kept.popitem(last=False)


def read_group(path: Path, column: str, group: int) -> Any:
    """Read a column of a row group.  Raises ``OSError`` or ``ValueError``."""
    arrow, parquet = import_arrow()
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read_row_group(group, columns=[column]).column(0)
    except (OSError, ValueError):
        raise
    except arrow.ArrowException as error:
        raise ValueError(f"row group {group} of {path.name}: {error}") from None


def import_arrow() -> tuple[Any, Any]:
    """Return pyarrow and its module for Parquet.  Raises ``MissingExtraError``."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError(
            "Parquet files are read by pyarrow, which is not installed: "
            "pip install 'opbench[parquet]'"
        ) from error
