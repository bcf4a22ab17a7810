"""Evaluation: a network answers every image once, by a protocol that is written down.

data            sets of images and their labels: folders, lists, IDX files, Parquet
protocols       the protocol of a library's weights, of the registry, of a network alone
protocol_options  what the command line says of a protocol, put over the others' choice
images          images decoded, resized and normalised by a protocol
weights         weights from files and libraries, loaded by name
weight_files    weights read from a file, and what in it does not fit a network
pretrained      a library's weights where they are on disk
resuming        the evaluation that another goes on with
loop            images through the network, and the lines of the file
lab             how much each choice of the protocol moves the answers
listing         the evaluations of a results folder, for `opbench runs`; without torch
"""
