"""A sweep of 52,500 cells on 64 GPUs, simulated from measured cells, and folders of up to a million
records, made up of measured lines and loaded.

References:
    R. L. Graham.  "Bounds on Multiprocessing Timing Anomalies."  SIAM J. Appl. Math. 17 (1969) 416:
    the longest first is at most a third longer than the best.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, pstdev

from opbench.record import Record
from opbench.runs.lines import RUN, End, RoundLine
from opbench.runs.store import RunFile, read_runs
from tests.bench.sharing import RULES, SHARDS, cells_of_sweep, seconds_of
from tests.bench.timing import FAILS

RUNS = Path("results/runs")
NETWORKS = 1500
SIZES = (10_000, 100_000, 1_000_000)
SECONDS, MEGABYTES, IMBALANCE = 60, 2000, 0.10
_CELLS_PER_FILE = 820  # of a shard of the sweep

# The peak of its own: what getrusage says was also the parent's, before the child was another
# program.
_PEAK = """
import re
def peak():
    found = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
    return int(found[1]) * 1024 / 1e6
"""
_ASK = """
import json, pathlib, sys, time
from opbench.table.frames import load
start, wall = time.process_time(), time.monotonic()
records = len(load(pathlib.Path(sys.argv[1])).cells)
taken = time.process_time() - start, time.monotonic() - wall
print(json.dumps([records, *taken, peak()]))
"""


_MERGE = """
import contextlib, json, sys, time
from opbench.__main__ import main
start, wall = time.process_time(), time.monotonic()
with contextlib.suppress(SystemExit):
    main()
taken = time.process_time() - start, time.monotonic() - wall
print(json.dumps([*taken, peak()]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCell:
    """A cell that was measured: its lines, and the seconds that its processes took."""

    name: str
    lines: tuple[bytes, ...]
    seconds: float

    @property
    def size(self) -> int:
        """Bytes of its lines, ends included."""
        return sum(len(line) + 1 for line in self.lines)


def report() -> str:
    """The page, as Markdown."""
    runs, _ = read_runs(RUNS.parent)
    gpu = [each for run in runs for each in measured(run, "cuda:0")]
    cpu = [each for run in runs for each in measured(run, "cpu")]
    parts = (
        _HEAD,
        _schedule(gpu, cpu),
        _shared_folder(gpu, cpu),
        _merge(runs[-1]),
        _loads(runs[-1]),
    )
    return "\n".join(parts)


def measured(run: RunFile, device: str) -> list[MeasuredCell]:
    """Return the cells of a run on a device, each with its rounds and its record."""
    cells: dict[object, tuple[list[bytes], list[float]]] = {}
    for line in run.lines:
        if isinstance(line, RoundLine | Record) and line.cell.device == device:
            lines, seconds = cells.setdefault(line.cell, ([], []))
            lines.append(RUN.encode(line))
            if isinstance(line, RoundLine):
                seconds.append(line.round.process_s)
    return [
        MeasuredCell(name=json.loads(lines[0])["name"], lines=tuple(lines), seconds=sum(seconds))
        for lines, seconds in cells.values()
    ]


_HEAD = """# Many machines and large folders

Written by `python -m tests.bench scale`: simulated from the cells of `results/runs`, and measured
with records made up of their lines.
"""


def _schedule(gpu: Sequence[MeasuredCell], cpu: Sequence[MeasuredCell]) -> str:
    """Simulate the sweep under each rule and each spread of the cells' seconds."""
    plan = cells_of_sweep(NETWORKS)
    spreads = {
        f"as measured on the GPU ({len(gpu)} cells)": seconds_of(plan, [c.seconds for c in gpu]),
        "two of five runtimes ten times as long": seconds_of(
            plan, [c.seconds for c in gpu], slow=10
        ),
        f"as spread as on the CPU ({len(cpu)} cells)": seconds_of(plan, [c.seconds for c in cpu]),
    }
    rows = []
    for title, seconds in spreads.items():
        ideal = sum(seconds.values()) / SHARDS
        ends = {name: max(rule(plan, seconds)) / ideal for name, rule in RULES.items()}
        spread = pstdev(seconds.values()) / mean(seconds.values())
        numbers = " | ".join(f"{100 * (end - 1):.1f} %" for end in ends.values())
        rows.append(f"| {title} | {spread:.2f} | {ideal / 3600:.2f} h | {numbers} |")
    names = " | ".join(RULES)
    return f"""## {NETWORKS:,} networks, 5 runtimes, 7 batches: {len(plan):,} cells on {SHARDS} GPUs

How long a cell takes is set by the protocol: warm-up and samples of a second or two in fresh
processes, whatever the network, unless it is slow or its compiler is. *Ideal*: all seconds over
{SHARDS}. The other columns say how much later than that the last shard ends.

| seconds of a cell | standard deviation over mean | ideal | {names} |
|---|--:|--:|{"--:|" * len(RULES)}
{chr(10).join(rows)}

*hash*: each cell by its hash alone. *dealt*: what `--shard I/N` does, cells in the order of their
hashes dealt out in turn, those of one runtime and batch together. *by cost*: dealt in the order of
an estimate of their seconds that is wrong by a factor of 1.6 (one standard deviation), to and fro.
*longest first*: each to the shard that has least, seconds known beforehand (Graham 1969). *queue*:
whichever GPU is free takes the next cell, which takes a coordinator.
"""


def _shared_folder(gpu: Sequence[MeasuredCell], cpu: Sequence[MeasuredCell]) -> str:
    """Say what a sweep writes and how often, from the lines of the measured cells."""
    seconds, size = mean(c.seconds for c in gpu), mean(c.size for c in gpu)
    lines = mean(len(c.lines) for c in gpu)
    cells = len(cells_of_sweep(NETWORKS))
    plan_bytes = 250
    rates = [each * SHARDS / seconds for each in (lines, size)]
    return f"""## What the shared folder must bear

A shard is a file that is opened once and stays open; a line is one append and one `fsync`.

| | |
|---|--:|
| a cell on the GPU: lines, kilobytes | {lines:.1f}, {size / 1e3:.1f} |
| a cell on the CPU: lines, kilobytes | {mean(len(c.lines) for c in cpu):.1f}, {mean(c.size for c in cpu) / 1e3:.1f} |
| a shard's file | {cells / SHARDS * (size + plan_bytes) / 1e6:.0f} MB |
| the sweep's {SHARDS} files | {cells * (size + plan_bytes) / 1e9:.2f} GB |
| files opened for writing | {SHARDS} |
| appends and `fsync`s per second | {rates[0]:.0f} |
| kilobytes per second | {rates[1] / 1e3:.0f} |
"""  # noqa: E501


def _merge(run: RunFile) -> str:
    """Measure how long it takes to merge the files of the sweep into a new folder."""
    cells = len(cells_of_sweep(NETWORKS))
    with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as target:
        size = write_folder(Path(source), run, cells) or 0
        command = [sys.executable, "-c", _PEAK + _MERGE, "merge", source, "--results", target]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        merged = len([*(Path(target) / RUN.folder).iterdir()])
    cpu_s, wall_s, megabytes = json.loads(said.splitlines()[-1])
    return f"""## Merging

`opbench merge` of {cells:,} cells in {merged} files, {size / 1e9:.2f} GB, into a new folder:
{cpu_s:.0f} s of one processor, {wall_s:.0f} s by the clock, {megabytes:,.0f} MB of memory.
"""


def _loads(run: RunFile) -> str:
    """Measure how long folders of each size take to load."""
    rows, fails = [], ""
    for records in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            size = write_folder(Path(folder), run, records)
            if size is None:
                rows.append(f"| {records:,} | | not measured: the disk has too little room | | |")
                continue
            command = [sys.executable, "-c", _PEAK + _ASK, folder]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found, cpu_s, wall_s, megabytes = json.loads(said)
        holds = found == records and cpu_s <= SECONDS and megabytes <= MEGABYTES
        fails = fails if holds else f"\n{FAILS}"
        rows.append(
            f"| {records:,} | {size / 1e9:.2f} GB | {cpu_s:.1f} s | {wall_s:.1f} s "
            f"| {megabytes:,.0f} MB |"
        )
    return f"""## Loading

Folders of files as runs write them, {_CELLS_PER_FILE} cells each, of {NETWORKS:,} networks on as
many machines as it takes, read into the table that figures, page and claims are drawn from. The
table is made of summaries: a run's rounds and raw samples, which are most of its bytes, are passed
over. A million records shall take a minute of one processor and {MEGABYTES / 1e3:g} GB at most.

| records | on disk | processor | wall clock | most memory, pandas included |
|--:|--:|--:|--:|--:|
{chr(10).join(rows)}
{fails}"""


def write_folder(results: Path, run: RunFile, records: int) -> int | None:
    """Write so many cells made of those of a run, and return the bytes; None without the room.

    No two have the same network, machine and batch.
    """
    cells = measured(run, "cpu")
    if shutil.disk_usage(results).free < 1.2 * records * mean(cell.size for cell in cells):
        return None
    (results / RUN.folder).mkdir()
    texts = [_template(cell) for cell in cells]
    for first in range(0, records, _CELLS_PER_FILE):
        mine = range(first, min(records, first + _CELLS_PER_FILE))
        # Each file is of one machine, though the last networks of one are the first of the next.
        environment = {**run.header.environment, "cpu": f"machine {first}"}
        name = f"{first:08d}"
        header = replace(run.header, run=name, environment=environment, plan=())
        with (results / RUN.folder / f"{name}.jsonl").open("wb") as file:
            file.write(RUN.encode(header) + b"\n")
            for number in mine:
                network = b"network%d" % (number % NETWORKS)
                file.write(texts[number % len(texts)].replace(_NAME, network))
            file.write(RUN.encode(End(reason="finished")) + b"\n")
    return sum(path.stat().st_size for path in (results / RUN.folder).iterdir())


_NAME = b"@@@@"


def _template(cell: MeasuredCell) -> bytes:
    named = json.dumps(cell.name).encode()
    lines = (line.replace(b'"name":' + named, b'"name":"%s"' % _NAME, 1) for line in cell.lines)
    return b"".join(line + b"\n" for line in lines)
