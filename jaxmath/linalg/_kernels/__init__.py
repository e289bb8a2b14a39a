"""Kernels for batches of small matrices: the batch is the last axis, so that it vectorizes.

A matrix of a batch is an array of shape (m, n, batch) here, and a scalar of each of the matrices a
contiguous vector: the textbook's scalar loops, written out over static sizes, run on whole vectors.
"""

__all__: list[str] = []
