"""Runs: every cell of a plan, timed in rounds by fresh processes, each result on disk at once.

    start        a new run from patterns and lists, an old one from its file
    plan         the product of the option lists
    parts        the cells of each shard of a plan
    loop         round after round over all cells that still need one
    state        what is known of each cell so far, from lines of the run file
    devices      one run at a time on each device
    watchdog     how long a request may take before its worker is killed
    estimate     how long the rest will take
    lines        each kind of line in a run file
    store        a run file written and read
    environment  the facts about a machine that must be equal for runs to compare
    pool         where cells run: processes forked from a server that has torch loaded
    in_process   the same without processes
    worker       what a worker does: resolve targets, measure ceilings, time a cell
    network      a cell's network and its input
    compare      the differences between two runs that are real
    self_test    how often runs of the same thing are found to differ

The process that runs the loop imports no torch: it stays small, and it cannot disturb what it
measures.
"""
