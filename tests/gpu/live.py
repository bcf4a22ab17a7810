"""Live comparisons on the GPU: of networks with themselves, and of planted slowdowns."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.gpu import command
from tests.gpu.bed import SMALLEST, Bed
from tests.gpu.outcome import Finding

_PLANTED = "tests/gpu/planted.py"
# Base, new, the verdicts that are right at a threshold, and the threshold.
PAIRS = (
    (f"{_PLANTED}:base", f"{_PLANTED}:five_percent_longer", {"SLOWER"}, "2%"),
    ("resnet50", "resnet50", {"SAME"}, "5%"),
    (f"{_PLANTED}:base", f"{_PLANTED}:two_percent_longer", {"SLOWER"}, "1%"),
    ("lenet5", "lenet5", {"SAME"}, "5%"),
    (f"{_PLANTED}:base", f"{_PLANTED}:base", {"SAME"}, "5%"),
)
_SECONDS = 20


def comparisons(bed: Bed) -> Iterator[Finding]:
    """Compare pair after pair, as far as the time goes."""
    end = time.monotonic() + bed.seconds
    for base, new, right, threshold in PAIRS[:1] if bed.dry else PAIRS:
        left = end - time.monotonic()
        if left < _SECONDS + 10 and not bed.dry:
            return
        if bed.dry:
            base = new = SMALLEST
        yield _compared(bed, (base, new), right, threshold, left - 2)


def _compared(
    bed: Bed, pair: tuple[str, str], right: set[str], threshold: str, left: float
) -> Finding:
    with tempfile.TemporaryDirectory() as results:
        said = command.opbench(
            "compare", *pair, "--device", bed.device, "--threshold", threshold,
            "--max-seconds", str(2 if bed.dry else _SECONDS), "--results", results,
            "--format", "json", seconds=min(left, 2 * _SECONDS),
        )  # fmt: skip
        command.keep(bed.folder, Path(results))
    rows = _rows(said.out)
    row = rows[0] if rows else {}
    return Finding(
        what=" beside ".join(each.removeprefix(f"{_PLANTED}:") for each in reversed(pair))
        + ", compared live",
        expected=f"{' or '.join(sorted(right))} at a threshold of {threshold}",
        seen=f"{_said(row) or said.last_words} after {said.seconds:.0f} s",
        holds=row.get("verdict") in right,
        numbers={"rows": rows, "seconds": said.seconds, "exit_code": said.code},
    )


def _said(row: dict[str, Any]) -> str:
    if row.get("ratio") is None:
        return str(row.get("verdict", ""))
    low, high = row["ratio_low"], row["ratio_high"]
    return f"{row['verdict']}: {row['ratio']:.4f} ({low:.4f} to {high:.4f})"


def _rows(text: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except ValueError:
        return []
    return rows if isinstance(rows, list) else []
