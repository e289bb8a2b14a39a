"""Softmax and its logarithms over the entries that a mask keeps."""

import jax.numpy as jnp
from jax import lax

from jaxmath._draws import widened
from jaxmath.numerics.primitives import safe_divide, safe_log
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["log_softmax", "logsumexp", "softmax"]


def _masked_exp(x: Array, where: Array | None) -> tuple[Array, Array, Array]:
    """exp(x − m) with 0 where masked, the shift m, and x with its masked entries replaced by m."""
    mask = jnp.ones(x.shape, bool) if where is None else where
    kept = jnp.where(mask, x, -jnp.inf)
    shift = lax.stop_gradient(jnp.max(kept, initial=-jnp.inf))
    shift = jnp.where(jnp.isneginf(shift), jnp.zeros_like(shift), shift)
    shift = jnp.where(jnp.isposinf(shift), jnp.full_like(shift, jnp.finfo(x.dtype).max), shift)
    # Double where: a masked entry, or −∞, must have a finite derivative to be multiplied by 0.
    live = mask & ~jnp.isneginf(x)
    filled = jnp.where(live, x, shift)
    return jnp.where(live, jnp.exp(filled - shift), jnp.zeros_like(x)), shift, filled


def _vector_and_mask(x: ArrayLike, where: ArrayLike | None) -> tuple[Array, Array | None]:
    x = as_array("x", x, ndim=1)
    return x, None if where is None else as_array("where", where, shape=x.shape, kind="bool")


def logsumexp(x: ArrayLike, *, where: ArrayLike | None = None) -> Array:
    """log Σᵢ exp(xᵢ) over the entries that the mask keeps.

    ::

        f(x) = m + log Σᵢ exp(xᵢ − m),   m = maxᵢ xᵢ;   ∂f/∂xᵢ = exp(xᵢ − f)

    Args:
      x: vector, shape (n,).
      where: mask of shape (n,), True where an entry counts; None keeps all.

    Returns:
      A scalar of the dtype of ``x``.

    Numerics:
      Error of a few eps relative to max(|m|, 1), no overflow. Where nothing is kept, or all that
      is kept is −∞: value −∞, gradient 0. A kept +∞ gives +∞, a kept NaN gives NaN. Masked
      entries, NaN among them, count for nothing. Half precisions are summed in float32. Cost: n
      exponentials.

    Example:
      >>> f"{logsumexp([100.0, 100.0]):.4f}"
      '100.6931'
      >>> f"{logsumexp([1.0, 2.0], where=jnp.array([False, False]))}"
      '-inf'

    References:
      P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax
      functions", 2021, equation (1.6).
    """
    x, where = _vector_and_mask(x, where)
    exps, shift, _ = _masked_exp(widened(x), where)
    kept = x if where is None else jnp.where(where, x, -jnp.inf)
    infinite = jnp.isposinf(jnp.max(kept, initial=-jnp.inf))  # false beside a NaN
    return jnp.where(infinite, jnp.inf, shift + safe_log(jnp.sum(exps))).astype(x.dtype)


def softmax(x: ArrayLike, *, where: ArrayLike | None = None) -> Array:
    """exp(xᵢ) / Σⱼ exp(xⱼ) over the entries that the mask keeps, 0 elsewhere.

    ::

        σᵢ = exp(xᵢ − m) / Σⱼ exp(xⱼ − m);   ∂σᵢ/∂xⱼ = σᵢ (δᵢⱼ − σⱼ)

    Args:
      x: vector, shape (n,).
      where: mask of shape (n,), True where an entry counts; None keeps all.

    Returns:
      A vector of shape (n,) and the dtype of ``x`` that sums to 1, or to 0 where nothing is kept.

    Numerics:
      Relative error of a few eps per entry plus n·eps. Where nothing is kept, or all that is kept
      is −∞: value 0 and gradient 0 (an attention row that attends to nothing). A kept +∞ gives
      NaN: the limit depends on the direction. Half precisions are summed in float32. Cost: n
      exponentials.

    Example:
      >>> print(softmax(jnp.array([0.0, 0.0, 5.0]), where=jnp.array([True, True, False])))
      [0.5 0.5 0. ]

    References:
      P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax
      functions", 2021, equation (1.3).
    """
    x, where = _vector_and_mask(x, where)
    exps, _, _ = _masked_exp(widened(x), where)
    return safe_divide(exps, jnp.sum(exps)).astype(x.dtype)


def log_softmax(x: ArrayLike, *, where: ArrayLike | None = None) -> Array:
    """xᵢ − log Σⱼ exp(xⱼ) over the entries that the mask keeps, −∞ elsewhere.

    ::

        ℓᵢ = xᵢ − m − log Σⱼ exp(xⱼ − m);   ∂ℓᵢ/∂xⱼ = δᵢⱼ − σⱼ

    Args:
      x: vector, shape (n,).
      where: mask of shape (n,), True where an entry counts; None keeps all.

    Returns:
      A vector of shape (n,) and the dtype of ``x``: the logarithm of ``softmax``.

    Numerics:
      Error of a few eps relative to max(|ℓᵢ|, 1). A masked or −∞ entry: value −∞, gradient 0. Where
      nothing is kept: all −∞, gradient 0. A kept +∞ gives NaN. Half precisions are summed in
      float32. Cost: n exponentials.

    Example:
      >>> print([f"{v:.4f}" for v in log_softmax(jnp.array([0.0, 0.0]))])
      ['-0.6931', '-0.6931']

    References:
      P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax
      functions", 2021, section 2.
    """
    x, where = _vector_and_mask(x, where)
    exps, shift, filled = _masked_exp(widened(x), where)
    total = jnp.sum(exps)
    log_total = safe_log(jnp.where(total == 0, jnp.ones_like(total), total))
    live = ~jnp.isneginf(x) if where is None else where & ~jnp.isneginf(x)
    return jnp.where(live, filled - shift - log_total, -jnp.inf).astype(x.dtype)
