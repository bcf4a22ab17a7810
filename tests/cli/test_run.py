"""``opbench run``: what it prints, what it writes, and what it leaves when it is stopped."""

from __future__ import annotations

import inspect
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from opbench.cli import run as command
from opbench.cli.options import parse_fraction
from opbench.cli.render import say
from opbench.record import Failure, Record
from opbench.runs import start
from opbench.runs.lines import RUN, CeilingsLine, End, RoundLine
from opbench.runs.parts import join_plans
from opbench.runs.store import RunFile, read_run, run_files
from opbench.spec import Shape
from opbench.table import read_folder
from opbench.timing.protocol import Protocol
from opbench.value import Value
from tests.builders import cell, failure, header, record, write_run
from tests.fixtures import Opbench

NETWORKS = Path(__file__).parents[1] / "runs" / "networks.py"
CONV = f"{NETWORKS}:conv"
QUICK = (
    "--in-process", "--rounds", "3", "--max-seconds", "0.05", "--precision", "0.5",
    "--input-size", "3x8x8",
)  # fmt: skip
START = "import sys; from opbench.cli import main; main()"

pytestmark = pytest.mark.usefixtures("quick_rounds")


@pytest.fixture
def run(opbench: Opbench, tmp_path: Path) -> Callable[..., Any]:
    """``opbench run`` in this process, quick and into an empty folder."""
    return lambda *args: opbench("run", *args, *QUICK, "--results", tmp_path)


@pytest.fixture
def resume(opbench: Opbench, tmp_path: Path) -> Callable[..., Any]:
    """``opbench run --resume`` in this process, of what lies in that folder."""
    return lambda *args: opbench("run", "--resume", "--in-process", "--results", tmp_path, *args)


def only_run(folder: Path) -> RunFile:
    (path,) = run_files(folder)
    return read_run(path)


def test_a_run_prints_rows_and_leaves_a_file_with_everything_in_it(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    result = run(CONV, "--batch-size", "1,4", "--format", "json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    assert [(row["batch_size"], row["macs"]) for row in rows] == [
        (1, 6 * 6 * 4 * 27),
        (4, 4 * 6 * 6 * 4 * 27),
    ]
    assert all(row["low_s"] <= row["median_s"] <= row["high_s"] for row in rows)

    written = only_run(tmp_path)
    assert written.finished
    assert written.header.run == written.path.stem
    assert len(written.header.plan) == 2
    assert {"cpu", "torch", "os"} <= written.header.environment.keys()
    assert len(written.of(RoundLine)) >= 6
    for line in written.path.read_text().splitlines()[1:]:
        row = json.loads(line)
        if row["kind"] == "record":
            assert {"name", "device", "batch_size", "dtype", "samples_s", "params"} <= row.keys()
    assert str(written.path) in result.stderr.replace("\n", "")


def test_training_steps_are_measured_beside_forward_passes(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    result = run(CONV, "--pass", "forward,training", "--batch-size", "2", "--format", "json")
    assert result.exit_code == 0, result.stderr
    forward, training = json.loads(result.stdout)
    assert (forward["pass"], training["pass"]) == ("forward", "training")
    assert training["macs"] == 2 * forward["macs"] == 2 * 2 * 6 * 6 * 4 * 27
    for row in (forward, training):
        attained = 2 * row["macs"] / row["latency_s"]
        assert row["attained_flops_per_s"] == pytest.approx(attained)
    assert [each.record.cell.pass_ for each in read_folder(tmp_path).cells] == ["forward"]


def test_the_stages_of_images_are_rows_whose_sum_stands_beside_the_whole(
    opbench: Opbench, tmp_path: Path
) -> None:
    result = opbench(
        "run", f"{NETWORKS}:pictured", "--stages", *QUICK[:-2], "--results", tmp_path,
        "--format", "json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    rows = {row["stage"]: row for row in json.loads(result.stdout)}
    *stages, total, whole = rows
    assert stages == ["decode", "resize", "copy", "forward", "postprocess"]
    assert (total, whole) == ("sum", "whole")
    assert rows["sum"]["stage_s"] == pytest.approx(sum(rows[each]["stage_s"] for each in stages))
    assert sum(rows[each]["share"] for each in stages) == pytest.approx(rows["sum"]["share"])
    assert rows["whole"]["share"] == 1
    (measured,) = only_run(tmp_path).of(Record)
    assert [each.stage for each in measured.measurement.stages] == [*stages, "whole"]
    assert (measured.cell.batch_size, measured.cell.input_size) == (2, (3, 5, 7))


@pytest.mark.parametrize("target", ["lenet5", f"{NETWORKS}:with_inputs"])
def test_stages_of_a_target_without_images_are_refused(
    opbench: Opbench, tmp_path: Path, target: str
) -> None:
    result = opbench("run", target, "--stages", *QUICK[:-2], "--results", tmp_path)
    assert result.exit_code == 2
    assert "brings no images" in result.stderr
    assert not list(tmp_path.iterdir())


def test_records_are_streamed_as_they_are_made(run: Callable[..., Any], tmp_path: Path) -> None:
    result = run(CONV, f"{NETWORKS}:Broken", "--json")
    assert result.exit_code == 1
    written = only_run(tmp_path)
    lines = [RUN.decode(line.encode()) for line in result.stdout.splitlines()]
    assert lines == [*written.of(Failure), *written.of(Record)]
    assert len(lines) == 2


def test_a_network_that_fails_is_a_row_and_the_exit_code_is_1(run: Callable[..., Any]) -> None:
    result = run(f"{NETWORKS}:Broken", CONV, "--format", "json")
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == [f"{NETWORKS}:Broken", CONV]
    assert "ValueError: no such layer" in rows[0]["reason"]
    assert "1 measured, 1 failed" in result.stderr


def test_where_stderr_is_no_terminal_each_cell_is_a_line(run: Callable[..., Any]) -> None:
    said = run(CONV).stderr.replace("\n", " ")
    assert "round 1 of 3: 1 cell" in said
    assert "round 3 of 3: 1 cell" in said


def test_a_dry_run_prints_the_plan_and_how_long_it_takes_and_writes_nothing(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    result = run("lenet5", CONV, "--batch-size", "1,2", "--dry-run", "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert [(row["name"], row["batch_size"]) for row in json.loads(result.stdout)] == [
        ("lenet5", 1), ("lenet5", 2), (CONV, 1), (CONV, 2),
    ]  # fmt: skip
    assert "4 cells; about " in result.stderr and "compiling" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_dry_run_says_that_compiling_is_not_in_its_estimate(run: Callable[..., Any]) -> None:
    said = run(CONV, "--runtime", "eager,compile,aot", "--dry-run").stderr.replace("\n", " ")
    assert "3 cells; about " in said
    assert "and what compiling or converting 2 of them takes" in said


def test_an_option_without_effect_is_warned_of(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opbench.cli.run_progress.take", lambda *_, **__: None)
    said = run(CONV, "--cuda-graph", "--tf32", "--threads", "1,4096").stderr
    assert "warning: --cuda-graph does nothing without --device cuda" in said
    assert "warning: --tf32 does nothing without --device cuda" in said
    assert "warning: 4096 threads on " in said
    assert said.count("warning: ") == 3


def test_a_bare_run_says_first_how_long_it_takes_and_how_to_choose_less(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = start.prepare
    monkeypatch.setattr(
        start, "prepare", lambda names, *rest, **how: prepare(names or [CONV], *rest, **how)
    )
    monkeypatch.setattr("opbench.cli.run_progress.take", lambda *_, **__: say("measuring"))
    estimated, less, measuring = run().stderr.splitlines()[:3]
    assert estimated.startswith("1 cell; about ")
    assert less.startswith("less: name some") and "--dry-run" in less
    assert measuring == "measuring"
    assert "about" not in run(CONV).stderr


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("lenett",), "did you mean lenet5"),
        (("missing.py:net",), "there is no file missing.py"),
        ((CONV, "--device", "mps"), "cpu, cuda or cuda:N"),
        ((CONV, "--device", "gpu"), "did you mean cuda?"),
        ((CONV, "--batch-size", "1,"), "no space after a comma"),
        ((CONV, "--json", "--format", "csv"), "remove --format"),
        ((CONV, "--batch-size", "0"), "--batch-size must be positive integers"),
        ((CONV, "--batch-size", "many"), "such as 1,16; not 'many'"),
        ((CONV, "--batch-size", "1,2147483648"), "--batch-size must be 2,147,483,647 at most"),
        ((CONV, "--threads", "9" * 5000), "--threads must be 2,147,483,647 at most"),
        ((CONV, "--seed", str(2**63)), "the seed must be from 0 to 9223372036854775807"),
        ((CONV, "--max-seconds", "1e308"), "at most 1e+09 seconds"),
        ((CONV, "--rounds", "9" * 20), "10,000 at most"),
        (("\udcff.py:net",), "is not a name in UTF-8: rename the file"),
        ((CONV, "--precision", "2"), "a percentage such as 1%"),
        ((CONV, "--max-seconds", "-1"), "the time limit must be above 0"),
        ((CONV, "--rounds", "1"), "3 or more"),
        ((CONV, "--input-size", "3x0x8"), "3x0x8"),
        ((CONV, "--dtype", "int3"), "no dtype is called"),
        ((CONV, "--l2", "lukewarm"), "warm or cold"),
        ((CONV, "--resume"), "there is no run"),
        ((CONV, CONV, "--resume"), "one run"),
        (("--resume",), "there is no run in"),
        (("--resume", "--batch-size", "4", "--tf32"), "remove --batch-size, --tf32"),
        ((CONV,), "brings no example inputs: add --input-size"),
        ((CONV, "--input", "y=1x3x8x8"), "takes no argument 'y'; it takes input"),
        ((CONV, "--input", "1x3x8x8", "-b", "4"), "remove --batch-size"),
        ((CONV, "--input", "1x3x8x8", "--input-size", "3x8x8"), "remove --input-size"),
        ((CONV, "--input", "1x3x8"), "did you mean 3x8x8?"),
        ((CONV, "lenet5"), "brings no example inputs: add --input-size"),
        ((f"{NETWORKS}:Convv", "--input-size", "3x8x8"), "has no 'Convv'"),
        (("lenet5", f"{NETWORKS}:Convv", "--input-size", "3x8x8"), "has no 'Convv'"),
        (
            ("lenet5", "--input-size", "3x32x32"),
            "takes images of 1 x height x width, not 3x32x32: did you mean 1x32x32?",
        ),
        (("lenet5", CONV, "--input-size", "1x8x8,1x4x4"), "LeNet5 cannot run on 1x1x8x8"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_writes_nothing(
    opbench: Opbench, tmp_path: Path, args: tuple[str, ...], sentence: str
) -> None:
    result = opbench("run", "--in-process", "--results", tmp_path, *args)
    assert result.exit_code == 2
    assert sentence in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["unbuildable", "Broken"])
def test_a_target_that_fails_by_itself_spoils_no_folder(
    run: Callable[..., Any], opbench: Opbench, tmp_path: Path, target: str
) -> None:
    assert run(f"{NETWORKS}:{target}", CONV).exit_code == 1
    listed = opbench("list", "lenet5", "--columns", "name,latency_s", "--results", tmp_path)
    assert listed.exit_code == 0, listed.stderr
    folder = read_folder(tmp_path)
    assert (len(folder.cells), len(folder.failures), folder.notes) == (1, 1, ())


def test_all_inputs_are_shown_and_a_batch_that_only_others_take_is_a_row(
    opbench: Opbench, tmp_path: Path
) -> None:
    quick = (*QUICK[:-2], "--results", tmp_path)
    result = opbench("run", f"{NETWORKS}:named", "lenet5", "-b", "4", *quick)
    assert result.exit_code == 1
    told = "this network brings its own inputs, a batch of 2: remove --batch-size"
    assert told in " ".join(result.stdout.split())
    alone = opbench("run", f"{NETWORKS}:named", "-b", "4", *quick)
    assert alone.exit_code == 2
    assert "named brings its own inputs, a batch of 2: remove --batch-size" in alone.stderr
    own = opbench("run", f"{NETWORKS}:named", *quick, "--format", "markdown")
    assert "| 3, 3 | 2 |" in own.stdout


def test_an_empty_batch_is_a_row_with_its_reason(opbench: Opbench, tmp_path: Path) -> None:
    done = opbench("run", f"{NETWORKS}:empty", "lenet5", *QUICK[:-2], "--results", tmp_path)
    assert done.exit_code == 1
    assert "its first input is an empty batch" in " ".join(done.stdout.split())
    assert [each.cell.name for each in only_run(tmp_path).of(Record)] == ["lenet5"]


def test_a_failure_of_a_cell_without_a_size_is_read(tmp_path: Path) -> None:
    """As it was written by versions that opened the file first."""
    lines = (record("a"), failure("b", input_size=Shape()))
    path = write_run(tmp_path, *lines)
    path.write_text(path.read_text().replace('"input_size":""', '"input_size":null'))
    assert "null" in path.read_text()
    folder = read_folder(tmp_path)
    assert [each.failure.cell.name for each in folder.failures] == ["b"]
    assert folder.notes == ()


def test_runs_that_cannot_be_read_are_passed_over_with_a_warning(
    resume: Callable[..., Any], tmp_path: Path
) -> None:
    started_ = write_run(tmp_path, first=header("1", plan=(cell("lenet5"),)))
    (tmp_path / "runs" / "2.jsonl").write_text('{"kind":"header"}\n')
    result = resume("--dry-run")
    assert f"warning: {tmp_path}/runs/2.jsonl, line 1: the run is skipped: damaged header" in (
        result.stderr.replace("\n", "")
    )
    assert f"{started_.stem} was made in another environment" in result.stderr.replace("\n", " ")


def test_a_size_that_some_target_can_take_is_tried_and_the_others_are_rows(
    opbench: Opbench, tmp_path: Path
) -> None:
    result = opbench("run", "lenet5", CONV, *QUICK, "--results", tmp_path, "--format", "json")
    assert result.exit_code == 1
    rows = {row["name"]: row.get("reason") for row in json.loads(result.stdout)}
    assert rows[CONV] is None
    assert rows["lenet5"]


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_written(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    result = run(CONV, "--device", "cuda:99")
    assert result.exit_code == 2
    assert "cuda:99" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_results_folder_that_is_a_file_is_refused(opbench: Opbench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = opbench("run", CONV, *QUICK, "--results", tmp_path / "file")
    assert result.exit_code == 2
    assert "choose another folder" in result.stderr.replace("\n", " ")


# Stopped for real, in processes of their own.


class Started:
    """``opbench run`` in another process, its records streamed."""

    def __init__(self, folder: Path, *args: str, **options: Any) -> None:
        self.folder = folder
        command = [sys.executable, "-c", START, "run", *args, "--results", str(folder), "--json"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )

    def wait_for(self, kind: type[Value]) -> RunFile:
        """The run's file once it has a line of this kind."""
        for _ in range(6000):
            time.sleep(0.01)
            files = run_files(self.folder)
            if files and files[0].stat().st_size:
                run = read_run(files[0])
                if run.of(kind):
                    return run
            assert self.process.poll() is None, self.process.communicate()
        raise AssertionError("it takes too long")

    def end(self) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def started() -> Iterator[Callable[..., Started]]:
    processes: list[Started] = []

    def start(*args: Any, **options: Any) -> Started:
        processes.append(Started(*args, **options))
        return processes[-1]

    yield start
    for each in processes:
        each.process.kill()
        each.process.wait()


def test_ctrl_c_ends_with_130_a_summary_and_everything_measured_so_far(
    tmp_path: Path, started: Callable[..., Started]
) -> None:
    going = started(
        tmp_path, CONV, f"{NETWORKS}:Hanging", "--input-size", "3x8x8", "--max-seconds", "0.1"
    )
    going.wait_for(RoundLine)
    workers = psutil.Process(going.process.pid).children(recursive=True)
    going.process.send_signal(signal.SIGINT)
    code, _, said = going.end()
    assert code == 130
    assert "0 measured, 0 failed, 2 not finished" in said.replace("\n", " ")
    assert "continue with `opbench run --resume" in said.replace("\n", " ")
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    run = only_run(tmp_path)
    assert not run.damages
    assert [line.cell.name for line in run.of(RoundLine)] == [CONV]
    assert run.of(End)[0].reason == "interrupted"


@pytest.mark.slow
def test_a_run_that_was_killed_is_completed_by_what_is_missing(
    tmp_path: Path, started: Callable[..., Started], resume: Callable[..., Any]
) -> None:
    sleeping = f"{NETWORKS}:Sleeping"
    going = started(tmp_path, CONV, sleeping, *QUICK)
    going.wait_for(RoundLine)
    going.process.kill()
    going.process.wait()
    before = only_run(tmp_path)
    # What a kill in the middle of a write leaves.
    with before.path.open("ab") as file:
        file.write(b'{"kind":"round","name":"half')

    result = resume("--format", "json")
    assert result.exit_code == 0, result.stderr
    assert f"line {len(before.lines) + 2}" in result.stderr.replace("\n", "")
    assert {row["name"] for row in json.loads(result.stdout)} == {CONV, sleeping}
    after = only_run(tmp_path)
    assert after.finished
    assert after.lines[: len(before.lines)] == before.lines
    measured = [(line.cell, line.round.number) for line in after.of(RoundLine)]
    assert len(measured) == len(set(measured)) >= 6

    again = resume()
    assert again.exit_code == 2
    assert "is finished" in again.stderr.replace("\n", " ")

    # A record that is damaged later is missing again, and its rounds are there.
    lost = next(line for line in after.of(Record) if line.cell.name == CONV)
    lines = after.path.read_bytes().splitlines()
    number = lines.index(RUN.encode(lost))
    after.path.write_bytes(b"\n".join([*lines[:number], b"{", *lines[number + 1 :]]))
    mended = resume()
    assert mended.exit_code == 0, mended.stderr
    assert f"line {number + 1}: not a complete JSON object" in mended.stderr.replace("\n", "")
    whole = only_run(tmp_path)
    assert lost in whole.of(Record)
    assert len(whole.of(RoundLine)) == len(measured)


CRASHING_ONCE = """
import os, pathlib, torch
from opbench.counting.meta.disguise import on_meta

class Net(torch.nn.Module):
    def forward(self, images):
        crashed = pathlib.Path(__file__).with_suffix(".crashed")
        if not on_meta(images) and not crashed.exists():
            crashed.touch()
            os._exit(9)
        return images
"""


@pytest.mark.slow
def test_a_worker_that_crashed_is_a_row_and_a_run_that_is_gone_on_with_tries_it_again(
    tmp_path: Path, started: Callable[..., Started], resume: Callable[..., Any]
) -> None:
    network = tmp_path / "network.py"
    network.write_text(CRASHING_ONCE)
    quick = [each for each in QUICK if each != "--in-process"]
    code, _, said = started(tmp_path, f"{network}:Net", *quick).end()
    assert code == 1, said
    (failure,) = only_run(tmp_path).of(Failure)
    assert "exit code 9" in failure.reason
    assert only_run(tmp_path).finished

    again = resume("--format", "json")
    assert again.exit_code == 0, again.stderr
    assert [row["name"] for row in json.loads(again.stdout)] == [f"{network}:Net"]


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_what_was_written_is_whole(
    tmp_path: Path, started: Callable[..., Started], resume: Callable[..., Any]
) -> None:
    def no_more_than_8_kilobytes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))

    sizes = "1,2,3,4,5,6,7,8"
    going = started(
        tmp_path, CONV, "--batch-size", sizes, *QUICK, preexec_fn=no_more_than_8_kilobytes
    )
    code, _, said = going.end()
    assert code == 2, said
    assert "make room and continue with `opbench run --resume`" in said.replace("\n", " ")
    assert "Traceback" not in said
    stopped = only_run(tmp_path)
    assert not stopped.damages
    assert stopped.path.stat().st_size <= 8192
    result = resume()
    assert result.exit_code == 0, result.stderr
    assert only_run(tmp_path).finished


def test_the_newest_run_that_lacks_something_is_gone_on_with(
    run: Callable[..., Any], resume: Callable[..., Any], tmp_path: Path
) -> None:
    assert run(CONV).exit_code == 0
    whole = only_run(tmp_path).path
    older, newer, empty = (whole.with_name(f"{year}.jsonl") for year in (2000, 3000, 4000))
    header, first, second, *_ = whole.read_text().splitlines(keepends=True)
    older.write_text(header + first + second)
    whole.rename(newer)
    empty.write_text("")
    planned = resume("--dry-run", "--format", "json")
    assert "resuming 2000: 1 cell not measured yet" in planned.stderr
    assert [row["name"] for row in json.loads(planned.stdout)] == [CONV]
    assert not read_run(older).of(Record)
    assert resume().exit_code == 0
    assert [line.cell.name for line in read_run(older).of(Record)] == [CONV]


@pytest.mark.slow
def test_a_dry_run_of_what_is_gone_on_with_shows_what_is_missing(
    run: Callable[..., Any], resume: Callable[..., Any], tmp_path: Path
) -> None:
    assert run(CONV, "--batch-size", "1,2").exit_code == 0
    whole = only_run(tmp_path)
    measured: list[RoundLine | Record] = [*whole.of(RoundLine), *whole.of(Record)]
    kept = [line for line in measured if line.cell.batch_size == 1]
    write_run(tmp_path, *kept, first=whole.header)
    result = resume("--dry-run", "--format", "json")
    assert [row["batch_size"] for row in json.loads(result.stdout)] == [2]
    assert "1 cell; about" in result.stderr


@pytest.mark.slow
def test_a_device_is_of_one_run_at_a_time_which_cannot_be_resumed_while_it_goes(
    tmp_path: Path,
    started: Callable[..., Started],
    run: Callable[..., Any],
    resume: Callable[..., Any],
) -> None:
    hanging = started(tmp_path, f"{NETWORKS}:Hanging", *QUICK)
    hanging.wait_for(CeilingsLine)
    refused = resume()
    assert refused.exit_code == 2
    assert "another run is timing on cpu (process" in refused.stderr.replace("\n", " ")
    hanging.process.kill()
    hanging.process.wait()
    assert run(CONV).exit_code == 0
    first, second = (read_run(path) for path in run_files(tmp_path))
    finished, unfinished = (first, second) if first.finished else (second, first)
    assert {line.cell.name for line in finished.of(RoundLine)} == {CONV}
    assert not unfinished.of(RoundLine)


def test_another_machine_measures_what_is_missing_into_a_file_of_its_own(
    run: Callable[..., Any], resume: Callable[..., Any], tmp_path: Path
) -> None:
    """Of batches 1 and 2 the other machine has the first: this one takes the second, once."""
    assert run(CONV, "--batch-size", "1,2").exit_code == 0
    whole = only_run(tmp_path)
    kept = [line for line in whole.of(Record) if line.cell.batch_size == 1]
    environment = {**whole.header.environment, "cpu": "another processor"}
    elsewhere = write_run(tmp_path, *kept, first=replace(whole.header, environment=environment))
    before = elsewhere.read_bytes()
    result = resume(elsewhere, "--format", "json")
    assert "another environment (cpu differ" in result.stderr.replace("\n", " ")
    assert [row["batch_size"] for row in json.loads(result.stdout)] == [2]
    assert elsewhere.read_bytes() == before
    (filled,) = [read_run(path) for path in run_files(tmp_path) if path != elsewhere]
    assert filled.header.plan_id == elsewhere.stem
    (joined,) = join_plans([read_run(elsewhere), filled])
    assert (joined.planned, joined.missing, [*joined.absent()]) == (2, (), [])
    for again in (resume(elsewhere), resume(filled.path), resume()):
        assert again.exit_code == 2
        assert "nothing is left" in again.stderr.replace("\n", " ")


@pytest.mark.parametrize("name", ["precision", "max_seconds", "rounds", "seed"])
def test_the_command_s_protocol_is_the_default_one(name: str) -> None:
    """It stands there a second time so that --help need not import torch."""
    default = inspect.signature(command.run).parameters[name].default
    if name == "precision":
        default = parse_fraction("--precision", default)
    assert default == getattr(Protocol(), name)
