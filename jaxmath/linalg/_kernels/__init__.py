"""Kernels for batches of small matrices: the batch is the last axis, so that it vectorizes.

A matrix of a batch is an array of shape (m, n, batch) here, and a scalar of each of the matrices a
contiguous vector: the textbook's scalar loops, written out over static sizes, run on whole vectors.

What XLA's CPU backend does to such code (jax 0.10 to 0.12), seen in measurements and failures:

- It fuses a producer into each of its consumers and computes it there again, through chains of
  steps: what is read n times is settled first (``batched.settle``). ``optimization_barrier`` is
  dropped too early to help. Entries are written with ``.at[i, j].set``, as a stack of many scalars
  is one loop that computes each of them n² times.
- The body of a loop runs on one core; steps that are written out run on all.
- It turns x / y, y broadcast, into x · (1/y): 0 where |y| > 8.5e37 in float32. LAPACK's LU, of one
  matrix, does the same with its pivots.
- Under jax 0.10.2 a ``fori_loop`` that fuses a sum over its carry with an update of it in place
  returned wrong columns, at a batch of 20,000 only: select instead, and test large batches.
- Batched LAPACK calls can wait for each other for ever (gradients of ``jnp.linalg.inv`` and
  ``solve``, jax 0.10.2): another reason why the derivative rules here are kernels too.
- Under ``shard_map`` and an explicit mesh what a step starts from is made of the data
  (``zeros_like``, ``identities``), so that it is laid out as the data is.
"""

__all__: list[str] = []
