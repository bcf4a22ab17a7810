"""A run of every ImageNet network with made-up times, and networks with hostile names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from opbench.record import USUAL, Record
from opbench.registry import counts_csv
from opbench.registry.counts_csv import NetworkRow
from opbench.value import Value
from tests import builders

FORMULA = "=1+1|cmd"
HOSTILE = ("<script>document.title='hit'</script>", "</script><img src=x onerror=alert(1)>")
RUN = "20260101T000000Z-7"
SLOW = "vgg19"
FASTER = "nin"  # four times in OpenVINO
NOISY = "squeezenet1_1"
MACHINE = {"cpu": "A processor of tomorrow", "torch": "2.13.0", "torch_threads": 2}


def seconds(macs: int, batch_size: int) -> float:
    """Made up: 100 GMAC per second and a tenth of a millisecond to begin with."""
    return 1e-4 + macs * batch_size / 1e11


def write_results(folder: Path) -> Path:
    """Write the run and a file of accuracies of the hostile names."""
    builders.write_run(folder, *_lines(), first=builders.header(RUN, environment=MACHINE))
    rows = [f'"{name}",50,javascript:alert(3)\n' for name in (*HOSTILE, FORMULA)]
    (folder / "mine.csv").write_text("name,top1,source_url\n" + "".join(rows), encoding="utf-8")
    return folder


def _lines() -> Iterator[Value]:
    rows = {row.name: row for row in counts_csv.load() if row.dataset == "imagenet"}
    for row in rows.values():
        yield _record(row, 1)
        if row.name == SLOW:
            yield builders.failure(SLOW, "no room", batch_size=16)
        else:
            yield _record(row, 16)
    yield _record(rows[FASTER], 1, runtime="openvino")
    for name in HOSTILE:
        yield _record(rows["alexnet"], 1, name)
    yield _record(rows["googlenet"], 1, FORMULA)


def _record(row: NetworkRow, batch: int, name: str = "", runtime: str = USUAL["runtime"]) -> Record:
    middle = seconds(row.macs, batch) / (1 if runtime == USUAL["runtime"] else 4)
    return builders.record_of(
        replace(row, name=name or row.name),
        batch,
        middle,
        low_s=0.99 * middle,
        high_s=1.02 * middle,
        peak_memory_bytes=row.weight_bytes + batch * row.peak_activation_bytes,
        runtime=runtime,
        quality="noisy" if row.name == NOISY else "good",
    )
