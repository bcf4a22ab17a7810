"""Record a forward pass as a CUDA graph, which one launch replays."""

from __future__ import annotations

from typing import Any

from opbench.errors import CountError, describe
from opbench.processes.memory import is_out_of_memory
from opbench.timing.prepared import Call


def record(call: Call, cuda: Any, stream: Any) -> Call:
    """Return the replay of a graph of ``call``, recorded on ``stream`` after one call there.

    Both calls are on one stream because cuBLAS has a workspace for each.  Raises ``CountError``
    where the network does what a graph cannot hold, and the error itself where memory runs out.
    """
    graph = cuda.CUDAGraph()
    stream.wait_stream(cuda.current_stream())
    # A failed recording leaves its own stream the current one; this puts the caller's back.
    with cuda.stream(stream):
        call()
        _record(call, cuda, graph, stream)
    cuda.current_stream().wait_stream(stream)
    replay: Call = graph.replay
    return replay


def _record(call: Call, cuda: Any, graph: Any, stream: Any) -> None:
    of_call: list[Exception] = []
    try:
        with cuda.graph(graph, stream=stream):
            try:
                call()
            except Exception as error:
                of_call.append(error)
                raise
    except Exception as error:  # noqa: BLE001  foreign code may raise anything
        # The end of a recording that the call has broken raises another error.
        first = of_call[0] if of_call else error
        if is_out_of_memory(first):
            raise first from None
        raise CountError(
            f"no CUDA graph can be recorded ({describe(first)}), because the network waits for "
            "the GPU or does something else that a graph cannot hold: remove --cuda-graph"
        ) from first
