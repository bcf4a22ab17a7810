"""Compare two targets live: two processes that take turns on one machine.

    lines     the lines of a comparison's file; reading and writing them
    verdict   from samples to a ratio, its interval and a verdict; pure arithmetic
    side      one side in a process of its own: build, warm up, time a block when asked
    player    the asking end of a side
    match     pairs of fresh sides, until the verdict is clear or the time is up
    listing   comparisons beside the runs of a results folder
    lookup    requests of targets as they were in a commit; moved asks them
    paths     modules from a commit's files
    worktree  the files of a commit, beside the checkout

Two numbers taken apart differ by what the machine did in between.  Two processes that take turns
within a fraction of a second share its moods, and their ratio does not.
"""
