"""Load weights into a network, from a file or from where a library has them.

A module of the user's is taken as it is.  Nothing is ever downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from opbench.errors import BadFileError, BadValueError, OpbenchError, describe
from opbench.registry import graphs, providers
from opbench.registry.pretrained import find_weights
from opbench.registry.targets import Target, resolve
from opbench.registry.weight_files import fit, read_weights, require_reader
from opbench.weight_hash import sha256_of as sha256_of

AS_BUILT = "as built"
# In the place of a file: the weights of the library, or of a user's own network as it is built.
PRETRAINED = "pretrained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The weights of a network: where they come from, and the hash of what was loaded."""

    weights: str
    sha256: str


def with_weights(target_name: str) -> str:
    """Return the target's name with the set of weights that a library chooses for it.

    It is what to resolve and build where no file is given: a library builds some networks otherwise
    for their weights.  Any other name, and one with weights, is returned as it is.
    """
    library, _, name = target_name.rpartition(":")
    if library not in providers.PROVIDERS:
        return target_name
    return f"{library}:{providers.default_weights(library, name) or name}"


def source_of(weights: str) -> Path | None:
    """Return the file that --weights names, None for ``PRETRAINED``."""
    return None if weights == PRETRAINED else Path(weights)


def require_weights(target: Target, weights: str) -> Target:
    """Return the target as the weights need it.

    Raises ``OpbenchError`` where they are not to be had: a file that cannot be read, none of a
    library on this disk, none of a network that is built in.
    """
    file = source_of(weights)
    if file:
        read_weights(file)
        return target
    library = target.name.rpartition(":")[0]
    if not library:
        raise _without(target.name)
    (found,) = resolve([with_weights(target.name)])
    if library in providers.PROVIDERS:
        find_weights(library, found.name.rpartition(":")[2])
    return found


def load(module: nn.Module, target_name: str, file: Path | None) -> Loaded:
    """Load weights into the network that the target ``target_name`` built, in place.

    Raises ``BadValueError`` where the network has no weights, ``BadFileError`` for a file that is
    missing, damaged or of another network, ``MissingExtraError``.
    """
    if file is not None:
        told = _from_file(module, target_name, file)
    else:
        told = _of_target(module, target_name)
    return Loaded(weights=told, sha256=sha256_of(module))


def _from_file(module: nn.Module, target_name: str, file: Path) -> str:
    found = read_weights(file)
    fit(module, found.values, file, target_name)
    return f"{file} ({found.told})" if found.told else str(file)


def _of_target(module: nn.Module, target_name: str) -> str:
    library, colon, name = target_name.rpartition(":")
    if library in providers.PROVIDERS:
        return _from_library(module, library, providers.default_weights(library, name) or name)
    if colon or graphs.is_graph(target_name):
        return AS_BUILT
    raise _without(target_name)


def _without(target_name: str) -> BadValueError:
    return BadValueError(
        f"{target_name} is built without weights: name a file with --weights FILE, or a network of "
        "torchvision, timm or your own"
    )


def _from_library(module: nn.Module, library: str, name: str) -> str:
    path = find_weights(library, name)
    require_reader(path)
    try:
        state = providers.pretrained(library, name, path).state_dict()
    except OpbenchError:
        raise
    except Exception as error:  # the library's readers raise almost anything
        raise BadFileError(
            f"{library} cannot load {path}: {describe(error)}; delete it and download it anew"
        ) from error
    fit(module, state, path, f"{library}:{name}")
    return f"{library}:{name} ({path.name})"
