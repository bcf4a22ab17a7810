"""The data that weights were trained on, from the name that their library gives them.

Every image that was looked at counts, labelled or not, at any stage of the training; the largest
data set names the group:

    web          images from the web or a company's collection, beyond ImageNet
    imagenet21k  ImageNet with about 21,000 classes, or a part chosen from it (SSLD)
    imagenet12k  the 11,821 classes of it that timm uses
    distilled    ImageNet-1k alone, with the outputs of a teacher that may have seen more
    imagenet1k   ImageNet-1k alone
    other        data sets of other tasks: videos, segmentation, optical flow

The data of a teacher counts in no other group, nor does that of an image tokenizer (BEiT, EVA-02).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Group = Literal["imagenet1k", "imagenet12k", "imagenet21k", "web", "distilled", "other"]
GROUPS: tuple[str, ...] = get_args(Group)
GROUP_LABELS: dict[Group, str] = {
    "imagenet1k": "ImageNet-1k alone",
    "distilled": "ImageNet-1k, with a teacher",
    "imagenet12k": "ImageNet-12k",
    "imagenet21k": "ImageNet-21k",
    "web": "web images",
    "other": "other data",
}

_TAGS_OF_WEB = (
    "jft", "ig1b", "swag", "seer", "yfcc", "cc12m", "laion", "openai", "clip", "datacomp", "dfn",
    "webli", "merged2b", "m30m", "m38m", "lvd", "sat493m", "sa1b", "bamboo", "pali", "apple_pt",
    "c_radio", "robbyant", "florence", "ogvl", "gemma", "qwen", "deepseek",
)  # fmt: skip
# Of each group, what the name holds; the first that is found is the group's.
_RULES: tuple[tuple[Group, re.Pattern[str]], ...] = (
    ("web", re.compile(rf"\..*(?:{'|'.join(_TAGS_OF_WEB)})")),
    ("web", re.compile(r"^beit3_|sapiens|_pe_(?:core|lang|spatial)_|^sam2_")),
    ("imagenet21k", re.compile(r"\..*(?:inw?2[12]k|imagenet2[12]k|ssld)")),
    ("imagenet12k", re.compile(r"\..*in12k")),
    ("distilled", re.compile(r"(?:^|[._])(?:dist|distilled|usi)(?=[._])")),
    ("imagenet1k", re.compile(r"\.(?:.*(?:in1k|imagenet1k)|fcmae|mae|(?:fb_)?dino$)")),
)


def group_of(weights: str) -> Group:
    """Return the group of NETWORK.WEIGHTS, a name of torchvision or timm."""
    name = weights.lower()
    return next((group for group, pattern in _RULES if pattern.search(name)), "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Groups that a chart shows as one: its label, its colour, and the definition in words."""

    label: str
    groups: tuple[Group, ...]
    hue: str
    means: str


TRAININGS: tuple[Training, ...] = (
    Training(
        label=GROUP_LABELS["imagenet1k"],
        groups=("imagenet1k",),
        hue="#64748b",
        means="no other images",
    ),
    Training(
        label=GROUP_LABELS["distilled"],
        groups=("distilled",),
        hue="#0a8f9c",
        means="also the outputs of a network that may have seen more",
    ),
    Training(
        label="ImageNet-12k or 21k",
        groups=("imagenet12k", "imagenet21k"),
        hue="#8b3fd9",
        means="also the other classes of ImageNet, or a part of them",
    ),
    Training(
        label=GROUP_LABELS["web"],
        groups=("web",),
        hue="#d11149",
        means="also images from the web or a company's collection, such as JFT or LAION",
    ),
)
