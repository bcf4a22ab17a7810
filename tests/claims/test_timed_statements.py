"""Timed statements on cells that follow, or break, a law."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from opbench.claims import STATEMENTS, Evidence, Finding, try_on
from opbench.spec import Shape
from opbench.table.cells import Conditions, TimedCell
from tests.claims.claims_evidence import GPU, cell, evidence

Tried = Callable[[str, Evidence], Finding]

NAMES = ("alexnet", "b", "c", "d", "e", "f")
FACTS = {
    name: {"macs": 10**9 * (i + 1), "activations": 10**6 * (7 - i), "params": 10**7 * (i + 1)}
    for i, name in enumerate(NAMES)
}
# Rising with the operations, as a line in 1 / (i + 1).
TOP1 = {name: 85 - 30 / (i + 1) for i, name in enumerate(NAMES)}


def given(*cells: TimedCell) -> Evidence:
    return evidence(FACTS, TOP1, cells)


def test_time_in_proportion_to_operations_holds(tried: Tried) -> None:
    cells = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    finding = tried("operations-predict-time", given(*cells))
    assert finding.verdict == "holds"
    # A millisecond for each thousand million MACs.
    assert "rank correlation 1.00, R² 1.00, 1 ms per GMAC, residuals of 0.00 ms" in finding.found
    assert finding.on == "cuda (a card)"


def test_one_slow_network_breaks_the_line_and_is_named(tried: Tried) -> None:
    cells = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    cells[0] = cell("alexnet", 1, 30e-3)
    finding = tried("operations-predict-time", given(*cells))
    assert finding.verdict == "does not hold"
    assert "farthest off alexnet" in finding.found


def test_time_is_per_image_and_every_batch_size_must_hold(tried: Tried) -> None:
    cells = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    cells += [cell(name, 16, 16e-3 * (7 - i)) for i, name in enumerate(NAMES)]
    finding = tried("operations-predict-time", given(*cells))
    assert finding.verdict == "does not hold"
    assert "batch 16, 6 networks: rank correlation -1.00" in finding.found


def test_activations_win_where_time_follows_them(tried: Tried) -> None:
    seconds = (3.0, 1.0, 2.5, 0.5, 2.0, 1.5)
    facts = {
        name: counts | {"activations": int(1e6 * at)}
        for (name, counts), at in zip(FACTS.items(), seconds, strict=True)
    }
    cells = tuple(cell(name, 1, at) for name, at in zip(NAMES, seconds, strict=True))
    assert tried("activations-predict-better", evidence(facts, TOP1, cells)).verdict == "holds"
    by_macs = tuple(cell(name, 1, facts[name]["macs"] * 1e-12) for name in NAMES)
    assert tried("activations-predict-better", evidence(facts, TOP1, by_macs)).verdict == (
        "does not hold"
    )


def test_a_hyperbola_is_told_from_a_line(tried: Tried) -> None:
    hyperbola = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    assert tried("accuracy-time-hyperbolic", given(*hyperbola)).verdict == "holds"
    line = [cell(name, 1, 1e-3 * (TOP1[name] - 50)) for name in NAMES]
    assert tried("accuracy-time-hyperbolic", given(*line)).verdict == "does not hold"


def test_a_frontier_of_one_network_says_nothing(tried: Tried) -> None:
    best_is_fastest = [cell(name, 1, 1e-3 * (9 - i)) for i, name in enumerate(NAMES)]
    finding = tried("accuracy-time-hyperbolic", given(*best_is_fastest))
    assert finding.verdict == "cannot tell"
    assert "4 networks on the frontier" in finding.missing


def powered(watts: Callable[[int, int], float], idle_power_w: float | None) -> Evidence:
    """Cells whose launches take the smallest networks longer than their kernels do: energy is of
    calls that wait for them, time is not."""
    return given(
        *(
            cell(
                name,
                batch,
                batch * (i + 1.0),
                energy_j=(batch * (i + 1.0) + 5.0) * watts(i, batch),
                power_w=watts(i, batch),
                idle_power_w=idle_power_w,
            )
            for batch in (1, 16)
            for i, name in enumerate(NAMES)
        )
    )


def test_power_is_that_of_the_record_less_that_of_the_idle_device(tried: Tried) -> None:
    finding = tried("power-constant", powered(lambda i, batch: 10.0, 1.3))
    assert finding.verdict == "holds"
    assert finding.found.startswith("8.7 W on average over 12 cells, from 8.7 to 8.7, 1.3 W of the")
    assert finding.found.endswith("standard deviation 0.0 W")
    rising = powered(lambda i, batch: 10.0 * (i + 1), 1.3)
    assert tried("power-constant", rising).verdict == "does not hold"


def test_much_idle_power_does_not_make_power_constant(tried: Tried) -> None:
    # 100, 102, … 110 W: 3 % of the mean; without the 95 W of the idle device 34 %.
    def watts(i: int, batch: int) -> float:
        return 100.0 + 2 * i

    assert tried("power-constant", powered(watts, 95.0)).verdict == "does not hold"
    unknown = tried("power-constant", powered(watts, None))
    assert unknown.verdict == "holds"
    assert "idle power, which was not measured, included" in unknown.found


def test_power_of_one_network_or_one_batch_size_tells_nothing(tried: Tried) -> None:
    one_size = [cell(name, 2, 1.0, energy_j=10.0, power_w=9.0) for name in NAMES]
    one_network = [cell("alexnet", 2**i, 1.0, energy_j=10.0, power_w=9.0) for i in range(6)]
    no_power = [cell(name, batch, 1.0, energy_j=10.0) for name in NAMES for batch in (1, 2)]
    for cells in (one_size, one_network, no_power):
        finding = tried("power-constant", given(*cells))
        assert finding.verdict == "cannot tell"
        assert "energy of 5 networks at 2 batch sizes" in finding.missing


def test_energy_bounds_accuracy_unless_the_best_is_the_cheapest(tried: Tried) -> None:
    dear = [cell(name, 1, 1.0, energy_j=1.0 + i) for i, name in enumerate(NAMES)]
    assert tried("energy-bounds-accuracy", given(*dear)).verdict == "holds"
    free = [cell(name, 1, 1.0, energy_j=9.0 - i) for i, name in enumerate(NAMES)]
    assert tried("energy-bounds-accuracy", given(*free)).verdict == "does not hold"


@pytest.mark.parametrize(
    ("used", "shape"),
    [
        (lambda batch: max(500, 100 * batch), "flat, then linear"),
        (lambda batch: 200 + 100 * batch, "linear from the start"),
        (lambda batch: 1000 * batch**0.5, "neither"),
        (lambda batch: batch**3, "neither"),
    ],
)
def test_memory_is_flat_then_linear(tried: Tried, used: Callable[[int], float], shape: str) -> None:
    cells = [
        cell("alexnet", batch, 1.0, peak_memory_bytes=int(used(batch)))
        for batch in (1, 2, 4, 8, 16, 32, 64)
    ]
    finding = tried("memory-flat-then-linear", given(*cells))
    assert finding.verdict == ("holds" if shape == "flat, then linear" else "does not hold")
    assert finding.found == f"of 1 networks 1 {shape}"


def test_memory_of_parameters_is_a_slope_in_bytes(tried: Tried) -> None:
    def cells(slope: float) -> list[TimedCell]:
        return [
            cell(name, 1, 1.0, peak_memory_bytes=round(200e6 + slope * 4 * FACTS[name]["params"]))
            for name in NAMES
        ]

    finding = tried("memory-of-parameters", given(*cells(1.3)))
    assert finding.verdict == "holds"
    assert finding.found.startswith("1.30 MB per MB of parameters from 200 MB on")
    assert tried("memory-of-parameters", given(*cells(1.0))).verdict == "does not hold"


def test_a_batch_of_sixteen_helps_alexnet_most(tried: Tried) -> None:
    def cells(alexnet: float, others: float) -> list[TimedCell]:
        gains = dict.fromkeys(NAMES, others) | {"alexnet": alexnet}
        return [cell(name, 1, 1.0) for name in NAMES] + [
            cell(name, 16, 16 / gain) for name, gain in gains.items()
        ]

    assert tried("batch-helps-alexnet", given(*cells(3.0, 1.2))).verdict == "holds"
    finding = tried("batch-helps-alexnet", given(*cells(9.0, 7.0)))
    assert finding.verdict == "does not hold"
    assert "AlexNet 9.0 times less per image, the median of 5 others 7.0 times" in finding.found


def test_the_slope_of_time_over_operations_falls_in_larger_batches(tried: Tried) -> None:
    def cells(batch: int, ms_per_gmac: float) -> list[TimedCell]:
        # Half a millisecond for the pass of one image, whatever the network.
        return [
            cell(name, batch, 1e-3 * batch * (0.5 + ms_per_gmac * (i + 1)))
            for i, name in enumerate(NAMES)
        ]

    finding = tried("larger-batch-smaller-slope", given(*cells(1, 3.0), *cells(16, 2.0)))
    assert finding.verdict == "holds"
    assert finding.found == "3 ms per GMAC at batch 1, 2 ms per GMAC at batch 16, 6 networks"
    assert tried("larger-batch-smaller-slope", given(*cells(1, 2.0), *cells(16, 3.0))).verdict == (
        "does not hold"
    )
    # Of each image -1.4, 1.7, -1.2, 1.9, -1.0 and 2.1 ms saved: a rise of 0.36 ms per GMAC that
    # explains 15 % of the variance, in six networks.
    uneven = [
        cell(each.name, 16, each.latency_s + (24e-3, -24e-3)[i % 2])
        for i, each in enumerate(cells(16, 2.9))
    ]
    assert tried("larger-batch-smaller-slope", given(*cells(1, 3.0), *uneven)).verdict == (
        "does not hold"
    )
    assert tried("larger-batch-smaller-slope", given(*cells(1, 2.0))).verdict == "cannot tell"


def test_the_alexnets_gain_a_number_of_images_per_second(tried: Tried) -> None:
    facts = FACTS | {"bn_alexnet": FACTS["b"]}

    def cells(gain: float) -> tuple[TimedCell, ...]:
        one = [cell(name, 1, 1 / 40) for name in facts]
        return (*one, *(cell(name, 16, 16 / (40 + gain)) for name in facts))

    finding = tried("alexnets-gain", evidence(facts, TOP1, cells(80)))
    assert finding.verdict == "holds"
    assert "bn_alexnet from 40 to 120 images per second: +80" in finding.found
    assert tried("alexnets-gain", evidence(facts, TOP1, cells(800))).verdict == "does not hold"
    assert tried("alexnets-gain", given(*(cells(80)))).verdict == "cannot tell"


def test_few_networks_cannot_tell(tried: Tried) -> None:
    few = given(*(cell(name, 1, 1.0) for name in NAMES[:4]))
    finding = tried("operations-predict-time", few)
    assert finding.verdict == "cannot tell"
    assert "5 timed ImageNet networks" in finding.missing


def test_cells_at_another_input_size_are_left_out(tried: Tried) -> None:
    cells = [cell(name, 1, 1e-3 * (i + 1)) for i, name in enumerate(NAMES)]
    cells += [cell(name, 1, 9.0, input_size=Shape((3, 64, 64))) for name in NAMES]
    assert tried("operations-predict-time", given(*cells)).verdict == "holds"


def test_each_device_is_tried_by_itself() -> None:
    other = Conditions(machine="a processor", device="cpu", dtype="float32")
    cells = [cell(name, 1, i + 1.0) for i, name in enumerate(NAMES)]
    cells += [cell(name, 1, 9.0 - i, other) for i, name in enumerate(NAMES)]
    (statement,) = (s for s in STATEMENTS if s.key == "operations-predict-time")
    on_gpu, on_cpu = try_on(given(*cells), [statement])
    assert (on_gpu.on, on_gpu.verdict) == ("cuda (a card)", "holds")
    assert (on_cpu.on, on_cpu.verdict) == ("cpu (a processor)", "does not hold")


def test_one_trial_tells_in_which_runtimes_operations_predict_time(tried: Tried) -> None:
    def cells(runtime: str, seconds: Sequence[float]) -> list[TimedCell]:
        there = replace(GPU, runtime=runtime)
        return [cell(name, 1, at, there) for name, at in zip(NAMES, seconds, strict=False)]

    line = [1e-3 * (i + 1) for i in range(6)]
    key = "operations-predict-time-in-runtimes"
    uneven = [30e-3, *line[1:]]
    finding = tried(key, given(*cells("eager", uneven), *cells("openvino", line)))
    assert finding.verdict == "does not hold"
    assert finding.on == "cuda (a card), 2 runtimes"
    assert finding.found.startswith("true in openvino; batch 1, the same 6 networks: eager rank ")
    assert "openvino rank correlation 1.00, R² 1.00, 1 ms per GMAC" in finding.found
    both = tried(key, given(*cells("eager", line), *cells("openvino", line)))
    assert both.verdict == "holds"
    # The slow network is not timed in all: it does not count in any.
    fewer = [cell for cell in cells("openvino", line) if cell.name != "alexnet"]
    assert "5 networks: eager rank correlation 1.00" in (
        tried(key, given(*cells("eager", uneven), *fewer)).found
    )
    few = tried(key, given(*cells("eager", line), *cells("openvino", line[:4])))
    assert few.verdict == "cannot tell"
    assert "timed in 2 runtimes or more" in few.missing


def test_other_statements_are_tried_in_eager_execution_where_it_was_timed() -> None:
    (statement,) = (s for s in STATEMENTS if s.key == "operations-predict-time")
    there = [replace(GPU, runtime=runtime) for runtime in ("eager", "aot", "openvino")]
    cells = [cell(name, 1, i + 1.0, each) for i, name in enumerate(NAMES) for each in there]
    assert [each.on for each in try_on(given(*cells), [statement])] == ["cuda (a card)"]
    others = [each for each in cells if each.conditions.runtime != "eager"]
    assert [each.on for each in try_on(given(*others), [statement])] == [
        "cuda (a card), aot",
        "cuda (a card), openvino",
    ]


def test_what_is_said_of_accelerators_is_not_tried_on_a_processor() -> None:
    processor = Conditions(machine="cpu", device="cpu", dtype="float32")
    cells = [cell(name, 1, 1.0, processor, peak_memory_bytes=10**9) for name in NAMES]
    found = {finding.key: finding for finding in try_on(given(*cells))}
    for key in ("activations-predict-better", "memory-of-parameters", "memory-flat-then-linear"):
        assert found[key].verdict == "cannot tell"


def _of_quality(unstable: int) -> Evidence:
    """Twenty cells in proportion to their operations, so many of which are unstable."""
    sizes = (1, 2, 4, 8)
    cells = [
        (name, size, 1e-3 * size * (i + 1)) for size in sizes for i, name in enumerate(NAMES[:5])
    ]
    return given(
        *(
            cell(*each, quality="unstable" if at < unstable else "noisy")
            for at, each in enumerate(cells)
        )
    )


@pytest.mark.parametrize(
    ("unstable", "verdict", "missing"),
    [
        (0, "holds", ""),
        (2, "holds", ""),
        (3, "cannot tell", "3 of 20 unstable"),
        (20, "cannot tell", "20 of 20 unstable"),
    ],
)
def test_unstable_times_cannot_tell(
    tried: Tried, unstable: int, verdict: str, missing: str
) -> None:
    finding = tried("operations-predict-time", _of_quality(unstable))
    assert (finding.verdict, finding.missing) == (verdict, missing)
    assert "R² 1.00" in finding.found


def test_memory_is_the_same_however_unstable_the_times(tried: Tried) -> None:
    megabytes = [200 + 1.3 * 40 * (i + 1) for i in range(len(NAMES))]
    cells = [
        cell(name, 1, 1e-3, quality="unstable", peak_memory_bytes=int(1e6 * used))
        for name, used in zip(NAMES, megabytes, strict=True)
    ]
    assert tried("memory-of-parameters", given(*cells)).verdict == "holds"


@pytest.mark.parametrize(
    "key", [each.key for each in STATEMENTS if each.timed and each.key != "power-constant"]
)
@pytest.mark.parametrize("networks", [1, 2, 6])
def test_networks_of_equal_cost_cannot_tell(tried: Tried, key: str, networks: int) -> None:
    alike = {"macs": 10**9, "activations": 10**6, "params": 10**7}
    cells = tuple(
        cell(name, size, 1e-3 * size, energy_j=0.1, peak_memory_bytes=10**8)
        for name in NAMES[:networks]
        for size in (1, 16)
    )
    finding = tried(key, evidence(dict.fromkeys(NAMES, alike), TOP1, cells))
    if key not in ("batch-helps-alexnet", "alexnets-gain"):  # ratios of times alone
        assert finding.verdict == "cannot tell" or "frontier" in finding.found
