"""Runs: every cell of a plan, timed in rounds by fresh processes, each result on disk at once.

    plan        the product of the option lists
    sheet       what is known of each cell so far, from lines of the run file
    rounds      the loop: who is measured next, until nothing is missing
    workers     where cells run: processes forked from a server that has torch loaded
    server      that server
    in_process  the same without processes
    jobs        what a worker does: resolve targets, measure ceilings, time a cell
    network     a cell's network and its input

The process that runs the loop imports no torch: it stays small, and it cannot disturb what it
measures.
"""
