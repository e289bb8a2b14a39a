"""Divergences between two distributions over the same classes, from their log-probabilities.

``nn.log_softmax`` makes log-probabilities of logits and ``numerics.safe_log`` of probabilities.
Each divergence is a sum of terms p φ(d) ≥ 0 with φ(d) = e^d − 1 − d, where d is the difference of
two log-probabilities: near 0 φ is ½ d² plus a short series, so a small divergence keeps its digits.
"""

import math

import jax.numpy as jnp

from jaxmath.nn._moments import magnitude
from jaxmath.probability._excess import NEAR, near_excess
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["js_divergence", "kl_divergence"]


def _excess(log_p: Array, log_q: Array, d: Array) -> Array:
    """e^{log_q} − e^{log_p} (1 + d) element-wise, for d = log_q − log_p: p φ(d)."""
    near = jnp.abs(d) <= NEAR
    close = near_excess(jnp.where(near, d, jnp.zeros_like(d)))
    far = jnp.exp(log_q) - jnp.exp(log_p) * (1.0 + d)
    return jnp.where(near, jnp.exp(log_p) * close, far)


def _pair(log_p: ArrayLike, log_q: ArrayLike) -> tuple[Array, Array]:
    log_p = as_array("log_p", log_p, ndim=1)
    return log_p, as_array("log_q", log_q, shape=log_p.shape).astype(log_p.dtype)


def kl_divergence(log_p: ArrayLike, log_q: ArrayLike) -> Array:
    """The Kullback–Leibler divergence from p to q.

    ::

        KL(p‖q) = Σᵢ pᵢ log(pᵢ/qᵢ) = Σᵢ [pᵢ (log pᵢ − log qᵢ) − pᵢ + qᵢ]   for Σp = Σq
        ∂KL/∂log pᵢ = pᵢ (log pᵢ − log qᵢ),   ∂KL/∂log qᵢ = qᵢ − pᵢ

    Args:
      log_p: log-probabilities of the distribution that takes the mean, the target, shape (k,).
      log_q: log-probabilities of the other, the model, shape (k,). (optax has the model first.)

    Returns:
      The divergence in nats, a scalar ≥ 0 of the dtype of ``log_p``.

    Numerics:
      The last form, where no term is negative: the divergence of nearly equal p and q keeps the
      digits that the log-probabilities have, and a sum of p that is 1 only up to rounding does not
      show. For measures with other sums it is the generalized divergence, that of
      ``scipy.special.kl_div``. Singular set: pᵢ = 0 (log pᵢ = −∞) gives the term qᵢ and
      the true derivatives, 0 and qᵢ; qᵢ = 0 < pᵢ gives ∞ with gradient 0. Cost: 2k exponentials.

    Example:
      >>> p, q = jnp.log(jnp.array([0.5, 0.5])), jnp.log(jnp.array([0.9, 0.1]))
      >>> f"{kl_divergence(p, q):.5f}"
      '0.51083'

    References:
      S. Kullback, R. A. Leibler, "On information and sufficiency", 1951, section 2.
    """
    log_p, log_q = _pair(log_p, log_q)
    p_zero, q_zero = jnp.isneginf(log_p), jnp.isneginf(log_q)
    live = ~p_zero & ~q_zero
    held_p, held_q = (jnp.where(live, v, jnp.zeros_like(v)) for v in (log_p, log_q))
    terms = _excess(held_p, held_q, held_q - held_p)
    terms = jnp.where(p_zero, jnp.exp(log_q), jnp.where(q_zero, jnp.inf, terms))
    return jnp.sum(terms)


def js_divergence(log_p: ArrayLike, log_q: ArrayLike) -> Array:
    """The Jensen–Shannon divergence: how far p and q are from their mean.

    ::

        JS(p, q) = ½ KL(p‖m) + ½ KL(q‖m) ∈ [0, log 2],   m = ½ (p + q)
        ∂JS/∂log pᵢ = ½ pᵢ (log pᵢ − log mᵢ)

    Args:
      log_p: log-probabilities of one distribution, shape (k,).
      log_q: log-probabilities of the other, shape (k,).

    Returns:
      The divergence in nats, a scalar ≥ 0 of the dtype of ``log_p``; its square root is a metric
      (``scipy.spatial.distance.jensenshannon``).

    Numerics:
      A sum of terms ≥ 0, relative error as in ``kl_divergence``. Finite for all distributions:
      pᵢ = 0 gives the term ½ qᵢ log 2, and derivative 0 in log pᵢ. Cost: 5k exponentials and
      k logarithms.

    Example:
      >>> p, q = jnp.log(jnp.array([0.5, 0.5])), jnp.log(jnp.array([0.9, 0.1]))
      >>> f"{js_divergence(p, q):.5f}"
      '0.10175'

    References:
      J. Lin, "Divergence measures based on the Shannon entropy", 1991, section 4.
    """
    log_p, log_q = _pair(log_p, log_q)
    live = ~jnp.isneginf(log_p) & ~jnp.isneginf(log_q)
    held_p, held_q = (jnp.where(live, v, jnp.zeros_like(v)) for v in (log_p, log_q))
    gap = held_q - held_p
    # log m from the larger side; its distances from log p and log q without cancellation.
    # Not jnp.abs, whose derivative at 0 is wrong in the Hessian.
    shared = jnp.log1p(0.5 * jnp.expm1(-magnitude(gap)))
    log_m = jnp.maximum(held_p, held_q) + shared
    d = jnp.maximum(jnp.stack([gap, -gap]), 0.0) + jnp.stack([shared, shared])
    both = jnp.sum(_excess(jnp.stack([held_p, held_q]), jnp.stack([log_m, log_m]), d), axis=0)
    lone = math.log(2.0) * (jnp.exp(log_p) + jnp.exp(log_q))  # at most one of them is not 0
    return 0.5 * jnp.sum(jnp.where(live, both, lone))
