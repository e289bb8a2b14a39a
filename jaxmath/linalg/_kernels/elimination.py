"""Elimination with partial pivoting on batches of small systems, the batch as last axis."""

from functools import reduce

import jax.numpy as jnp

from jaxmath.linalg._kernels.batched import settle, unknown_true
from jaxmath.linalg._scaling import frexp, scale
from jaxmath.typing import Array

__all__: list[str] = []

_UNROLLED = 4  # up to here every entry is a vector of its own, and all steps are one loop


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
    """[A b] for two batches, of which one may have length 1: a sum lays it out as the other."""
    zero = jnp.zeros_like(A[:1, :1]) + jnp.zeros_like(b[:1, :1])
    return jnp.concatenate([A + zero, b + zero], axis=1)


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


def _eliminate(M: Array) -> tuple[list[Array], Array]:
    """The rows of [U y] from M = [A b], from the diagonal on, and whether the exchanges are odd.

    What each step reads n times is settled first.
    """
    n, flag = len(M), unknown_true(M[0, 0])
    rows, odd = [], jnp.zeros_like(M[0, 0], bool)
    for j in range(n):
        size = _size(M[:, 0])
        largest = reduce(jnp.maximum, size)
        chosen = jnp.zeros_like(largest, jnp.int32)  # NaN equals nothing: the pivot is then row j
        for i in reversed(range(n - j)):
            chosen = jnp.where(size[i] == largest, i, chosen)
        chosen = settle(flag, chosen)
        pivot = M[0]
        for i in range(1, n - j):
            pivot = jnp.where((chosen == i)[None], M[i], pivot)
        pivot, odd = settle(flag, pivot), odd ^ (chosen != 0)
        rows.append(pivot)
        exchanged = chosen[None] == jnp.arange(1, n - j, dtype=jnp.int32)[:, None]
        M = jnp.where(exchanged[:, None], M[:1], M[1:])
        multiplier = settle(flag, _multiplier(M[:, 0], pivot[None, 0]))
        M = settle(flag, M[:, 1:] - multiplier[:, None] * pivot[None, 1:])
    return rows, odd


def _back(rows: list[Array]) -> Array:
    """U⁻¹ y from the rows of [U y]."""
    n, flag = len(rows), unknown_true(rows[0][0])
    x: list[Array] = []
    for i in reversed(range(n)):
        rest = rows[i][n - i :]
        for q, known in enumerate(x):
            rest = rest - rows[i][n - 1 - q - i][None] * known
        x.append(settle(flag, _divide(rest, rows[i][:1])))
    return jnp.stack(x[::-1])


def _solve(A: Array, b: Array) -> tuple[Array, list[Array], Array]:
    """A⁻¹ b, the pivots, and whether the row exchanges are odd in number."""
    if len(A) > _UNROLLED:
        upper, odd = _eliminate(_join(A, b))
        return _back(upper), [row[0] for row in upper], odd
    augmented = [p + q for p, q in zip(_entries(A), _entries(b), strict=True)]
    rows, odd = _eliminate_unrolled(augmented)
    return _back_unrolled(rows), [row[i] for i, row in enumerate(rows)], odd


def solve_last(A: Array, b: Array) -> Array:
    """A⁻¹ b for batches of shape (n, n, batch) and (n, k, batch)."""
    return _solve(A, b)[0]


def inv_last(A: Array) -> Array:
    """A⁻¹ for a batch of shape (n, n, batch)."""
    return solve_last(A, jnp.eye(len(A), dtype=A.dtype)[..., None])


def adjugate_last(A: Array) -> tuple[Array, Array]:
    """det(A) A⁻¹, and in shape (1, 1, batch) where A⁻¹ is finite: there no pivot is 0.

    Where the pivots are tiny it is the adjugate of a matrix near A all the same, as both factors
    have the same pivots; the exponents are added apart.
    """
    x, pivots, odd = _solve(A, jnp.eye(len(A), dtype=A.dtype)[..., None])
    mantissa, e = _signed_product(odd, pivots)
    x, k = frexp(x)
    finite = jnp.all(jnp.isfinite(x), axis=(0, 1), keepdims=True)
    return scale(x * mantissa[None, None], k + e[None, None]), finite


def det_last(A: Array) -> Array:
    """det A for a batch of shape (n, n, batch)."""
    if len(A) > _UNROLLED:
        upper, odd = _eliminate(A)
        return scale(*_signed_product(odd, [row[0] for row in upper]))
    rows, odd = _eliminate_unrolled(_entries(A))
    return scale(*_signed_product(odd, [row[i] for i, row in enumerate(rows)]))


def _signed_product(odd: Array, pivots: list[Array]) -> tuple[Array, Array]:
    """(μ, e) with ± the product of the pivots = μ·2^e."""
    mantissas, exponents = zip(*map(frexp, pivots), strict=True)
    mantissa = reduce(jnp.multiply, mantissas)
    return jnp.where(odd, -mantissa, mantissa), sum(exponents)
