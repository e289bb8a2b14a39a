"""Principal components of a data set."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._limits import _check_count
from jaxmath.linalg._common import _precise_matrix
from jaxmath.linalg.svd import svd
from jaxmath.typing import Array, ArrayLike

__all__ = ["PCAResult", "pca"]


class PCAResult(NamedTuple):
    """What ``pca`` returns.

    ::

        xᵢ ≈ mean + Σⱼ scoresᵢⱼ componentsⱼ

    Args:
      components: orthonormal rows, shape (k, d), by falling variance.
      explained_variance: of the scores, with divisor n − 1, shape (k,).
      scores: coordinates of the centred examples, shape (n, k).
      mean: of the examples, shape (d,).

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Numerics:
      As in ``pca``.

    Example:
      >>> X = jnp.array([[1.0, 0.0], [3.0, 0.0]])
      >>> f"{pca(X, 1).explained_variance[0]:.1f}"
      '2.0'

    References:
      I. T. Jolliffe, "Principal Component Analysis", 2nd edition, 2002, section 3.5.
    """

    components: Array
    explained_variance: Array
    scores: Array
    mean: Array


@compiled
def pca(X: ArrayLike, num_components: int) -> PCAResult:
    """Principal component analysis: the directions of largest variance.

    ::

        X − 1 x̄ᵀ = U S Wᵀ,   components = rows of Wᵀ,   variance = s² / (n − 1),   scores = U S

    Args:
      X: data set, shape (n, d), one example a row, n ≥ 2.
      num_components: the number k of components, a Python integer from 1 to min(n, d).

    Returns:
      ``PCAResult(components, explained_variance, scores, mean)``. Gauge: the leading entry of each
      component, which is the first within 0.1 % of its largest modulus, is positive.

    Raises:
      TypeError: ``X`` is complex, or ``num_components`` is no Python integer.
      ValueError: ``X`` is no matrix or has fewer than two rows, or ``num_components`` is out of
        range.

    Numerics:
      By the SVD of the centred data, never the covariance: components of simple singular values
      are right to n·eps·s₁/gap. Singular set {repeated singular values}: components are arbitrary
      within their space, and their derivative is that of the factors of ``svd`` (finite, without
      the terms of infinite coefficient); for functions of the covariance that do not depend on the
      basis use ``spectral_fn``. NaN in X gives NaN. Cost O(nd·min(n, d)).

    Example:
      >>> X = jnp.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
      >>> print([f"{v:.4f}" for v in pca(X, 1).components[0]])
      ['0.4472', '0.8944']

    References:
      I. T. Jolliffe, "Principal Component Analysis", 2nd edition, 2002, section 3.5.
    """
    X = _precise_matrix("X", X, kind="floating")
    if X.shape[0] < 2:
        raise ValueError(f"pca: argument `X` must have at least 2 rows, got shape {X.shape}")
    _check_count("num_components", num_components, low=1, high=min(X.shape))
    mean = jnp.mean(X, axis=0)
    # Of the transpose, the gauge of svd is that of the components.
    W, s, Uh = svd((X - mean[None, :]).T)
    W, s, Uh = W[:, :num_components], s[:num_components], Uh[:num_components]
    scale = jnp.sqrt(jnp.asarray(X.shape[0] - 1, X.dtype))
    return PCAResult(W.T, (s / scale) ** 2, (Uh * s[:, None]).T, mean)
