"""Quality and advice of rounds that we made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest

from opbench.intervals import Interval, median
from opbench.metrics import columns
from opbench.record import Measurement, Round
from opbench.timing.protocol import Protocol
from opbench.timing.quality import needs_another_round, summarise
from tests.builders import round_

PROTOCOL = Protocol(precision=0.01, max_seconds=10, rounds=3)


def a_round(samples: Sequence[float], **more: Any) -> Round:
    return round_(1, *samples, **{"warmup": 1, **more})


def steady(level: float, count: int = 20, **more: Any) -> Round:
    """Samples within 0.1 % of ``level``, in no order."""
    return a_round([level * (1 + 0.001 * ((7 * i) % 5 - 2) / 2) for i in range(count)], **more)


def summary(*rounds: Round, cores: int = 2) -> Measurement:
    return summarise(rounds, PROTOCOL, cores)


def test_rounds_that_agree_are_good_and_need_no_advice() -> None:
    measurement = summary(steady(0.01), steady(0.01), steady(0.01))
    assert (measurement.quality, measurement.advice) == ("good", "")
    assert measurement.stopped == "precision"
    assert measurement.samples_per_round == (20, 20, 20)
    assert measurement.median_s == pytest.approx(0.01)


def test_rounds_that_disagree_are_noisy_though_each_is_precise() -> None:
    measurement = summary(steady(0.0100), steady(0.0102), steady(0.0106))
    assert measurement.quality == "noisy"
    assert "rounds differ by 6%" in measurement.advice
    assert measurement.low_s < 0.0100
    assert measurement.high_s > 0.0106


def test_a_wide_interval_is_unstable() -> None:
    assert summary(steady(0.010), steady(0.012), steady(0.015)).quality == "unstable"


def test_the_wildest_rounds_have_an_interval_that_a_record_may_have() -> None:
    """exp(t s) of these is 10^24 and more: beyond the longest time that is read."""
    measured = summary(*(steady(level) for level in (1e-6, 1.0, 1e6)))
    assert (measured.low_s, measured.high_s) == (1e-12, 1e9)
    assert Measurement.from_json(measured.to_json()) == measured


def test_times_that_alternate_between_two_values_are_not_good() -> None:
    alternating = a_round([0.010, 0.0115] * 15)
    measurement = summary(alternating, alternating, alternating)
    assert measurement.quality == "noisy"
    assert (measurement.low_s, measurement.high_s) == (0.010, 0.0115)
    assert "its passes take one of two times" in measurement.advice


def test_so_are_those_of_rounds_that_begin_and_end_with_the_same_of_two_values() -> None:
    """Seven of thirteen are the lower: the median of every round is, and has a narrow interval."""
    odd = a_round([0.010, 0.0115] * 6 + [0.010])
    assert summary(*[odd] * 8).quality == "noisy"
    struck = a_round([0.010, 0.0101, 0.0102] * 4 + [0.0115])
    assert summary(*[struck] * 8).quality == "good"


def test_times_that_grow_as_they_go_are_unstable_however_narrow_the_interval() -> None:
    growing = a_round([0.010 * (1 + 0.0005 * i) for i in range(100)])
    measurement = summary(growing, growing, growing)
    assert measurement.quality == "unstable"
    assert "slower or faster over time" in measurement.advice


def test_what_slows_down_beside_work_that_is_only_noisy_is_unstable() -> None:
    """Each process begins anew, so that all have the same smallest sample."""
    slowing = a_round(
        [0.005 * (1 + 0.005 * i) for i in range(14)],
        reference_samples_s=tuple(0.001 * (1.1 if i % 3 else 1.0) for i in range(14)),
    )
    assert summary(*[slowing] * 8).quality == "unstable"


@pytest.mark.parametrize(
    ("seen", "advice"),
    [
        ({"others_cores": 1.9}, "other programs kept 1.9 of 2 cores busy: close them"),
        ({"stolen_cores": 0.5}, "other virtual machines took 0.5 of 2 cores"),
        ({"device_before": {"other_processes": 1}}, "another process was using the GPU"),
        ({"device_after": {"throttled_by": ["hardware slowdown"]}}, "hardware slowdown"),
    ],
)
def test_the_advice_names_the_cause_that_was_seen(seen: dict[str, Any], advice: str) -> None:
    measurement = summary(steady(0.01), steady(0.011, **seen), steady(0.012))
    assert advice in measurement.advice


@pytest.mark.parametrize(
    ("seen", "advice"),
    [
        ({"device_before": {"other_processes": 1}}, "another process was using the GPU"),
        ({"device_after": {"throttled_by": ["hardware slowdown"]}}, "the GPU was held back"),
    ],
)
def test_busy_cores_do_not_hide_what_the_gpu_suffers_from(
    seen: dict[str, Any], advice: str
) -> None:
    busy: dict[str, Any] = {"others_cores": 3.0, "stolen_cores": 1.0}
    rounds = (steady(0.01, **busy), steady(0.011, **busy, **seen), steady(0.012, **busy))
    assert summary(*rounds, cores=100).advice.startswith(advice)


def test_medians_over_rounds_leave_out_rounds_that_could_not_tell() -> None:
    rounds = [steady(0.01, energy_j=joules, peak_memory_bytes=4096) for joules in (1.0, 3.0, None)]
    measurement = summary(*rounds)
    assert measurement.energy_j == 2.0
    assert measurement.peak_memory_bytes == 4096
    assert measurement.power_w is None
    assert measurement.other_processes is None
    assert measurement.host_s is None


def test_the_first_three_rounds_are_always_needed() -> None:
    assert needs_another_round([steady(0.01)] * 2, PROTOCOL)
    assert not needs_another_round([steady(0.01)] * 3, PROTOCOL)


def test_more_rounds_follow_where_they_disagree_until_the_time_or_the_rounds_are_up() -> None:
    differing = [steady(0.01 + 0.001 * number) for number in range(6)]
    assert needs_another_round(differing[:3], PROTOCOL)
    assert not needs_another_round(differing, PROTOCOL)
    assert summary(*differing).stopped == "rounds"
    slow = [steady(0.2), steady(0.3), steady(0.4)]
    assert not needs_another_round(slow, PROTOCOL)
    assert summary(*slow).stopped == "time limit"


def test_a_first_call_that_compiles_takes_no_time_from_the_rounds() -> None:
    differing = [
        steady(0.01 + 0.001 * number, first_call_s=60.0, forward_s=60.0) for number in range(6)
    ]
    assert needs_another_round(differing[:3], PROTOCOL)
    assert summary(*differing).stopped == "rounds"


def test_a_round_that_used_its_time_up_has_used_it_all() -> None:
    differing = [steady(0.01 + 0.001 * number, stopped="time limit") for number in range(3)]
    assert not needs_another_round(differing, PROTOCOL)
    assert summary(*differing).stopped == "time limit"


def test_what_hides_launches_takes_time_from_the_rounds_of_a_gpu() -> None:
    # Samples of 0.2 s in all, and 4 s in which the GPU spun as well: 12 of 10 s are up.
    rounds = [steady(level, sampling_s=4.0) for level in (0.0100, 0.0101, 0.0103)]
    assert not needs_another_round(rounds, PROTOCOL)
    quick = [steady(level, sampling_s=0.3) for level in (0.0100, 0.0101, 0.0103)]
    assert needs_another_round(quick, PROTOCOL)


STARVED = [steady(0.003), steady(0.197), steady(0.003), steady(0.003)]


def test_a_round_whose_threads_waited_for_cores_is_noticed_from_its_samples_and_said() -> None:
    advice = summary(*STARVED, steady(0.050)).advice
    assert advice == (
        "its threads waited for processor cores in 2 of 5 rounds (a pass took 197 ms instead of "
        "3 ms): close other programs, or give it fewer --threads"
    )


def test_passes_of_seconds_are_told_in_seconds() -> None:
    assert "took 4 s instead of 999 ms" in summary(*[steady(1.0)] * 4, steady(4.0)).advice


def test_rounds_whose_threads_waited_are_followed_by_others_as_far_as_there_may_be() -> None:
    # Three rounds are wanted, and there may be six.
    assert needs_another_round(STARVED[:3], PROTOCOL)
    assert not needs_another_round(
        [*STARVED[:1] * 3, STARVED[1]], Protocol(rounds=3, precision=0.99)
    )
    assert not needs_another_round([*STARVED[1:2] * 5, STARVED[0]], PROTOCOL)


def test_what_waited_for_cores_most_of_the_time_is_unstable_and_its_latency_is_that_without() -> (
    None
):
    mostly = summary(*STARVED[1:2] * 4, steady(0.003))
    assert mostly.quality == "unstable"
    assert mostly.latency_s == pytest.approx(0.003, rel=0.01)


def test_passes_that_differ_by_less_or_on_a_gpu_waited_for_no_cores() -> None:
    slower = [steady(0.003), steady(0.006), steady(0.003)]
    assert "waited" not in summary(*slower).advice
    host: dict[str, Any] = {"host_samples_s": (0.004,)}
    gpu = [steady(0.003, **host), steady(0.2, **host), steady(0.003, **host)]
    assert "waited" not in summary(*gpu).advice


def test_whoever_else_used_the_gpu_is_in_the_record_of_a_good_cell() -> None:
    alone, shared = {"other_processes": 0}, {"other_processes": 2}
    rounds = [steady(0.01, device_before=before) for before in (alone, shared, alone)]
    measurement = summary(*rounds)
    assert (measurement.quality, measurement.other_processes) == ("good", 2)
    assert summary(*rounds[::2], rounds[0]).other_processes == 0


def test_every_metric_that_is_measured_is_read_in_a_round_and_has_its_median() -> None:
    """Those that are fields of both: times are computed of the samples."""
    fields_of_both = {each.name for each in fields(Measurement)} & {
        each.name for each in fields(Round)
    }
    read = fields_of_both & {*columns("cell")}
    assert {"peak_memory_bytes", "energy_j", "power_w"} <= read
    for name in read:
        rounds = [steady(0.01, **{name: value}) for value in (5, 9, 7)]
        assert getattr(summary(*rounds), name) == 7
    lacking = summary(steady(0.01), steady(0.01, energy_j=2.5), steady(0.01))
    assert (lacking.energy_j, lacking.power_w) == (2.5, None)


def test_p50_and_p90_say_what_was_typical_of_the_samples() -> None:
    slow = a_round([0.010, 0.012, 0.014, 0.016, 0.030])
    measurement = summary(slow, slow, slow)
    assert (measurement.p50_s, measurement.p90_s) == (0.014, 0.030)
    assert (measurement.device_s, measurement.queued_s) == (None, None)


def test_on_a_gpu_there_are_three_times_of_three_kinds_of_samples() -> None:
    """The tenth percentile of eleven calls is the second smallest of them."""
    host = tuple(0.0100 + 0.0001 * call for call in range(20, 31))
    taken = steady(0.010, host_samples_s=host, queued_s=0.011)
    measurement = summary(taken, taken, taken)
    assert measurement.latency_s == pytest.approx(0.0121)
    assert measurement.p50_s == pytest.approx(0.0125)
    assert measurement.device_s == measurement.median_s == pytest.approx(0.010)
    assert measurement.queued_s == 0.011


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (("", "", ""), ""),
        (("hidden", "hidden", "hidden"), "hidden"),
        (("hidden", "seen", "hidden"), "seen"),
        (("seen", "synchronises", "hidden"), "synchronises"),
    ],
)
def test_launches_are_those_of_the_round_that_saw_most_of_them(
    seen: Sequence[str], told: str
) -> None:
    assert summary(*(steady(0.01, launches=launches) for launches in seen)).launches == told


def test_how_far_energy_can_be_wrong_is_known_of_a_measurement_too() -> None:
    rounds = (steady(0.01, energy_resolution=0.004), steady(0.01), steady(0.01))
    assert summary(*rounds).energy_resolution == 0.004


def test_a_machine_that_slows_down_beside_a_network_is_not_held_against_it() -> None:
    slower = [1 + 0.01 * ((7 * i) % 50) for i in range(100)]
    moody = a_round(
        [0.010 * each for each in sorted(slower)],
        reference_samples_s=tuple(0.001 * each for each in sorted(slower)),
    )
    measurement = summary(moody, moody, moody)
    assert (measurement.quality, measurement.advice) == ("good", "")
    assert measurement.latency_s == pytest.approx(0.010)
    # It follows the work to the full, and half of that, in logarithms, is taken off.
    rounds = [0.010 * median(slower) ** 0.5] * 3
    assert measurement.latencies_s == pytest.approx(rounds, rel=1e-3)
    assert measurement.p50_s == pytest.approx(0.010 * median(slower))


def test_a_network_that_does_not_move_with_the_machine_is_taken_as_it_is() -> None:
    """One that sleeps, or waits for a file."""
    work = tuple(0.001 * (1 + 0.1 * (i % 5)) for i in range(20))
    asleep = steady(0.010, reference_samples_s=work)
    assert summary(asleep, asleep, asleep).latency_s == pytest.approx(0.010, rel=0.01)


def test_a_machine_that_was_never_left_alone_is_no_good_one() -> None:
    busy = steady(0.010, reference_samples_s=(0.001,) * 20, others_cores=1.0)
    assert summary(busy, busy, busy).quality == "noisy"
    quiet = steady(0.010, reference_samples_s=(0.001,) * 20, others_cores=0.0)
    assert summary(busy, quiet, quiet).quality == "good"


def test_more_rounds_of_one_sample_each_are_known_better() -> None:
    scattered = [steady(0.010 * (1 + 0.01 * (i % 3)), count=1) for i in range(12)]
    five, twelve = summary(*scattered[:5]), summary(*scattered)
    assert twelve.latency_high_s and five.latency_high_s
    assert twelve.latency_high_s / twelve.latency_s < five.latency_high_s / five.latency_s


def test_a_network_that_grows_threefold_drifts_and_waits_for_no_core() -> None:
    growing = a_round([0.010 * 1.02**i for i in range(100)])
    assert "slower or faster over time" in summary(growing, growing, growing).advice


def test_a_latency_far_below_every_sample_is_unstable() -> None:
    """A program that spins until a time is up suffers from others, and not as the work does."""
    rounds = [round_(n, 0.05, 0.08, reference_samples_s=(0.004, 0.006)) for n in (1, 2, 3)]
    floor = Interval(0.001, 0.001, 0.001)
    assert summarise(rounds, PROTOCOL, 2, floor).quality == "unstable"


def test_others_and_other_machines_together_are_the_cause() -> None:
    """Each takes less than counts, and both together more."""
    busy = steady(0.010, others_cores=0.15, stolen_cores=0.16)
    measured = summary(busy, busy, busy)
    assert measured.quality == "noisy"
    assert "other virtual machines took 0.2 of 2 cores" in measured.advice


def test_one_round_on_a_gpu_is_not_told_that_rounds_differ() -> None:
    host = tuple(0.001 * (1 + 0.2 * (i // 20)) for i in range(100))
    one = round_(1, *[0.0005] * 20, host_samples_s=host)
    assert "rounds differ" not in summary(one).advice
