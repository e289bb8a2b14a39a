"""Nearest neighbours among the rows of a sample, and what they tell of a generator.

Products of matrices find the neighbours, differences give their distances. Rows are taken a block
at a time, so that memory is bounded by block·m numbers.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath.nn._samples import by_rows, finite_or_nan, pair, sample, share
from jaxmath.numerics import matmul, safe_norm
from jaxmath.typing import Array, ArrayLike, check_number

__all__ = [
    "ManifoldScores",
    "NearestNeighbours",
    "manifold_precision_recall",
    "memorization_ratio",
    "nearest_neighbours",
]


class NearestNeighbours(NamedTuple):
    """The nearest rows of another sample, the nearest first.

    ::

        distances[i, 0] ≤ distances[i, 1] ≤ …,   distances[i, l] = ‖xᵢ − y_{indices[i, l]}‖

    Args:
      distances: shape (n, k).
      indices: the rows' numbers, int32 of shape (n, k).

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> NearestNeighbours(jnp.ones((3, 2)), jnp.zeros((3, 2), int)).distances.shape
      (3, 2)

    References:
      scikit-learn, ``sklearn.neighbors.NearestNeighbors``.
    """

    distances: Array
    indices: Array


def _squares(x: Array, Y: Array) -> Array:
    """‖x − yⱼ‖² for all rows of Y, by a product; it cancels where they are close."""
    return jnp.sum(x**2) + jnp.sum(Y**2, axis=1) - 2.0 * matmul(Y, x)


def _centred(X: Array, Y: Array) -> tuple[Array, Array]:
    """Both samples without the mean of the second, for which distances have nothing to do."""
    mean = jnp.mean(Y, axis=0)[None]
    return X - mean, Y - mean


def _search(X: Array, Y: Array, k: int, block: int, own: bool = False) -> NearestNeighbours:
    """The k nearest rows of Y; where the samples are one, a row is no neighbour of its own."""
    X, Y = _centred(X, Y)
    rows = jnp.arange(len(Y))

    def nearest(x: Array, i: Array) -> tuple[Array, Array]:
        squares = jax.lax.stop_gradient(_squares(x, Y))
        squares = jnp.where(rows == i, jnp.inf, squares) if own else squares
        index = jax.lax.top_k(-squares, k)[1]
        distance = jax.vmap(lambda y: safe_norm(x - y))(Y[index])
        order = jnp.argsort(distance)
        return distance[order], index[order]

    distance, index = by_rows(lambda row: nearest(*row), (X, jnp.arange(len(X))), block)
    return NearestNeighbours(distance + finite_or_nan(X, Y), index.astype(jnp.int32))


def _check_k(caller: str, k: int, name: str, rows: int) -> None:
    check_number("k", k, low=1, integer=True)
    if k > rows:
        raise ValueError(
            f"{caller}: argument `k` must be at most {rows}, the neighbours that `{name}` has, "
            f"got {k}"
        )


@compiled
def nearest_neighbours(
    X: ArrayLike, Y: ArrayLike, *, k: int = 1, block: int = 256
) -> NearestNeighbours:
    """The k rows of one sample that are nearest to each row of another.

    ::

        indices[i] = the j of the k smallest ‖xᵢ − yⱼ‖

    Args:
      X: the rows whose neighbours are looked for, shape (n, d).
      Y: the rows among which, shape (m, d).
      k: how many, 1 ≤ k ≤ m; static.
      block: rows of X at a time; static.

    Returns:
      Distances and indices, both of shape (n, k).

    Raises:
      ValueError: a sample is empty, k is above m, or the numbers of features are unequal.

    Numerics:
      The distance to a row that is returned has a few eps of itself, that of a copy is 0. Which
      rows are nearest is decided by ‖x‖² + ‖y‖² − 2 x·y about the mean of Y: rows whose squared
      distances differ by less than some eps of ‖x‖² + ‖y‖² may change places, so that a row 10⁴
      times as far out as the others hides copies among them in float32. A number that is not finite
      makes all distances NaN. Derivative of the distances: (xᵢ − yⱼ)/‖xᵢ − yⱼ‖, 0 for a copy. Cost
      n·m·d.

    Example:
      >>> found = nearest_neighbours(jnp.array([[0.9]]), jnp.array([[0.0], [1.0], [3.0]]), k=2)
      >>> print([f"{d:.2f}" for d in found.distances[0]], found.indices[0])
      ['0.10', '0.90'] [1 0]

    References:
      T. M. Cover, P. E. Hart, "Nearest neighbor pattern classification", 1967.
    """
    X, Y, dtype = pair("nearest_neighbours", ("X", "Y"), X, Y)
    _check_k("nearest_neighbours", k, "Y", len(Y))
    check_number("block", block, low=1, integer=True)
    found = _search(X, Y, k, block)
    return found._replace(distances=found.distances.astype(dtype))


@compiled
def memorization_ratio(
    samples: ArrayLike, train: ArrayLike, test: ArrayLike, *, block: int = 256
) -> Array:
    """How near the training set samples are, in units of how near it new real examples are.

    ::

        median_i min_j ‖sᵢ − xⱼ‖ / median_i min_j ‖tᵢ − xⱼ‖,   x training, t test examples

    Args:
      samples: generated examples, shape (n, d).
      train: the examples that the generator was trained on, shape (m, d).
      test: real examples that it was not trained on, shape (l, d).
      block: rows at a time; static.

    Returns:
      A scalar of the dtype of ``samples``: about 1 where samples are as new as test examples, far
      below where they are copies (0: most of them exact), above where they are far from the data.

    Raises:
      ValueError: a sample is empty, or the numbers of features are unequal.

    Numerics:
      As ``nearest_neighbours``; 0/0 is NaN (test examples that are copies of training examples).
      The medians need no equal numbers of samples and test examples. Cost (n + l)·m·d.

    Example:
      >>> train, test = jnp.array([[0.0], [1.0]]), jnp.array([[0.4], [1.4]])
      >>> f"{memorization_ratio(jnp.array([[0.1], [0.9]]), train, test):.2f}"
      '0.25'

    References:
      C. Meehan, K. Chaudhuri, S. Dasgupta, "A non-parametric test to detect data-copying in
      generative models", 2020, section 2.
    """
    caller = "memorization_ratio"
    samples, X, dtype = pair(caller, ("samples", "train"), samples, train)
    test = sample(caller, "test", test, d=X.shape[1]).astype(X.dtype)
    check_number("block", block, low=1, integer=True)
    near = [jnp.median(_search(S, X, 1, block).distances) for S in (samples, test)]
    return (near[0] / near[1]).astype(dtype)


class ManifoldScores(NamedTuple):
    """How real samples are, and how much of the real data they reach.

    ::

        precision = share of samples on the data's manifold,   recall = the reverse

    Args:
      precision: a scalar in [0, 1].
      recall: a scalar in [0, 1].

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> ManifoldScores(jnp.array(0.9), jnp.array(0.7)).recall.shape
      ()

    References:
      T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila, "Improved precision and recall
      metric for assessing generative models", 2019, section 3.
    """

    precision: Array
    recall: Array


def _share_inside(X: Array, Y: Array, k: int, block: int) -> Array:
    """The share of the rows of X within the ball of a row of Y, up to Y's k-th neighbour in Y."""
    radius = _search(Y, Y, k, block, own=True).distances[:, -1]
    X, Y = _centred(X, Y)
    inside = lambda x: jnp.any(_squares(x, Y) <= radius**2)
    return share(by_rows(inside, X, block), X.dtype) + finite_or_nan(X, Y)


@compiled
def manifold_precision_recall(
    samples: ArrayLike, real: ArrayLike, *, k: int = 3, block: int = 256
) -> ManifoldScores:
    """The share of samples on the data's manifold, and of the data on that of the samples.

    ::

        M(Y) = ∪ⱼ {z : ‖z − yⱼ‖ ≤ rⱼ},   rⱼ the distance from yⱼ to its k-th neighbour in Y
        precision = (1/n) Σᵢ [sᵢ ∈ M(real)],   recall = (1/m) Σⱼ [xⱼ ∈ M(samples)]

    Args:
      samples: generated examples, shape (n, d), n > k.
      real: real examples, shape (m, d), m > k.
      k: the neighbour that sets the radius; static.
      block: rows at a time; static.

    Returns:
      Precision and recall, scalars of the dtype of ``samples``.

    Raises:
      ValueError: a sample has k rows or fewer, or the numbers of features are unequal.

    Numerics:
      Shares of counts; a row on a ball's boundary to within some eps of the squared spread may
      count either way. Both grow with the other sample's density, so that figures compare at equal
      n, m and k only. A number that is not finite makes both NaN. Piecewise constant: derivative 0.
      Cost (n + m)²·d.

    Example:
      >>> real = jnp.arange(6.0)[:, None]
      >>> scores = manifold_precision_recall(real[:4] + 0.5, real, k=1)
      >>> f"{scores.precision:.2f} {scores.recall:.2f}"
      '1.00 0.83'

    References:
      T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila, "Improved precision and recall
      metric for assessing generative models", 2019, equations (1) and (2).
    """
    names = "samples", "real"
    samples, real, dtype = pair("manifold_precision_recall", names, samples, real)
    for name, S in zip(names, (samples, real), strict=True):
        _check_k("manifold_precision_recall", k, name, len(S) - 1)
    check_number("block", block, low=1, integer=True)
    samples, real = (jax.lax.stop_gradient(S) for S in (samples, real))
    precision = _share_inside(samples, real, k, block)
    recall = _share_inside(real, samples, k, block)
    return ManifoldScores(precision.astype(dtype), recall.astype(dtype))
