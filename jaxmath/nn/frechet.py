"""The Fréchet distance of two samples: that of the Gaussians with their means and covariances."""

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath.nn._samples import pair
from jaxmath.numerics import matmul
from jaxmath.typing import Array, ArrayLike

__all__ = ["frechet_distance"]


def _aligned(A: Array, B: Array) -> tuple[Array, Array, Array]:
    """The residual E = Uᵀ R_A − Vᵀ R_B, and the bases Q_A U and Q_B V in which it stands.

    A = Q_A R_A, B = Q_B R_B, R_A R_Bᵀ = U S Vᵀ; rows of zeros make the two as long as each other.
    """
    (Q_A, R_A), (Q_B, R_B) = jnp.linalg.qr(A), jnp.linalg.qr(B)
    p, q = R_A.shape[0], R_B.shape[0]
    R_A, R_B = (jnp.pad(R, ((0, max(p, q) - len(R)), (0, 0))) for R in (R_A, R_B))
    U, _, Vh = jnp.linalg.svd(matmul(R_A, R_B.T))
    residual = matmul(U.T, R_A) - matmul(Vh, R_B)
    return residual, matmul(Q_A, U[:p]), matmul(Q_B, Vh.T[:q])


@jax.custom_jvp
def _gradient(A: Array, B: Array) -> tuple[Array, Array, Array]:
    residual, left, right = _aligned(A, B)
    return jnp.sum(residual**2), 2 * matmul(left, residual), -2 * matmul(right, residual)


@_gradient.defjvp
def _no_second_derivative(primals: tuple, tangents: tuple) -> tuple:
    raise NotImplementedError("frechet_distance: it has a first derivative only")


@jax.custom_jvp
def _bures(A: Array, B: Array) -> Array:
    """min ‖A − P B‖_F² over P that keep lengths, for the covariances AᵀA and BᵀB."""
    return _gradient(A, B)[0]


@_bures.defjvp
def _bures_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    value, by_A, by_B = _gradient(*primals)  # P is best, so that its own change does not count
    return value, jnp.sum(by_A * tangents[0]) + jnp.sum(by_B * tangents[1])


@compiled
def frechet_distance(X: ArrayLike, Y: ArrayLike) -> Array:
    """How far apart the means and covariances of two samples are: FID, in whatever features.

    ::

        ‖μ − ν‖² + tr(Σ + Ω − 2 (ΣΩ)^½) = ‖μ − ν‖² + min_P ‖A − P B‖_F²
        Σ = AᵀA,   A = (X − 1μᵀ)/√(n − 1),   Ω = BᵀB likewise,   P keeps lengths

    the square of the Wasserstein distance of the two Gaussians.

    Args:
      X: one sample, shape (n, d), n ≥ 2.
      Y: the other, shape (m, d), m ≥ 2.

    Returns:
      A scalar ≥ 0 of the dtype of ``X``, in squared units of the features.

    Raises:
      ValueError: a sample has fewer than two rows, or they have unequal numbers of features.

    Numerics:
      The second form, in the triangular factors of A and B: no covariance is formed, no root of one
      is taken and nothing cancels. The error is about d·eps·√(tr Σ + tr Ω) times the distance's
      root, with singular covariances too (fewer examples than features, features that are
      constant); the usual form loses half of the digits there. A NaN gives NaN. The estimate is
      biased: upwards, by O(d/n + d/m) of the traces, so that only equal n, m and d compare. First
      derivatives in both modes, 0 where the samples are equal; where one sample lacks a direction
      that the other has, the distance has a kink. Cost O((n + m) d² + d³).

    Example:
      >>> X = jnp.array([[0.0, 0.0], [2.0, 0.0]])
      >>> f"{frechet_distance(X, 2 * X + 1):.4f}"
      '7.0000'

    References:
      D. C. Dowson, B. V. Landau, "The Fréchet distance between multivariate normal distributions",
      1982, equation (4); M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter, "GANs
      trained by a two time-scale update rule converge to a local Nash equilibrium", 2017,
      equation (6).
    """
    X, Y, dtype = pair("frechet_distance", ("X", "Y"), X, Y, rows=2)
    means = [jnp.mean(S, axis=0) for S in (X, Y)]
    A, B = ((S - mean[None]) * (len(S) - 1) ** -0.5 for S, mean in zip((X, Y), means, strict=True))
    return (jnp.sum((means[0] - means[1]) ** 2) + _bures(A, B)).astype(dtype)
