"""The facts that the installed libraries hold about their weights, and the counts.

Both functions run in processes of their own; what they take and return is JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from opbench.errors import BadValueError
from opbench.names import matching
from opbench.registry import providers
from opbench.registry.targets import count_target, resolve
from opbench.spec import Shape
from opbench.zoo.groups import group_of
from opbench.zoo.libraries import require_library
from opbench.zoo.results import Result
from opbench.zoo.rows import FEATURES

Facts = dict[str, Any]

# A view of the image, as ``opbench.accuracy.published.PROTOCOLS`` has them.
_CROP, _WHOLE, _VIEWS = "single central crop", "full image", "multi-view"

_TORCHVISION_DATASETS = {"ImageNet-1K": "imagenet", "Kinetics-400": "kinetics400"}
# By the number of classes of a network of timm; others make features only.
_TIMM_DATASETS = {
    1000: "imagenet",
    11821: "imagenet12k",
    **dict.fromkeys((11221, 19168, 21841, 21842, 21843), "imagenet21k"),
}


def facts(question: Mapping[str, Any]) -> list[Facts]:
    """Return what a library knows of the weights that a pattern matches, a row for each size.

    ``results`` are the accuracies of timm.  Raises ``UnknownNameError`` with near matches.
    """
    library, _, pattern = question["pattern"].partition(":")
    require_library(question["pattern"])
    found = matching(pattern if "." in pattern else f"{pattern}.*", providers.weights(library))
    if not found:
        network = f"{library}:{providers.match(library, pattern)[0]}"  # which says what was meant
        raise BadValueError(
            f"{network} has no weights, and a row on file is of a set of weights: use "
            f"`opbench count {network}`"
        )
    if library == "torchvision":
        return [_of_torchvision(name) for name in found if countable(name)]
    results: dict[str, list[Result]] = {}
    for each in map(Result.from_json, question["results"]):
        results.setdefault(each.weights, []).append(each)
    return [row for name in found for row in _of_timm(name, results.get(name, []))]


def countable(name: str) -> bool:
    """Return whether what a network of torchvision computes depends on its size alone.

    How many boxes a detector looks at depends on the image.
    """
    return providers.task(name) != "detection"


def counted(question: Mapping[str, Any]) -> Facts:
    """Count one network on one image of a size."""
    (target,) = resolve([question["name"]])
    found = count_target(target, Shape.parse(question["input_size"]))
    return {**found.totals(), "uncounted": list(found.uncounted)}


def _of_torchvision(name: str) -> Facts:
    (weights,) = providers.torchvision_weights(name)
    transforms, task = weights.transforms(), providers.task(name)
    dataset, metrics = next(iter(weights.meta["_metrics"].items()))
    top1, top5 = (metrics.get(f"acc@{k}") for k in (1, 5))
    known = top1 is not None and isfinite(top1)
    sizes = getattr(transforms, "resize_size", None)
    return {
        "name": f"torchvision:{name}",
        "release": providers.release("torchvision"),
        "input_size": str(Shape(providers.input_size("torchvision", name))),
        "top1": top1 if known else None,
        "top5": top5 if known else None,
        "dataset": _TORCHVISION_DATASETS.get(dataset, dataset.partition("-")[0].lower()),
        "protocol": (_VIEWS if task == "video" else _CROP) if known else "",
        "resize": min(sizes) if sizes else None,
        "interpolation": transforms.interpolation.value if sizes else "",
        "trained_on": group_of(name),
        "stated_params": weights.meta["num_params"],
        "stated_macs": round(weights.meta["_ops"] * 1e9),
        "licence": weights.meta.get("license", ""),
        "url": weights.meta["recipe"],
    }


def _of_timm(name: str, results: Sequence[Result]) -> Iterator[Facts]:
    config = providers.timm_config(name)
    side = config.input_size[-1]
    found: Sequence[Result | None] = results or [None]
    for result in found:
        at = result.side if result else side
        tested = at != side and config.test_crop_pct
        cropped = config.test_crop_pct if tested else config.crop_pct
        whole = config.crop_mode == "squash" and cropped == 1
        own_address = config.hf_hub_id not in (None, f"timm/{name}")
        yield {
            "name": f"timm:{name}",
            "release": (result.release if result else "") or providers.release("timm"),
            "input_size": str(Shape((config.input_size[0], at, at))),
            "top1": result.top1 if result else None,
            "top5": result.top5 if result else None,
            "dataset": _TIMM_DATASETS.get(config.num_classes, FEATURES),
            "protocol": (_WHOLE if whole else _CROP) if result else "",
            "resize": int(at / cropped),
            "interpolation": config.interpolation,
            "trained_on": group_of(name),
            "stated_params": result.stated_params if result else None,
            "stated_macs": result.stated_macs if result else None,
            "licence": config.license or "",
            "url": f"https://huggingface.co/{config.hf_hub_id}" if own_address else "",
        }
