"""Gaussians: density, and the divergence from one to another, diagonal or with full covariances."""

import math

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath.linalg import cholesky
from jaxmath.probability._excess import excess
from jaxmath.typing import Array, ArrayLike, as_array, check_precision

__all__ = ["diagonal_gaussian_kl", "diagonal_gaussian_log_density", "gaussian_kl"]


def _in_deviations(x: Array, log_var: Array) -> Array:
    """x/σ by two factors σ^(−1/2) within the range: 0 is 0 whatever σ is."""
    most = 0.95 * math.log(float(jnp.finfo(x.dtype).max))
    root = jnp.exp(jnp.clip(-0.25 * log_var, -most, most))
    return x * root * root


def diagonal_gaussian_log_density(x: ArrayLike, mean: ArrayLike, log_var: ArrayLike) -> Array:
    """The log-density of a Gaussian with independent components.

    ::

        log N(x; μ, σ²) = −½ Σᵢ [(xᵢ − μᵢ)²/σᵢ² + log σᵢ² + log 2π]

    Args:
      x: the point, shape (d,), or a scalar.
      mean: mean μ, of the same shape.
      log_var: logarithms of the variances, log σ², of the same shape.

    Returns:
      The log-density in nats, a scalar of the dtype of ``x``. ``jax.vmap`` over components gives
      one term for each.

    Numerics:
      A few d·eps of the largest term. The residual is scaled by e^{−s/4} twice, s = log σ², before
      it is squared, so that neither factor leaves the range alone. A component with s = −∞ has the
      limits, −∞ for xᵢ ≠ μᵢ and ∞ for xᵢ = μᵢ. Cost: d exponentials.

    Example:
      >>> f"{diagonal_gaussian_log_density([0.0, 1.0], [0.0, 0.0], [0.0, 0.0]):.5f}"
      '-2.33788'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (2.43).
    """
    x = as_array("x", x, ndim=(0, 1))
    mean = as_array("mean", mean, shape=x.shape).astype(x.dtype)
    log_var = as_array("log_var", log_var, shape=x.shape).astype(x.dtype)
    squares = jnp.square(_in_deviations(x - mean, log_var))
    # At σ = 0 the square, ∞ off the mean, wins over the logarithm: no ∞ − ∞.
    logs = jnp.where((squares > 0) & (log_var == -jnp.inf), jnp.zeros_like(log_var), log_var)
    return -0.5 * jnp.sum(squares + logs + math.log(2.0 * math.pi))


def diagonal_gaussian_kl(
    mean_p: ArrayLike, log_var_p: ArrayLike, mean_q: ArrayLike, log_var_q: ArrayLike
) -> Array:
    """The Kullback–Leibler divergence from one Gaussian with independent components to another.

    ::

        KL(p‖q) = ½ Σᵢ [(μ_p − μ_q)²/σ_q² + σ_p²/σ_q² − 1 − log(σ_p²/σ_q²)]ᵢ

    Args:
      mean_p: mean of the distribution that takes the mean, shape (d,), or a scalar.
      log_var_p: its log σ², of the same shape.
      mean_q: mean of the other, of the same shape.
      log_var_q: its log σ², of the same shape.

    Returns:
      The divergence in nats, summed over components, a scalar ≥ 0 of the dtype of ``mean_p``.
      ``jax.vmap`` over components gives the divergence of each.

    Numerics:
      A sum of terms ≥ 0. With d the difference of log-variances, e^d − 1 − d comes from its series
      near 0, so that the divergence of nearly equal Gaussians keeps the digits that the parameters
      have. Derivatives of every order. Cost: 2d exponentials.

    Example:
      >>> one, zero = jnp.ones(2), jnp.zeros(2)
      >>> f"{diagonal_gaussian_kl(one, zero, zero, zero):.4f}"
      '1.0000'

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, appendix B (where
      q is the standard normal).
    """
    mean_p = as_array("mean_p", mean_p, ndim=(0, 1))
    log_var_p = as_array("log_var_p", log_var_p, shape=mean_p.shape).astype(mean_p.dtype)
    mean_q = as_array("mean_q", mean_q, shape=mean_p.shape).astype(mean_p.dtype)
    log_var_q = as_array("log_var_q", log_var_q, shape=mean_p.shape).astype(mean_p.dtype)
    shift = jnp.square(_in_deviations(mean_p - mean_q, log_var_q))
    return 0.5 * jnp.sum(shift + excess(log_var_p - log_var_q))


def _log_ratio(L_p: Array, L_q: Array, change: Array) -> Array:
    """log Mᵢᵢ² from Mᵢᵢ − 1, which has the digits near 0 and loses them where Mᵢᵢ is small."""
    near = jnp.abs(change) < 0.5
    close = jnp.log1p(jnp.where(near, change, jnp.zeros_like(change)))
    far = jnp.log(jnp.diagonal(L_p)) - jnp.log(jnp.diagonal(L_q))
    return 2.0 * jnp.where(near, close, far)


@compiled
def gaussian_kl(mean_p: ArrayLike, cov_p: ArrayLike, mean_q: ArrayLike, cov_q: ArrayLike) -> Array:
    """The Kullback–Leibler divergence from one Gaussian to another.

    ::

        KL(p‖q) = ½ [(μ_p − μ_q)ᵀ Q⁻¹ (μ_p − μ_q) + tr(Q⁻¹P) − d − log det(Q⁻¹P)]
                = ½ [‖L_Q⁻¹(μ_p − μ_q)‖² + Σ_{i>j} Mᵢⱼ² + Σᵢ (Mᵢᵢ² − 1 − log Mᵢᵢ²)],  M = L_Q⁻¹ L_P

    Args:
      mean_p: mean of the distribution that takes the mean, shape (d,).
      cov_p: its covariance P = L_P L_Pᵀ, positive definite, shape (d, d); its lower triangle is
        read.
      mean_q: mean of the other, shape (d,).
      cov_q: its covariance Q, shape (d, d).

    Returns:
      The divergence in nats, a scalar ≥ 0 of the dtype of ``mean_p``.

    Numerics:
      The last form, a sum of terms ≥ 0, with M − I from L_P − L_Q: the divergence of nearly equal
      Gaussians keeps the digits that the factors have. A covariance that is not numerically
      definite gives NaN (a singular one has no density; the divergence would be ∞). Derivatives of
      every order, in the lower triangles. Cost: two factorizations and a triangular solve, d³.

    Example:
      >>> zero, I = jnp.zeros(2), jnp.eye(2)
      >>> f"{gaussian_kl(zero, 2.0 * I, zero, I):.5f}"
      '0.30685'

    References:
      S. Kullback, "Information Theory and Statistics", 1959, chapter 9, equation (1.4).
    """
    mean_p = as_array("mean_p", mean_p, ndim=1, min_size=1)
    check_precision("mean_p", mean_p)
    d, dtype = mean_p.shape[0], mean_p.dtype
    cov_p = as_array("cov_p", cov_p, shape=(d, d)).astype(dtype)
    mean_q = as_array("mean_q", mean_q, shape=(d,)).astype(dtype)
    cov_q = as_array("cov_q", cov_q, shape=(d, d)).astype(dtype)
    L_p, L_q = cholesky(cov_p), cholesky(cov_q)
    right = jnp.concatenate([L_p - L_q, (mean_p - mean_q)[:, None]], axis=1)
    solved = lax.linalg.triangular_solve(L_q, right, left_side=True, lower=True)
    shift, change = solved[:, d], solved[:, :d]  # change = M − I
    total = jnp.sum(jnp.square(shift)) + jnp.sum(jnp.square(jnp.tril(change, -1)))
    return 0.5 * (total + jnp.sum(excess(_log_ratio(L_p, L_q, jnp.diagonal(change)))))
