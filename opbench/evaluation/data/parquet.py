"""Parquet files with encoded images and labels, as the data sets of the Hugging Face hub.

A column ``image`` holds the bytes of files, or structures of ``bytes`` and ``path``; a column
``label`` holds numbers, whose names stand in the metadata of the schema.  Labels are read at once,
images by the row group.
"""

from __future__ import annotations

import bisect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from typing import Any

from opbench.accuracy.measured.lines import Unanswered
from opbench.errors import BadFileError
from opbench.escapes import printable
from opbench.evaluation.data.classes import ClassOrder, order_of
from opbench.evaluation.data.image_set import ImageSet, LabelledImage
from opbench.evaluation.data.imagenet import CLASSES, is_validation_set
from opbench.evaluation.data.row_groups import RowGroups, import_arrow
from opbench.evaluation.data.tree import as_utf8

_IMAGE, _LABEL = ("image", "img"), ("label", "fine_label")
_FIRST_OF_IMAGENET = "tench"
_DAMAGED = "download it again"


def open_parquet(
    path: Path,
    parts: Sequence[Path],
    given: ClassOrder | None,
    outputs: int | None,
    *,
    problems: Sequence[Unanswered] = (),
    notes: Sequence[str] = (),
) -> ImageSet:
    """Read the labels in ``parts``, the files of ``path``, and where their images are.

    Raises ``MissingExtraError`` without pyarrow; ``BadFileError`` where a file is damaged or its
    columns are others; ``BadValueError`` as ``order_of``.
    """
    read = [_Part.read(part) for part in parts]
    names = next((part.names for part in read if part.names), ())
    order = order_of(names, given, outputs) if names else given
    renumbered = _renumbered(path, names, order)
    groups = RowGroups()
    entries = [each for part in read for each in part.entries(groups, renumbered)]
    images = tuple(each for each in entries if isinstance(each, LabelledImage))
    # Named in words, and numbered as the network's outputs are.
    is_imagenet = len(names) == CLASSES and names[0].startswith(_FIRST_OF_IMAGENET)
    full = is_imagenet and given is None and is_validation_set(images, by_synset=True)
    return ImageSet(
        path=str(path),
        layout="parquet",
        images=images,
        classes=order.names if order else (),
        dataset="imagenet" if full else "",
        problems=(*problems, *(each for each in entries if isinstance(each, Unanswered))),
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One file: its labels, the names of their classes, and the ends of its row groups."""

    path: Path
    column: str
    labels: Sequence[int | None]
    names: tuple[str, ...]
    ends: Sequence[int]

    @classmethod
    def read(cls, path: Path) -> _Part:
        """Read all but the images.  Raises ``BadFileError``."""
        arrow, parquet = import_arrow()
        try:
            with parquet.ParquetFile(path, page_checksum_verification=True) as file:
                schema = file.schema_arrow
                image, label = _image_column(path, schema), _label_column(path, schema)
                labels = file.read(columns=[label]).column(0).to_pylist()
                rows = [
                    file.metadata.row_group(group).num_rows
                    for group in range(file.metadata.num_row_groups)
                ]
                names = _class_names(schema.metadata or {}, label)
                if sum(rows) != len(labels):
                    raise ValueError(f"{len(labels)} labels, and {sum(rows)} rows")
        except (OSError, ValueError, arrow.ArrowException) as error:
            told = " ".join(str(error).split())
            raise BadFileError(f"{path} cannot be read as Parquet ({told}): {_DAMAGED}") from None
        return cls(
            path=path, column=image, labels=labels, names=names, ends=tuple(accumulate(rows))
        )

    def entries(
        self, groups: RowGroups, renumbered: Mapping[int, int] | None
    ) -> Iterator[LabelledImage | Unanswered]:
        """Yield each row; labels become those in ``renumbered`` where there is such a table."""
        stem = as_utf8(self.path.stem)
        width = max(5, len(str(len(self.labels) - 1)))
        for row, label in enumerate(self.labels):
            name = f"{stem}/{row:0{width}}"
            number = label if renumbered is None or label is None else renumbered.get(label)
            if label is None or label < 0:
                yield Unanswered(id=name, reason=f"it has no label ({label})")
            elif number is None:
                yield Unanswered(id=name, reason=f"its label {label} has no name in the file")
            else:
                group = bisect.bisect_right(self.ends, row)
                index = row - (self.ends[group - 1] if group else 0)
                read = partial(groups.image, self.path, self.column, group, index)
                yield LabelledImage(id=name, labels=(number,), read=read)


def _renumbered(
    path: Path, names: Sequence[str], order: ClassOrder | None
) -> Mapping[int, int] | None:
    """Return the network's number of each label of the file; None where they are the same."""
    if not names or order is None or order.names == tuple(names):
        return None
    if unknown := [name for name in names if name not in order.numbers]:
        raise BadFileError(
            f"{path} has a class {printable(unknown[0])}, which is not one of {order.source}: "
            "name every class of the file there"
        )
    return {label: order.numbers[name] for label, name in enumerate(names)}


def _image_column(path: Path, schema: Any) -> str:
    """Return the column of images: as one reads it, without what else is in its structures."""
    types = import_module("pyarrow").types
    name = _column(path, schema, _IMAGE)
    kind = schema.field(name).type
    if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        name, kind = f"{name}.bytes", kind.field("bytes").type
    if not (types.is_binary(kind) or types.is_large_binary(kind)):
        raise BadFileError(
            f"{path}: its column {name} holds {printable(str(kind))}, not the bytes of images: "
            "write encoded images, such as JPEG"
        )
    return name


def _label_column(path: Path, schema: Any) -> str:
    name = _column(path, schema, _LABEL)
    kind = schema.field(name).type
    if not import_module("pyarrow").types.is_integer(kind):
        raise BadFileError(
            f"{path}: its column {name} holds {printable(str(kind))}: write the number of a class"
        )
    return name


def _column(path: Path, schema: Any, names: Sequence[str]) -> str:
    for name in names:
        if schema.names.count(name) == 1:
            return name
    there = printable(", ".join(schema.names))
    raise BadFileError(
        f"{path} has the columns {there}, and none is called {names[0]}: rename the one that is"
    )


def _class_names(metadata: Mapping[bytes, bytes], label: str) -> tuple[str, ...]:
    """Return the names of classes that the hub's library wrote; () where it did not."""
    try:
        facts = json.loads(metadata[b"huggingface"])
        names = facts["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        return ()
    return tuple(names) if len({*names}) == len(names) else ()
