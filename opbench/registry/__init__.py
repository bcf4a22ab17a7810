"""Resolve a TARGET: entries of this package and others, libraries' networks, users' files.

    entries        every architecture by name, found by scanning
    providers      torchvision's and timm's networks
    weights        the weights of a file or of a library, put into a network that was built
    torchvision_operators  torchvision beside a torch that it was not built for
    targets        from a TARGET to something that can be built, counted and timed
    counts_csv     the exact counts of every built-in entry, on file
    by_convention  targets counted by other rules and by other tools
    hints          errors for a TARGET that names nothing, with what was meant
    definitions    what in a file may be a network, read from its source
    audit          entries against the independent witness and the numbers that papers state

``entries``, ``counts_csv``, ``hints`` and ``definitions`` import no torch.
"""

from opbench.registry.entries import built_in, create, foreign_names, get, match, names, specs

__all__ = ["built_in", "create", "foreign_names", "get", "match", "names", "specs"]
