"""The libraries whose networks are on file."""

from __future__ import annotations

from dataclasses import dataclass

from opbench.errors import BadValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A library of networks, and how it states their accuracies and costs.

    ``weights_url`` is the address of a set of weights that has none of its own; ``accuracies`` and
    ``macs`` say where the accuracies and the stated MACs are from, ``{benchmark}`` being a file.
    A number of parameters that it states is rounded to a multiple of ``params_step``, one of MACs
    to a multiple of ``macs_step``.
    """

    name: str
    licence: str
    url: str
    accuracies: str
    macs: str
    weights_url: str
    params_step: int
    macs_step: int

    def header(self, benchmark: str = "") -> tuple[str, ...]:
        """Return the comment at the top of its file; ``benchmark`` has the MACs that it states."""
        macs = self.macs.format(benchmark=benchmark or "a benchmark-infer-*.csv")
        return (
            f"Facts about the networks of {self.name} ({self.url}), whose licence is "
            f"{self.licence}; the column release says of which release, licence that of the "
            "weights where it is stated.",
            f"Accuracies and stated_params: {self.accuracies}; stated_macs: {macs}. All else "
            f"is counted by opbench: `opbench list --update '{self.name}:*'` writes this file.",
        )


LIBRARIES = {
    each.name: each
    for each in (
        Library(
            name="torchvision",
            licence="BSD-3-Clause",
            url="https://github.com/pytorch/vision",
            accuracies="the metadata of each set of weights",
            macs="the same",
            weights_url="https://docs.pytorch.org/vision/stable/models.html",
            params_step=1,
            macs_step=10**6,
        ),
        Library(
            name="timm",
            licence="Apache-2.0",
            url="https://github.com/huggingface/pytorch-image-models",
            accuracies="results-imagenet.csv of the library",
            macs="{benchmark} of the library",
            weights_url="https://huggingface.co/timm/{weights}",
            params_step=10**4,
            macs_step=10**7,
        ),
    )
}


def library_of(pattern: str) -> Library | None:
    """Return the library that the part of ``pattern`` before its colon names."""
    return LIBRARIES.get(pattern.partition(":")[0]) if ":" in pattern else None


def require_library(pattern: str) -> Library:
    """Return the library that ``pattern`` names.  Raises ``BadValueError``."""
    if found := library_of(pattern):
        return found
    raise BadValueError(
        f"{pattern!r} is no network of a library on file: write "
        f"{' or '.join(f'{each}:NAME' for each in LIBRARIES)}"
    )
