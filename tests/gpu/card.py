"""The card, its driver and the versions of what runs on it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from opbench.timing.torch_facts import gpu_facts, torch_facts
from tests.gpu.bed import Bed
from tests.gpu.outcome import Finding

_SHOWN = (
    ("gpu", ""),
    ("gpu_driver", "driver"),
    ("gpu_power_limit_w", "power limit in watts"),
    ("torch", "torch"),
    ("cudnn", "cuDNN"),
)


def facts(bed: Bed) -> Iterator[Finding]:
    """Read the facts, as a run's header has them."""
    known = torch_facts() | ({} if bed.dry else gpu_facts(bed.device))
    versions = {name: _version(name) for name in ("triton", "numpy", "nvidia-ml-py")}
    yield Finding(
        what="the card",
        expected="",
        seen=", ".join(f"{word} {known[name]}".strip() for name, word in _SHOWN if name in known)
        + f", Python {platform.python_version()}"
        + "".join(f", {name} {number}" for name, number in versions.items() if number),
        holds=None,
        numbers=known | versions,
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
