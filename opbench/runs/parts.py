"""The parts of a plan: the cells of each shard, and the files that hold them.

Files of one plan have the same ``plan_id`` in their headers: shards, and what was measured on
another machine of a run that was interrupted, whose name is the id.  A cell is measured where any
of them has its record; several records of one are what the table chooses from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opbench.errors import BadFileError, BadValueError
from opbench.files import files_in
from opbench.record import USUAL, Cell, Failure, Record
from opbench.runs.lines import RUN, Header
from opbench.runs.store import RunFile
from opbench.shards import Shard

_ID = 16
_ROUND = b'{"kind":"round",'
# Of a header: when, where and by which version; and the cells, which are hashed in any order.
_NOT_OF_A_PLAN = frozenset(
    {"format", "opbench", "started", "environment", "run", "plan", "shard", "plan_id", "planned"}
)


def cell_key(cell: Cell) -> str:
    """Return the text whose hash is a cell's place among shards.

    The usual settings go without saying: one that a later version adds moves no cell.
    """
    return _text(_unusual(cell))


def cells_of(shard: Shard, plan: Iterable[Cell]) -> tuple[Cell, ...]:
    """Return the cells of a shard, in the order of the plan.

    Each shard has as many of each batch size, runtime and so on as the others, to within one.
    """
    keys = {cell_key(cell): cell for cell in plan}
    mine = shard.dealt(keys, lambda key: _settings(keys[key]))
    return tuple(cell for key, cell in keys.items() if key in mine)


def of_shard(header: Header, shard: Shard) -> Header:
    """Return the header of a shard of the plan that ``header`` has whole."""
    return replace(
        header,
        plan=cells_of(shard, header.plan),
        shard=str(shard),
        plan_id=plan_id(header),
        planned=len(header.plan),
    )


def plan_id(header: Header) -> str:
    """Return a hash of all cells of a plan, in whichever order, and of how they are timed."""
    usual = Header(format=header.format).to_json()
    how = {
        key: value
        for key, value in header.to_json().items()
        if key not in _NOT_OF_A_PLAN and value != usual[key]
    }
    text = _text([sorted(map(cell_key, header.plan)), how])
    return hashlib.sha256(text.encode()).hexdigest()[:_ID]


def _settings(cell: Cell) -> str:
    return _text({**_unusual(cell), "name": "", "input_size": ""})


def _unusual(cell: Cell) -> dict[str, Any]:
    settings = cell.to_json()
    del settings["other_input_sizes"]  # they follow from the network
    return {key: value for key, value in settings.items() if USUAL.get(key, ...) != value}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def plan_of(run: RunFile) -> str:
    """Return the id that the files of a plan share; that of a run in one file is its name."""
    return run.header.plan_id or run.name


def are_parts(one: RunFile, other: RunFile) -> bool:
    """Return whether two files are parts of one plan, and not copies of one run."""
    of_a_plan = one.header.plan_id or other.header.plan_id
    return bool(of_a_plan) and one.path != other.path and plan_of(one) == plan_of(other)


def settled(runs: Iterable[RunFile]) -> set[Cell]:
    """Return the cells that have a record, or for which memory was too small."""
    return {
        line.cell
        for run in runs
        for line in run.lines
        if isinstance(line, Record) or (isinstance(line, Failure) and line.out_of_memory)
    }


def read_part(path: Path) -> RunFile:
    """Read a run file without its rounds, which are most of it, and without what is damaged.

    Raises ``BadFileError`` when it is missing or its header is damaged.
    """
    header, lines = RUN.read_header(path), []
    with path.open("rb") as file:
        for raw in file:
            if not raw.startswith(_ROUND):
                with suppress(ValueError):
                    lines.append(RUN.decode(raw.rstrip()))
        size = file.tell()
    return RunFile(path=path, size=size, header=header, lines=tuple(lines[1:]), damages=())


def parts_beside(run: RunFile) -> list[RunFile]:
    """Return the other files of a run's plan in its folder; one that cannot be read is none."""
    found = []
    for path in files_in(run.path.parent, ".jsonl"):
        if path.name != run.path.name:
            try:
                header = RUN.read_header(path)
                if plan_of(run) in (header.plan_id, header.run or path.stem):
                    found.append(read_part(path))
            except BadFileError:
                continue
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedPlan:
    """The files of one plan, oldest first, and what they have not measured."""

    runs: tuple[RunFile, ...]

    @property
    def planned(self) -> int:
        """The number of cells of the whole plan."""
        return max(run.header.planned or len(run.header.plan) for run in self.runs)

    @property
    def known(self) -> tuple[Cell, ...]:
        """The cells that the files name, all of the plan unless shards are absent."""
        return tuple(dict.fromkeys(cell for run in self.runs for cell in run.header.plan))

    @property
    def missing(self) -> tuple[Cell, ...]:
        """The cells that no file has a record of, unless memory was too small."""
        there = settled(self.runs)
        return tuple(cell for cell in self.known if cell not in there)

    def absent(self) -> Iterator[Shard]:
        """Yield the shards that have no file, where cells are known of neither.

        There may be any number, as files may say anything.
        """
        there = set(_shards(self.runs))
        if there and len(self.known) < self.planned:
            parts = min(shard.parts for shard in there)
            # More shards than cells have none.
            shards = (Shard(part, parts) for part in range(1, min(parts, self.planned) + 1))
            yield from (shard for shard in shards if shard not in there)


def _shards(runs: Iterable[RunFile]) -> Iterator[Shard]:
    for run in runs:
        with suppress(BadValueError):  # a file may say anything, and most say nothing
            yield Shard.parse(run.header.shard)


def join_plans(runs: Sequence[RunFile]) -> list[JoinedPlan]:
    """Return the plans that files are parts of, in the order of their first files."""
    plans: dict[str, list[RunFile]] = {}
    for run in runs:
        plans.setdefault(plan_of(run), []).append(run)
    return [JoinedPlan(runs=tuple(parts)) for parts in plans.values()]
