"""Which modes of a known mixture samples reach, and which classes those of an image generator."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._draws import wide_dtype
from jaxmath.nn._samples import pair, sample, share
from jaxmath.numerics import softmax
from jaxmath.typing import Array, ArrayLike, Scalar, check_number

__all__ = ["ClassBalance", "ModeCoverage", "class_balance", "mode_coverage"]


class ModeCoverage(NamedTuple):
    """How samples lie around the centers of a mixture.

    ::

        good = Σ_j counts_j / n,   covered = #{j : counts_j ≥ least}

    Args:
      good: the share of samples near a center, a scalar in [0, 1].
      covered: the number of modes with enough of them, int32.
      counts: the good samples of each mode, int32 of shape (k,).

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> ModeCoverage(jnp.array(0.9), jnp.array(8), jnp.full(8, 100)).counts.shape
      (8,)

    References:
      A. Srivastava, L. Valkov, C. Russell, M. U. Gutmann, C. Sutton, "VEEGAN", 2017, section 4.1.
    """

    good: Array
    covered: Array
    counts: Array


@compiled
def mode_coverage(
    samples: ArrayLike,
    centers: ArrayLike,
    scale: Scalar,
    *,
    num_deviations: Scalar = 3.0,
    least: int = 20,
) -> ModeCoverage:
    """The share of samples near a mode of a Gaussian mixture, and the modes that they cover.

    ::

        c(x) = argmin_j ‖x − c_j‖,   x is good where ‖x − c_{c(x)}‖ ≤ 3σ
        counts_j = #{i : xᵢ good, c(xᵢ) = j},   j is covered where counts_j ≥ 20

    Args:
      samples: shape (n, d).
      centers: the modes' centers, shape (k, d).
      scale: the modes' standard deviation σ, the same in every direction, above 0.
      num_deviations: how many of them are near.
      least: good samples that make a mode covered.

    Returns:
      The good share (of the dtype of ``samples``), the number of modes covered, and the counts.

    Raises:
      ValueError: a sample is empty, the numbers of features are unequal, or σ is not positive.

    Numerics:
      The mixture itself scores P(χ²_d ≤ 9): 1 − e^(−9/2) = 98.9 % for d = 2, so that more says
      that samples are too narrow. Of equally near centers the first has the sample. A sample that
      is not finite is not good. Piecewise constant: derivative 0. Cost n·k·d, in as much memory.

    Example:
      >>> found = mode_coverage([[0.0, 0.2], [4.0, 0.1], [2.0, 0.0]], [[0.0, 0.0], [4.0, 0.0]], 0.1,
      ...                       least=1)
      >>> print(f"{found.good:.2f}", found.covered, found.counts)
      0.67 2 [1 1]

    References:
      A. Srivastava, L. Valkov, C. Russell, M. U. Gutmann, C. Sutton, "VEEGAN: reducing mode
      collapse in GANs using implicit variational learning", 2017, section 4.1; T. Che, Y. Li,
      A. P. Jacob, Y. Bengio, W. Li, "Mode regularized generative adversarial networks", 2017.
    """
    X, centers, dtype = pair("mode_coverage", ("samples", "centers"), samples, centers)
    check_number("scale", scale, low=0.0, open_low=True)
    check_number("num_deviations", num_deviations, low=0.0, open_low=True)
    check_number("least", least, low=1, integer=True)
    X, centers = (jax.lax.stop_gradient(S) for S in (X, centers.astype(X.dtype)))
    squares = jnp.sum((X[:, None] - centers[None]) ** 2, axis=2)
    nearest = jnp.argmin(squares, axis=1)
    far = jnp.asarray(num_deviations * jax.lax.stop_gradient(scale), X.dtype) ** 2
    good = jnp.take_along_axis(squares, nearest[:, None], axis=1)[:, 0] <= far
    counts = jnp.zeros(len(centers), jnp.int32).at[nearest].add(good.astype(jnp.int32))
    covered = jnp.sum((counts >= least).astype(jnp.int32), dtype=jnp.int32)
    return ModeCoverage(share(good, dtype), covered, counts)


class ClassBalance(NamedTuple):
    """What a classifier says of samples.

    ::

        shares_c = #{i : argmax zᵢ = c} / n,   confidence = mean_i max_c softmax(zᵢ)_c

    Args:
      shares: the share of samples of each class, shape (k,).
      confidence: the mean probability of the class that is most probable, a scalar.
      num_outside: the classes whose share is out of bounds, int32.

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> ClassBalance(jnp.full(10, 0.1), jnp.array(0.9), jnp.array(0)).shares.shape
      (10,)

    References:
      T. Salimans, I. Goodfellow, W. Zaremba, V. Cheung, A. Radford, X. Chen, "Improved techniques
      for training GANs", 2016, section 4 (the inception score has both in one number).
    """

    shares: Array
    confidence: Array
    num_outside: Array


@compiled
def class_balance(logits: ArrayLike, *, low: float = 0.04, high: float = 0.2) -> ClassBalance:
    """How samples are spread over the classes, and how sure of them a classifier is.

    ::

        shares_c = #{i : argmax zᵢ = c} / n,   confidence = mean_i max_c softmax(zᵢ)_c
        num_outside = #{c : shares_c < low or shares_c > high}

    Args:
      logits: those of a classifier on the samples, shape (n, k).
      low: the least share that is in bounds; the bounds are for 10 balanced classes.
      high: the greatest.

    Returns:
      Shares and confidence (of the dtype of ``logits``), and the number of classes out of bounds.

    Raises:
      ValueError: there are no logits, or the bounds are no shares.

    Numerics:
      Of equal logits the first class has the sample. A logit that is NaN makes shares and
      confidence NaN, and every class out of bounds. Shares and bounds are rounded once, so that 3
      of 15 is not below 0.2. The shares are piecewise constant: derivative 0. Cost n·k.

    Example:
      >>> found = class_balance(jnp.array([[2.0, 0.0], [0.0, 2.0], [3.0, 0.0]]), high=0.6)
      >>> print(f"{found.shares[0]:.2f} {found.confidence:.3f} {found.num_outside}")
      0.67 0.905 1

    References:
      T. Salimans, I. Goodfellow, W. Zaremba, V. Cheung, A. Radford, X. Chen, "Improved techniques
      for training GANs", 2016, section 4.
    """
    z = sample("class_balance", "logits", logits)
    check_number("low", low, low=0.0, high=1.0)
    check_number("high", high, low=low, high=1.0)
    dtype, z = z.dtype, z.astype(wide_dtype(z.dtype))
    nan = jnp.where(jnp.any(jnp.isnan(z)), jnp.nan, 0.0).astype(z.dtype)
    classes = jnp.argmax(z, axis=1)[:, None] == jnp.arange(z.shape[1])[None]
    shares = share(classes, z.dtype) + nan
    confidence = jnp.mean(jnp.max(jax.vmap(softmax)(z), axis=1)) + nan
    num_outside = jnp.sum(~((shares >= low) & (shares <= high)), dtype=jnp.int32)
    return ClassBalance(shares.astype(dtype), confidence.astype(dtype), num_outside)
