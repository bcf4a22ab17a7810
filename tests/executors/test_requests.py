"""What --slurm takes, and what sbatch is asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench.errors import BadValueError
from opbench.executors.requests import USUAL_MINUTES, parse_requests


def test_options_are_those_of_sbatch() -> None:
    asked = parse_requests(["partition=gpu", "--gres=gpu:1", "time=30", "hold"], exclusive=False)
    assert asked.options == {"partition": "gpu", "gres": "gpu:1", "time": "30", "hold": True}
    assert asked.minutes == 30


def test_a_node_is_shared_only_where_that_is_said() -> None:
    assert parse_requests([], exclusive=True).options["exclusive"] is True
    assert parse_requests(["exclusive=user"], exclusive=True).options["exclusive"] == "user"
    for shared in (
        parse_requests(["exclusive=no"], exclusive=True),
        parse_requests([], exclusive=False),
    ):
        assert "exclusive" not in shared.options


# sbatch(1), --time.
@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("30", 30),
        ("90:30", 91),
        ("2:00:00", 120),
        ("0:0:1", 1),
        ("1-12", 36 * 60),
        ("1-12:30", 36 * 60 + 30),
        ("1-0:00:10", 24 * 60 + 1),
    ],
)
def test_times_are_read_as_sbatch_reads_them(text: str, minutes: int) -> None:
    asked = parse_requests([f"time={text}"], exclusive=False)
    assert (asked.minutes, asked.options["time"]) == (minutes, text)


def test_without_a_time_there_is_one_all_the_same() -> None:
    asked = parse_requests([], exclusive=False)
    assert (asked.minutes, asked.options["time"]) == (USUAL_MINUTES, str(USUAL_MINUTES))


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("array=1-4", "chooses that itself"),
        ("--output=log", "chooses that itself"),
        ("nodes=2", "chooses that itself"),
        ("time=0", "a minute or more"),
        ("time=UNLIMITED", "must be minutes"),
        ("time", "must be minutes"),
        ("partition=", "an option of sbatch"),
        ("=gpu", "an option of sbatch"),
        ("Partition=gpu", "an option of sbatch"),
        ("comment=a\n#SBATCH --uid=0", "an option of sbatch"),
        ("", "an option of sbatch"),
    ],
)
def test_what_sbatch_must_not_be_told_is_refused(word: str, told: str) -> None:
    with pytest.raises(BadValueError, match=told):
        parse_requests([word], exclusive=False)


@given(st.text())
def test_any_text_is_an_option_or_a_sentence(word: str) -> None:
    try:
        options = parse_requests([word], exclusive=False).options
    except BadValueError as error:
        assert str(error).startswith("--slurm")
    else:
        assert all("\n" not in f"{name}{value}" for name, value in options.items())
