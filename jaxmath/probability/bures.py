"""The Wasserstein distance between Gaussians: how far apart their means and covariances are.

With A = √P and B = √Q the part of the covariances is a Procrustes problem, min ‖A R − B‖ over
orthogonal R. Its residual is computed as a residual, so that the distance of nearly equal
covariances keeps its digits; tr P + tr Q − 2 tr √(A Q A), the usual form, cancels.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath.linalg import spectral_fn
from jaxmath.numerics import dot, matmul, safe_divide, safe_norm
from jaxmath.typing import Array, ArrayLike, as_array, check_precision

__all__ = ["gaussian_wasserstein"]


def _noise(P: Array) -> Array:
    """Below it an eigenvalue of P may be all rounding."""
    return lax.stop_gradient(8 * jnp.finfo(P.dtype).eps * jnp.trace(P))


def _root(P: Array, cutoff: Array) -> Array:
    """√P, where eigenvalues up to the cutoff count as 0; NaN where one is truly negative."""
    lowest = -(float(jnp.finfo(P.dtype).eps) ** 0.5) * lax.stop_gradient(jnp.trace(P))

    def root(w: Array) -> Array:
        zero = (w <= cutoff) & (w >= lowest)
        return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, w)))

    return spectral_fn(root, P)


def _inverse_root(P: Array, cutoff: Array) -> Array:
    """P^(−1/2) on the range of P, 0 on its null space."""

    def inverse(w: Array) -> Array:
        zero = w <= cutoff
        return jnp.where(zero, 0.0, lax.rsqrt(jnp.where(zero, 1.0, w)))

    return spectral_fn(inverse, P)


def _map(A: Array, A_inverse: Array, R: Array, B: Array) -> Array:
    """The optimal map T with T P T = Q: its rows in the range of P, then its symmetric whole."""
    rows = matmul(A_inverse, matmul(R, B))
    # Outside the range the transpose has what the rows lack.
    T = 2.0 * rows - matmul(rows, matmul(A_inverse, A))
    return (T + T.T) / 2


@jax.custom_jvp
def _distance(shift: Array, P: Array, Q: Array) -> Array:
    A, B = (_root(C, jnp.zeros((), C.dtype)) for C in (P, Q))
    U, _, Vh = jnp.linalg.svd(matmul(A, B))
    residual = matmul(A, matmul(U, Vh)) - B
    return safe_norm(jnp.concatenate([shift, residual.reshape(-1)]))


@_distance.defjvp
def _distance_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """½ dW² = ⟨Δ, dΔ⟩ + ½⟨I − T, dP⟩ + ½⟨I − T', dQ⟩ with T P T = Q and T' Q T' = P."""
    (shift, P, Q), (dshift, dP, dQ) = primals, tangents
    low_p, low_q = _noise(P), _noise(Q)
    A, B = _root(P, low_p), _root(Q, low_q)
    least = jnp.sqrt(low_p) * jnp.sqrt(low_q)
    keep = lambda s: jnp.where(s > least, jnp.ones_like(s), jnp.zeros_like(s))
    R = spectral_fn(keep, matmul(A, B), of="singular_values")
    eye = jnp.eye(shift.shape[0], dtype=shift.dtype)
    forth = eye - _map(A, _inverse_root(P, low_p), R, B)
    back = eye - _map(B, _inverse_root(Q, low_q), R.T, A)
    half = dot(shift, dshift) + (jnp.sum(forth * dP) + jnp.sum(back * dQ)) / 2
    distance = _distance(shift, P, Q)
    return distance, safe_divide(half, distance)


@compiled
def gaussian_wasserstein(
    mean_p: ArrayLike, cov_p: ArrayLike, mean_q: ArrayLike, cov_q: ArrayLike
) -> Array:
    """The 2-Wasserstein distance between two Gaussians; its square is the Fréchet distance.

    ::

        W₂² = ‖μ_p − μ_q‖² + tr P + tr Q − 2 tr (P^½ Q P^½)^½
            = ‖μ_p − μ_q‖² + min {‖P^½ R − Q^½‖_F² : RᵀR = I}
        ∂W₂²/∂μ_p = 2 (μ_p − μ_q),   ∂W₂²/∂P = I − T,   T P T = Q  (x ↦ T x maps one to the other)

    Args:
      mean_p: mean of one Gaussian, shape (d,).
      cov_p: its covariance P, symmetric positive semidefinite, shape (d, d); the symmetric part
        counts.
      mean_q: mean of the other, shape (d,).
      cov_q: its covariance Q, shape (d, d).

    Returns:
      W₂, a scalar ≥ 0 of the dtype of ``mean_p``; W₂² is what the Fréchet inception distance is.

    Numerics:
      The second form: nothing cancels, W₂² has an error of about d·eps·√(tr P + tr Q)·W₂ where the
      roots have full rank, and 0 comes out as about d·eps·√tr P. Singular covariances, 0 too, are
      fine, but each of their eigenvalues is uncertain by eps·‖P‖ and its root by √(eps·‖P‖), as
      the slope is infinite there: W₂² then has an error of up to √eps·(tr P + tr Q). Negative
      eigenvalues count as 0 down to −√eps·tr P; below that the value is NaN. Derivatives of every
      order, both modes, at definite covariances. Singular covariances (eigenvalues below
      8·eps·tr P): the derivative is exact along covariances of the same rank, P = L Lᵀ with L of
      shape (d, r), as long as the two ranges have no orthogonal directions; inside the null space
      the root's infinite slope is left out. Singular set {p = q}: a minimum with a kink, value 0
      and gradient 0, up to a unit of rounding noise; the gradient of W₂² is smooth there.
      Cost O(d³).

    Example:
      >>> zero, P, Q = jnp.zeros(2), jnp.diag(jnp.array([1.0, 4.0])), jnp.zeros((2, 2))
      >>> f"{gaussian_wasserstein(zero, P, jnp.array([2.0, 0.0]), Q) ** 2:.4f}"
      '9.0000'

    References:
      C. R. Givens, R. M. Shortt, "A class of Wasserstein metrics for probability distributions",
      1984, proposition 7; R. Bhatia, T. Jain, Y. Lim, "On the Bures–Wasserstein distance between
      positive definite matrices", 2019, theorem 1 and equation (3).
    """
    mean_p = as_array("mean_p", mean_p, ndim=1, min_size=1)
    check_precision("mean_p", mean_p)
    d, dtype = mean_p.shape[0], mean_p.dtype
    cov_p = as_array("cov_p", cov_p, shape=(d, d)).astype(dtype)
    mean_q = as_array("mean_q", mean_q, shape=(d,)).astype(dtype)
    cov_q = as_array("cov_q", cov_q, shape=(d, d)).astype(dtype)
    return _distance(mean_p - mean_q, cov_p, cov_q)
