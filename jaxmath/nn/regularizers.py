"""Penalties on parameters, to be added to a loss: ``loss + strength * l2(params, mask=mask)``.

The parameters are any pytree. ``mask`` is a tree of booleans, or a prefix of one, that says which
leaves count; ``decay_mask`` makes the usual one. A gradient step on ½ λ‖θ‖² is weight decay for
plain gradient descent only: with Adam hand the mask to ``optax.adamw(mask=…)`` instead.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath.nn._leaves import kept_leaves, total
from jaxmath.nn._moments import magnitude
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = ["decay_mask", "elastic_net", "l1", "l2"]


def _name(entry: Any) -> Any:
    """A key of a mapping, the name of a field, or the place in a sequence."""
    return next(getattr(entry, field) for field in ("key", "name", "idx") if hasattr(entry, field))


def decay_mask(params: PyTree, *, spare: Sequence[str] = ("bias", "scale")) -> PyTree:
    """Which parameters to decay: all but the biases and what normalization scales by.

    ::

        mask(θ) = True where the last name on the path to θ is none of ``spare``

    Args:
      params: a pytree of parameters, of jaxmath or of Flax, which share the names.
      spare: names of the leaves that are not decayed.

    Returns:
      A tree of booleans of the structure of ``params``, for the penalties here and for
      ``optax.adamw(mask=…)``, which takes ``decay_mask`` itself too.

    Numerics:
      Nothing is computed: names decide, not shapes, so that a vector of weights is decayed and
      stacked biases are not. A leaf without a name is decayed.

    Example:
      >>> decay_mask({"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)})
      {'bias': False, 'kernel': True}

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 7.1, on biases.
    """
    if isinstance(spare, str):
        raise TypeError("decay_mask: argument `spare` must be a sequence of names, got str")
    return jax.tree_util.tree_map_with_path(
        lambda path, _: not path or _name(path[-1]) not in spare, params
    )


def l1(params: PyTree, *, mask: PyTree | None = None) -> Array:
    """The sum of absolute values, which drives weights to zero.

    ::

        Ω(θ) = ‖θ‖₁ = Σᵢ |θᵢ|,   ∂Ω/∂θᵢ = sign θᵢ,   sign 0 := 0

    Args:
      params: a pytree of real arrays.
      mask: a tree of booleans, a prefix of ``params``: True where a leaf counts; None counts all.

    Returns:
      A scalar of the common dtype of ``params``.

    Raises:
      TypeError: a leaf is no real array, or the mask holds something else than booleans.
      ValueError: the mask has another structure.

    Numerics:
      Half precisions are summed in float32. Singular set {some θᵢ = 0}: derivative 0 there, the
      least-norm subgradient; hence a gradient method comes near zeros and does not stay on them.

    Example:
      >>> f"{l1({'a': jnp.array([1.0, -2.0]), 'b': jnp.array(0.5)}):.1f}"
      '3.5'

    References:
      R. Tibshirani, "Regression shrinkage and selection via the lasso", 1996, equation (1).
    """
    leaves, dtype = kept_leaves(params, mask)
    return total([jnp.sum(magnitude(leaf)) for leaf in leaves], dtype)


def l2(params: PyTree, *, mask: PyTree | None = None) -> Array:
    """Half the sum of squares, whose gradient is the parameters themselves.

    ::

        Ω(θ) = ½ ‖θ‖² = ½ Σᵢ θᵢ²,   ∂Ω/∂θᵢ = θᵢ

    Args:
      params: a pytree of real arrays.
      mask: a tree of booleans, a prefix of ``params``: True where a leaf counts; None counts all.

    Returns:
      A scalar of the common dtype of ``params``.

    Raises:
      TypeError: a leaf is no real array, or the mask holds something else than booleans.
      ValueError: the mask has another structure.

    Numerics:
      Half precisions are summed in float32. Weights beyond the square root of the dtype's range
      give ∞.

    Example:
      >>> f"{l2([jnp.array([3.0]), jnp.array([4.0])], mask=[True, False]):.1f}"
      '4.5'

    References:
      A. Krogh, J. A. Hertz, "A simple weight decay can improve generalization", 1991.
    """
    leaves, dtype = kept_leaves(params, mask)
    return total([0.5 * jnp.sum(jnp.square(leaf)) for leaf in leaves], dtype)


def elastic_net(params: PyTree, l1_ratio: Scalar = 0.5, *, mask: PyTree | None = None) -> Array:
    """A mixture of the absolute and the squared penalty: sparse, and strictly convex.

    ::

        Ω(θ) = ρ ‖θ‖₁ + (1 − ρ) ½ ‖θ‖²

    Args:
      params: a pytree of real arrays.
      l1_ratio: ρ in [0, 1], as scikit-learn names it.
      mask: a tree of booleans, a prefix of ``params``: True where a leaf counts; None counts all.

    Returns:
      A scalar of the common dtype of ``params``.

    Raises:
      TypeError: a leaf is no real array, or the mask holds something else than booleans.
      ValueError: the mask has another structure, or ``l1_ratio`` is out of range.

    Numerics:
      As ``l1`` and ``l2``.

    Example:
      >>> f"{elastic_net(jnp.array([1.0, -2.0]), 0.8):.2f}"
      '2.90'

    References:
      H. Zou, T. Hastie, "Regularization and variable selection via the elastic net", 2005,
      equation (3), in scikit-learn's parametrization.
    """
    check_number("l1_ratio", l1_ratio, low=0.0, high=1.0)
    leaves, dtype = kept_leaves(params, mask)
    terms = []
    for leaf in leaves:
        ratio = jnp.asarray(l1_ratio, leaf.dtype)
        terms.append(jnp.sum(ratio * magnitude(leaf) + (0.5 - 0.5 * ratio) * jnp.square(leaf)))
    return total(terms, dtype)
