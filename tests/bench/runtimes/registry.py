"""ImageNet networks of the registry in all runtimes: one run, which is continued where it ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from opbench.intervals import Interval
from opbench.record import DIFFERS, Cell, Failure, Record
from opbench.registry import entries
from opbench.runs.store import RunFile, find_run, read_run, run_files
from opbench.spec import Shape
from tests.bench.timing.claims import ROOT, Claim

_FOLDER = ROOT / "results" / "mine" / "runtimes"
_RUNTIMES = "eager,compile,aot,onnxruntime,openvino"
_FEWEST = 30
# Of each cell: enough for an interval.
_BUDGET = ("--rounds", "4", "--max-seconds", "1.2")

Rows = Mapping[str, Mapping[str, Record]]


def measured() -> RunFile:
    """Return the run that ``BENCH_RUN`` names, else one that is made, or continued, here."""
    if named := os.environ.get("BENCH_RUN"):
        path = Path(named)
        return read_run(find_run(path) if path.is_dir() else path)
    if not run_files(_FOLDER):
        names = os.environ.get("BENCH_NETWORKS", "").split() or [
            name for name in entries.names() if entries.get(name).dataset == "imagenet"
        ]
        runtimes = os.environ.get("BENCH_RUNTIMES", _RUNTIMES)
        _opbench(*names, "--runtime", runtimes, *_BUDGET)
    elif not read_run(find_run(_FOLDER)).finished:
        _opbench("--resume")
    return read_run(find_run(_FOLDER))


def _opbench(*words: str) -> None:
    """Run the command as a user does; cells that fail are told by the report."""
    command = [sys.executable, "-m", "opbench", "run", *words, "--results", str(_FOLDER)]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)


def machine(run: RunFile) -> str:
    """Return what the run says of the machine."""
    facts = run.header.environment
    known = [f"{key}: {facts[key]}" for key in ("cpu", "logical_cores", "torch") if key in facts]
    return f"Run {run.name}, {'; '.join(known)}."


def section(run: RunFile) -> tuple[list[Claim], str]:
    """Return the claims on a run, and its table."""
    rows = rows_of(run.of(Record))
    runtimes = list(dict.fromkeys(record.cell.runtime for record in run.of(Record)))
    others = [each for each in runtimes if each != "eager"]
    return [*claims(rows, run.of(Failure), others)], table(rows, others)


def rows_of(records: Sequence[Record]) -> Rows:
    rows: dict[str, dict[str, Record]] = {}
    for record in records:
        rows.setdefault(record.cell.name, {})[record.cell.runtime] = record
    return rows


def claims(rows: Rows, failures: Sequence[Failure], runtimes: Sequence[str]) -> Iterator[Claim]:
    for runtime in runtimes:
        found = [row[runtime] for row in rows.values() if runtime in row]
        within = [each for each in found if each.measurement.quality != DIFFERS]
        failed = {each.cell.name for each in failures if each.cell.runtime == runtime}
        failed -= {each.cell.name for each in found}
        errors = [each.artefact.output_error or 0.0 for each in found if each.artefact]
        seen = f"{len(within)} of {len(found) + len(failed)}; largest error {max(errors):.1e}"
        if failed:
            seen += f"; failed: {', '.join(sorted(failed))}"
        yield Claim(
            what=f"{runtime}: outputs within their limit of eager float32",
            wanted=f"all of {_FEWEST} networks or more",
            seen=seen,
            holds=len(within) >= _FEWEST and len(within) == len(found) and not failed,
        )


def table(rows: Rows, runtimes: Sequence[str]) -> str:
    lines = [
        "## How many times less time than eager\n",
        "Latencies of one run, with 95 % intervals; beside them the largest error of the outputs, "
        "relative to the largest output.\n",
        f"| network | eager ms | {' | '.join(f'{each} | error' for each in runtimes)} |",
        f"| --- | --: |{' --: | --: |' * len(runtimes)}",
    ]
    for name, row in sorted(rows.items()):
        if "eager" not in row:
            continue
        cells = [cell for each in runtimes for cell in _cells(row["eager"], row.get(each))]
        lines.append(f"| {name} | {_latency(row['eager'])} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _latency(record: Record) -> str:
    low, middle, high = (1e3 * each for each in _times(record))
    return f"{middle:.1f} ({low:.1f}-{high:.1f})"


def _times(record: Record) -> tuple[float, float, float]:
    taken = record.measurement
    return (
        taken.latency_low_s or taken.latency_s,
        taken.latency_s,
        taken.latency_high_s or taken.latency_s,
    )


def _cells(eager: Record, other: Record | None) -> tuple[str, str]:
    """Return how many times faster, from the ends of both intervals, and the error."""
    if other is None:
        return "failed", ""
    (low, middle, high), (least, own, most) = _times(eager), _times(other)
    ratio = Interval(middle / own, low / most, high / least)
    error = other.artefact.output_error if other.artefact else None
    told = f"{ratio.estimate:.2f} ({ratio.low:.2f}-{ratio.high:.2f})"
    return told, "" if error is None else f"{error:.0e}"


def cell_of(name: str, runtime: str) -> Cell:
    """Return one image of a network's own size in a runtime."""
    return Cell(
        name=name,
        input_size=Shape(entries.get(name).input_size),
        batch_size=1,
        device="cpu",
        runtime=runtime,
        compile="default" if runtime == "compile" else None,
    )
