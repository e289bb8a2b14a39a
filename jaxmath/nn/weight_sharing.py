"""Penalties that draw weights to one another.

To share a weight exactly, use one leaf in both places: the chain rule adds both gradients. An
output layer tied to an embedding is ``embedding_attend``.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._draws import wide_dtype
from jaxmath.nn._leaves import kept_leaves, total
from jaxmath.numerics import log_softmax, logsumexp
from jaxmath.typing import Array, PyTree, as_array

__all__ = ["WeightMixture", "soft_weight_sharing", "tying_penalty"]


class WeightMixture(NamedTuple):
    """A mixture of k Gaussians over weights: logits, means and logarithms of the deviations."""

    logits: Array
    means: Array
    log_stddevs: Array


def tying_penalty(a: PyTree, b: PyTree) -> Array:
    """Half the squared distance of two parameter trees, which keeps related models close.

    ::

        Ω(a, b) = ½ ‖a − b‖²,   ∂Ω/∂a = a − b = −∂Ω/∂b

    Args:
      a: a pytree of real arrays.
      b: a pytree of the same structure and shapes.

    Returns:
      A scalar of the common dtype of both.

    Raises:
      ValueError: structures or shapes differ.

    Numerics:
      Half precisions are subtracted and summed in float32. 0 and gradient 0 where a = b.

    Example:
      >>> f"{tying_penalty({'w': jnp.array([1.0, 2.0])}, {'w': jnp.array([0.0, 4.0])}):.1f}"
      '2.5'

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 7.9.
    """
    leaves_a, leaves_b = (jax.tree_util.tree_leaves_with_path(tree) for tree in (a, b))
    if [path for path, _ in leaves_a] != [path for path, _ in leaves_b]:
        raise ValueError(
            f"tying_penalty: argument `b` must have the structure {jax.tree.structure(a)} of `a`, "
            f"got {jax.tree.structure(b)}"
        )
    differences, dtypes = [], []
    for (path, x), (_, y) in zip(leaves_a, leaves_b, strict=True):
        name = jax.tree_util.keystr(path)
        x = as_array(f"a{name}", x)
        y = as_array(f"b{name}", y, shape=x.shape)
        dtypes.append(jnp.result_type(x, y))
        wide = wide_dtype(dtypes[-1])
        differences.append(x.astype(wide) - y.astype(wide))
    terms = [0.5 * jnp.sum(jnp.square(difference)) for difference in differences]
    return total(terms, jnp.result_type(*dtypes) if dtypes else jnp.result_type(float))


def soft_weight_sharing(
    params: PyTree, mixture: WeightMixture, *, mask: PyTree | None = None
) -> Array:
    """The negative log-likelihood of the weights under a mixture of Gaussians that is learned too.

    ::

        Ω(w) = −Σᵢ log Σⱼ πⱼ N(wᵢ; μⱼ, σⱼ²),   π = softmax(logits),   σⱼ = exp(log_stddevsⱼ)
        ∂Ω/∂wᵢ = Σⱼ rⱼ(wᵢ) (wᵢ − μⱼ)/σⱼ²,   rⱼ: the responsibility of component j

    Args:
      params: a pytree of real arrays, the weights w.
      mixture: logits, means and log_stddevs, each of shape (k,), learned along with the weights.
      mask: a tree of booleans, a prefix of ``params``: True where a leaf counts; None counts all.

    Returns:
      A scalar of the common dtype of ``params`` and ``mixture``.

    Raises:
      TypeError: a leaf is no real array, or the mask holds something else than booleans.
      ValueError: the mask has another structure, or the mixture's shapes differ.

    Numerics:
      In log space: weights far from all means have their nearest component's gradient. Unbounded
      below: a component on one weight may shrink for ever, which Nowlan and Hinton prevent with a
      prior on the deviations; a smaller learning rate or a bound on ``log_stddevs`` does too.
      Cost: k exponentials a weight.

    Example:
      >>> mixture = WeightMixture(jnp.zeros(2), jnp.array([0.0, 1.0]), jnp.log(0.1) * jnp.ones(2))
      >>> omega = soft_weight_sharing(jnp.array([0.0, 1.0, 0.5]), mixture)
      >>> f"{omega:.3f}"
      '9.735'

    References:
      S. J. Nowlan, G. E. Hinton, "Simplifying neural networks by soft weight-sharing", 1992.
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equations (5.138), (5.141).
    """
    logits = as_array("mixture.logits", mixture.logits, ndim=1, min_size=1)
    means = as_array("mixture.means", mixture.means, shape=logits.shape)
    log_stddevs = as_array("mixture.log_stddevs", mixture.log_stddevs, shape=logits.shape)
    leaves, dtype = kept_leaves(params, mask)
    dtype = jnp.result_type(jnp.zeros((), dtype), logits, means, log_stddevs)
    wide = wide_dtype(dtype)
    logits, means, log_stddevs = (a.astype(wide) for a in (logits, means, log_stddevs))
    constants = log_softmax(logits) - log_stddevs - 0.5 * math.log(2 * math.pi)

    def log_density(w: Array) -> Array:
        return logsumexp(constants - 0.5 * jnp.square((w - means) * jnp.exp(-log_stddevs)))

    terms = [-jnp.sum(jax.vmap(log_density)(w.reshape(-1).astype(wide))) for w in leaves]
    return total(terms, dtype)
