"""Confidence intervals of an accuracy, from the number of test images.

A top-1 accuracy is a share of n test images; another n images of the same kind would have given
another share.  Wilson's interval says how far: unlike the usual normal interval it stays inside
0 to 100 % and keeps its coverage near the ends, where the MNIST networks are.  It is about the
choice of images only: another evaluator's resizing moves the same weights by up to 2.5 points.

Reference:
    E. B. Wilson.  "Probable Inference, the Law of Succession, and Statistical Inference."
    J. Am. Stat. Assoc. 22 (1927), 209-212.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from opbench.spec import DATASETS

# Images of the sets that accuracies are published on.
TEST_IMAGES = {key: each.test_images for key, each in DATASETS.items() if each.test_images}


def wilson_interval(
    percentage: float, images: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Return Wilson's interval, in percent, of ``percentage`` of ``images`` classified correctly.

    Raises ``ValueError`` unless 0 <= percentage <= 100, images >= 1 and 0 < confidence < 1.
    """
    if not 0 <= percentage <= 100 or images < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"no interval for {percentage} % of {images} images at confidence {confidence}"
        )
    share = percentage / 100
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = z * z / images
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / images + spread / (4 * images))
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)


def top1_interval(
    percentage: float, dataset: str, images: int | None = None
) -> tuple[float, float] | None:
    """Return Wilson's 95 % interval in percent, None for a data set that has no top-1.

    ``images`` is the number of test images, by default that of the data set.
    """
    images = images or TEST_IMAGES.get(dataset)
    return None if images is None else wilson_interval(percentage, images)
