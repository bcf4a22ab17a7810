"""What a neural network's accuracy costs, counted exactly and measured honestly.

    opbench.list_architectures("resnet*")   names of the built-in architectures; needs no torch
    opbench.create("resnet50")              the network, an ``nn.Module``
    opbench.count(module, (3, 224, 224))    a ``Count``: exact integers
    opbench.measure(module, inputs)         a ``Measurement``: raw samples in seconds
    opbench.evaluate(module, images)        an ``Evaluation``: the answer to every image

Importing this package imports neither torch nor pandas: each name is loaded when it is first used.

The map.  A module imports only from floors below its own; measuring imports torch and no pandas,
reporting pandas and no torch, and they meet only in files.  A row ``room.module`` replaces the
permission of its room for that module.  ``tests/test_floors.py`` reads this table and enforces it.

    floor  room           may import  holds
    10     cli            -           one file per command; rows and rendering
    9      page           pandas      the interactive page
    8      figures        pandas      one file per figure
    8      claims         pandas      statements of the literature, tried on the table
    8      testing        -           the pytest plug-in and its assertions
    8      testing.assertions torch   counts and live comparisons as assertions
    7      evaluation     torch       a network answers every image once
    7      evaluation.listing -       the evaluations of a results folder
    7      live           -           two targets timed in turns
    7      live.lookup    torch       targets as they were in a commit
    7      live.side      torch       one side in a process of its own
    7      table          -           a results folder, read once and joined
    7      table.frames   pandas      the same as data frames
    7      table.timings  pandas      timed cells, column by column
    7      table.joined   pandas      times and accuracies of one artefact
    7      table.frontier pandas      the Pareto frontier
    7      table.agreement pandas     rank correlation of machines, reversed pairs
    6      lock           -           the lock file and the verdict on a change
    6      lock.recount   torch       counting what the lock names again
    6      zoo            -           torchvision's and timm's networks as facts on file
    6      zoo.counting   torch       the facts of the installed libraries, and the counts
    6      runs           -           run files, plan, loop, workers, comparison
    6      runs.worker    torch       one cell or question in a process of its own
    6      runs.network   torch       the network of a cell, on its device
    6      runs.artefact  torch       what a runtime executes, and whether its outputs are right
    6      runs.in_process torch      a worker in the same process
    5      registry       -           what a TARGET is; counts on file
    5      registry.targets torch     from a TARGET to a network and its count
    5      registry.providers torch   torchvision's and timm's networks
    5      registry.weights torch     the weights of a file or a library, put into a network
    5      registry.weight_files torch  files of weights
    5      registry.pretrained torch  a library's weights on disk
    5      registry.torchvision_operators torch  torchvision beside a torch it was not built for
    5      registry.rules torch       the counting rules that a project names
    5      registry.audit torch       counts against papers and the witness
    5      registry.by_convention torch  counts by other rules and other tools
    4      conventions    torch       the same pass by other counting rules
    4      timing         torch       one round of one cell on one device
    3      counting       torch       exact counts of one forward pass
    2      runtimes       torch       ways to execute a forward pass, one file each
    1      architectures  torch       one file per paper
    3      accuracy       -           accuracies: published, the reader's own, and measured
    3      merging        -           other folders' files brought into one
    3      settings       -           [tool.opbench] and OPBENCH_*
    2      record         -           the values that flow between the rooms
    2      line_files     -           files of one JSON object per line
    2      row_files      -           CSV files of one value per row
    2      executors      -           the engines that start shards
    1      weight_hash    torch       the hash of all that a network has learnt
    1      images         torch       images decoded, resized, and the top five
    1      inputs         -           inputs described in words, as --input takes them
    1      shards         -           part I of N, by a stable hash
    1      value          -           a dataclass with one JSON form, checked when read
    1      names          -           find the names that were meant
    1      files          -           reading and writing files; nothing else writes
    1      git            -           other commits
    1      processes      -           other people's code in processes of its own
    1      reports        -           the reports of a check, one file per format
    0      locks          -           locks on files, which end with their process
    0      escapes        -           text made safe for a terminal, CSV and Markdown
    0      metrics        -           every metric: key, label, unit, direction
    0      intervals      -           medians, intervals and tests for trends
    0      spec           -           shapes, data sets, what the registry knows of a network
    0      errors         -           the tree of errors

Reading order: ``spec``, one file of ``architectures``, ``counting``, ``record``, ``timing``,
``runs``, ``table``, one file of ``figures``.

    To add a metric          a row of metrics.py, and the attribute that computes it
    a data set               a row of DATASETS in spec.py
    a family                 a row of FAMILIES in metrics.py
    a figure                 one file in figures/
    a kind of line           runs/lines.py, accuracy/measured/lines.py
    a layout of images       one file in evaluation/data/
    a report                 one file in reports/, a row of reports/formats.py
    an architecture          one file in architectures/
    a runtime                one file in runtimes/
"""

from __future__ import annotations

from importlib import import_module

# Without ``typing``, which ``python -m opbench`` would take from the current folder.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

_HOME = {
    "list_architectures": "opbench.registry.counts_csv",
    "create": "opbench.registry",
    "count": "opbench.counting",
    "measure": "opbench.timing",
    "evaluate": "opbench.evaluation.in_memory",
    "Count": "opbench.record",
    "Measurement": "opbench.record",
    "OpbenchError": "opbench.errors",
}

__all__ = [*_HOME, "__version__"]

if TYPE_CHECKING:
    from opbench.counting import count as count
    from opbench.errors import OpbenchError as OpbenchError
    from opbench.evaluation.in_memory import evaluate as evaluate
    from opbench.record import Count as Count
    from opbench.record import Measurement as Measurement
    from opbench.registry import create as create
    from opbench.registry.counts_csv import list_architectures as list_architectures
    from opbench.timing import measure as measure


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'opbench' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
