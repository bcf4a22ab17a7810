"""Work in other threads, in generators and in futures is counted like any other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from opbench.counting import count, deferred
from opbench.errors import BadValueError

ROWS = 3
ONE = ROWS * 4 * 5
POOL = ThreadPoolExecutor(1)
POOL.submit(int).result()  # its thread is older than any count


class Two(nn.Module):
    """Two layers, run as ``run`` says."""

    def __init__(self, run: Callable[[Two, Tensor], Any]) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 5), nn.Linear(4, 5)
        self.run = run

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


def in_a_pool(network: Two, x: Tensor) -> Any:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda layer: layer(x), (network.a, network.b)))


def in_a_pool_of_processes_kind(network: Two, x: Tensor) -> Any:
    with ThreadPool(2) as pool:
        return pool.map(lambda layer: layer(x), (network.a, network.b))


def in_threads(network: Two, x: Tensor) -> Any:
    results: list[Tensor] = []
    threads = [
        threading.Thread(target=lambda layer=layer: results.append(layer(x)))
        for layer in (network.a, network.b)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return results


def in_a_thread_of_a_thread(network: Two, x: Tensor) -> Any:
    results: list[Any] = []
    outer = threading.Thread(target=lambda: results.extend(in_threads(network, x)))
    outer.start()
    outer.join()
    return results


def in_a_subclass(network: Two, x: Tensor) -> Any:
    class Runs(threading.Thread):
        def run(self) -> None:
            self.result = network.a(x) + network.b(x)

    thread = Runs()
    thread.start()
    thread.join()
    return thread.result


def without_modules(network: Two, x: Tensor) -> Any:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda layer: x @ layer.weight.t(), (network.a, network.b)))


def in_an_older_pool(network: Two, x: Tensor) -> Any:
    return list(POOL.map(lambda layer: layer(x), (network.a, network.b)))


def in_a_loop_of_events(network: Two, x: Tensor) -> Any:
    async def both() -> list[Any]:
        calls = [asyncio.to_thread(layer, x) for layer in (network.a, network.b)]
        return list(await asyncio.gather(*calls))

    return asyncio.run(both())


def forked(network: Two, x: Tensor) -> Any:
    futures = [torch.jit.fork(layer, x) for layer in (network.a, network.b)]
    return [torch.jit.wait(each) for each in futures]


def generated(network: Two, x: Tensor) -> Iterator[Any]:
    for layer in (network.a, network.b):
        yield layer(x)


def future(network: Two, x: Tensor) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: generated(network, x))


WAYS: dict[str, Callable[[Two, Tensor], Any]] = {
    "pool of threads": in_a_pool,
    "pool of multiprocessing": in_a_pool_of_processes_kind,
    "threads": in_threads,
    "threads of a thread": in_a_thread_of_a_thread,
    "subclass of a thread": in_a_subclass,
    "operators in threads": without_modules,
    "older pool": in_an_older_pool,
    "asyncio": in_a_loop_of_events,
    "jit.fork": forked,
    "jit.fork, not waited for": lambda network, x: [
        torch.jit.fork(each, x) for each in (network.a, network.b)
    ],
    "generator": generated,
    "map": lambda network, x: map(nn.Module.__call__, (network.a, network.b), (x, x)),
    "generators in an output": lambda network, x: {"all": [None, (generated(network, x),)]},
    "generator of generators": lambda network, x: (generated(each, x) for each in [network]),
    "future": future,
}


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_work_that_is_left_to_others_is_counted(way: str, device: str) -> None:
    counted = count(Two(WAYS[way]), (torch.ones(ROWS, 4),), device=device)
    assert (counted.macs, counted.device, counted.uncounted) == (2 * ONE, device, ())


def test_threads_count_for_the_module_that_runs_in_them() -> None:
    counted = count(Two(in_a_pool), (torch.ones(ROWS, 4),))
    assert {each.name: each.macs for each in counted.modules} == {"": 2 * ONE, "a": ONE, "b": ONE}


def test_an_error_that_only_the_meta_device_raises_in_a_thread_is_noticed() -> None:
    def looks(network: Two, x: Tensor) -> Any:
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(lambda: network.a(x).sum().item())
        return x if found.exception() else network.b(x)

    counted = count(Two(looks), (torch.ones(ROWS, 4),))
    assert (counted.macs, counted.device) == (2 * ONE, "cpu")


def test_an_output_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deferred, "MOST_ITEMS", 20)
    with pytest.raises(BadValueError, match="a generator of more than 20 items"):
        count(Two(lambda network, x: map(network.a, repeat(x))), (torch.ones(1, 4),))


def test_a_coroutine_is_refused() -> None:
    async def run(network: Two, x: Tensor) -> Tensor:
        out: Tensor = network.a(x)
        return out

    with pytest.raises(BadValueError, match="returns a coroutine, of which nothing has run"):
        count(Two(run), (torch.ones(1, 4),))


def test_threads_are_started_as_ever_afterwards() -> None:
    start = threading.Thread.start
    count(Two(in_a_pool), (torch.ones(ROWS, 4),))
    assert threading.Thread.start is start
