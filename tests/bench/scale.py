"""How long a large results folder takes to read, and how much memory: 100,000 records, 1,000 runs.

Times are processor seconds of one thread, which a busy machine disturbs least.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from opbench.record import Record
from opbench.runs.lines import RUN, End
from tests import builders
from tests.bench.timing import FAILS

FILES, RECORDS = 1000, 100
SECONDS, MEGABYTES = 10, 600

_HEAD = f"""# A large results folder

{FILES * RECORDS:,} records of 30 samples each in {FILES:,} run files, read into the table that
figures, page and claims are drawn from; written by `make bench`. Seconds of one processor, the
most memory of the process, pandas included, and the time over that of `json.loads` on the same
lines, which depends less on the machine.

| | measured | at most |
|---|--:|--:|
"""
_ASK = """
import json, pathlib, resource, sys, time
from opbench.table.frames import load
folder = pathlib.Path(sys.argv[1])
start = time.process_time()
records = len(load(folder).cells)
taken = time.process_time() - start
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
start = time.process_time()
for path in sorted((folder / "runs").iterdir()):
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
print(json.dumps([records, taken, most, taken / (time.process_time() - start)]))
"""


def report() -> str:
    """The page, as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), FILES, RECORDS)
        command = [sys.executable, "-c", _ASK, folder]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    records, seconds, megabytes, ratio = json.loads(said)
    holds = records == FILES * RECORDS and seconds <= SECONDS and megabytes <= MEGABYTES
    return (
        f"{_HEAD}| seconds | {seconds:.1f} | {SECONDS} |\n"
        f"| megabytes | {megabytes:.0f} | {MEGABYTES} |\n"
        f"| times `json.loads` | {ratio:.1f} | |\n{'' if holds else FAILS}"
    )


def write_folder(results: Path, files: int, records: int) -> None:
    """Write runs of networks of which no two share a name."""
    draw = random.Random(1)
    (results / RUN.folder).mkdir()
    for number in range(files):
        made = [_record(f"n{number}_{each}", draw) for each in range(records)]
        first = builders.header(f"{number:04d}", plan=tuple(line.cell for line in made))
        lines = map(RUN.encode, (first, *made, End(reason="finished")))
        (results / RUN.folder / f"{number:04d}.jsonl").write_bytes(b"\n".join(lines) + b"\n")


def _record(name: str, draw: random.Random) -> Record:
    """A record of five rounds of six samples, as a run writes it."""
    return builders.record(
        name,
        samples_s=tuple(0.01 * (1 + draw.random()) for _ in range(30)),
        samples_per_round=(6,) * 5,
        yardsticks_s=(1.0,) * 5,
        attained_flops_per_s=1e9,
        fraction_of_peak=0.5,
        bound_by="neither",
    )
