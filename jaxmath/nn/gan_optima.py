"""The best discriminators of adversarial games, in closed form where both densities are known.

The discriminator's mean loss is ∫ p L_D(real = D) + q L_D(fake = D), so that each point of the
space has its own best score, a function of the densities' ratio there.
"""

import jax.numpy as jnp

from jaxmath.nn.activations import sigmoid
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = [
    "hinge_optimal_discriminator",
    "least_squares_optimal_discriminator",
    "minimax_optimal_discriminator",
]


def _log_ratio(log_p: ArrayLike, log_q: ArrayLike) -> Array:
    """log p − log q, and 0 where both densities are 0."""
    log_p = as_array("log_p", log_p)
    log_q = as_array("log_q", log_q, shape=log_p.shape).astype(log_p.dtype)
    nowhere = jnp.isneginf(log_p) & jnp.isneginf(log_q)
    zero = jnp.zeros_like(log_p)
    return jnp.where(nowhere, zero, log_p) - jnp.where(nowhere, zero, log_q)


def minimax_optimal_discriminator(log_p: ArrayLike, log_q: ArrayLike) -> Array:
    """The best logits in the minimax and non-saturating games.

    ::

        D* = p/(p + q) as a probability, as a logit z* = log p − log q
        E L_D(z*) = log 4 − 2 JS(p, q)

    Args:
      log_p: log-density of the data at some points, of any shape.
      log_q: log-density of the generator there, of the same shape.

    Returns:
      The logits, of the shape and dtype of ``log_p``.

    Numerics:
      One rounding. Where one density is 0: ±∞; where both are, where no score matters: 0, with
      derivative 0. Cost: one difference.

    Example:
      >>> f"{minimax_optimal_discriminator(jnp.log(0.3), jnp.log(0.1)):.4f}"
      '1.0986'

    References:
      I. J. Goodfellow et al., "Generative adversarial nets", 2014, proposition 1 and theorem 1.
    """
    return _log_ratio(log_p, log_q)


def least_squares_optimal_discriminator(
    log_p: ArrayLike, log_q: ArrayLike, *, a: Scalar = 0.0, b: Scalar = 1.0
) -> Array:
    """The best scores in the least-squares game.

    ::

        D* = (b p + a q)/(p + q) = a + (b − a) σ(log p − log q)
        E L_D(D*) = ½ (b − a)² Σ p q/(p + q)
        E_p ½ (D* − c)² + E_q ½ (D* − c)² = ½ Σ (p − q)²/(p + q)   for b − c = 1, b − a = 2

    Args:
      log_p: log-density of the data at some points, of any shape.
      log_q: log-density of the generator there, of the same shape.
      a: label of the fake.
      b: label of the real.

    Returns:
      The scores, of the shape and dtype of ``log_p``.

    Numerics:
      From the ratio, a few eps of the labels, whatever the densities' size. Where both densities
      are 0: (a + b)/2, with derivative 0. Cost: one exponential.

    Example:
      >>> f"{least_squares_optimal_discriminator(jnp.log(0.3), jnp.log(0.1)):.4f}"
      '0.7500'

    References:
      X. Mao et al., "Least squares generative adversarial networks", 2017, section 3.2.
    """
    ratio = _log_ratio(log_p, log_q)
    check_number("a", a)
    check_number("b", b)
    low, high = jnp.asarray(a, ratio.dtype), jnp.asarray(b, ratio.dtype)
    return low + (high - low) * sigmoid(ratio)


def hinge_optimal_discriminator(log_p: ArrayLike, log_q: ArrayLike) -> Array:
    """The best scores in the hinge game: which density is larger.

    ::

        D* = sign(p − q),   E L_D(D*) = 2 Σ min(p, q) = 2 (1 − TV(p, q))

    Args:
      log_p: log-density of the data at some points, of any shape.
      log_q: log-density of the generator there, of the same shape.

    Returns:
      −1, 0 or 1, of the shape and dtype of ``log_p``.

    Numerics:
      Exact. Where p = q every score in [−1, 1] is best, and 0 is given. Derivative 0. Cost: one
      comparison.

    Example:
      >>> print(hinge_optimal_discriminator(jnp.log(0.3), jnp.log(0.1)))
      1.0

    References:
      J. H. Lim, J. C. Ye, "Geometric GAN", 2017, section 4.
    """
    return jnp.sign(_log_ratio(log_p, log_q))
