"""Engines that start the shards of a command, none of them written here.

    requests   the options of sbatch, as --slurm takes them
    task       one shard, as it runs on a node
    array      the shards as one job array of Slurm, submitted by submitit

A shard is an ordinary command line with ``--shard I/N``, and all that is known of it is in the
files that it writes.  Nothing here reads a run or an evaluation.
"""
