"""The sizes at which a target is checked, and the names under which a lock holds them."""

from __future__ import annotations

from fractions import Fraction

from opbench.lock.scope import at_size, target_of
from opbench.lock.sizes import CountRequest, names_of, requests, sizes_of
from opbench.lock.unmatched import unmatched
from opbench.settings import Allowance, CheckSettings, SizeRule
from opbench.spec import Shape

SMALL, LARGE = Shape((3, 64, 64)), Shape((3, 96, 96))
TWO = SizeRule(glob="net.py:*", sizes=(SMALL, LARGE))


def test_a_name_with_a_size_is_split_and_an_at_sign_in_a_path_is_none() -> None:
    assert at_size("net.py:build", SMALL) == "net.py:build@3x64x64"
    assert target_of("net.py:build@3x64x64") == "net.py:build"
    for name in ("models@v2/net.py:build", "net.py:build@", "@3x64x64", "resnet18"):
        assert target_of(name) == name


def test_the_last_rule_that_matches_gives_the_sizes() -> None:
    rules = (SizeRule(sizes=(LARGE,)), TWO)
    assert sizes_of("net.py:build", rules) == (SMALL, LARGE)
    assert sizes_of("resnet18", rules) == (LARGE,)
    assert sizes_of("resnet18", (TWO,)) == ()


def test_several_sizes_are_several_names_and_one_is_the_target_itself() -> None:
    wanted, stale = requests(["net.py:a", "b"], [], None, (TWO,))
    assert wanted == {
        "net.py:a@3x64x64": CountRequest("net.py:a", SMALL),
        "net.py:a@3x96x96": CountRequest("net.py:a", LARGE),
        "b": CountRequest("b", None),
    }
    assert stale == ()
    assert requests(["b"], [], None, (SizeRule(sizes=(SMALL,)),))[0] == {
        "b": CountRequest("b", SMALL)
    }


def test_a_size_that_the_project_no_longer_lists_is_stale() -> None:
    locked = ["a@3x64x64", "a@3x96x96", "other@3x64x64"]
    one, both = (SizeRule(sizes=sizes) for sizes in ((SMALL,), (SMALL, LARGE)))
    assert requests(["a"], locked, None, (one,))[1] == ("a@3x64x64", "a@3x96x96")
    assert requests(["a"], locked, None, (both,))[1] == ()
    assert requests(["a"], ["a"], None, (SizeRule(sizes=(SMALL, LARGE)),))[1] == ("a",)


def test_sizes_of_the_lock_hold_where_the_project_lists_none() -> None:
    locked = ["a", "a@3x64x64", "a@3x96x96", "other@3x64x64"]
    wanted, stale = requests(["a"], locked, None, (TWO,))
    assert wanted == {
        "a": CountRequest("a", None),
        "a@3x64x64": CountRequest("a", SMALL),
        "a@3x96x96": CountRequest("a", LARGE),
    }
    assert stale == ()
    for size in (SMALL, Shape((3, 32, 32))):
        assert requests(["a"], locked, size, ())[0] == {f"a@{size}": CountRequest("a", size)}


def test_a_size_on_the_command_line_wins_and_finds_its_name() -> None:
    wanted, stale = requests(["net.py:a"], ["net.py:a@3x96x96"], SMALL, (TWO,))
    assert wanted == {"net.py:a@3x64x64": CountRequest("net.py:a", SMALL)}
    assert stale == ()
    assert requests(["b"], [], SMALL, (TWO,))[0] == {"b": CountRequest("b", SMALL)}


def test_the_names_of_a_target_are_those_of_all_its_sizes() -> None:
    locked = dict.fromkeys(["a", "a@3x64x64", "ab", "b@3x64x64"])
    assert names_of("a", locked) == ("a", "a@3x64x64")


def test_every_glob_of_the_settings_that_matches_nothing_is_told() -> None:
    rules = CheckSettings(
        max_increase=(
            Allowance(glob="modles/*", amount=Fraction(1), percent=True),
            Allowance(glob="net.py:*", amount=Fraction(1), percent=True),
        ),
        input_sizes=(SizeRule(glob="nte.py:*", sizes=(SMALL,)), TWO),
        allow_uncounted=("mylib::*", "yourlib::*"),
    )
    assert list(unmatched(rules, ["net.py:build"], ["mylib::op"])) == [
        "max_increase 'modles/*' matches no network of the lock",
        "input_sizes 'nte.py:*' matches no network of the lock",
        "allow_uncounted 'yourlib::*' matches no uncounted operator of the lock",
    ]
