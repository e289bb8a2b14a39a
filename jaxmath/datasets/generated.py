"""Sets drawn from a key: distributions known exactly, as many examples as wanted, inside jit too.

The classes take turns, yᵢ = i mod k, so that every prefix is balanced; εᵢ is standard normal.
"""

import math

import jax.numpy as jnp

from jaxmath._draws import uniform
from jaxmath.datasets._draws import DType, labels, mixture, names, noisy, start
from jaxmath.datasets.dataset import Dataset
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["blobs", "noisy_sine", "spirals", "two_moons", "xor"]


def blobs(
    key: Array, n: int, centers: ArrayLike, *, noise: Scalar = 1.0, dtype: DType = float
) -> Dataset:
    """A mixture of spherical Gaussians with the centers given: the Bayes rule is the nearest one.

    ::

        xᵢ = c_{yᵢ} + noise·εᵢ,   yᵢ = i mod k

    Args:
      key: a random key, used once.
      n: number of examples.
      centers: one center a class, shape (k, d), k ≥ 1.
      noise: standard deviation of each component, at least 0.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` of shape (n, d) and ``y`` of shape (n,), int32.

    Numerics:
      Differentiable in ``centers`` and ``noise``.

    Example:
      >>> data = blobs(jax.random.key(0), 4, [[-3.0, 0.0], [3.0, 0.0]], noise=0.0)
      >>> print(data.x[:, 0], data.y)
      [-3.  3. -3.  3.] [0 1 0 1]

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.2.1.
    """
    centers = as_array("centers", centers, ndim=2, min_size=1)
    return mixture("blobs", key, n, centers, noise, dtype)


def noisy_sine(key: Array, n: int, *, noise: Scalar = 0.3, dtype: DType = float) -> Dataset:
    """One period of a sine with Gaussian noise: the regression of Bishop's first chapter.

    ::

        xᵢ ~ U(0, 1),   yᵢ = sin(2π xᵢ) + noise·εᵢ

    Args:
      key: a random key, used once.
      n: number of examples.
      noise: standard deviation of the targets, at least 0.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` of shape (n, 1) and ``y`` of shape (n,), both floating.

    Numerics:
      The least mean squared error that any predictor can have is noise². Bishop's xᵢ are evenly
      spaced. Differentiable in ``noise``.

    Example:
      >>> data = noisy_sine(jax.random.key(0), 4, noise=0.0)
      >>> f"{jnp.max(jnp.abs(data.y - jnp.sin(2 * jnp.pi * data.x[:, 0]))):.1f}"
      '0.0'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, appendix A.
    """
    place_key, noise_key, dtype = start("noisy_sine", key, n, noise, dtype)
    x = uniform(place_key, (n,), dtype)
    return Dataset(x[:, None], noisy(noise_key, jnp.sin(2 * math.pi * x), noise))


def spirals(
    key: Array,
    n: int,
    *,
    noise: Scalar = 0.02,
    num_classes: int = 2,
    turns: Scalar = 1.5,
    dtype: DType = float,
) -> Dataset:
    """Arms of an Archimedean spiral wound around each other, one a class.

    ::

        rᵢ ~ U(0, 1),   θᵢ = 2π (turns·rᵢ + yᵢ/k),   xᵢ = rᵢ (cos θᵢ, sin θᵢ) + noise·εᵢ

    Args:
      key: a random key, used once.
      n: number of examples.
      noise: standard deviation of each coordinate, at least 0.
      num_classes: number k of arms, at least 1.
      turns: how often an arm winds around the origin.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` of shape (n, 2) and ``y`` of shape (n,), int32.

    Numerics:
      Without noise the classes meet at the origin only; neighbouring arms are 1/(k·turns) apart
      along a ray. Differentiable in ``noise`` and ``turns``.

    Example:
      >>> data = spirals(jax.random.key(0), 4, num_classes=3)
      >>> print(data.x.shape, data.y)
      (4, 2) [0 1 2 0]

    References:
      K. J. Lang, M. J. Witbrock, "Learning to tell two spirals apart", 1988 (there turns = 3).
    """
    place_key, noise_key, dtype = start("spirals", key, n, noise, dtype)
    check_number("num_classes", num_classes, low=1, integer=True)
    check_number("turns", turns)
    y = labels(n, num_classes)
    r = uniform(place_key, (n,), dtype)
    theta = 2 * math.pi * (jnp.asarray(turns, dtype) * r + y.astype(dtype) / num_classes)
    clean = jnp.stack([r * jnp.cos(theta), r * jnp.sin(theta)], axis=1)
    return Dataset(noisy(noise_key, clean, noise), y, class_names=names(num_classes))


def two_moons(key: Array, n: int, *, noise: Scalar = 0.1, dtype: DType = float) -> Dataset:
    """Two half circles that reach into each other: not separable by a line.

    ::

        tᵢ ~ U(0, π),   xᵢ = (cos tᵢ, sin tᵢ) + noise·εᵢ           where yᵢ = 0
                        xᵢ = (1 − cos tᵢ, ½ − sin tᵢ) + noise·εᵢ   where yᵢ = 1

    Args:
      key: a random key, used once.
      n: number of examples.
      noise: standard deviation of each coordinate, at least 0.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` of shape (n, 2) and ``y`` of shape (n,), int32.

    Numerics:
      scikit-learn's ``make_moons`` has the same curves with evenly spaced t. Differentiable in
      ``noise``.

    Example:
      >>> data = two_moons(jax.random.key(0), 4, noise=0.0)
      >>> print(data.y, data.x.shape)
      [0 1 0 1] (4, 2)

    References:
      scikit-learn, ``sklearn.datasets.make_moons``.
    """
    place_key, noise_key, dtype = start("two_moons", key, n, noise, dtype)
    y = labels(n, 2)
    t = math.pi * uniform(place_key, (n,), dtype)
    upper, lower = (jnp.cos(t), jnp.sin(t)), (1 - jnp.cos(t), 0.5 - jnp.sin(t))
    clean = jnp.stack([jnp.where(y == 0, a, b) for a, b in zip(upper, lower, strict=True)], axis=1)
    return Dataset(noisy(noise_key, clean, noise), y, class_names=names(2))


def xor(key: Array, n: int, *, noise: Scalar = 0.1, dtype: DType = float) -> Dataset:
    """The exclusive or: the four corners of the unit square, which no line separates.

    ::

        sᵢ = (⌊i/2⌋ mod 2, i mod 2),   yᵢ = s_{i1} ⊕ s_{i2},   xᵢ = sᵢ + noise·εᵢ

    Args:
      key: a random key, used once.
      n: number of examples; the corners take turns.
      noise: standard deviation of each coordinate, at least 0.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` of shape (n, 2) and ``y`` of shape (n,), int32.

    Numerics:
      With n = 4 and noise = 0 the truth table itself. Differentiable in ``noise``.

    Example:
      >>> data = xor(jax.random.key(0), 4, noise=0.0)
      >>> print(data.x.tolist(), data.y)
      [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] [0 1 1 0]

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 6.1.
    """
    _, noise_key, dtype = start("xor", key, n, noise, dtype)
    i = jnp.arange(n, dtype=jnp.int32)
    corners = jnp.stack([i // 2 % 2, i % 2], axis=1)
    y = corners[:, 0] ^ corners[:, 1]
    return Dataset(noisy(noise_key, corners.astype(dtype), noise), y, class_names=names(2))
