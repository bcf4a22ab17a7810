"""Wilson's interval against its defining equation and against published values."""

from __future__ import annotations

import math

import pytest

from opbench.accuracy import top1_interval, wilson_interval

Z = 1.959963984540054  # 97.5 % point of the normal distribution, Abramowitz and Stegun 26.2


@pytest.mark.parametrize(("percentage", "images"), [(57.1, 50_000), (99.65, 10_000), (1.0, 100)])
def test_each_end_is_z_standard_errors_of_itself_away(percentage: float, images: int) -> None:
    share = percentage / 100
    for end in wilson_interval(percentage, images):
        end /= 100
        assert abs(share - end) == pytest.approx(Z * math.sqrt(end * (1 - end) / images))


def test_half_of_one_hundred_is_between_forty_and_sixty() -> None:
    # centre 1/2; half = z / (1 + z^2/100) * sqrt(1/400 + z^2/40000) = 0.096170
    low, high = wilson_interval(50, 100)
    assert (low, high) == pytest.approx((50 - 9.6170, 50 + 9.6170), abs=1e-3)


def test_ends_stay_inside_what_a_share_can_be() -> None:
    # With all right the lower end is n / (n + z^2).
    low, high = wilson_interval(100, 100)
    assert (low, high) == pytest.approx((100 * 100 / (100 + Z * Z), 100))
    low, high = wilson_interval(0, 100)
    assert (low, high) == pytest.approx((0, 100 * Z * Z / (100 + Z * Z)))


def test_more_images_and_less_confidence_make_it_narrower() -> None:
    def width(images: int, confidence: float) -> float:
        low, high = wilson_interval(70, images, confidence)
        return high - low

    assert width(50_000, 0.95) < width(10_000, 0.95)
    assert width(50_000, 0.68) < width(50_000, 0.95)


def test_imagenet_and_its_small_copy_have_fifty_thousand_images() -> None:
    assert top1_interval(57.1, "imagenet") == wilson_interval(57.1, 50_000)
    assert top1_interval(47.1, "imagenet128") == wilson_interval(47.1, 50_000)
    assert top1_interval(99.05, "mnist") == wilson_interval(99.05, 10_000)
    assert top1_interval(93.57, "cifar10") == wilson_interval(93.57, 10_000)
    assert top1_interval(58.3, "cityscapes") is None


@pytest.mark.parametrize("bad", [(-1, 100), (101, 100), (50, 0)])
def test_what_has_no_interval_is_refused(bad: tuple[float, int]) -> None:
    with pytest.raises(ValueError, match="no interval"):
        wilson_interval(*bad)
