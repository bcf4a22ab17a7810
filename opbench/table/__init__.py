"""A results folder, read once and joined: networks, cells, frontier, fits.

    folder      every file of a results folder as typed values, and the rules that join them
    networks    a network: counts for one image, accuracy
    measured    an accuracy measured here, beside the published one; which of several counts
    evaluated   networks joined with what evaluations measured
    cells       a timed cell: conditions, and which of several counts
    machines    machines of one name that are not equal
    own         the accuracies of the reader's own file
    artefacts   a network as a runtime executes it: its time and its accuracy, of the very same
    frames      the same values as a ``Table`` of data frames, which figures draw from
    frontier    the Pareto frontier
    fits        lines and rank correlation
    agreement   the order of networks on several machines, and the pairs that are reversed
    progress    the cost of an accuracy by year, and the time in which it halves

Only ``frames``, ``joined``, ``frontier`` and ``agreement`` import pandas.  Nothing is dropped: a
network without an accuracy keeps its row, a network that was measured and is in no registry gets
one, a cell that failed is a row with its reason.
"""

from opbench.table.folder import Folder, read_folder
from opbench.table.networks import SINGLE_CROP

__all__ = ["SINGLE_CROP", "Folder", "read_folder"]
