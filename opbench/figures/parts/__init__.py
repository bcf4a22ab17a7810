"""Parts that several figures share: axes, blobs, labels, captions, type and colours.

A file for each part.  Figures import from here, never from one another; the page takes its colours
and words from here too.
"""
