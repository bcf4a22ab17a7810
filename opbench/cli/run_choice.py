"""Choose the networks that ``opbench run`` times, by the options of ``opbench list``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opbench.cli.list_filters import Filters, given
from opbench.errors import BadValueError
from opbench.zoo.libraries import LIBRARIES, library_of

if TYPE_CHECKING:
    from opbench.spec import Shape

_OWN_INPUTS = {
    "input_size": "times each network on images of the size that its accuracy is of",
    "input": "times each network on images of the size that its accuracy is of",
    "stages": "times networks on file, which bring no images",
}


def choose(options: Mapping[str, Any]) -> dict[str, list[Shape]]:
    """Return the networks on file that the options choose, with their sizes; {} without options.

    Raises ``BadValueError`` for options and targets that cannot be beside them, and where none is
    within the limits; ``OpbenchError`` for a target that does not exist.
    """
    asked = given(options)
    if not asked:
        return {}
    _require_on_file(asked[0], options)
    from opbench.cli.list_networks import EVERYWHERE, networks_on_file, reference_of

    filters, near = Filters.parse(options), options["near"]
    networks = networks_on_file(options["targets"] or EVERYWHERE, None)
    found: dict[str, list[Shape]] = {}
    for network in filters.choose(networks, reference_of(near, filters, None) if near else None):
        found.setdefault(network.name, []).append(network.input_size)
    if not found:
        raise BadValueError(f"no network on file fits {', '.join(asked)}: ask for less")
    return found


def _require_on_file(option: str, options: Mapping[str, Any]) -> None:
    for name, why in _OWN_INPUTS.items():
        if options[name]:
            raise BadValueError(f"{option} {why}: remove --{name.replace('_', '-')}")
    for target in options["targets"] or ():
        if (":" in target and not library_of(target)) or target.endswith(".onnx"):
            raise BadValueError(
                f"{option} chooses among the built-in networks and those of "
                f"{' and '.join(LIBRARIES)}: remove {target}"
            )
