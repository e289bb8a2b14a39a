"""Cholesky factors and triangular inverses of batches of small matrices, the batch as last axis."""

import jax.numpy as jnp

from jaxmath.typing import Array

__all__: list[str] = []


def _root(pivot: Array) -> Array:
    """√ of the real part of a pivot, NaN where that is not positive."""
    return jnp.sqrt(jnp.where(pivot.real > 0, pivot.real, jnp.nan)).astype(pivot.dtype)


def cholesky_last(A: Array) -> Array:
    """L with A = L Lᴴ from the lower triangle of A, shape (n, n, batch); NaN where there is none.

    ::

        Lⱼⱼ = √(aⱼⱼ − Σ_{k<j} |Lⱼₖ|²),   Lᵢⱼ = (aᵢⱼ − Σ_{k<j} Lᵢₖ L̄ⱼₖ) / Lⱼⱼ
    """
    n = A.shape[0]
    L: list[list[Array]] = [[] for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = A[i, j]
            for k in range(j):
                rest = rest - L[i][k] * jnp.conj(L[j][k])
            L[i].append(_root(rest) if i == j else rest / L[j][j])
    # Every entry enters a later pivot or is one: their sum is finite where all of L is.
    finite = jnp.isfinite(sum(L[i][i].real for i in range(n)))
    # Written entry by entry: XLA fuses a stack of them into one loop that computes each n² times.
    out = jnp.broadcast_to(jnp.where(finite, 0.0, jnp.nan).astype(A.dtype), A.shape)
    for i in range(n):
        for j in range(i + 1):
            out = out.at[i, j].set(jnp.where(finite, L[i][j], jnp.nan))
    return out


def lower_inverse_last(L: Array) -> Array:
    """L⁻¹ from the lower triangle of L, shape (n, n, batch).

    ::

        Xⱼⱼ = 1/Lⱼⱼ,   Xᵢⱼ = −(Σ_{j≤k<i} Lᵢₖ Xₖⱼ) / Lᵢᵢ
    """
    n = L.shape[0]
    X: list[list[Array]] = []
    for i in range(n):
        row = []
        for j in range(i):
            terms = [L[i, k] * X[k][j] for k in range(j, i)]
            row.append(-sum(terms[1:], terms[0]) / L[i, i])
        X.append([*row, 1 / L[i, i]])
    out = jnp.zeros_like(L)
    for i in range(n):
        for j in range(i + 1):
            out = out.at[i, j].set(X[i][j])
    return out
