"""The kernel distance of two samples (KID): an unbiased estimate, with its standard error."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath.nn._samples import by_rows, pair
from jaxmath.numerics import matmul, safe_sqrt
from jaxmath.typing import Array, ArrayLike, check_number

__all__ = ["KernelDistance", "kernel_distance"]


class KernelDistance(NamedTuple):
    """The squared maximum mean discrepancy of two samples.

    ::

        E[value] = MMD²,   standard_error² estimates Var[value]

    Args:
      value: the unbiased estimate, a scalar; negative by chance where the two are alike.
      standard_error: its standard error, a scalar.

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> KernelDistance(jnp.array(0.5), jnp.array(0.1)).value.shape
      ()

    References:
      M. Bińkowski, D. J. Sutherland, M. Arbel, A. Gretton, "Demystifying MMD GANs", 2018,
      section 4.
    """

    value: Array
    standard_error: Array


def _kernels(x: Array, i: Array, X: Array, Y: Array) -> list[tuple[Array, Array]]:
    """k(x, ·) for row i of X, over the other rows of X and over Y, with the weight of each pair."""
    weights = (jnp.arange(len(X)) != i).astype(x.dtype) / (len(X) - 1), jnp.full(len(Y), 1 / len(Y))
    return [
        ((matmul(S, x) / x.shape[0] + 1.0) ** 3, weight.astype(x.dtype))
        for S, weight in zip((X, Y), weights, strict=True)
    ]


def _means(X: Array, Y: Array, block: int) -> tuple[Array, Array]:
    """The means of k(xᵢ, ·) over the other rows of X and over Y."""

    def means(row: tuple) -> tuple[Array, Array]:
        own, cross = (jnp.sum(k * weight) for k, weight in _kernels(row[0], row[1], X, Y))
        return own, cross

    return by_rows(means, (X, jnp.arange(len(X))), block)


def _interactions(X: Array, Y: Array, own: Array, cross: Array, back: Array, block: int) -> Array:
    """2 E k̃²_xx/(n(n − 1)) + 2 E k̃²_xy/(nm): half of the mixed term, the other half is Y's."""

    def squares(row: tuple) -> Array:
        x, i, *means = row
        total = jnp.zeros((), x.dtype)
        for (k, weight), mean, other in zip(_kernels(x, i, X, Y), means, (own, back), strict=True):
            centred = (k - other) - (mean - jnp.mean(other))
            total += jnp.sum((weight * centred) ** 2)
        return total

    rows = by_rows(squares, (X, jnp.arange(len(X)), own, cross), block)
    return 2.0 * jnp.sum(rows) / len(X) ** 2


@compiled
def kernel_distance(X: ArrayLike, Y: ArrayLike, *, block: int = 256) -> KernelDistance:
    """The squared maximum mean discrepancy with the polynomial kernel of degree 3: KID.

    ::

        k(x, y) = (x·y/d + 1)³
        value = mean_{i≠j} k(xᵢ, xⱼ) + mean_{i≠j} k(yᵢ, yⱼ) − 2 mean_{ij} k(xᵢ, yⱼ)

    The standard error is that of the two-sample U-statistic, by Hoeffding's decomposition: with
    f(x) = E k(x, X') − E k(x, Y), g(y) = E k(y, Y') − E k(y, X) and k̃ the doubly centred kernel,

    ::

        Var = 4 Var f/n + 4 Var g/m + 2 E k̃²_xx/(n(n − 1)) + 2 E k̃²_yy/(m(m − 1)) + 4 E k̃²_xy/(nm)

    Args:
      X: one sample, shape (n, d), n ≥ 3.
      Y: the other, shape (m, d), m ≥ 3.
      block: rows at a time, which bounds the memory: block·max(n, m) numbers; static.

    Returns:
      The estimate and its standard error, of the dtype of ``X``.

    Raises:
      ValueError: a sample has fewer than three rows, or they have unequal numbers of features.

    Numerics:
      Unbiased for every n and m, unlike the Fréchet distance: figures of samples of unequal sizes
      compare, and the expectation is 0 where the distributions are equal. It is a difference of
      means: the error is a few eps of the mean kernel. In the variance E is a mean of the sample;
      the means' own noise is taken off the first two terms, which count 0 where that leaves less.
      The interactions matter where the distributions are alike: the rest vanishes there. Two
      samples that share rows are not independent, and the standard error is not theirs. A NaN gives
      NaN. Differentiable in both modes, in the blocks' memory. Cost O((n + m)² d).

    Example:
      >>> X = jnp.array([[0.0], [1.0], [2.0]])
      >>> f"{kernel_distance(X, X + 1).value:.4f}"
      '21.6667'

    References:
      M. Bińkowski, D. J. Sutherland, M. Arbel, A. Gretton, "Demystifying MMD GANs", 2018, section 4
      (there the error is of random subsets); A. Gretton, K. M. Borgwardt, M. J. Rasch,
      B. Schölkopf, A. Smola, "A kernel two-sample test", 2012, lemma 6; R. J. Serfling,
      "Approximation Theorems of Mathematical Statistics", 1980, sections 5.1.3 and 5.2.1.
    """
    X, Y, dtype = pair("kernel_distance", ("X", "Y"), X, Y, rows=3)
    check_number("block", block, low=1, integer=True)
    (xx, xy), (yy, yx) = _means(X, Y, block), _means(Y, X, block)
    f, g = xx - xy, yy - yx
    first = 4.0 * (jnp.var(f, ddof=1) / len(X) + jnp.var(g, ddof=1) / len(Y))
    interactions = _interactions(X, Y, xx, xy, yx, block) + _interactions(Y, X, yy, yx, xy, block)
    # E[first] is 4 Var f/n + 4 Var g/m + 2 · interactions.
    variance = jnp.maximum(first - 2.0 * interactions, 0.0) + interactions
    value = jnp.mean(f) + jnp.mean(g)
    return KernelDistance(value.astype(dtype), safe_sqrt(variance).astype(dtype))
