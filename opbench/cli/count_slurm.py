"""Have ``opbench count`` done by Slurm, whose shards print their rows into files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from opbench import files
from opbench.cli.counted import Rows, names_of
from opbench.cli.executor import Distribution
from opbench.cli.executor_watch import Seen, carry_out, say_unfinished
from opbench.errors import BadFileError


def count_by_slurm(work: Distribution, patterns: Sequence[str]) -> Rows:
    """Return the rows of all targets, in their order; one without a count is a row that says so.

    Raises ``OpbenchError``.
    """
    names = names_of(patterns)
    outputs = [Path(task.output) for task in work.tasks]
    if work.array.queue() is None:
        for output in filter(Path.exists, outputs):  # the code may have changed since
            files.remove(output)

    def look() -> Seen:
        rows = _rows(outputs)
        failed = sum(bool(row.get("error")) for row in rows)
        done = len({row["name"] for row in rows}) - failed
        return Seen(things="targets", total=len(names), done=done, failed=failed)

    reasons = carry_out(work, look)
    rows = _rows(outputs)
    made = {name: [row for row in rows if row["name"] == name] for name in names}
    if not all(made.values()):
        say_unfinished(reasons, "count what is left")
    nothing = "its shard ended before it was counted"
    return [row for name in names for row in made[name] or [{"name": name, "error": nothing}]]


def _rows(outputs: Sequence[Path]) -> Rows:
    """Return the rows in the files that are there.  Raises ``BadFileError`` for a damaged one."""
    rows: Rows = []
    for output in filter(Path.exists, outputs):
        try:
            rows += json.loads(output.read_bytes())
        except (OSError, ValueError) as error:
            raise BadFileError(f"{output} cannot be read ({error}): remove it") from None
    return rows
