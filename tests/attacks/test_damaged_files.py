"""Damaged files of every kind that the product reads: a value or one sentence, and soon.

100,000 damaged inputs, equally many for each reader; a few hundred of them by default.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest

from opbench.accuracy.measured.paired import compare_evaluations
from opbench.accuracy.measured.store import whole
from opbench.accuracy.own import read_own
from opbench.accuracy.published import PUBLISHED, load_published
from opbench.errors import OpbenchError
from opbench.lock import Lock
from opbench.lock.files import load as load_lock
from opbench.lock.text import to_text
from opbench.registry import counts_csv
from opbench.runs.lines import RUN, End
from opbench.runs.store import read_run
from opbench.settings import load_settings
from tests import builders
from tests.attacks.damage import damage
from tests.evaluations import write_evaluation
from tests.locked import block

_INPUTS = 100_000
_SECONDS = 5.0  # for one input: the longest takes a hundredth of it

_SETTINGS = """
[tool.other]
a = 1

[tool.opbench]
lock = "opbench.lock.json"
results = "results"

[tool.opbench.check]
targets = ["models/net.py:build"]
strict = false
metrics = ["params", "macs"]
allow_uncounted = ["mylib::*"]
max_increase = { "models/*" = "1%", "resnet*" = { params = 0, macs = 1000 } }

[tool.opbench.compare]
threshold = { "*" = "3%, 50us" }
strict = true
"""
_OWN = "name,top1,top5,protocol,source\nresnet18,69.8,89.1,single central crop,mine\nnet,50,,,\n"


class Reader(NamedTuple):
    """A file as it is written, and the function that reads it."""

    name: str
    text: Callable[[Path], bytes]
    read: Callable[[Path], object]


def _run(folder: Path) -> bytes:
    values = (
        builders.header("run", plan=(builders.cell("a"),)),
        builders.record("a", energy_j=1.0),
        builders.ceilings(),
        builders.round_line(builders.cell("a"), builders.round_(1, 0.01)),
        builders.failure("b", batch_size=64),
        End(reason="finished", planned=4, records=3, failures=1),
    )
    return b"\n".join(map(RUN.encode, values)) + b"\n"


def _counts(folder: Path) -> bytes:
    path = folder / "counts.csv"
    counts_csv.save([builders.network_row("vgg16"), builders.network_row("b")], path)
    return path.read_bytes()


def _published(folder: Path) -> bytes:
    return b"".join(PUBLISHED.read_bytes().splitlines(keepends=True)[:4])


def _lock(folder: Path) -> bytes:
    return to_text(Lock(networks={"a": block(), "b": block(8)})).encode()


def _evaluation(folder: Path) -> bytes:
    return write_evaluation(folder, "a", "1101x0-11", outputs=7).read_bytes()


def _evaluated(path: Path) -> object:
    """Read an evaluation, derive all that there is to know, and compare it with itself."""
    evaluation = whole(path)
    known = evaluation.top1, evaluation.top5, evaluation.confusions(3), evaluation.seconds()
    return known, compare_evaluations(evaluation, [evaluation])


READERS = (
    Reader("run.jsonl", _run, read_run),
    Reader("evaluation.jsonl", _evaluation, _evaluated),
    Reader("counts.csv", _counts, counts_csv.load.__wrapped__),
    Reader("published.csv", _published, load_published.__wrapped__),
    Reader("own.csv", lambda _: _OWN.encode(), read_own),
    Reader("opbench.lock.json", _lock, load_lock),
    Reader("pyproject.toml", lambda _: _SETTINGS.encode(), lambda path: load_settings(path.parent)),
)


@contextmanager
def _in_time() -> Iterator[None]:
    """Raise ``TimeoutError`` where an input takes longer than any should."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _attack(reader: Reader, folder: Path, inputs: int) -> int:
    """Read so many damaged files, and return how many were refused."""
    text, path, refused = reader.text(folder), folder / reader.name, 0
    reader.read(_written(path, text))  # whole, it is read
    for seed in range(inputs):
        damaged = damage(text, random.Random(seed))
        with _in_time():
            try:
                reader.read(_written(path, damaged))
            except OpbenchError as error:
                refused += 1
                sentence = str(error)
                assert reader.name in sentence, (seed, sentence)
                assert "\n" not in sentence and len(sentence) < 1000, (seed, sentence)
            except Exception as error:
                raise AssertionError(f"seed {seed}: {damaged[:2000]!r}") from error
    return refused


def _written(path: Path, text: bytes) -> Path:
    path.write_bytes(text)
    return path


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_damaged_file_is_a_value_or_a_sentence(reader: Reader, tmp_path: Path) -> None:
    assert _attack(reader, tmp_path, 100)


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_many_damaged_files_are_values_or_sentences(reader: Reader, tmp_path: Path) -> None:
    assert _attack(reader, tmp_path, _INPUTS // len(READERS) + 1)
