"""The board of Fashion-MNIST: five networks trained here, with measured accuracy, counts and time.

``python -m tests.board`` trains them for some minutes and writes ``results/fashion-mnist``.
"""
