"""Elimination with partial pivoting on batches of small systems, the batch as last axis."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxmath.linalg._kernels.batched import scale_lanes, tiled
from jaxmath.linalg._scaling import frexp, scale
from jaxmath.typing import Array

__all__: list[str] = []

_UNROLLED = 4  # up to here every entry is a vector of its own; above, the steps are a loop


def _size(x: Array) -> Array:
    """|Re x| + |Im x|, by which LAPACK chooses its pivots."""
    return jnp.abs(x.real) + jnp.abs(x.imag) if jnp.iscomplexobj(x) else jnp.abs(x)


def _divide(x: Array, pivot: Array) -> Array:
    """x / pivot. XLA's CPU multiplies by the reciprocal, which a huge pivot makes subnormal: 0."""
    shrink = jnp.where(_size(pivot) > jnp.finfo(pivot.dtype).max / 8, 0.125, 1.0)
    return (x * shrink) / (pivot * shrink)


def _multiplier(entry: Array, pivot: Array) -> Array:
    """entry / pivot, and 0 where the pivot is 0: then the entry, not larger, is 0 too."""
    zero = pivot == 0
    return jnp.where(zero, 0.0, _divide(entry, jnp.where(zero, 1.0, pivot)))


def _join(A: Array, b: Array) -> Array:
    """[A b] for two batches, of which one may have length 1."""
    batch = max(A.shape[-1], b.shape[-1])
    return jnp.concatenate([jnp.broadcast_to(M, (*M.shape[:2], batch)) for M in (A, b)], axis=1)


def _eliminate_unrolled(M: list[list[Array]]) -> tuple[list[list[Array]], Array]:
    """The rows as elimination leaves them, and whether the row exchanges are odd in number."""
    n, width = len(M), len(M[0])
    odd = jnp.zeros(M[0][0].shape, bool)
    for j in range(n):
        for i in range(j + 1, n):
            swap = _size(M[i][j]) > _size(M[j][j])
            odd = odd ^ swap
            for q in range(j, width):
                upper, lower = M[j][q], M[i][q]
                M[j][q], M[i][q] = (
                    jnp.where(swap, lower, upper),
                    jnp.where(swap, upper, lower),
                )
        for i in range(j + 1, n):
            multiplier = _multiplier(M[i][j], M[j][j])
            for q in range(j + 1, width):
                M[i][q] = M[i][q] - multiplier * M[j][q]
    return M, odd


def _entries(M: Array) -> list[list[Array]]:
    return [[M[i, j] for j in range(M.shape[1])] for i in range(M.shape[0])]


def _back_unrolled(M: list[list[Array]]) -> Array:
    """U⁻¹ y from [U y]."""
    n, k = len(M), len(M[0]) - len(M)
    x: list[list[Array]] = [[] for _ in range(n)]
    for i in reversed(range(n)):
        for c in range(k):
            rest = M[i][n + c]
            for q in range(i + 1, n):
                rest = rest - M[i][q] * x[q][c]
            x[i].append(rest / M[i][i])
    return jnp.stack([jnp.stack(row) for row in x])


def _eliminate(M: Array) -> tuple[Array, Array]:
    """[U y] of M = [A b], and whether the row exchanges are odd in number.

    What is below the diagonal of U means nothing.
    """
    n, rows = M.shape[0], jnp.arange(M.shape[0], dtype=jnp.int32)[:, None]

    def step(j: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        M, odd = carry
        column = lax.dynamic_index_in_dim(M, j, 1, keepdims=False)
        size = jnp.where(rows >= j, _size(column), -1.0)
        largest = jnp.max(size, axis=0, keepdims=True)
        # NaN equals nothing: the pivot is then row j, and the NaN stays.
        chosen = jnp.min(jnp.where(size == largest, rows, n), axis=0, keepdims=True)
        chosen = jnp.where(chosen == n, j.astype(jnp.int32), chosen)
        pivot_row = M[n - 1]
        for i in reversed(range(n - 1)):
            pivot_row = jnp.where(chosen == i, M[i], pivot_row)
        row = lax.dynamic_index_in_dim(M, j, 0, keepdims=False)
        exchange = chosen == rows
        column = jnp.where(exchange, lax.dynamic_index_in_dim(row, j, 0), column)
        multiplier = _multiplier(column, lax.dynamic_index_in_dim(pivot_row, j, 0))
        M = jnp.where(exchange[:, None], row[None], M)
        below = M - multiplier[:, None] * pivot_row[None]
        M = jnp.where((rows > j)[..., None], below, M)
        M = jnp.where((rows == j)[..., None], pivot_row[None], M)
        return M, odd ^ (chosen[0] != j)

    even = jnp.isnan(M[0, 0]) & False  # of M, so that a shard's flags vary as its matrices do
    return lax.fori_loop(jnp.int32(0), jnp.int32(n), step, (M, even))


def _back(M: Array) -> Array:
    """U⁻¹ y from [U y]."""
    n, rows = M.shape[0], jnp.arange(M.shape[0], dtype=jnp.int32)[:, None]

    def back(step: Array, x: Array) -> Array:
        i = n - 1 - step
        row = lax.dynamic_index_in_dim(M, i, 0, keepdims=False)
        right = jnp.where(rows > i, row[:n], 0.0)
        known = jnp.sum(right[:, None] * jnp.where((rows > i)[..., None], x, 0.0), axis=0)
        rest = lax.dynamic_index_in_dim(x, i, 0, keepdims=False) - known
        value = _divide(rest, lax.dynamic_index_in_dim(row, i, 0))
        # A select, not an update in place: XLA's CPU backend of jax 0.10.2 fuses the sum with a
        # dynamic_update_slice and returns wrong columns.
        return jnp.where((rows == i)[..., None], value[None], x)

    return lax.fori_loop(jnp.int32(0), jnp.int32(n), back, M[:, n:])


def _solve(A: Array, b: Array, keep: Callable[[Array, Any, Array], Any]) -> Any:
    """keep(x, the pivots, whether the row exchanges are odd in number) of A x = b."""
    n = len(A)
    if n <= _UNROLLED:
        rows, odd = _eliminate_unrolled(
            [p + q for p, q in zip(_entries(A), _entries(b), strict=True)]
        )
        return keep(_back_unrolled(rows), [rows[i][i] for i in range(n)], odd)

    def looped(M: Array) -> Any:
        M, odd = _eliminate(M)
        return keep(_back(M), [M[i, i] for i in range(n)], odd)

    return tiled(looped, _join(A, b))


def solve_last(A: Array, b: Array) -> Array:
    """A⁻¹ b for batches of shape (n, n, batch) and (n, k, batch)."""
    return _solve(A, b, lambda x, pivots, odd: x)


def adjugate_last(A: Array) -> tuple[Array, Array]:
    """det(A) A⁻¹, and in shape (1, 1, batch) which lanes hold no pivot of 0 and are finite.

    Where the pivots are tiny it is the adjugate of a matrix near A all the same, as both factors
    have the same pivots; the exponents are added apart.
    """

    def product(x: Array, pivots: Any, odd: Array) -> tuple[Array, Array]:
        mantissa, e = _signed_product(odd, pivots)
        x, k = frexp(x)
        usable = reduce(jnp.logical_and, [p != 0 for p in pivots])[None, None]
        usable = usable & jnp.all(jnp.isfinite(x), axis=(0, 1), keepdims=True)
        return scale(x * mantissa[None, None], k + e[None, None]), usable

    return _solve(A, jnp.eye(len(A), dtype=A.dtype)[..., None], product)


def det_last(A: Array) -> Array:
    """det A for a batch of shape (n, n, batch)."""
    if len(A) <= _UNROLLED:
        rows, odd = _eliminate_unrolled(_entries(A))
        return scale(*_signed_product(odd, [rows[i][i] for i in range(len(A))]))
    return tiled(_det_looped, A)


def _det_looped(A: Array) -> Array:
    M, odd = _eliminate(A)
    return scale(*_signed_product(odd, [M[i, i] for i in range(len(M))]))


def _signed_product(odd: Array, pivots: list[Array]) -> tuple[Array, Array]:
    """(μ, e) with ± the product of the pivots = μ·2^e."""
    mantissas, exponents = zip(*map(frexp, pivots), strict=True)
    mantissa = reduce(jnp.multiply, mantissas)
    return jnp.where(odd, -mantissa, mantissa), sum(exponents)


def inv_last(A: Array) -> Array:
    """A⁻¹ for a batch of shape (n, n, batch); for n = 2 it is adj(A) / det(A)."""
    n = A.shape[0]
    if n > 2:
        return solve_last(A, jnp.eye(n, dtype=A.dtype)[..., None])
    A, k = scale_lanes(A)  # by 2^(−k), so that the determinant stays in range
    (a, b), (c, d) = _entries(A)
    det = a * d - b * c
    rows = ((d, -b), (-c, a))
    return scale(jnp.stack([jnp.stack([x / det for x in row]) for row in rows]), -k)
