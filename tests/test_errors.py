"""One sentence for anything that was raised."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import NoReturn

import pytest
import torch

from opbench.errors import TargetError, UnknownNameError, describe


def raised(call: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:
        call()
    return caught.value


def silent() -> NoReturn:
    raise ValueError


def talkative() -> NoReturn:
    raise ValueError("  first line\nand a story")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (silent, "ValueError ("),
        (talkative, "ValueError: first line ("),
        (lambda: dict[str, int]()["weights"], "KeyError: 'weights' ("),
        (lambda: json.loads("{"), "JSONDecodeError: Expecting property name"),
        (lambda: torch.zeros(2) @ torch.zeros(3), "RuntimeError: inconsistent tensor size"),
    ],
)
def test_type_first_line_and_the_line_that_is_neither_torchs_nor_pythons(
    call: Callable[[], object], said: str
) -> None:
    error = raised(call)
    line = call.__code__.co_firstlineno + (call.__name__ != "<lambda>")
    assert describe(error).startswith(said)
    assert describe(error).endswith(f"test_errors.py, line {line})")


def test_an_error_for_users_is_its_own_sentence() -> None:
    assert describe(TargetError("it cannot\n  be built")) == "it cannot be built"


def test_an_error_for_users_crosses_to_another_process() -> None:
    error = UnknownNameError("network", "vgg61", ("vgg16",))
    assert describe(error) == "no network is called 'vgg61'; did you mean vgg16?"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (UnknownNameError, str(error))


def test_a_syntax_error_is_where_it_cannot_be_read() -> None:
    error = raised(lambda: compile("x = 1\nx = (", "net.py", "exec"))
    assert describe(error) == "SyntaxError: '(' was never closed (net.py, line 2)"


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert describe(MemoryError()) == "MemoryError"
