"""The lock file: what it holds, that its bytes are stable, and what it says of damage."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from opbench.errors import BadFileError, BadValueError
from opbench.lock import (
    ConflictedLockError,
    Lock,
    NewerLockError,
    covers,
    fewest,
    line_of,
    load,
    load_at,
    same_counts,
    save,
)
from opbench.record import EXACT
from opbench.registry import counts_csv
from tests import locked


@pytest.fixture(scope="module")
def lock() -> Lock:
    return Lock(targets=("a*",), networks={"b": locked.block(), "alpha": locked.block(6)})


@pytest.fixture
def path(tmp_path: Path, lock: Lock) -> Path:
    path = tmp_path / "opbench.lock.json"
    save(lock, path)
    return path


def edit(path: Path, old: str, new: str, count: int = 1) -> int:
    """Replace ``old`` where it first stands; returns the line where it stood."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))
    return text[: text.index(old)].count("\n") + 1


def refusal(path: Path) -> str:
    with pytest.raises(BadFileError) as caught:
        load(path)
    return str(caught.value)


def test_a_block_holds_the_totals_operators_and_modules_by_hand_arithmetic(path: Path) -> None:
    block = json.loads(path.read_text())["networks"]["b"]
    assert block["params"] == 4 * 27 + 2 * 4 + 5 * 144 + 5
    assert block["macs"] == 36 * 4 * 27 + 5 * 144
    assert block["activations"] == 4 * 36 + 5
    assert block["input_size"] == "3x8x8" and block["batch_size"] == 1
    assert block["uncounted"] == []
    assert sum(row["macs"] for row in block["operators"].values()) == block["macs"]
    assert block["modules"] == {
        "stem": {
            "kind": "Conv2d",
            "params": 108,
            "macs": 3888,
            "activations": 144,
            "operators": {"conv2d 1x3x8x8 * 4x3x3x3 -> 1x4x6x6": 1},
        },
        "norm": {"kind": "BatchNorm2d", "params": 8},
        "relu": {"kind": "ReLU"},
        "flat": {"kind": "Flatten"},
        "head": {
            "kind": "Linear",
            "params": 725,
            "macs": 720,
            "activations": 5,
            "operators": {"linear 1x144 * 5x144 -> 1x5": 1},
        },
    }


def test_what_is_read_is_what_was_written(path: Path, lock: Lock) -> None:
    assert load(path) == lock


def test_networks_are_sorted_and_every_module_has_one_line(path: Path) -> None:
    text = path.read_text()
    assert text.index('"alpha"') < text.index('"b"')
    assert [line.split('"')[1] for line in text.splitlines() if line.startswith('   "')] == 2 * [
        "conv2d",
        "linear",
        "stem",
        "norm",
        "relu",
        "flat",
        "head",
    ]


def test_writing_the_same_counts_again_does_not_touch_the_file(path: Path, lock: Lock) -> None:
    before = path.stat().st_mtime_ns
    assert not save(load(path), path)
    assert path.stat().st_mtime_ns == before
    other = replace(lock, networks={**lock.networks, "c": locked.block(5)})
    assert save(other, path)


def test_an_interrupted_or_failed_write_leaves_the_lock_and_no_litter(
    path: Path, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(self: Path, *_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BadFileError, match="No space left"):
        save(Lock(), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_other_versions_alone_are_the_same_counts() -> None:
    one = locked.block()
    assert same_counts(one, replace(one, versions={"opbench": "9.9", "torch": "9.9"}))
    assert not same_counts(one, replace(one, macs=one.macs + 1))
    assert not same_counts(one, locked.block(stem="entry"))


def test_a_missing_lock_says_which_command_writes_it(tmp_path: Path) -> None:
    assert "opbench check --update" in refusal(tmp_path / "none.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        '"lock"',
        '{"format": "one"}',
        '{"format": true}',
        f'{{"format": {"9" * 5000}}}',
    ],
)
def test_another_kind_of_file_is_no_lock(path: Path, text: str) -> None:
    path.write_text(text)
    assert f"{path}, line 1" in refusal(path)


def test_bytes_that_are_no_text_are_no_lock(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    assert "not a lock of opbench" in refusal(path)


def test_a_folder_is_no_lock(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path)


def test_a_cut_off_file_names_line_and_remedy(path: Path) -> None:
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    said = refusal(path)
    assert f"line {text[: len(text) // 2].count(chr(10)) + 1}" in said
    assert "opbench check --update" in said


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", "||||||| 1a2b3c", ">>>>>>> theirs"])
def test_merge_markers_are_recognised_and_the_remedy_is_one_command(
    path: Path, marker: str
) -> None:
    line = edit(path, '  "params"', f'{marker}\n  "params"')
    with pytest.raises(ConflictedLockError) as caught:
        load(path)
    said = str(caught.value)
    assert f"line {line}: has conflict markers of a merge" in said
    assert f"`git checkout --theirs {path} && opbench check --update`" in said


def test_a_lock_of_format_1_is_read_without_modules_that_are_a_kind_alone(
    path: Path, lock: Lock
) -> None:
    edit(path, '"format": 2', '"format": 1')
    edit(path, '  "every_module": true,\n', "", count=2)
    for kind in ("ReLU", "Flatten"):
        edit(path, f'   "{kind.lower()[:4]}": {{"kind": "{kind}"}},\n', "", count=2)
    block = load(path).networks["b"]
    assert not block.every_module and list(block.modules) == ["stem", "norm", "head"]
    assert same_counts(block, lock.networks["b"]) and same_counts(lock.networks["b"], block)


def test_a_name_that_a_merge_left_twice_is_named_with_its_second_line(path: Path) -> None:
    edit(path, '"alpha"', '"b"')
    lines = [n for n, line in enumerate(path.read_text().splitlines(), 1) if line == ' "b": {']
    said = refusal(path)
    assert f"line {lines[1]}: 'b' occurs twice" in said


def test_a_lock_of_a_later_format_says_upgrade(path: Path) -> None:
    line = edit(path, '"format": 2', '"format": 3')
    with pytest.raises(NewerLockError, match=f"line {line}.*upgrade"):
        load(path)


def test_another_convention_is_refused(path: Path) -> None:
    line = edit(path, '"macs-1"', '"macs-2"')
    assert f"line {line}: counted by a convention other than 'macs-1'" in refusal(path)


def test_a_lock_from_before_the_convention_had_an_id_is_read(path: Path, lock: Lock) -> None:
    edit(
        path,
        '"convention": "macs-1"',
        '"convention": "1 MAC is one multiply-add of a convolution, linear layer or matrix '
        'product; bias, normalisation, activation functions, pooling and additions are 0"',
    )
    assert load(path) == lock


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('  "batch_size": 1,\n', "", "in 'alpha', batch_size is missing"),
        ('"batch_size": 1', '"batch_size": 1, "note": 2', "unknown key 'note'"),
        ('"batch_size": 1', '"batch_size": "one"', "expected int, got str"),
        ('"batch_size": 1', '"batch_size": -1', "expected int >= 0"),
        ('"batch_size": 1', '"batch_size": true', "expected int, got bool"),
        ('"input_size": "3x8x8"', '"input_size": "3x8x0"', "is not a size such as"),
        (
            '"input_size_from": "target"',
            '"input_size_from": "me"',
            "expected 'target' or '--input-size' or '--input', got 'me'",
        ),
        ('"uncounted": []', '"uncounted": {}', "in 'alpha', uncounted: expected array"),
        ('"kind": "Conv2d"', '"kind": 2', "in 'stem', kind: expected str, got int"),
        ('"calls": 1', '"calls": 1.5', "in 'conv2d', calls: expected int, got float"),
        ('{"kind": "BatchNorm2d", "params": 12}', "12", "must be an object"),
    ],
)
def test_a_hand_written_mistake_is_answered_with_its_line(
    path: Path, old: str, new: str, said: str
) -> None:
    line = edit(path, old, new)
    message = refusal(path)
    assert said in message
    if new:
        assert f"{path}, line {line}: " in message


@pytest.mark.parametrize("metric", ["macs", "activations"])
def test_a_total_edited_by_hand_does_not_pass_for_a_count(path: Path, metric: str) -> None:
    value = {"macs": locked.macs(6), "activations": 6 * 36 + 5}[metric]
    line = edit(path, f'  "{metric}": {value}', f'  "{metric}": {value + 1}')
    assert f"line {line}: {metric} of 'alpha'" in refusal(path)
    assert "edited by hand" in refusal(path)


def test_line_of_finds_keys_that_look_alike() -> None:
    text = '{"a": {"b": 1},\n "b": {"a":\n 2,\n "c\\"": [{"d": 1}],\n "d": 3}}'
    assert line_of(text, ("a", "b")) == 1
    assert line_of(text, ("b", "a")) == 2
    assert line_of(text, ("b", 'c"')) == 4
    assert line_of(text, ("b", "d")) == 5
    assert line_of(text, ("b", "missing", "d")) == 2
    assert line_of("{}", ("x",)) == 1


def test_a_glob_stays_on_its_side_of_the_colon() -> None:
    assert covers("*", "resnet18") and covers("resnet*", "resnet18")
    assert not covers("*", "net.py:build") and not covers("*", "timm:resnet18")
    assert covers("timm:*", "timm:resnet18") and covers("net.py:build", "net.py:build")
    assert covers("net[1].py:build", "net[1].py:build")
    assert fewest(["resnet18", "*", "timm:vit", "timm:v*", "net.py:a"]) == (
        "*",
        "net.py:a",
        "timm:v*",
    )


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_lock_of_another_commit_is_read_from_git(path: Path, lock: Lock) -> None:
    git(path.parent, "init", "-q")
    git(path.parent, "add", ".")
    git(path.parent, "commit", "-qm", "first")
    save(Lock(), path)
    assert load_at("HEAD", path) == lock
    with pytest.raises(BadValueError, match=r"git has no opbench\.lock\.json in 'nowhere'"):
        load_at("nowhere", path)
    with pytest.raises(BadValueError, match="git has no"):
        load_at("--output=x", path)


def test_a_shallow_checkout_is_told_what_it_lacks(path: Path, lock: Lock) -> None:
    whole = path.parent
    git(whole, "init", "-q")
    for message in ("first", "second"):
        git(whole, "add", ".")
        git(whole, "commit", "-qm", message, "--allow-empty")
    shallow = whole / "shallow"
    git(whole, "clone", "-q", "--depth", "1", whole.as_uri(), str(shallow))
    with pytest.raises(BadValueError, match="fetch-depth: 0"):
        load_at("HEAD~1", shallow / path.name)
    git(shallow, "fetch", "-q", "--unshallow")
    assert load_at("HEAD~1", shallow / path.name) == lock


def test_no_git_repository_is_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(path.parent.parent))
    with pytest.raises(BadValueError, match="not a git repository"):
        load_at("HEAD", path)


def test_the_lock_of_this_repository_and_its_facts_are_one_count() -> None:
    root = Path(__file__).parents[2]
    lock = load(root / "results" / "opbench.lock.json")
    facts = {fact.name: fact for fact in counts_csv.load(root / "results" / "counts.csv")}
    assert set(lock.networks) == set(facts), "`opbench check --update`, `opbench list --update`"
    for name, block in lock.networks.items():
        assert block.input_size == facts[name].input_size
        for metric in EXACT:
            assert block.totals()[metric] == getattr(facts[name], metric), (name, metric)


def test_endless_numbers_and_nesting_are_named_with_their_line(path: Path) -> None:
    line = edit(path, '"params": ', f'"params": {"9" * 5000}')
    assert f"line {line}: a number of thousands of digits" in refusal(path)
    path.write_text("[" * 100_000)
    assert "line 1: nested too deeply" in refusal(path)
