"""The labels of the roofline, beside PyTorch's profiler, on three networks of each kind."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from opbench.record import Record
from tests.gpu import command
from tests.gpu.bed import SMALLEST, Bed, Call
from tests.gpu.direct import host_s, kernels_of, settle
from tests.gpu.outcome import Finding

# Settings and networks that the paper and the arithmetic say are bound by one thing.
KINDS: tuple[tuple[str, int, str, tuple[str, ...]], ...] = (
    ("launch overhead", 1, "float32", ("lenet5", "squeezenet1_1", "googlenet")),
    ("compute", 32, "float32", ("vgg16", "resnet50", "inception_v4")),
    ("memory", 64, "bfloat16", ("squeezenet1_1", "bn_nin", "xception")),
)
# Kernels whose time is in products; what else there is moves bytes.
_PRODUCTS = re.compile(r"gemm|conv|cutlass|xmma|winograd|wgrad|fprop|implicit|cudnn.*nn_", re.I)
_NO_PRODUCTS = re.compile(r"nchwToNhwc|nhwcToNchw|depthwise|elementwise|pool|norm|softmax", re.I)
_BUSY = 0.9


def bound_by(bed: Bed) -> Iterator[Finding]:
    """Time each kind with the command line, and profile the same cells."""
    end = time.monotonic() + bed.seconds
    for kind, batch, dtype, names in KINDS[:1] if bed.dry else KINDS:
        labels = _labels(bed, batch, dtype, (SMALLEST,) if bed.dry else names, end)
        calls = {name: bed.forward(name, batch_size=batch, dtype=dtype) for name in labels}
        # Before the profiler, which costs every launch after it some time.
        waited = {name: _host_s(call) for name, call in calls.items()}
        for name, call in calls.items():
            what = f"{name} at batch {batch} in {dtype} is bound by {kind}"
            yield _beside_profiler(what, labels[name], waited[name], kernels_of(call))


def _labels(bed: Bed, batch: int, dtype: str, names: tuple[str, ...], end: float) -> dict[str, str]:
    quick = ("--max-seconds", "0.05") if bed.dry else ("--max-seconds", "0.6", "--precision", "2%")
    with tempfile.TemporaryDirectory() as results:
        said = command.opbench(
            "run", *names, "--device", bed.device, "--batch-size", str(1 if bed.dry else batch),
            "--dtype", dtype, "--rounds", "3", "--results", results, *quick, "--json",
            seconds=end - time.monotonic() - 2,
        )  # fmt: skip
        command.keep(bed.folder, Path(results))
        if said.code != 0:
            raise RuntimeError(said.last_words)
        (run,) = command.runs_in(Path(results))
    return {
        record.cell.name: record.attained.bound_by if record.attained else "unknown"
        for record in run.of(Record)
    }


def _host_s(call: Call) -> float:
    settle(call)
    return host_s(call)


def _beside_profiler(
    what: str, label: str, waited: float, kernels: list[tuple[str, float]]
) -> Finding:
    busy_s = sum(seconds for _, seconds in kernels)
    products_s = sum(seconds for kernel, seconds in kernels if _is_product(kernel))
    seen = _by_profile(busy_s / waited, products_s / busy_s if busy_s else 0.0)
    return Finding(
        what=what,
        expected="opbench and the profiler say so",
        seen=f"opbench says {label}; the profiler {seen}: kernels keep the GPU busy for "
        f"{busy_s / waited:.0%} of a call, {products_s / max(busy_s, 1e-12):.0%} of that in "
        "products",
        holds=label == seen and what.endswith(seen),
        numbers={"label": label, "profiler": seen, "busy_s": busy_s, "host_s": waited,
                 "products_s": products_s, "kernels": len(kernels)},
    )  # fmt: skip


def _is_product(kernel: str) -> bool:
    return bool(_PRODUCTS.search(kernel)) and not _NO_PRODUCTS.search(kernel)


def _by_profile(busy: float, products: float) -> str:
    if busy < _BUSY:
        return "launch overhead"
    return "compute" if products > 0.5 else "memory"
