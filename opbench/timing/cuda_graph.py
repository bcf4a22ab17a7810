"""Record a forward pass as a CUDA graph, which one launch replays."""

from __future__ import annotations

from typing import Any

from opbench.errors import CountError, describe
from opbench.timing.prepared import Call


def record(call: Call, cuda: Any, stream: Any) -> Call:
    """Return the replay of a graph of ``call``, recorded on ``stream`` after one call there.

    Both calls are on one stream because cuBLAS has a workspace for each.  Raises ``CountError``
    where the network does what a graph cannot hold.
    """
    graph = cuda.CUDAGraph()
    stream.wait_stream(cuda.current_stream())
    # A failed recording leaves its own stream the current one; this puts the caller's back.
    with cuda.stream(stream):
        call()
        try:
            with cuda.graph(graph, stream=stream):
                call()
        except Exception as error:  # noqa: BLE001  foreign code may raise anything
            first = first_cause(error)
            raise CountError(
                f"no CUDA graph can be recorded ({describe(first)}), because the network waits for "
                "the GPU or does something else that a graph cannot hold: remove --cuda-graph"
            ) from first
    cuda.current_stream().wait_stream(stream)
    replay: Call = graph.replay
    return replay


def first_cause(error: BaseException) -> BaseException:
    """Return the error that was raised first: ending a failed recording raises another."""
    while error.__context__ is not None:
        error = error.__context__
    return error
