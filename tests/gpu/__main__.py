"""``python -m tests.gpu --output FOLDER [--seconds N] [--only PART,…] [--skip PART,…]``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from opbench.errors import BadValueError
from tests.gpu import process, report
from tests.gpu.command import environment
from tests.gpu.outcome import append, no_time, read
from tests.gpu.part import Part, chosen

# Less than this and a part is not begun.
_LEAST_S = 5.0
SECONDS = 470.0


def main(arguments: list[str]) -> int:
    """Carry out the parts, write the report, and return 1 where a part failed.

    Ended by SIGTERM, as by Ctrl-C, it writes the report all the same.
    """
    given = _parsed(arguments)
    try:
        parts = chosen(_names(given.only), _names(given.skip))
    except BadValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    given.output.mkdir(parents=True, exist_ok=True)
    os.environ.update(environment())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        carry_out(parts, given.output, given.seconds, dry=given.dry_run)
    except KeyboardInterrupt:
        return 130
    finally:
        text = report.written(given.output)
        (given.output / "results.md").write_text(text, encoding="utf-8")
        sys.stdout.write(text)
    return int(any(line.verdict.startswith("failed") for line in read(given.output)))


def carry_out(parts: list[Part], folder: Path, seconds: float, *, dry: bool) -> None:
    """Carry out one part after the other, each within its own time and what is left of all."""
    end = time.monotonic() + seconds
    process.prepare()
    for part in parts:
        left = min(part.seconds, end - time.monotonic())
        if left < _LEAST_S:
            append(folder, no_time(part.name))
            continue
        sys.stderr.write(f"{part.name}: at most {left:.0f} s\n")
        process.carry_out(part, folder, left, dry=dry)


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of all results")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all parts together")
    parser.add_argument("--only", default="", help="parts or groups of them, with commas between")
    parser.add_argument("--skip", default="", help="parts or groups of them")
    parser.add_argument(
        "--dry-run", action="store_true", help="let this processor play the GPU, quickly"
    )
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
