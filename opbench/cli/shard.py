"""The option --shard of ``opbench run``, ``count`` and ``evaluate``."""

from __future__ import annotations

from typing import Annotated

import typer

from opbench.cli.render import say
from opbench.shards import Shard, shard_of_environment

ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Take part I of N, from 1, by a stable hash of each cell (run), target (count) or "
        "image (evaluate): the others can run at any time and place, into the same --results or "
        "into folders that `opbench merge` joins. auto reads I and N from the variables of a Slurm "
        "array, a Kubernetes indexed job (with JOB_COMPLETIONS), Open MPI or torchrun.",
    ),
]


def parse_shard(text: str | None) -> Shard | None:
    """Read "2/8", or "auto", whose source is said; None stays None.  Raises ``BadValueError``."""
    if text is None:
        return None
    if text.strip().lower() != "auto":
        return Shard.parse(text)
    shard, source = shard_of_environment()
    say(f"--shard auto is {shard}: {source}")
    return shard
