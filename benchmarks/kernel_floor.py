"""What the smallest kernels could gain: ours beside closed forms that guard nothing, and a copy.

Batches of 20,000 float32 matrices, one compiled program each, interleaved. The closed forms are
the least that a program for these batches can do: they guard neither range nor definiteness.
``A + 1`` reads and writes the batch once. Times are medians in microseconds, ratios are over jnp's.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath import linalg

Array = jax.Array


def cramer(A: Array, b: Array) -> Array:
    det = A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]
    x = [A[1, 1] * b[0] - A[0, 1] * b[1], A[0, 0] * b[1] - A[1, 0] * b[0]]
    return jnp.stack(x) / det


def adjugate(A: Array, _: Array) -> Array:
    det = A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]
    return jnp.stack([jnp.stack([A[1, 1], -A[0, 1]]), jnp.stack([-A[1, 0], A[0, 0]])]) / det


def cholesky(A: Array, _: Array) -> Array:
    n = len(A)
    L: list[list[Array]] = [[] for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = A[i, j] - sum(L[i][k] * L[j][k] for k in range(j))
            L[i].append(jnp.sqrt(rest) if i == j else rest / L[j][j])
    zero = jnp.zeros_like(A[0, 0])
    return jnp.stack([jnp.stack([*row, *[zero] * (n - len(row))]) for row in L])


def eigh(A: Array, _: Array) -> tuple[Array, Array]:
    a, b, d = A[0, 0], A[1, 0], A[1, 1]
    mean, half = (a + d) / 2, (a - d) / 2
    root = jnp.sqrt(half * half + b * b)
    c, s = jnp.cos(t := jnp.arctan2(b, half) / 2), jnp.sin(t)
    return jnp.stack([mean - root, mean + root]), jnp.stack([jnp.stack([-s, c]), jnp.stack([c, s])])


ROWS: list[tuple[str, int, Callable, Callable, Callable]] = [
    ("solve", 2, lambda A, b: linalg.solve(A, b), cramer, jnp.linalg.solve),
    ("inv", 2, lambda A, b: linalg.inv(A), adjugate, lambda A, b: jnp.linalg.inv(A)),
    ("det", 2, lambda A, b: linalg.det(A), None, lambda A, b: jnp.linalg.det(A)),
    ("det", 3, lambda A, b: linalg.det(A), None, lambda A, b: jnp.linalg.det(A)),
    ("cholesky", 2, lambda A, b: linalg.cholesky(A), cholesky, lambda A, b: jnp.linalg.cholesky(A)),
    ("cholesky", 3, lambda A, b: linalg.cholesky(A), cholesky, lambda A, b: jnp.linalg.cholesky(A)),
    ("eigh", 2, lambda A, b: linalg.eigh(A), eigh, lambda A, b: jnp.linalg.eigh(A)),
]


def median_us(calls: list[Callable], args: tuple, runs: int) -> list[float]:
    seconds: list[list[float]] = [[] for _ in calls]
    for run in range(runs + 1):
        for call, kept in zip(calls, seconds, strict=True):
            began = time.perf_counter()
            jax.block_until_ready(call(*args))
            if run:
                kept.append(time.perf_counter() - began)
    return [1e6 * float(np.median(kept)) for kept in seconds]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=20_000, help="matrices (%(default)s)")
    parser.add_argument("--runs", type=int, default=101, help="interleaved runs (%(default)s)")
    options = parser.parse_args(argv)
    rng = np.random.default_rng(0)
    print("operation  n   A + 1   closed    ours      jnp   closed's ratio   ours")
    for name, n, ours, closed, theirs in ROWS:
        A = rng.normal(size=(options.batch, n, n))
        A = A @ A.swapaxes(1, 2) + np.eye(n)
        args = jnp.asarray(A, jnp.float32), jnp.asarray(A[:, 0], jnp.float32)
        calls = [lambda A, b: A + 1, closed or theirs, ours, theirs]
        programs = [jax.jit(jax.vmap(call)) for call in calls]
        copy, least, mine, jnps = median_us(programs, args, options.runs)
        print(
            f"{name:9}{n:3}{copy:8.0f}{least:9.0f}{mine:8.0f}{jnps:9.0f}"
            f"{jnps / least:17.1f}{jnps / mine:7.1f}"
        )


if __name__ == "__main__":
    main()
