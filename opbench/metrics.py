"""Every metric, the counting convention and every family of networks, once.

A metric is one row of ``METRICS`` and the code that computes its value: an attribute of
``table.networks.Network`` for a network, a field of ``record.Measurement`` for a timed cell.
``list``, ``run``, figures and the page take all else from here.  Values are in SI units and whole
counts; ``scale`` is applied on paper only.

Files carry and compare ``CONVENTION_ID``; people read ``CONVENTION``, or
``PER_MAC`` where there is no room, and either may be reworded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A column that can be compared.  ``value * scale`` is in ``unit``.

    of        where its values are: in the attributes of a network, or in a timed cell
    role      a cost, or a gain, which rests on an accuracy: the axes of the page
    budget    the page has a limit for it
    interval  the table has the ends of its 95 % interval, ``KEY_low`` and ``KEY_high``
    remedy    what gives the values that are missing
    """

    key: str
    label: str
    unit: str
    better: Literal["lower", "higher"]
    of: Literal["network", "cell"]
    scale: float = 1.0
    role: Literal["cost", "gain"] = "cost"
    budget: bool = False
    interval: bool = False
    remedy: str = ""

    @property
    def axis(self) -> str:
        """Label and unit, as an axis prints them."""
        return f"{self.label} [{self.unit}]"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it has."""
        ends = (f"{self.key}_low", f"{self.key}_high") if self.interval else ()
        return (self.key, *ends)


_RUN = "`opbench run --device cpu` measures it"
_OWN = "`--accuracies FILE` gives it"

_METRICS = (
    Metric(
        key="macs", label="multiply-accumulates", unit="GMAC", better="lower", of="network",
        scale=1e-9, budget=True,
    ),
    Metric(
        key="flops", label="operations", unit="G-ops", better="lower", of="network", scale=1e-9,
    ),
    Metric(
        key="params", label="parameters", unit="M", better="lower", of="network", scale=1e-6,
        budget=True,
    ),
    Metric(
        key="activations", label="activations", unit="M", better="lower", of="network", scale=1e-6,
    ),
    Metric(
        key="peak_activation_bytes", label="peak activation memory", unit="MiB", better="lower",
        of="network", scale=2**-20,
    ),
    Metric(
        key="weight_bytes", label="weights", unit="MiB", better="lower", of="network",
        scale=2**-20,
    ),
    Metric(
        key="latency_s", label="latency", unit="ms", better="lower", of="cell", scale=1e3,
        budget=True, interval=True, remedy=_RUN,
    ),
    Metric(
        key="latency_per_image_s", label="latency per image", unit="ms", better="lower", of="cell",
        scale=1e3, interval=True, remedy=_RUN,
    ),
    Metric(
        key="device_s", label="GPU time", unit="ms", better="lower", of="cell", scale=1e3,
        interval=True, remedy="`opbench run --device cuda` measures it",
    ),
    Metric(
        key="throughput_images_per_s", label="throughput", unit="images/s", better="higher",
        of="cell", interval=True, remedy="`opbench run --device cpu --batch-size 16` measures it",
    ),
    Metric(
        key="peak_memory_bytes", label="peak memory", unit="MiB", better="lower", of="cell",
        scale=2**-20, budget=True, remedy="`opbench run` measures it on Linux and on CUDA devices",
    ),
    Metric(
        key="energy_j", label="energy per image", unit="J", better="lower", of="cell", budget=True,
        remedy="`opbench run --device cuda` measures it where an energy counter can be read",
    ),
    Metric(
        key="power_w", label="power", unit="W", better="lower", of="cell",
        remedy="`opbench run --device cuda` measures it where a power meter can be read",
    ),
    Metric(
        key="top1", label="top-1 accuracy", unit="%", better="higher", of="network", role="gain",
        interval=True, remedy=_OWN,
    ),
    Metric(
        key="top5", label="top-5 accuracy", unit="%", better="higher", of="network", role="gain",
        remedy=_OWN,
    ),
    Metric(
        key="density", label="top-1 per parameter", unit="%/M", better="higher", of="network",
        role="gain", remedy=_OWN,
    ),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.key: metric for metric in _METRICS}

# Other words for a metric, on a command line.
METRIC_ALIASES: dict[str, str] = {
    **dict.fromkeys(("mac", "gmacs", "mult-adds", "multiply-accumulates"), "macs"),
    **dict.fromkeys(("ops", "gflops", "gops", "operations"), "flops"),
    **dict.fromkeys(("parameters", "weights"), "params"),
    **dict.fromkeys(("time", "latency", "speed"), "latency_s"),
    **dict.fromkeys(("gpu time", "device time"), "device_s"),
    **dict.fromkeys(("throughput", "images per s", "fps"), "throughput_images_per_s"),
    **dict.fromkeys(("memory", "peak memory"), "peak_memory_bytes"),
    **dict.fromkeys(("energy", "energy per image"), "energy_j"),
    **dict.fromkeys(("power", "watts"), "power_w"),
    **dict.fromkeys(("accuracy", "acc", "acc1"), "top1"),
    **dict.fromkeys(("acc5",), "top5"),
}


@cache
def columns(of: Literal["network", "cell"]) -> tuple[str, ...]:
    """Return the columns of the metrics of networks or of cells."""
    return tuple(column for metric in _METRICS if metric.of == of for column in metric.columns)


CONVENTION_ID = "macs-1"
PER_MAC = "1 MAC = 2 operations"
CONVENTION = (
    f"{PER_MAC}: one multiply-add of a convolution, linear layer or matrix product; everything "
    "else (bias, normalisation, activation functions, pooling) counts 0."
)


class Family(NamedTuple):
    """A family of networks: its label and its hue."""

    label: str
    hue: str


# The hues start from the palette of M. Okabe and K. Ito ("Color Universal Design", 2008).
FAMILIES: dict[str, Family] = {
    "alexnet": Family("AlexNet", "#d55e00"),
    "overfeat": Family("OverFeat", "#6b6b6b"),
    "vgg": Family("VGG", "#0072b2"),
    "nin": Family("NiN", "#56b4e9"),
    "inception": Family("Inception", "#009e73"),
    "resnet": Family("ResNet", "#e69f00"),
    "squeezenet": Family("SqueezeNet", "#cc79a7"),
    "xception": Family("Xception", "#4b34c9"),
    "enet": Family("ENet", "#a3294d"),
    "fractalnet": Family("FractalNet", "#5b7f13"),
    "lenet": Family("LeNet", "#7d4f2a"),
    "ciresan": Family("Ciresan", "#35618f"),
    "caffenet": Family("CaffeNet128", "#b8860b"),
    "modules": Family("modules", "#6b7280"),
    "timm": Family("timm", "#117733"),
    "torchvision": Family("torchvision", "#882255"),
    "your own": Family("your own", "#d81b60"),
}


def family_key(label: str) -> str:
    """Return the key of the family written ``label``; one that is not listed is its own key."""
    return next((key for key, family in FAMILIES.items() if family.label == label), label)


def family_label(family: str) -> str:
    """Return how ``family`` is written; a family that is not listed is its own label."""
    return FAMILIES[family].label if family in FAMILIES else family
