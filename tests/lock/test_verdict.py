"""The verdict on each target, its reasons, and the rules that let a change pass."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from torch import nn

from opbench.lock import Block
from opbench.lock.verdict import CheckedTarget, Problem, Status, allowance_for, check_counts
from opbench.settings import Allowance, CheckSettings
from opbench.spec import Shape
from tests import locked

EXACT = CheckSettings()


@pytest.fixture(scope="module")
def four() -> Block:
    return locked.block(4)


@pytest.fixture(scope="module")
def five() -> Block:
    return locked.block(5)


def verdict(
    before: Block | None, now: Block | Problem, rules: CheckSettings = EXACT, name: str = "net"
) -> CheckedTarget:
    (target,) = check_counts({name: before} if before else {}, {name: now}, rules)
    return target


def test_the_same_counts_are_equal(four: Block) -> None:
    found = verdict(four, locked.block(4))
    assert found.status is Status.EQUAL and found.ok and not found.why


def test_one_channel_more_is_heavier_and_fails(four: Block, five: Block) -> None:
    found = verdict(four, five)
    assert found.status is Status.HEAVIER and not found.ok
    assert "opbench check --update net" in found.note


def test_the_reasons_name_totals_operators_modules_and_shapes(four: Block, five: Block) -> None:
    why = verdict(four, five).why
    more = locked.macs(5) - locked.macs(4)
    assert any(
        line.startswith(f"macs: {locked.macs(4):,} became {locked.macs(5):,} (+{more:,}")
        for line in why
    )
    assert f"operator conv2d: +{36 * 27:,} macs, +36 activations" in why
    stem = (
        "module stem (Conv2d): +27 params, +972 macs, +36 activations; "
        "conv2d 1x3x8x8 * 4x3x3x3 -> 1x4x6x6 became 1x3x8x8 * 5x3x3x3 -> 1x5x6x6"
    )
    head = (
        "module head (Linear): +180 params, +180 macs; "
        "linear 1x144 * 5x144 -> 1x5 became 1x180 * 5x180 -> 1x5"
    )
    assert why.index(stem) < why.index(head) < why.index("module norm (BatchNorm2d): +2 params")


def test_one_channel_less_is_lighter_and_fails_unless_it_is_allowed(
    four: Block, five: Block
) -> None:
    found = verdict(five, four)
    assert found.status is Status.LIGHTER and not found.ok
    assert "--update" in found.note and 'only lighter = "pass" allows' in found.note
    allowed = verdict(five, four, CheckSettings(lighter="pass"))
    assert allowed.status is Status.LIGHTER and allowed.ok and "--update" in allowed.note


def test_a_total_that_shrank_beside_one_that_grew_needs_leave_of_its_own(four: Block) -> None:
    now = replace(four, macs=four.macs + 1, activations=four.activations - 1)
    rules = CheckSettings(max_increase=(allow(1),))
    found = verdict(four, now, rules)
    assert found.status is Status.HEAVIER and not found.ok and "activations shrank" in found.note
    assert verdict(four, now, replace(rules, lighter="pass")).ok
    assert not verdict(four, now, CheckSettings(lighter="pass")).ok


def test_a_renamed_module_with_equal_totals_passes_and_says_renamed(four: Block) -> None:
    found = verdict(four, locked.block(4, stem="entry"))
    assert found.status is Status.RENAMED and found.ok
    assert found.sentence.startswith("net has renamed modules: stem to entry; ")
    assert found.why == ("renamed: stem to entry",)
    assert not verdict(four, locked.block(4, stem="entry"), CheckSettings(strict=True)).ok


def other_activation(kind: type[nn.Module]) -> Block:
    def build() -> nn.Module:
        network = locked.network()
        network.relu = kind()
        return network

    return locked.as_read(locked.fresh(build))


def test_another_activation_function_is_told_and_fails_with_strict(four: Block) -> None:
    gelu = other_activation(nn.GELU)
    found = verdict(four, gelu)
    assert found.status is Status.CHANGED and found.ok
    assert "as locked, but not module relu (ReLU became GELU)" in found.sentence
    assert found.why == ("module relu (ReLU became GELU)",)
    assert not verdict(four, gelu, CheckSettings(strict=True)).ok


def test_what_a_lock_of_format_1_lacks_is_not_compared(four: Block) -> None:
    def of_format_1(block: Block) -> Block:
        counted = {name: each for name, each in block.modules.items() if each.counts}
        return replace(block, modules=counted, every_module=False)

    strict = CheckSettings(strict=True)
    old = of_format_1(four)
    assert set(old.modules) == {"stem", "norm", "head"}
    assert verdict(old, four, strict).status is Status.EQUAL
    assert verdict(old, other_activation(nn.GELU), strict).status is Status.EQUAL
    assert verdict(old, locked.block(5), strict).status is Status.HEAVIER
    renamed = verdict(old, locked.block(4, stem="entry"))
    assert renamed.why == ("renamed: stem to entry",)


def test_another_input_size_fails_whatever_is_allowed(four: Block) -> None:
    rules = CheckSettings(lighter="pass", max_increase=(allow(1000, percent=True),))
    for size in (7, 9):
        now = locked.block(4, size=(3, size, size), pool=True)
        found = verdict(locked.block(4, pool=True), now, rules)
        assert found.status is Status.OTHER_INPUT and not found.ok
        assert f"input: 1x3x8x8 became 1x3x{size}x{size}" in found.sentence
    batch = verdict(four, replace(four, batch_size=2), rules)
    assert batch.status is Status.OTHER_INPUT and not batch.ok


def test_another_input_size_is_the_first_reason(four: Block) -> None:
    wide = replace(four, input_size=Shape((3, 9, 9)), macs=four.macs + 1)
    assert verdict(four, wide).why[0] == "input: 1x3x8x8 became 1x3x9x9"


def test_other_versions_are_told_beside_a_change_and_are_none_alone(
    four: Block, five: Block
) -> None:
    later = {"opbench": "0.1.0", "torch": "2.14.0", "timm": "1.0.1"}
    why = verdict(four, replace(five, versions=later)).why
    assert why[0] == "torch 2.13.0 became 2.14.0"
    assert not any("opbench" in line or "timm" in line for line in why)
    alone = verdict(four, replace(four, versions=later))
    assert alone.status is Status.EQUAL and not alone.why
    uncounted = replace(four, uncounted=("mylib::op",))
    assert not verdict(uncounted, replace(uncounted, versions=later)).why


def test_more_of_one_and_less_of_another_is_heavier(four: Block) -> None:
    found = verdict(four, replace(four, params=four.params - 1, macs=four.macs + 1))
    assert found.status is Status.HEAVIER and not found.ok


def test_a_target_that_the_lock_lacks_is_new_and_fails(four: Block) -> None:
    found = verdict(None, four)
    assert found.status is Status.NEW and not found.ok


def test_a_target_that_nothing_answers_to_is_gone_and_fails(four: Block) -> None:
    found = verdict(four, Problem(reason="no architecture is called 'net'", gone=True))
    assert found.status is Status.GONE and not found.ok
    assert "no architecture is called" in found.note


def test_a_renamed_network_is_recognised_by_its_counts(four: Block, five: Block) -> None:
    gone = Problem(reason="no such name", gone=True)
    now: dict[str, Block | Problem] = {"old": gone, "other": five, "renamed": four}
    checked = {each.name: each for each in check_counts({"old": four}, now, EXACT)}
    assert checked["old"].status is Status.GONE
    assert "renamed, which is new, has the same counts" in checked["old"].note
    assert checked["renamed"].status is Status.NEW


def test_a_problem_is_no_count_with_its_reason(four: Block) -> None:
    found = verdict(four, Problem(reason="ImportError: no module named x (net.py, line 3)"))
    assert found.status is Status.CANNOT_COUNT and not found.ok
    assert "net.py, line 3" in found.note


def test_an_operator_without_a_rule_fails_even_when_the_lock_has_it_too(four: Block) -> None:
    unknown = replace(four, uncounted=("mylib::op",))
    found = verdict(unknown, unknown)
    assert found.status is Status.CANNOT_COUNT and not found.ok
    assert "mylib::op" in found.note


def test_an_operator_without_a_rule_can_be_allowed_by_name(four: Block) -> None:
    unknown = replace(four, uncounted=("mylib::op",))
    rules = CheckSettings(allow_uncounted=("mylib::*",))
    assert verdict(unknown, unknown, rules).status is Status.EQUAL
    assert verdict(replace(four, uncounted=("b::op", "mylib::op")), unknown, rules).ok
    assert not verdict(four, replace(four, uncounted=("b::op", "mylib::op")), rules).ok


def test_only_the_metrics_of_the_rules_are_compared(four: Block) -> None:
    now = replace(four, peak_activation_bytes=four.peak_activation_bytes + 4)
    found = verdict(four, now)
    assert found.status is Status.CHANGED and "but not peak_activation_bytes" in found.note
    peak = CheckSettings(metrics=("peak_activation_bytes",))
    assert verdict(four, now, peak).status is Status.HEAVIER


def allow(amount: int, *, percent: bool = False, glob: str = "*", metric: str = "*") -> Allowance:
    return Allowance(glob=glob, metric=metric, amount=Fraction(amount), percent=percent)


def test_an_increase_within_the_allowance_passes_and_says_so(four: Block, five: Block) -> None:
    grown = locked.macs(5) - locked.macs(4)
    rules = CheckSettings(metrics=("macs",), max_increase=(allow(grown),))
    found = verdict(four, five, rules)
    assert found.status is Status.HEAVIER and found.ok and "max_increase" in found.note
    less = CheckSettings(metrics=("macs",), max_increase=(allow(grown - 1),))
    assert not verdict(four, five, less).ok
    assert f"macs may grow by {grown - 1:,}" in verdict(four, five, less).note


def test_percentages_are_exact_at_their_edge(four: Block) -> None:
    rules = CheckSettings(metrics=("macs",), max_increase=(allow(1, percent=True),))
    base = replace(four, macs=100_000_000_000_000_000_100)
    assert verdict(base, replace(base, macs=base.macs + 1_000_000_000_000_000_001), rules).ok
    assert not verdict(base, replace(base, macs=base.macs + 1_000_000_000_000_000_002), rules).ok


def test_every_metric_that_grew_needs_an_allowance(four: Block, five: Block) -> None:
    rules = CheckSettings(max_increase=(allow(50, percent=True, metric="macs"),))
    assert not verdict(four, five, rules).ok


def test_allowances_are_for_the_targets_their_glob_matches_and_the_last_one_holds() -> None:
    rules = (allow(1), allow(2, glob="resnet*"), allow(3, glob="resnet*", metric="macs"))
    assert allowance_for("vgg16", "macs", rules) == rules[0]
    assert allowance_for("resnet50", "params", rules) == rules[1]
    assert allowance_for("resnet50", "macs", rules) == rules[2]
    assert allowance_for("vgg16", "macs", rules[1:]) is None


def test_findings_are_sorted_by_name(four: Block) -> None:
    names = ["b", "c", "a"]
    found = check_counts(dict.fromkeys(names, four), dict.fromkeys(names, four), EXACT)
    assert [each.name for each in found] == ["a", "b", "c"]
