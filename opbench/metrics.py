"""Every metric, once: its unit, and which direction is better.

A table, a figure or a comparison that needs a label, a unit or a direction takes it from here.
Values are in SI units and whole counts; ``scale`` is applied on paper only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A column that can be compared.  ``value * scale`` is in ``unit``."""

    key: str
    label: str
    unit: str
    better: Literal["lower", "higher"]
    scale: float = 1.0

    @property
    def axis(self) -> str:
        """Label and unit, as an axis prints them."""
        return f"{self.label} [{self.unit}]"


_METRICS = (
    Metric(key="params", label="parameters", unit="M", better="lower", scale=1e-6),
    Metric(key="macs", label="multiply-accumulates", unit="GMAC", better="lower", scale=1e-9),
    Metric(key="flops", label="operations", unit="G-ops", better="lower", scale=1e-9),
    Metric(key="activations", label="activations", unit="M", better="lower", scale=1e-6),
    Metric(
        key="peak_activation_bytes",
        label="peak activation memory",
        unit="MiB",
        better="lower",
        scale=2**-20,
    ),
    Metric(key="weight_bytes", label="weights", unit="MiB", better="lower", scale=2**-20),
    Metric(key="latency_s", label="latency", unit="ms", better="lower", scale=1e3),
    Metric(
        key="latency_per_image_s", label="latency per image", unit="ms", better="lower", scale=1e3
    ),
    Metric(key="throughput_images_per_s", label="throughput", unit="images/s", better="higher"),
    Metric(key="peak_memory_bytes", label="peak memory", unit="MiB", better="lower", scale=2**-20),
    Metric(key="energy_j", label="energy per image", unit="J", better="lower"),
    Metric(key="power_w", label="power", unit="W", better="lower"),
    Metric(key="top1", label="top-1 accuracy", unit="%", better="higher"),
    Metric(key="top5", label="top-5 accuracy", unit="%", better="higher"),
    Metric(key="density", label="top-1 per parameter", unit="%/M", better="higher"),
)

METRICS: dict[str, Metric] = {metric.key: metric for metric in _METRICS}

# What a count says of a whole network.  The exact ones are integers that follow from the network
# alone; the peak also depends on how the installed PyTorch takes its operators apart.
EXACT = ("params", "macs", "activations", "weight_bytes")
COUNTED = (*EXACT, "peak_activation_bytes")
