"""Find the Parquet files of one split in a folder, as in a repository of the Hugging Face hub.

They are called after their split and shard, as in ``validation-00000-of-00014.parquet``, and stand
in the folder itself, in ``data``, or in one called after a configuration.  Of several splits the
validation set is taken, else the test set: that of a challenge has no labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from opbench.accuracy.measured.lines import Unanswered
from opbench.errors import BadFileError
from opbench.escapes import printable
from opbench.evaluation.data.tree import as_utf8

_SHARD = re.compile(r"(?P<split>.+)-(?P<index>\d{5})-of-(?P<of>\d{5})\.parquet", re.ASCII)
_SPLITS = ("validation", "val", "valid", "test")
_MOST_FOLDERS = 10  # in a repository of the hub; a tree of classes is not searched


def parquet_files(folder: Path) -> list[Path]:
    """Return the Parquet files of ``folder``, or of the one folder in it that has some, sorted.

    Raises ``BadFileError`` where there are several of these, and ``OSError``.
    """
    if here := sorted(folder.glob("*.parquet")):
        return here
    below = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    if len(below) > _MOST_FOLDERS:
        return []
    found = {path: files for path in below if (files := sorted(path.glob("*.parquet")))}
    if len(found) > 1:
        names = ", ".join(printable(path.name) for path in sorted(found))
        raise BadFileError(f"{folder} has Parquet files in {names}: name one of these folders")
    return next(iter(found.values()), [])


def choose_split(
    folder: Path, found: Sequence[Path]
) -> tuple[list[Path], list[Unanswered], tuple[str, ...]]:
    """Return the files of one split, its shards that are missing, and a note about the choice.

    Raises ``BadFileError`` where there are several splits and none is known for a test set.
    """
    splits: dict[str, list[Path]] = {}
    for path in found:
        splits.setdefault(_split(path), []).append(path)
    names = ", ".join(map(printable, splits))
    chosen = next((name for name in _SPLITS if name in splits), next(iter(splits)))
    if len(splits) > 1 and chosen not in _SPLITS:
        raise BadFileError(
            f"{folder} has Parquet files of {names}, none of which is called validation or test: "
            "name one file, or put those of one split into a folder of their own"
        )
    note = f"of the splits {names}, {chosen} was chosen"
    return splits[chosen], _missing_shards(splits[chosen]), (note,) if len(splits) > 1 else ()


def _split(path: Path) -> str:
    found = _SHARD.fullmatch(path.name)
    return found["split"] if found else re.split(r"[-_.]", path.name)[0]


def _missing_shards(parts: Sequence[Path]) -> list[Unanswered]:
    found = [match for path in parts if (match := _SHARD.fullmatch(path.name))]
    there = {path.name for path in parts}
    wanted = {
        f"{match['split']}-{index:05}-of-{match['of']}.parquet"
        for match in found[:1]
        for index in range(int(match["of"]))
    }
    reason = "the file is missing, and its images with it"
    return [Unanswered(id=as_utf8(name), reason=reason) for name in sorted(wanted - there)]
