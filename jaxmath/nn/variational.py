"""Variational inference with a diagonal Gaussian: the encoder's draw, and bounds on the evidence.

Everything is for one example: likelihoods and divergences are sums over its dimensions, in nats,
and a mean over examples is the caller's. The Gaussian q(z|x) = N(μ, diag e^s) is given by its mean
μ and its logarithmic variance s, the prior is p(z) = N(0, I).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._draws import normal, wide_dtype, widened
from jaxmath.nn.cross_entropy import _binary_cross_entropy
from jaxmath.numerics import logsumexp
from jaxmath.probability import diagonal_gaussian_kl, diagonal_gaussian_log_density
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = [
    "ELBOTerms",
    "bernoulli_log_likelihood",
    "elbo",
    "elbo_terms",
    "gaussian_log_likelihood",
    "importance_log_weights",
    "iwae_bound",
    "reparameterize",
    "standard_gaussian_kl",
]

LogLikelihood = Callable[[Array], Array]


class ELBOTerms(NamedTuple):
    """The two terms of the evidence lower bound of one example, in nats.

    ::

        log p(x) ≥ E_q[log p(x|z)] − KL(q(z|x)‖p(z))

    Args:
      log_likelihood: log p(x|z), at one draw z ~ q(z|x) or as a mean over draws, a scalar.
      kl: KL(q(z|x)‖p(z)), a scalar.

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> ELBOTerms(log_likelihood=-80.0, kl=20.0).kl
      20.0

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, equation (3).
    """

    log_likelihood: Array
    kl: Array


def _posterior(mean: ArrayLike, log_variance: ArrayLike) -> tuple[Array, Array]:
    mean = as_array("mean", mean, ndim=1)
    return mean, as_array("log_variance", log_variance, shape=mean.shape).astype(mean.dtype)


def reparameterize(key: Array, mean: ArrayLike, log_variance: ArrayLike) -> Array:
    """A draw from a diagonal Gaussian that is differentiable in its mean and variance.

    ::

        z = μ + e^{s/2} ⊙ ε,   ε ~ N(0, I);   ∂z/∂μ = I,   ∂zᵢ/∂sᵢ = ½ (zᵢ − μᵢ)

    Args:
      key: a random key, used once.
      mean: μ, shape (k,).
      log_variance: s, shape (k,).

    Returns:
      z, shape (k,), of the dtype of ``mean``.

    Numerics:
      A logarithmic variance of −∞ is the point μ, with derivative 0 in s. Cost: k exponentials.

    Example:
      >>> z = jax.vmap(lambda key: reparameterize(key, jnp.array([3.0]), jnp.log(jnp.array([4.0]))))
      >>> draws = z(jax.random.split(jax.random.key(0), 10_000))
      >>> f"{draws.mean():.1f} {draws.std():.1f}"
      '3.0 2.0'

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, section 2.4.
    """
    key, (mean, log_variance) = as_key("key", key), _posterior(mean, log_variance)
    noise = normal(key, mean.shape, mean.dtype)
    return mean + jnp.exp(0.5 * log_variance) * noise


def standard_gaussian_kl(mean: ArrayLike, log_variance: ArrayLike) -> Array:
    """The divergence of a diagonal Gaussian from the standard one.

    ::

        KL(N(μ, diag e^s)‖N(0, I)) = ½ Σᵢ [μᵢ² + (e^{sᵢ} − 1 − sᵢ)]
        ∂KL/∂μ = μ,   ∂KL/∂sᵢ = ½ (e^{sᵢ} − 1)

    Args:
      mean: μ, shape (k,).
      log_variance: s, shape (k,).

    Returns:
      The divergence in nats, a scalar ≥ 0 of the dtype of ``mean``.

    Numerics:
      A sum of terms ≥ 0, e^s − 1 − s by its series for |s| ≤ ½: relative error of a few eps plus
      k·eps, for tiny divergences too. Half precisions are summed in float32. s = −∞ gives ∞.

    Example:
      >>> f"{standard_gaussian_kl(jnp.array([1.0, 0.0]), jnp.zeros(2)):.2f}"
      '0.50'
      >>> f"{standard_gaussian_kl(jnp.zeros(1), jnp.array([1e-6])):.3e}"
      '2.500e-13'

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, appendix B.
    """
    mean, log_variance = _posterior(mean, log_variance)
    m, s = (v.astype(wide_dtype(mean.dtype)) for v in (mean, log_variance))
    zero = jnp.zeros_like(m)
    return diagonal_gaussian_kl(m, s, zero, zero).astype(mean.dtype)


def bernoulli_log_likelihood(logits: ArrayLike, x: ArrayLike) -> Array:
    """The log-probability of binary values, each with a logit of its own.

    ::

        log p(x|z) = Σᵢ [xᵢ log σ(zᵢ) + (1 − xᵢ) log(1 − σ(zᵢ))],   ∂/∂zᵢ = xᵢ − σ(zᵢ)

    Args:
      logits: z, of any shape: that of one example.
      x: the values, 0 or 1, of the same shape. Values between are taken as probabilities of 1 (the
        negative cross-entropy): the result is no log-density of grey values then.

    Returns:
      The log-likelihood in nats, a scalar of the dtype of ``logits``.

    Numerics:
      A sum of terms ≤ 0 as in ``sigmoid_binary_cross_entropy``. Half precisions are summed in
      float32. A value outside [0, 1] gives NaN. Cost: two exponentials and two logarithms a value.

    Example:
      >>> f"{bernoulli_log_likelihood(jnp.array([2.0, 2.0]), jnp.array([1.0, 0.0])):.5f}"
      '-2.25386'

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, equation (11).
    """
    logits = as_array("logits", logits)
    x, wide = as_array("x", x, shape=logits.shape), wide_dtype(logits.dtype)
    losses = _binary_cross_entropy(logits.astype(wide), x.astype(wide), jnp.zeros((), wide))
    return -jnp.sum(losses).astype(logits.dtype)


def gaussian_log_likelihood(mean: ArrayLike, log_variance: ArrayLike, x: ArrayLike) -> Array:
    """The log-density of values under independent Gaussians.

    ::

        log p(x) = −½ Σᵢ [(xᵢ − μᵢ)² e^{−sᵢ} + sᵢ + log 2π]
        ∂/∂μᵢ = (xᵢ − μᵢ) e^{−sᵢ},   ∂/∂sᵢ = ½ ((xᵢ − μᵢ)² e^{−sᵢ} − 1)

    Args:
      mean: μ, of any shape: that of one example.
      log_variance: s, of the same shape, or a scalar where all have one variance.
      x: the values, of the shape of ``mean``.

    Returns:
      The log-density in nats, a scalar of the dtype of ``mean``.

    Numerics:
      The residual is scaled by e^{−s/2} before it is squared, so that neither factor leaves the
      range alone. Half precisions are summed in float32. sᵢ = −∞ (no variance) gives the limits,
      ∞ for xᵢ = μᵢ and −∞ for xᵢ ≠ μᵢ, and NaN where one value has the one, another the other.

    Example:
      >>> f"{gaussian_log_likelihood(jnp.zeros(2), 0.0, jnp.array([0.0, 1.0])):.4f}"
      '-2.3379'

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, equation (12).
    """
    mean = as_array("mean", mean)
    wide = wide_dtype(mean.dtype)
    m, v = mean.astype(wide), as_array("x", x, shape=mean.shape).astype(wide)
    s = as_array("log_variance", log_variance, ndim=(0, mean.ndim))
    if s.ndim:
        s = as_array("log_variance", s, shape=mean.shape)
    s = jnp.broadcast_to(s.astype(wide), mean.shape)
    log_density = diagonal_gaussian_log_density(v.ravel(), m.ravel(), s.ravel())
    return log_density.astype(mean.dtype)


def elbo_terms(
    key: Array, log_likelihood_fn: LogLikelihood, mean: ArrayLike, log_variance: ArrayLike
) -> ELBOTerms:
    """The evidence lower bound of one example in its two terms, from one draw of z.

    ::

        ELBO = log p(x|z) − KL(q(z|x)‖N(0, I)),   z ~ q(z|x) = N(μ, diag e^s);   E ELBO ≤ log p(x)

    Args:
      key: a random key, used once.
      log_likelihood_fn: z ↦ log p(x|z), a scalar, for this x.
      mean: μ, shape (k,).
      log_variance: s, shape (k,).

    Returns:
      ``ELBOTerms``: the log-likelihood at the draw, the divergence in closed form.

    Numerics:
      That of ``reparameterize`` and ``standard_gaussian_kl``; unbiased, in value and in gradient.

    Example:
      >>> log_likelihood = lambda z: gaussian_log_likelihood(z, 0.0, jnp.ones(1))
      >>> terms = elbo_terms(jax.random.key(0), log_likelihood, jnp.full(1, 0.5), jnp.full(1, -9.0))
      >>> f"{terms.log_likelihood:.1f} {terms.kl:.3f}"
      '-1.0 4.125'

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, equation (7).
    """
    key, (mean, log_variance) = as_key("key", key), _posterior(mean, log_variance)
    z = reparameterize(key, mean, log_variance)
    return ELBOTerms(log_likelihood_fn(z), standard_gaussian_kl(mean, log_variance))


def elbo(terms: ELBOTerms, *, beta: Scalar = 1.0) -> Array:
    """The evidence lower bound of its terms, with the divergence weighted.

    ::

        L_β = log p(x|z) − β KL(q(z|x)‖p(z))

    Args:
      terms: the log-likelihood and the divergence.
      beta: β ≥ 0; a bound on log p(x) only for β ≥ 1, the bound itself at 1.

    Returns:
      L_β, to be made large, a scalar of the dtype of the terms.

    Numerics:
      One product and one difference.

    Example:
      >>> f"{elbo(ELBOTerms(jnp.array(-80.0), jnp.array(20.0)), beta=4.0):.1f}"
      '-160.0'

    References:
      I. Higgins and others, "β-VAE: learning basic visual concepts with a constrained variational
      framework", 2017, equation (4).
    """
    check_number("beta", beta, low=0.0)
    log_likelihood = as_array("terms.log_likelihood", terms.log_likelihood, ndim=0)
    kl = as_array("terms.kl", terms.kl, ndim=0)
    beta = jnp.asarray(beta, kl.dtype)
    return log_likelihood - beta * jnp.where(beta == 0, jnp.zeros_like(kl), kl)  # 0·∞


def importance_log_weights(
    key: Array,
    log_likelihood_fn: LogLikelihood,
    mean: ArrayLike,
    log_variance: ArrayLike,
    num_samples: int,
) -> Array:
    """The logarithms of the importance weights of some draws of z.

    ::

        log wⱼ = log p(x|zⱼ) + log p(zⱼ) − log q(zⱼ|x),   zⱼ = μ + e^{s/2} ⊙ εⱼ
        log p(zⱼ) − log q(zⱼ|x) = ½ Σᵢ (εⱼᵢ² + sᵢ − zⱼᵢ²);   E wⱼ = p(x)

    Args:
      key: a random key, used once.
      log_likelihood_fn: z ↦ log p(x|z), a scalar, for this x; it is mapped over the draws.
      mean: μ, shape (k,).
      log_variance: s, shape (k,).
      num_samples: the number K of draws, at least 1.

    Returns:
      log w, shape (K,).

    Numerics:
      All weights equal p(x) where q is the exact posterior. Half precisions are summed in float32.
      Cost: K log-likelihoods.

    Example:
      >>> log_likelihood = lambda z: gaussian_log_likelihood(z, 0.0, jnp.ones(1))
      >>> posterior = jnp.array([0.5]), jnp.log(jnp.array([0.5]))
      >>> w = importance_log_weights(jax.random.key(0), log_likelihood, *posterior, 3)
      >>> print([f"{v:.4f}" for v in w])
      ['-1.5155', '-1.5155', '-1.5155']

    References:
      Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted autoencoders", 2016, section 3.
    """
    key, (mean, log_variance) = as_key("key", key), _posterior(mean, log_variance)
    check_number("num_samples", num_samples, low=1, integer=True)

    def log_weight(noise: Array) -> Array:
        z = mean + jnp.exp(0.5 * log_variance) * noise
        log_likelihood = jnp.asarray(log_likelihood_fn(z))
        e, s, v = widened((noise, log_variance, z))
        log_ratio = 0.5 * jnp.sum(e**2 + s - v**2)
        dtype = jnp.result_type(log_likelihood, z)
        return (widened(log_likelihood) + log_ratio).astype(dtype)

    return jax.vmap(log_weight)(normal(key, (num_samples, *mean.shape), mean.dtype))


def iwae_bound(log_weights: ArrayLike) -> Array:
    """The importance weighted bound on the evidence, which tightens with the number of weights.

    ::

        L_K = log (1/K) Σⱼ wⱼ;   E L₁ = ELBO ≤ E L_K ≤ E L_{K+1} ≤ log p(x)

    Args:
      log_weights: log w, shape (K,), K ≥ 1, as ``importance_log_weights`` makes them.

    Returns:
      The bound in nats, a scalar of the dtype of ``log_weights``.

    Numerics:
      That of ``numerics.logsumexp``: no overflow, a weight of 0 (−∞) has gradient 0.

    Example:
      >>> f"{iwae_bound(jnp.log(jnp.array([0.5, 1.5]))):.4f}"
      '0.0000'

    References:
      Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted autoencoders", 2016, equation (8)
      and theorem 1.
    """
    log_weights = as_array("log_weights", log_weights, ndim=1, min_size=1)
    return logsumexp(log_weights) - math.log(log_weights.shape[0])
