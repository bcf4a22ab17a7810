"""Hues that stay apart, also for those who see fewer of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from opbench.figures.parts.style import hues
from opbench.metrics import FAMILIES

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A Physiologically-based Model for Simulation
# of Color Vision Deficiency", IEEE TVCG 15 (2009) 1291: matrices for severity 1.0, linear RGB.
_DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}

# The families that share the ImageNet chart.
_TOGETHER = ("alexnet", "overfeat", "vgg", "nin", "inception", "resnet", "squeezenet", "xception")


def _lab(colour: str, deficiency: np.ndarray) -> np.ndarray:
    srgb = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(deficiency @ linear, 0, 1)
    xyz = (
        np.array(
            [
                [0.4124564, 0.3575761, 0.1804375],
                [0.2126729, 0.7151522, 0.0721750],
                [0.0193339, 0.1191920, 0.9503041],
            ]
        )
        @ seen
        / np.array([0.95047, 1.0, 1.08883])
    )
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("deficiency", _DEFICIENCIES)
def test_families_that_share_a_chart_stay_apart(deficiency: str) -> None:
    seen = {name: _lab(FAMILIES[name].hue, _DEFICIENCIES[deficiency]) for name in _TOGETHER}
    for one, other in combinations(seen, 2):
        apart = np.linalg.norm(seen[one] - seen[other])
        assert apart > 10, (one, other, apart)  # 2.3 is just noticeable


def test_a_family_keeps_its_hue_whatever_else_is_drawn() -> None:
    assert hues(["vgg", "mine"])["vgg"] == hues(["vgg"])["vgg"]
    assert hues(["mine", "yours"])["mine"] != hues(["mine", "yours"])["yours"]
