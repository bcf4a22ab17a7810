"""Rate the latency of a cell, and advise where it is not good.

    good      its interval is within 5 % of it, or within the precision asked for: networks that
              differ by more than that can be ranked
    noisy     it is wider, which the interval says; or rounds were disturbed, or passes take one of
              two times
    unstable  it is wider than 10 %, or the samples drift, or others kept the processor from the
              network: then no number describes a steady state

The advice names the strongest cause that was seen, in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args

from opbench.intervals import (
    Interval,
    drift,
    mean_of_rounds,
    median,
    median_of_rounds,
    quantile,
    two_states,
)
from opbench.record import Launches, Measurement, Round, Stage
from opbench.timing.latency import Latency, comparable, latency
from opbench.timing.protocol import Protocol
from opbench.timing.starved import describe_starved, starved_rounds
from opbench.value import LONGEST_S, SHORTEST_S

Quality = Literal["good", "noisy", "unstable"]

_GOOD = 0.05
UNSTABLE = 0.10
_BUSY_CORES = 0.2
# So many samples of a round form two groups by chance only seldom.
_TOLD_APART = 8
# Fixed pieces of work that differ by no more took the same time.
_SAME_WORK = 0.02
_APART = 2
# What instruments read in a round where they can; a measurement has the medians.
_READINGS = ("peak_memory_bytes", "energy_j", "power_w", "energy_resolution", "idle_power_w")


def summarise(
    rounds: Sequence[Round], protocol: Protocol, cores: int, floor: Interval | None = None
) -> Measurement:
    """Summarise the rounds of one cell.

    ``cores`` are those it could have run on, ``floor`` the least time of the fixed work in the run.
    """
    samples = [each.samples_s for each in rounds]
    interval = median_of_rounds(samples)
    everything = tuple(sample for each in samples for sample in each)
    waited = latency(rounds, floor)
    quality = judge(rounds, waited.whole, protocol)
    host = [median(each.host_samples_s) for each in rounds if each.host_samples_s]
    return Measurement(
        samples_s=everything,
        samples_per_round=tuple(len(each) for each in samples),
        yardsticks_s=tuple(each.yardstick_s for each in rounds),
        median_s=interval.estimate,
        # Wild rounds have an interval that reaches beyond all times.
        low_s=max(interval.low, SHORTEST_S),
        high_s=min(interval.high, LONGEST_S),
        minimum_s=min(everything),
        p95_s=quantile(everything, 0.95),
        warmup=sum(each.warmup for each in rounds),
        calls_per_sample=max(each.calls_per_sample for each in rounds),
        stopped=why_stopped(rounds, waited.whole, protocol),
        quality=quality,
        advice="" if quality == "good" else advise(rounds, protocol, cores),
        host_s=median(host) if host else None,
        **_three_times(rounds, waited, interval),
        launches=max((each.launches for each in rounds), key=get_args(Launches).index),
        other_processes=_others(rounds),
        stages=tuple(_stages(rounds)),
        **_medians(rounds),
    )


def _three_times(rounds: Sequence[Round], waited: Latency, interval: Interval) -> dict[str, Any]:
    """Return latency, GPU time and time of queued calls, each with its interval where known.

    ``interval`` is that of the medians, the GPU's time where the host sees another one.
    """
    host = any(each.host_samples_s for each in rounds)
    everything = _typical(rounds)
    queued = [[each.queued_s] for each in rounds if each.queued_s]
    return {
        "p50_s": quantile(everything, 0.5),
        "p90_s": quantile(everything, 0.9),
        "latencies_s": waited.rounds,
        **_named("latency", waited.whole),
        **(_named("device", interval) if host else {}),
        **(_named("queued", median_of_rounds(queued)) if queued else {}),
    }


def _stages(rounds: Sequence[Round]) -> Iterator[Stage]:
    """Yield each stage with its interval, in which the differences between rounds are."""
    for name in rounds[0].stages_s:
        samples = [each.stages_s[name] for each in rounds if each.stages_s.get(name)]
        time = median_of_rounds(samples)
        yield Stage(
            stage=name,
            stage_s=time.estimate,
            low_s=max(time.low, 0.0),
            high_s=min(time.high, LONGEST_S),
        )


def _typical(rounds: Sequence[Round]) -> list[float]:
    """Return all samples of what a caller waits for."""
    host = [each.host_samples_s for each in rounds if each.host_samples_s]
    return [sample for samples in host or [each.samples_s for each in rounds] for sample in samples]


def _named(name: str, time: Interval) -> dict[str, float]:
    """Return a time and its ends as fields; wild rounds have an interval beyond all times."""
    low, high = max(time.low, SHORTEST_S), min(time.high, LONGEST_S)
    return {f"{name}_s": time.estimate, f"{name}_low_s": low, f"{name}_high_s": high}


def _medians(rounds: Sequence[Round]) -> dict[str, Any]:
    """Return the median over the rounds of each reading."""
    return {name: _median_of([getattr(each, name) for each in rounds]) for name in _READINGS}


def needs_another_round(rounds: Sequence[Round], protocol: Protocol) -> bool:
    """Return whether a cell lacks precision and has time left, or lacks its first rounds.

    Rounds in which its threads waited for processor cores are none of these.
    """
    if len(rounds) < protocol.rounds:
        return True
    if len(rounds) < protocol.max_rounds and len(rounds) - _starved(rounds) < protocol.rounds:
        return True
    if len(rounds) >= protocol.max_rounds or _spent(rounds, protocol) >= protocol.max_seconds:
        return False
    return not _precise(rounds, protocol)


def why_stopped(rounds: Sequence[Round], interval: Interval, protocol: Protocol) -> str:
    """Return why sampling ended: "precision", "time limit" or "rounds"."""
    if interval.relative <= protocol.precision:
        return "precision"
    within = len(rounds) >= protocol.max_rounds and _spent(rounds, protocol) < protocol.max_seconds
    return "rounds" if within else "time limit"


def judge(rounds: Sequence[Round], interval: Interval, protocol: Protocol) -> Quality:
    """Rate the rounds together."""
    waiting = _starved(rounds)
    if 2 * waiting > len(rounds) or interval.relative > UNSTABLE or _drifts(rounds, protocol):
        return "unstable"
    precise = interval.relative <= max(_GOOD, protocol.precision)
    doubtful = waiting or _always_busy(rounds) or _alternates(rounds)
    return "good" if precise and not doubtful else "noisy"


def _alternates(rounds: Sequence[Round]) -> bool:
    """Return whether the samples of most rounds form two groups: a median may be of either."""
    known = [_inner(each.samples_s) for each in rounds if len(each.samples_s) >= _TOLD_APART]
    return sum(two_states(each, _GOOD) for each in known) > len(rounds) / 2


def _inner(samples: Sequence[float]) -> Sequence[float]:
    """Return the samples without a fifth of them at each end, which may be struck."""
    ends = len(samples) // 5
    return sorted(samples)[ends : len(samples) - ends]


def _always_busy(rounds: Sequence[Round]) -> bool:
    """Return whether most rounds were disturbed: then no work beside them was left alone."""
    on_gpu = any(each.host_samples_s for each in rounds)
    return not on_gpu and sum(map(_is_busy, rounds)) > len(rounds) / 2


def _is_busy(each: Round) -> bool:
    return (each.others_cores or 0.0) + (each.stolen_cores or 0.0) > _BUSY_CORES


def advise(rounds: Sequence[Round], protocol: Protocol, cores: int) -> str:
    """Return one sentence: the strongest cause that was seen, and what to do."""
    return next(_causes(rounds, protocol, cores))


def _causes(rounds: Sequence[Round], protocol: Protocol, cores: int) -> Iterator[str]:
    others = max((each.others_cores or 0.0 for each in rounds), default=0.0)
    stolen = max((each.stolen_cores or 0.0 for each in rounds), default=0.0)
    throttled = sorted({reason for each in rounds for reason in _throttling(each)})
    # Before the processor's: some core of a server with a GPU is always busy, and it matters least.
    if _others(rounds):
        yield "another process was using the GPU: end it or take another GPU"
    if throttled:
        yield f"the GPU was held back ({', '.join(throttled)}): cool it or raise its power limit"
    if _drifts(rounds, protocol):
        yield "it gets slower or faster over time: look for state that grows, or for heat"
    if waited := describe_starved(rounds):
        yield waited
    if any(map(_is_busy, rounds)) and others >= stolen:
        yield f"other programs kept {others:.1f} of {cores} cores busy: close them"
    if any(map(_is_busy, rounds)):
        yield f"other virtual machines took {stolen:.1f} of {cores} cores: use a quieter machine"
    if _alternates(rounds):
        yield "its passes take one of two times: look for state that they change"
    samples = comparable(rounds)
    between, within = _spread([median(each) for each in samples]), _within(samples)
    if len(rounds) > 1 and between > _APART * within:
        yield (
            f"rounds differ by {between:.0%}{_and_the_machine(rounds)}: use a quieter machine, or "
            f"more than {protocol.rounds} --rounds"
        )
    yield f"its passes differ: give more than --max-seconds {protocol.max_seconds:g}"


def _and_the_machine(rounds: Sequence[Round]) -> str:
    """Add by how much the machine itself changed its speed, where that was seen."""
    known = [each.yardstick_s for each in rounds if each.yardstick_s]
    moved = _spread(known) if known else 0.0
    return f" (a fixed piece of work between them by {moved:.0%})" if moved > _SAME_WORK else ""


def _spread(values: Sequence[float]) -> float:
    return max(values) / min(values) - 1


def _within(rounds: Sequence[Sequence[float]]) -> float:
    """Return the relative uncertainty of a round's median by its own samples."""
    return median([mean_of_rounds([each]).relative for each in rounds])


def _drifts(rounds: Sequence[Round], protocol: Protocol) -> bool:
    """Return whether most rounds rise, or most fall, by more than the precision."""
    drifts = [_drift(each) for each in rounds]
    rising = sum(each > protocol.precision for each in drifts)
    falling = sum(each < -protocol.precision for each in drifts)
    return max(rising, falling) > len(rounds) / 2


def _drift(each: Round) -> float:
    """Return the part of a drift for which the fixed work beside the samples does not account."""
    alone = drift(each.samples_s)
    if len(each.reference_samples_s) != len(each.samples_s):
        return alone
    left = alone - drift(each.reference_samples_s)
    return left if left * alone > 0 else 0.0


def _precise(rounds: Sequence[Round], protocol: Protocol) -> bool:
    return latency(rounds).whole.relative <= protocol.precision


def _spent(rounds: Sequence[Round], protocol: Protocol) -> float:
    """Sum the seconds of warm-up and samples; a first call that compiles counts as any other."""
    return sum(_took(each, protocol.limits.seconds) for each in rounds)


def _starved(rounds: Sequence[Round]) -> int:
    return len(starved_rounds(rounds))


def _took(each: Round, limit_s: float) -> float:
    calls = each.warmup + each.calls_per_sample * len(each.samples_s)
    # On a GPU most of it may be spins, which are in no sample.
    seconds = each.sampling_s or calls * sum(each.samples_s) / len(each.samples_s)
    return max(seconds, limit_s) if each.stopped == "time limit" else seconds


def _others(rounds: Sequence[Round]) -> int | None:
    """Return the most processes that computed on the GPU beside this one; None if unknown."""
    seen = (each.device_before.get("other_processes") for each in rounds)
    return max((each for each in seen if each is not None), default=None)


def _throttling(each: Round) -> list[str]:
    return [*each.device_before.get("throttled_by", ()), *each.device_after.get("throttled_by", ())]


def _median_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    middle = median(known)
    return round(middle) if all(isinstance(each, int) for each in known) else middle
