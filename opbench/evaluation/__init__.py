"""Evaluation: a network answers every image once, by a protocol that is written down.

data            sets of images and their labels: folders, lists, IDX files, Parquet
protocols       the protocol of a library's weights, of the registry, of options
images          images decoded, resized and normalised by a protocol
weights         weights from files and libraries, and their hash
loop            images through the network, and the lines of the file
lab             how much each choice of the protocol moves the answers
listing         the evaluations of a results folder, for `opbench runs`; without torch
"""
