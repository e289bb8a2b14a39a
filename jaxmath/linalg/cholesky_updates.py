"""Rank-one changes of a Cholesky factor, in n² operations instead of n³."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._loops import fori_loop
from jaxmath.iterate import Status
from jaxmath.linalg._common import promoted
from jaxmath.linalg.definite import _finite_or_nan
from jaxmath.linalg.orthogonality import _length
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["CholeskyDowndate", "cholesky_downdate", "cholesky_update"]


def _factor_and_vector(L: ArrayLike, x: ArrayLike) -> tuple[Array, Array]:
    L = as_array("L", L, ndim=2, kind="inexact", min_size=1)
    n = L.shape[0]
    L = as_array("L", L, shape=(n, n), kind="inexact")
    x = as_array("x", x, shape=(n,), kind="inexact")
    L, x = promoted(L, x)
    return jnp.tril(L), x


@compiled
def cholesky_update(L: ArrayLike, x: ArrayLike) -> Array:
    """The Cholesky factor after a rank-one term is added.

    ::

        L'L'ᴴ = LLᴴ + xxᴴ;   r = √(Lⱼⱼ² + |xⱼ|²),   c = Lⱼⱼ/r,   s = xⱼ/r,
        l'ⱼ = c lⱼ + s̄ x,   x ← c x − s lⱼ   for j = 0, 1, …

    Args:
      L: lower Cholesky factor, shape (n, n), real or complex, with a positive diagonal; what
        stands above it is not read.
      x: vector, shape (n,).

    Returns:
      L' of shape (n, n), lower triangular with positive diagonal.

    Raises:
      ValueError: L is empty or not square, or x has another length.

    Numerics:
      ‖L'L'ᴴ − LLᴴ − xxᴴ‖ ≤ 20·n·eps·(‖L‖² + ‖x‖²): rotations only. NaN or ∞ gives NaN in every
      entry. Gradient: through the loop, exact for a positive diagonal. Singular set: Lⱼⱼ = xⱼ = 0,
      where a step changes nothing and the gradient is finite. Cost: n steps of 4n operations.

    Example:
      >>> print(cholesky_update(jnp.array([[3.0, 0.0], [0.0, 1.0]]), jnp.array([4.0, 0.0])))
      [[5. 0.]
       [0. 1.]]

    References:
      P. E. Gill, G. H. Golub, W. Murray, M. A. Saunders, "Methods for modifying matrix
      factorizations", 1974, section 3.
    """
    L, x = _factor_and_vector(L, x)

    def rotate(j: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        L, x = carry
        column, pivot = L[:, j], L[j, j]
        r = _length(jnp.stack([pivot, x[j]]))
        divisor = jnp.where(r == 0, 1.0, r)
        c, s = jnp.where(r == 0, 1.0, pivot / divisor), x[j] / divisor
        L = L.at[:, j].set((c * column + jnp.conj(s) * x).at[j].set(r))
        return L, (c * x - s * column).at[j].set(0.0)

    return _finite_or_nan(fori_loop(0, x.shape[0], rotate, (L, x))[0])[0]


class CholeskyDowndate(NamedTuple):
    """The factor after a rank-one term is taken away, and whether there is one.

    ::

        L'L'ᴴ = LLᴴ − xxᴴ

    Args:
      L: lower triangle, shape (n, n); NaN where the status is not CONVERGED.
      status: int32, CONVERGED, INFEASIBLE (the difference is not numerically definite) or
        NON_FINITE.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> CholeskyDowndate(L=1.0, status=0).status
      0
    """

    L: Any
    status: Any


@compiled
def cholesky_downdate(L: ArrayLike, x: ArrayLike) -> CholeskyDowndate:
    """The Cholesky factor after a rank-one term is taken away.

    ::

        L'L'ᴴ = LLᴴ − xxᴴ;   Lp = x,   ρ² = 1 − ‖p‖² > 0,   [L 0] U = [L' x] with U e_{n+1} = (p, ρ)

    Args:
      L: lower Cholesky factor, shape (n, n), real or complex, with a positive diagonal; what
        stands above it is not read.
      x: vector, shape (n,).

    Returns:
      ``CholeskyDowndate`` of L' (n, n) and the status.

    Raises:
      ValueError: L is empty or not square, or x has another length.

    Numerics:
      ‖L'L'ᴴ + xxᴴ − LLᴴ‖ ≤ 20·n·eps·‖L‖²; L' itself loses digits as ρ⁻² grows, as the difference
      is then nearly singular. ρ² ≤ 4·n·eps counts as not definite: L' is NaN and the status
      INFEASIBLE; where L or x is not finite, or L is singular, it is NON_FINITE. Gradient:
      through the loop, exact where the status is CONVERGED, NaN elsewhere. Cost: 5n² operations.

    Example:
      >>> L, status = cholesky_downdate(jnp.diag(jnp.array([5.0, 1.0])), jnp.array([4.0, 0.0]))
      >>> print([f"{v:.3f}" for v in L.ravel()], Status(int(status)).name)
      ['3.000', '0.000', '0.000', '1.000'] CONVERGED
      >>> print(Status(int(cholesky_downdate(jnp.eye(2), jnp.ones(2)).status)).name)
      INFEASIBLE

    References:
      J. J. Dongarra, C. B. Moler, J. R. Bunch, G. W. Stewart, "LINPACK Users' Guide", 1979,
      chapter 10 (dchdd).
      G. W. Stewart, "The effects of rounding error on an algorithm for downdating a Cholesky
      factorization", 1979.
    """
    L, x = _factor_and_vector(L, x)
    n = x.shape[0]
    p = lax.linalg.triangular_solve(L, x[:, None], left_side=True, lower=True)[:, 0]
    length = _length(p).real
    rest = (1.0 - length) * (1.0 + length)
    feasible = rest > 4 * n * float(jnp.finfo(x.dtype).eps)
    alpha = jnp.sqrt(jnp.where(feasible, rest, jnp.nan)).astype(x.dtype)

    def rotate(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        L, w, alpha = carry
        j = n - 1 - i
        column = L[:, j]
        grown = _length(jnp.stack([alpha, p[j]]))
        c, s = alpha / grown, p[j] / grown
        return L.at[:, j].set(c * column - jnp.conj(s) * w), s * column + c * w, grown

    changed = fori_loop(0, n, rotate, (L, jnp.zeros_like(x), alpha))[0]
    # p alone may overflow: then it is longer than 1, and nothing else is the matter.
    finite = jnp.isfinite(L).all() & jnp.isfinite(x).all() & jnp.all(jnp.diagonal(L) != 0)
    status = jnp.where(feasible, Status.CONVERGED, Status.INFEASIBLE)
    status = jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int32)
    return CholeskyDowndate(_finite_or_nan(changed)[0], status)
