"""``opbench compare`` of targets: formats, exit codes, refusals, files, commits."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from opbench.cli import compare_live
from opbench.live import lookup, start
from opbench.live.match import LiveMatch
from opbench.live.verdict import LOOKS, PAIRS
from opbench.runs.in_process import InProcess
from opbench.runs.pool import Reply, to_reply
from tests.fixtures import Opbench, Write
from tests.live.players import Clock, PaperPlayer, Played

NET = "import torch\n\n\ndef net():\n    return torch.nn.Linear(4, 4), (torch.zeros(2, 4),)\n\n\n"

Table = Callable[..., list[PaperPlayer]]


class LookupHere(InProcess):
    """Look targets up in this process, whose modules stay where they are."""

    def ask(self, request: Mapping[str, Any]) -> Reply:
        return to_reply(json.loads(json.dumps(lookup.handle({**request, "moved": ()}))))


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Table:
    """Let two players on paper play, whose seconds the test says; the folder is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare_live, "ForkServer", lambda *_, **__: LookupHere())

    def laid(seconds: Callable[[Mapping[str, Any]], Played], **options: Any) -> list[PaperPlayer]:
        clock, players = Clock(), list[PaperPlayer]()

        def player(timeout: float | None) -> PaperPlayer:
            players.append(PaperPlayer(clock, seconds, seed=len(players), **options))
            return players[-1]

        monkeypatch.setattr(compare_live, "ForkPlayer", player)
        monkeypatch.setattr(start, "LiveMatch", partial(LiveMatch, now=clock))
        return players

    return laid


def by_name(**seconds: Played) -> Callable[[Mapping[str, Any]], Played]:
    return lambda cell: seconds[cell["name"]]


@pytest.mark.parametrize(
    ("new", "verdict", "code"), [(0.010, "SAME", 0), (0.012, "SLOWER", 1), (0.008, "FASTER", 0)]
)
def test_two_targets_are_timed_in_turns(
    opbench: Opbench, table: Table, new: float, verdict: str, code: int
) -> None:
    table(by_name(lenet5=0.010, ciresan_mlp=new))
    result = opbench("compare", "lenet5", "ciresan_mlp", "--format", "json")
    assert result.exit_code == code, result.stderr
    (row,) = json.loads(result.stdout)
    assert (row["base"], row["new"], row["verdict"]) == ("lenet5", "ciresan_mlp", verdict)
    assert row["ratio_low"] < row["ratio"] < row["ratio_high"]
    assert row["ratio"] == pytest.approx(new / 0.010, rel=0.01)
    assert (row["pairs"], row["metric"], row["threshold"]) == (min(LOOKS), "latency_s", 0.05)
    assert f"1 comparison: 1 {verdict}" in result.stderr
    assert f"ciresan_mlp against lenet5: {min(LOOKS)} of {PAIRS} pairs, " in result.stderr


def test_a_comparison_is_recorded_and_read_again_with_the_same_verdict(
    opbench: Opbench, table: Table
) -> None:
    table(by_name(lenet5=0.010, ciresan_mlp=0.0107))
    timed = opbench("compare", "lenet5", "ciresan_mlp", "--format", "json")
    (path,) = Path("results/comparisons").iterdir()
    assert f"recorded in {path}" in timed.stderr.replace("\n", "")
    for name in (path, path.stem):
        again = opbench("compare", name, "--format", "json")
        assert (again.exit_code, again.stdout) == (1, timed.stdout)
    generous = opbench("compare", path, "--threshold", "20%", "--format", "json")
    assert json.loads(generous.stdout)[0]["verdict"] == "SAME"


def test_a_recorded_comparison_is_judged_by_its_own_threshold(
    opbench: Opbench, table: Table, write: Write
) -> None:
    table(by_name(lenet5=0.010, ciresan_mlp=0.0107))
    opbench("compare", "lenet5", "ciresan_mlp")
    (path,) = Path("results/comparisons").iterdir()
    write("pyproject.toml", '[tool.opbench.compare]\nthreshold = "20%"\n')
    (row,) = json.loads(opbench("compare", path, "--format", "json").stdout)
    assert (row["verdict"], row["threshold"]) == ("SLOWER", 0.05)
    for option in (("--device", "cpu"), ("--across",), ("--seed", 1)):
        refused = opbench("compare", path, *option)
        assert refused.exit_code == 2
        assert f"{option[0]}: a recorded comparison has none of these" in refused.stderr


def test_thresholds_of_some_targets_leave_the_default_to_others(
    opbench: Opbench, table: Table, write: Write
) -> None:
    write("pyproject.toml", '[tool.opbench.compare]\nthreshold = { "resnet*" = "20%" }\n')
    table(lambda cell: 0.010)
    (row,) = json.loads(opbench("compare", "lenet5", "lenet5", "--format", "json").stdout)
    assert (row["threshold"], row["threshold_s"]) == (0.05, 0.0)


def test_a_file_that_is_called_like_a_network_is_none_of_a_comparison(
    opbench: Opbench, table: Table, write: Write
) -> None:
    write("lenet5", "")
    table(lambda cell: 0.010)
    result = opbench("compare", "lenet5", "--vary", "threads=1,2", "--format", "json")
    assert (result.exit_code, len(json.loads(result.stdout))) == (0, 1)
    assert "name two runs, BASE and NEW" in opbench("compare", "lenet5").stderr


def test_one_run_alone_is_answered_as_runs_are(opbench: Opbench, write: Write) -> None:
    run = write("one.jsonl", '{"kind": "header"}\n')
    result = opbench("compare", run)
    assert result.exit_code == 2
    assert "name two runs, BASE and NEW" in result.stderr


def test_two_targets_under_another_pass(opbench: Opbench, table: Table) -> None:
    players = table(lambda cell: 0.010)
    opbench("compare", "lenet5", "lenet5", "--pass", "training")
    assert {request["cell"]["pass"] for request, _ in players[0].opened} == {"training"}


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (0.0105, "SLOWER, .*a real change that may exceed 5.00%"),
        (0.0120, "SLOWER, .*where 5.00% does not matter"),
    ],
)
def test_the_sentence_says_whether_a_change_surely_matters(
    opbench: Opbench, table: Table, new: float, said: str
) -> None:
    table(by_name(lenet5=0.010, ciresan_mlp=new))
    told = opbench("compare", "lenet5", "ciresan_mlp", "--format", "github")
    assert re.search(said, unquote(told.stdout))


@pytest.mark.parametrize("format", ["table", "markdown", "csv", "github", "junit"])
def test_every_format_names_both_sides_and_the_verdict(
    opbench: Opbench, table: Table, format: str
) -> None:
    table(by_name(lenet5=0.010, ciresan_mlp=0.012))
    told = opbench("compare", "lenet5", "ciresan_mlp", "--format", format).stdout
    for word in ("lenet5", "ciresan_mlp", "SLOWER"):
        assert word in told
    if format == "junit":
        assert ElementTree.fromstring(told).get("failures") == "1"
    if format == "github":
        assert told.startswith("::error title=")


@pytest.mark.parametrize(
    ("key", "labels"),
    [
        ("dtype=float32,bfloat16", ("lenet5 float32", "lenet5 bfloat16")),
        ("threads=1,2", ("lenet5 1 thread", "lenet5 2 threads")),
        ("batch_size=16,1", ("lenet5 batch 16", "lenet5 batch 1")),
        ("memory-format=contiguous,channels_last", ("lenet5 contiguous", "lenet5 channels_last")),
        ("runtime=eager,compile", ("lenet5 eager", "lenet5 compile default")),
        ("pass=forward,training", ("lenet5 forward", "lenet5 training")),
        (
            "runtime=compile,compile:max-autotune",
            ("lenet5 compile default", "lenet5 compile max-autotune"),
        ),
    ],
)
def test_one_target_under_two_settings(
    opbench: Opbench, table: Table, key: str, labels: tuple[str, str]
) -> None:
    players = table(lambda cell: 0.010)
    result = opbench("compare", "lenet5", "--vary", key, "--format", "json")
    assert result.exit_code == 0, result.stderr
    (row,) = json.loads(result.stdout)
    assert (row["base"], row["new"]) == labels
    assert len({json.dumps(request["cell"]) for request, _ in players[0].opened}) == 2


def test_a_side_that_fails_is_a_row_with_its_reason(opbench: Opbench, table: Table) -> None:
    table(by_name(lenet5=0.010, ciresan_mlp="its process was killed"))
    result = opbench("compare", "lenet5", "ciresan_mlp", "--format", "json")
    assert result.exit_code == 1
    (row,) = json.loads(result.stdout)
    assert (row["verdict"], row["note"]) == ("FAILED", "new: its process was killed")
    assert row["ratio"] is None


def test_what_it_cannot_tell_comes_with_advice(opbench: Opbench, table: Table) -> None:
    table(lambda cell: 0.010, noise=0.9)
    result = opbench("compare", "lenet5", "lenet5", "--format", "json")
    (row,) = json.loads(result.stdout)
    assert (result.exit_code, row["verdict"]) == (0, "AMBIGUOUS")
    assert "give it a larger --max-seconds" in row["note"]
    assert opbench("compare", "lenet5", "lenet5", "--strict").exit_code == 1


def test_an_interrupt_ends_at_once_and_keeps_what_was_taken(
    opbench: Opbench, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = table(lambda cell: 0.010)
    usual = PaperPlayer.block

    def interrupted(self: PaperPlayer, seconds: float) -> Any:
        if len(players[0].opened) == 3:
            raise KeyboardInterrupt
        return usual(self, seconds)

    monkeypatch.setattr(PaperPlayer, "block", interrupted)
    result = opbench("compare", "lenet5", "lenet5")
    assert result.exit_code == 130
    (path,) = Path("results/comparisons").iterdir()
    kinds = [json.loads(line)["kind"] for line in path.read_text().splitlines()]
    assert kinds == ["comparison", "sides", "pair", "pair", "end"]
    again = opbench("compare", path, "--format", "json")
    assert json.loads(again.stdout)[0]["pairs"] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lenet5", "lenet6"), "no network is called 'lenet6'; did you mean lenet5"),
        (("lenet5", "resnet*"), "NEW is one network under one setting, and 'resnet*' names"),
        (("lenet5", "lenet5", "--device", "cuda:7"), "cuda:7"),
        (("lenet5", "lenet5", "--dtype", "float32,bfloat16"), "`--vary dtype=A,B` compares two"),
        (("lenet5", "lenet5", "--across"), "--across is for runs"),
        (("lenet5", "--vary", "dtype"), "--vary must look like dtype=float32,bfloat16"),
        (("lenet5", "--vary", "colour=a,b"), "no setting is called 'colour'"),
        (("lenet5", "--vary", "dtype=float32,int7"), "no dtype is called 'int7'"),
        (("--vary", "dtype=float32,bfloat16"), "--vary needs a TARGET"),
        (("lenet5", "--vary", "threads=1,2", "--against", "x"), "remove one of them"),
        (("net.py:net", "--against", "HEAD"), "there is no git repository here (not a git"),
        (("net.py:net", "--against", "HEAD"), "): go to the folder of one"),
        (("lenet5", "lenet5", "--against="), "--against is empty: name a commit"),
        (("lenet5", "--vary="), "--vary must look like"),
        (("--self-test", "lenet5", "--device", "cuda"), "--device: --self-test times runs"),
        (("--self-test", "lenet5", "--against", "HEAD"), "--against: --self-test times runs"),
        (("lenet5", "lenet5", "--runtime", "eager,compile"), "`--vary runtime=A,B` compares two"),
        (("lenet5", "lenet5", "--pass", "forward,training"), "`--vary pass=A,B` compares two"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    opbench: Opbench, table: Table, words: tuple[str, ...], said: str
) -> None:
    table(lambda cell: 0.010)
    result = opbench("compare", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not Path("results").exists()


def test_options_of_targets_are_refused_for_runs(opbench: Opbench, table: Table) -> None:
    result = opbench("compare", "one.jsonl", "two.jsonl", "--dtype", "bfloat16", "--max-seconds", 9)
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert "--max-seconds, --dtype: only targets that are timed here have these" in said


@pytest.fixture
def repository(table: Table, write: Write, tmp_path: Path) -> Callable[..., None]:
    """A git repository in this folder, of one commit in which net.py is ``text``."""

    def made(**files: str) -> None:
        git("init", "-q")
        write(".gitignore", "__pycache__/\n")  # which Python makes of what it imports
        for name, text in files.items():
            write(f"{name}.py", text)
        git("add", ".")
        git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "first")

    return made


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def test_a_target_against_itself_as_it_was(
    opbench: Opbench, table: Table, repository: Callable[..., None], write: Write, tmp_path: Path
) -> None:
    repository(net=NET)
    write("net.py", NET.replace("(2, 4)", "(3, 4)"))
    players = table(lambda cell: 0.010)
    before = git("status", "--porcelain"), git("worktree", "list")
    result = opbench("compare", "net.py:net", "--against", "HEAD", "--format", "json")
    assert result.exit_code == 0, result.stderr
    (row,) = json.loads(result.stdout)
    assert row["base"] == "net.py:net batch 2 at HEAD"
    assert row["new"] == "net.py:net batch 3"
    opened = {
        (folder == tmp_path, request["cell"]["batch_size"]) for request, folder in players[0].opened
    }
    assert opened == {(True, 3), (False, 2)}
    assert (
        git("status", "--porcelain").replace("?? results/\n", ""),
        git("worktree", "list"),
    ) == before
    others = {folder for _, folder in players[0].opened} - {tmp_path}
    assert not any(folder.exists() for folder in others)


def test_a_target_that_was_not_there_is_new(
    opbench: Opbench, table: Table, repository: Callable[..., None], write: Write
) -> None:
    repository(other=NET)
    write("net.py", NET)
    table(lambda cell: 0.010)
    result = opbench("compare", "net.py:net", "--against", "HEAD", "--format", "json")
    assert result.exit_code == 0, result.stderr
    (row,) = json.loads(result.stdout)
    assert row["verdict"] == "NEW"
    assert re.match("base: not in HEAD: there is no file net.py", row["note"])


def test_files_of_a_commit_that_cannot_be_written_are_one_sentence(
    opbench: Opbench,
    table: Table,
    repository: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository(net=NET)
    table(lambda cell: 0.010)
    usual = subprocess.run

    def full(words: list[str], **options: Any) -> Any:
        if "checkout-index" in words:
            said = "fatal: unable to write file net.py: No space left on device"
            return subprocess.CompletedProcess(words, 128, "", said)
        return usual(words, **options)

    monkeypatch.setattr(subprocess, "run", full)
    result = opbench("compare", "net.py:net", "--against", "HEAD")
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert "No space left on device): make room there, or set TMPDIR to another folder" in said


@pytest.mark.parametrize(
    ("before", "verdict", "said"),
    [
        ("import torch\n", "NEW", "not in HEAD: net.py has no 'net'"),
        ("import torch\n\n\ndef net(width): ...\n", "FAILED", "at HEAD: net.py:net needs arg"),
    ],
)
def test_only_a_target_that_did_not_exist_is_new(
    opbench: Opbench,
    table: Table,
    repository: Callable[..., None],
    write: Write,
    before: str,
    verdict: str,
    said: str,
) -> None:
    repository(net=before)
    write("net.py", NET)
    table(lambda cell: 0.010)
    result = opbench("compare", "net.py:net", "--against", "HEAD", "--format", "json")
    (row,) = json.loads(result.stdout)
    assert (row["verdict"], result.exit_code) == (verdict, int(verdict == "FAILED"))
    assert row["note"].startswith(f"base: {said}")


def test_a_commit_is_recorded_as_it_was_named_and_by_its_hash(
    opbench: Opbench, table: Table, repository: Callable[..., None]
) -> None:
    repository(net=NET)
    table(lambda cell: 0.010)
    opbench("compare", "net.py:net", "--against", "HEAD")
    (path,) = Path("results/comparisons").iterdir()
    sides = json.loads(path.read_text().splitlines()[1])
    head = git("rev-parse", "--short=12", "HEAD").strip()
    assert (sides["base"]["commit"], sides["base"]["commit_hash"]) == ("HEAD", head)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("net.py:net", "--against", "v9"), "git has no commit 'v9'"),
        (("lenet5", "--against", "HEAD"), "lenet5 is not in this repository"),
        (("timm:resnet18", "--against", "HEAD"), "timm:resnet18 is not in this repository"),
    ],
)
def test_what_no_commit_holds_is_refused(
    opbench: Opbench,
    table: Table,
    repository: Callable[..., None],
    words: tuple[str, ...],
    said: str,
) -> None:
    repository(net=NET)
    table(lambda cell: 0.010)
    result = opbench("compare", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
