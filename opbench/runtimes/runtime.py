"""The interface of a runtime: a network and an example in, something to call out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opbench.errors import MissingExtraError
from opbench.runtimes.parts.calibrated_on import Calibration

if TYPE_CHECKING:
    from torch import nn

Forward = Callable[..., Any]
# The data type that no conversion of weights makes: a runtime quantises a network for it.
INT8 = "int8"


@dataclass(frozen=True, slots=True)
class Example:
    """The arguments of one forward pass, as they will be passed again and again."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSettings:
    """Settings of an execution.

    dtype: of the network's weights and inputs, in which the runtime must compute; for "int8" they
        are float32, and the runtime quantises the network.
    device: "cpu" or "cuda:N".
    threads: on the CPU, None for as many as PyTorch takes.
    mode: of a runtime that has modes, None for its default.
    tf32: float32 may be computed with TF32 on a GPU.
    folder: keeps what was made of this network for the next process that executes it; None where
        nothing is kept.
    calibration: images for "int8".
    """

    dtype: str = "float32"
    device: str = "cpu"
    threads: int | None = None
    mode: str | None = None
    tf32: bool = False
    folder: Path | None = None
    calibration: Calibration | None = None

    @property
    def precision(self) -> str:
        """The precision that was asked for: the data type, or "tf32"."""
        loose = self.tf32 and self.dtype == "float32" and self.device != "cpu"
        return "tf32" if loose else self.dtype


@dataclass(frozen=True, slots=True, kw_only=True)
class Executable:
    """A network converted for a runtime.

    call: takes the arguments of the network; its result holds the same tensors in the same order.
    precision: the precision in which the runtime says that it computes.
    conversion_s: seconds of converting and loading, 0 where nothing was converted.
    artefact_bytes: what was made of the network, on disk; None where nothing was.
    versions: of the packages that converted and execute it, by name.
    """

    call: Forward
    precision: str
    conversion_s: float = 0.0
    artefact_bytes: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def told_versions(self) -> str:
        """The versions as in "torch 2.13.0, onnx 1.20.0"."""
        return ", ".join(f"{name} {version}" for name, version in self.versions.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A way to execute a network.

    prepare: converts a network for an example of its arguments; raises whatever it likes where it
        cannot, best an ``OpbenchError`` with the reason.  It computes in the precision that was
        asked for, or raises.
    compiles: the first call builds something, so that it is no forward pass.
    converts: ``prepare`` builds something, whose memory is not the network's.
    trains: it can execute training steps.
    takes_files: the network may be an ``OnnxFile``.
    quantises: it computes in int8, for which it calibrates a network on images.
    packages: those that it needs beside torch; extra: that of opbench which installs them.
    providers: returns where it can execute, for a person to read.
    """

    name: str
    prepare: Callable[[nn.Module, Example, ExecutionSettings], Executable]
    compiles: bool = False
    converts: bool = False
    trains: bool = False
    takes_files: bool = False
    quantises: bool = False
    packages: tuple[str, ...] = ("torch",)
    extra: str = ""
    providers: Callable[[], tuple[str, ...]] = lambda: ()

    def missing(self) -> str:
        """Return the sentence about packages that are not installed, "" where all are."""
        absent = absent_of(self.packages)
        command = f"pip install 'opbench[{self.extra}]'" if self.extra else "install it"
        return f"the runtime {self.name} needs {absent}: {command}" if absent else ""

    def require(self) -> None:
        """Raise ``MissingExtraError`` unless all that it needs is installed."""
        if sentence := self.missing():
            raise MissingExtraError(sentence)

    def versions(self) -> dict[str, str]:
        """Return the version of each of its packages that is installed."""
        return versions_of(self.packages)


def absent_of(packages: Iterable[str]) -> str:
    """Return the packages that are not installed, joined by "and"."""
    return " and ".join(each for each in packages if find_spec(each) is None)


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each of ``packages`` that is installed."""
    return {name: found for name in packages if (found := _version(name))}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
