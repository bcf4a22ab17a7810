"""The tests marked ``cuda``, by pytest in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.gpu.bed import Bed
from tests.gpu.command import ROOT, environment
from tests.gpu.outcome import Finding

SAID = "tests.txt"
_MARK = "mark.cuda"
_OUTCOME = re.compile(r"^(\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b", re.MULTILINE)
_REASON = re.compile(r"^(?:FAILED|ERROR) (\S+::\S+)(?: - (.*))?$", re.MULTILINE)


def run(bed: Bed) -> Iterator[Finding]:
    """Run the tests room after room; each line of pytest's is on disk when its test ends."""
    end = time.monotonic() + bed.seconds - 3
    for room in _rooms():
        yield _in_room(bed, room, end - time.monotonic())


def _rooms() -> list[str]:
    """Return the folders of tests in which some need a GPU."""
    rooms = [each for each in sorted((ROOT / "tests").iterdir()) if each.is_dir()]
    names = [str(each.relative_to(ROOT)) for each in rooms]
    return [name for name in names if _files(name)]


def _in_room(bed: Bed, room: str, seconds: float) -> Finding:
    path = bed.folder / SAID
    start = path.stat().st_size if path.exists() else 0
    code = _pytest(bed, room, max(seconds, 1.0))
    text = path.read_bytes()[start:].decode(errors="replace")
    outcomes = dict(_OUTCOME.findall(text))
    passed = sum(outcome == "PASSED" for outcome in outcomes.values())
    reasons = [" - ".join(filter(None, each))[:300] for each in _REASON.findall(text)]
    if code is None:
        reasons.append("the time was up")
    return Finding(
        what=f"the tests of {room} that need a GPU pass",
        expected="all pass",
        seen="; ".join([f"{passed} of {len(outcomes)} passed", *reasons]),
        holds=code == 0 and passed == len(outcomes),
        numbers={"outcomes": outcomes, "exit_code": code},
    )


def _pytest(bed: Bed, room: str, seconds: float) -> int | None:
    """Return pytest's exit code, None where its time was up."""
    command = [
        sys.executable, "-m", "pytest", "-vv", "-m", "cuda", "-p", "no:cacheprovider",
        "--no-header", "--tb=short", *_files(room), *(["--collect-only"] if bed.dry else []),
    ]  # fmt: skip
    with (bed.folder / SAID).open("ab") as said:
        try:
            return subprocess.run(
                command,
                cwd=ROOT,
                env=environment(),
                stdout=said,
                stderr=said,
                timeout=seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return None


def _files(room: str) -> list[str]:
    """Return the files with such tests: others may import what is not on this machine."""
    paths = sorted((ROOT / room).rglob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in paths if _MARK in path.read_text("utf-8")]
