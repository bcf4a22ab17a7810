"""Evaluations compared image by image: verdicts, refusals, names, and images that flip."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opbench.accuracy.measured.evaluation import Evaluation
from opbench.accuracy.measured.labels import labels
from opbench.accuracy.measured.paired import (
    PairedComparison,
    compare_evaluations,
    flips,
    judge_accuracy,
)
from opbench.accuracy.measured.proportions import tango_interval
from opbench.errors import BadValueError
from opbench.intervals import Interval
from opbench.spec import Shape
from tests.evaluations import PROTOCOL, evaluation, image_id


def of_counts(both: int, lost: int, won: int, neither: int) -> tuple[Evaluation, Evaluation]:
    """Two evaluations of which so many images are right in both, one, the other, none."""
    base = "1" * both + "1" * lost + "0" * won + "0" * neither
    new = "1" * both + "0" * lost + "1" * won + "0" * neither
    return evaluation("base", base), evaluation("new", new)


def compared(both: int, lost: int, won: int, neither: int, **options: float) -> PairedComparison:
    base, new = of_counts(both, lost, won, neither)
    (found,) = compare_evaluations(base, [new], **options)
    return found


def test_a_comparison_by_hand() -> None:
    found = compared(690, 10, 40, 260)
    assert (found.base, found.new, found.images) == ("base", "new", 1000)
    assert (found.base_top1, found.new_top1) == pytest.approx((70, 73))
    assert (found.only_base_right, found.only_new_right) == (10, 40)
    assert found.difference == pytest.approx(3)
    # The normal interval of 30 of 1,000 with 50 discordant: 3 +- 1.96 x sqrt(0.05 - 0.0009) / 10.
    assert (found.low, found.high) == pytest.approx((3 - 1.373, 3 + 1.373), abs=0.15)
    assert (found.ratio, found.ratio_low, found.ratio_high) == pytest.approx(
        (73 / 70, 1 + found.low / 70, 1 + found.high / 70)
    )
    assert found.verdict == "BETTER"
    assert found.p_value == found.p_adjusted < 0.001


@pytest.mark.parametrize(
    ("low", "high", "p_value", "verdict"),
    [
        (-0.2, 0.25, 0.8, "SAME"), (0.05, 0.25, 0.01, "SAME"), (-0.29, -0.1, 0.01, "SAME"),
        (0.05, 0.35, 0.01, "BETTER"), (1.0, 2.0, 0.0, "BETTER"), (-0.35, -0.05, 0.01, "WORSE"),
        (-0.2, 0.35, 0.3, "AMBIGUOUS"), (-2.0, 0.1, 0.06, "AMBIGUOUS"),
        (-0.35, -0.01, 0.06, "AMBIGUOUS"), (-0.35, 0.01, 0.05, "WORSE"),
    ],
)  # fmt: skip
def test_every_interval_and_p_value_have_one_verdict(
    low: float, high: float, p_value: float, verdict: str
) -> None:
    assert judge_accuracy(Interval((low + high) / 2, low, high), p_value, 0.3) == verdict


def test_copies_are_the_same_and_without_a_threshold_ambiguous() -> None:
    # Without a discordant image: 100 x 3.8415 / (2,000 + 3.8415) = 0.1917 points.
    found = compared(1500, 0, 0, 500)
    assert (found.verdict, found.difference, found.p_value) == ("SAME", 0, 1)
    assert (found.low, found.high) == pytest.approx((-0.1917, 0.1917), abs=1e-4)
    assert found.note == ""
    strict = compared(1500, 0, 0, 500, threshold=0.1)
    assert strict.verdict == "AMBIGUOUS"
    assert strict.note == "more images would narrow the interval"


def test_the_sentence_says_whether_a_difference_surely_matters() -> None:
    assert compared(690, 10, 40, 260).sentence.startswith(
        "new against base: BETTER, +3.00 points (+1."
    )
    assert compared(690, 10, 40, 260).sentence.endswith(", where 0.3 points do not matter.")
    close = compared(690, 10, 40, 260, threshold=2.0)
    assert close.sentence.endswith(", a real difference that may exceed 2 points.")


@pytest.mark.parametrize(("most", "surely", "perhaps"), [(1, True, True), (3, False, True)])
def test_a_loss_is_beyond_a_limit_surely_or_perhaps(
    most: float, surely: bool, perhaps: bool
) -> None:
    """30 of 1,000 images lost: the interval is about 2.1 to 4.3 points."""
    found = compared(700, 30, 0, 270)
    assert (found.surely_loses(most), found.may_lose(most)) == (surely, perhaps)
    assert not found.may_lose(5)


MIRROR = {"WORSE": "BETTER", "BETTER": "WORSE", "SAME": "SAME", "AMBIGUOUS": "AMBIGUOUS"}
answers = st.lists(st.sampled_from(["11", "10", "01", "00", "1x", "x1"]), min_size=1, max_size=80)


@given(answers, st.sampled_from([0.0, 0.3, 20.0, 50.0]))
def test_swapping_base_and_new_mirrors_the_comparison(drawn: list[str], threshold: float) -> None:
    one, other = (
        evaluation(name, "".join(each[at] for each in drawn)) for at, name in ((0, "a"), (1, "b"))
    )
    (there,) = compare_evaluations(one, [other], threshold)
    (back,) = compare_evaluations(other, [one], threshold)
    assert back.verdict == MIRROR[there.verdict]
    assert (back.low, back.difference, back.high) == (-there.high, -there.difference, -there.low)
    assert (back.p_value, back.only_base_right) == (there.p_value, there.only_new_right)
    assert there.low <= there.difference <= there.high
    assert there.new_top1 - there.base_top1 == pytest.approx(there.difference)
    if there.ratio is not None and there.ratio_low is not None and there.ratio_high is not None:
        assert 0 <= there.ratio_low <= there.ratio <= there.ratio_high
    flipped = flips(one, other)
    assert flips(other, one) == (flipped.only_new, flipped.only_base)


def test_a_row_is_read_as_it_was_written() -> None:
    found = compared(3, 1, 2, 1)
    assert PairedComparison.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_without_a_right_answer_of_base_there_is_no_ratio() -> None:
    found = compared(0, 0, 3, 3)
    assert (found.ratio, found.ratio_low, found.ratio_high) == (None, None, None)


def test_several_are_corrected_and_their_intervals_widened() -> None:
    base, new = of_counts(690, 10, 40, 260)
    others = [replace(new, header=replace(new.header, name=name)) for name in "abc"]
    first, _, third = compare_evaluations(base, others)
    assert (first.comparisons, first.new, third.new) == (3, "a", "c")
    wide = tango_interval(10, 40, 1000, 1 - 0.05 / 3)
    assert (first.low, first.high) == pytest.approx((100 * wide.low, 100 * wide.high))
    # Three equal p-values: each is multiplied by 3.
    assert first.p_adjusted == third.p_adjusted == pytest.approx(3 * first.p_value)


def test_images_that_flip_are_named() -> None:
    base, new = evaluation("a", "1100x"), evaluation("b", "10011")
    assert flips(base, new) == ((image_id(1),), (image_id(3), image_id(4)))


def refusal(base: Evaluation, *others: Evaluation) -> str:
    with pytest.raises(BadValueError) as caught:
        compare_evaluations(base, others)
    return str(caught.value)


def test_missing_images_are_refused_with_what_to_do() -> None:
    said = refusal(evaluation("a", "1101"), evaluation("b", "11.."))
    assert said.startswith("b.jsonl: 2 of 4 images have no answer yet: ")
    assert "`opbench evaluate --resume b.jsonl`" in said
    assert "the other shards" in said


def test_images_that_were_answered_twice_are_refused() -> None:
    once = evaluation("b", "1101")
    said = refusal(evaluation("a", "1101"), replace(once, batches=once.batches * 2))
    assert said.startswith(f"4 images have two answers or more, such as {image_id(0)}: remove one")


def test_another_number_of_images_is_named() -> None:
    said = refusal(evaluation("a", "11010"), evaluation("b", "1101"))
    assert said.startswith("the evaluations are of different images: ")
    assert f"a.jsonl alone has {image_id(4)}; b.jsonl has none of its own" in said
    assert "--data, --limit and --labels" in said
    many = refusal(evaluation("a", "1101"), evaluation("b", "1" * 14))
    assert f"{image_id(4)}, {image_id(5)}, {image_id(6)} and 7 more" in many


def test_other_labels_are_named() -> None:
    # Image 5 is of class 5 % 10 in the one and of class 5 % 4 in the other.
    said = refusal(evaluation("a", "110110"), evaluation("b", "110110", outputs=4))
    assert said.startswith(
        f"2 images have other labels in b.jsonl than in a.jsonl, such as {image_id(4)}, "
        "0 instead of 4: "
    )


def test_other_sets_of_the_same_answered_images_are_refused() -> None:
    base = evaluation("a", "110")
    other = replace(base, header=replace(base.header, manifest_sha256="0" * 64))
    assert "different sets of images" in refusal(base, other)


def test_an_image_that_only_one_could_not_read_is_refused_with_the_reason() -> None:
    said = refusal(evaluation("a", "1101"), evaluation("b", "110-"))
    assert f"a.jsonl alone has {image_id(3)} (of the other: it cannot be read)" in said
    assert said.endswith("repair these images and evaluate anew")


def test_images_that_neither_could_read_are_left_out_and_said() -> None:
    (found,) = compare_evaluations(evaluation("a", "11-1"), [evaluation("b", "10-1")])
    assert found.images == 3
    assert found.note.startswith("1 entry of the data without an answer")


def test_nothing_to_compare_is_refused() -> None:
    assert "no image has an answer" in refusal(evaluation("a", "--"), evaluation("b", "--"))


def test_a_random_subset_says_where_to_find_more_images() -> None:
    (found,) = compare_evaluations(
        evaluation("a", "1101", limit=4), [evaluation("b", "1001", limit=4)]
    )
    assert found.note == "evaluate without --limit 4 to know more"


def test_networks_are_named_with_the_settings_that_differ() -> None:
    square = replace(PROTOCOL, resize=Shape((256, 256)), antialias=False)
    made = [
        evaluation("a", "11"),
        evaluation("a", "11", dtype="float16"),
        evaluation("b", "11", dtype="float16"),
    ]
    assert labels(made) == ["a float32", "a float16", "b"]
    assert labels([made[0], evaluation("a", "11", preprocessing=square)]) == [
        "a resize 256 antialias on",
        "a resize 256x256 antialias off",
    ]
    assert labels([made[0], evaluation("a", "11", weights_sha256="1" * 64)])[1] == (
        "a weights 11111111"
    )
    assert labels([made[0], made[0]]) == ["a (a)", "a (a)"]


def test_other_protocols_of_other_networks_are_remarked() -> None:
    other = replace(PROTOCOL, resize=Shape((232,)))
    base = evaluation("a", "1" * 2000)
    (found,) = compare_evaluations(base, [evaluation("b", "1" * 2000, preprocessing=other)])
    assert (found.verdict, found.note) == ("SAME", "by different protocols")
