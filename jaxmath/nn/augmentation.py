"""Random changes of one image that leave its class as it was, in training only.

Images are (H, W, C). One key makes one image; a batch is ``jax.vmap`` over keys and images. What
comes in from outside the image is 0, so standardize before or after with that in mind.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.ndimage import map_coordinates

from jaxmath._draws import wide_dtype
from jaxmath.nn._geometry import known
from jaxmath.typing import Array, ArrayLike, Kind, Scalar, as_array, as_key, check_number

__all__ = [
    "cutout",
    "gaussian_noise",
    "random_crop",
    "random_flip",
    "random_rotation",
    "random_shift",
]


def _as_image(x: ArrayLike) -> Array:
    return as_array("x", x, ndim=3, min_size=1)


def _as_pixels(x: ArrayLike) -> Array:
    """An image whose pixels are moved or cut alone, so that integers may stay what they are."""
    dtype = getattr(x, "dtype", jnp.float32)
    whole: Kind = "integer" if jnp.issubdtype(dtype, jnp.integer) else "floating"
    return as_array("x", x, ndim=3, min_size=1, kind="bool" if dtype == jnp.bool_ else whole)


def random_flip(key: Array, x: ArrayLike) -> Array:
    """The image or its mirror image, left for right, each with probability one half.

    ::

        y[i, j] = x[i, W − 1 − j] with probability ½, otherwise x[i, j]

    Args:
      key: a random key, used once.
      x: image, shape (H, W, C).

    Returns:
      An image of the shape and dtype of ``x``.

    Numerics:
      Exact; the derivative is the same flip.

    Example:
      >>> x = jnp.array([[[1.0], [2.0]]])
      >>> keys = jax.random.split(jax.random.key(0), 4)
      >>> print(jax.vmap(random_flip, in_axes=(0, None))(keys, x)[:, 0, :, 0].sum(1))
      [3. 3. 3. 3.]

    References:
      A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep convolutional
      neural networks", 2012, section 4.1.
    """
    key, x = as_key("key", key), _as_pixels(x)
    return jnp.where(jax.random.bernoulli(key, jnp.float32(0.5)), x[:, ::-1], x)


def random_rotation(key: Array, x: ArrayLike, max_angle: Scalar) -> Array:
    """The image turned about its center by a random angle, with bilinear interpolation.

    ::

        y[p] = x(c + R (p − c)),   R = [[cos θ, sin θ], [−sin θ, cos θ]],   θ ~ U(−a, a)

    Args:
      key: a random key, used once.
      x: image, shape (H, W, C).
      max_angle: a, in radians; a positive θ turns counter-clockwise (rows run downwards).

    Returns:
      An image of the shape and dtype of ``x``; one of integers becomes floating.

    Numerics:
      The image is 0 outside, and between its edge and the first pixel beyond it falls to 0
      linearly. Linear in x, so the derivative is exact. Half precisions are interpolated in
      float32. Cost: four gathers.

    Example:
      >>> x = jnp.zeros((3, 3, 1)).at[1, 1].set(1.0)
      >>> y = random_rotation(jax.random.key(0), x, 0.5)
      >>> f"{y[1, 1, 0]:.2f} {y[0, 0, 0]:.2f}"
      '1.00 0.00'

    References:
      P. Y. Simard, D. Steinkraus, J. C. Platt, "Best practices for convolutional neural networks
      applied to visual document analysis", 2003, section 2.
    """
    key, x = as_key("key", key), _as_image(x)
    check_number("max_angle", max_angle, low=0.0)
    wide = wide_dtype(x.dtype)
    angle = jnp.asarray(max_angle, wide) * jax.random.uniform(key, (), wide, -1.0)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    centers = [(size - 1) / 2 for size in x.shape[:2]]
    rows, columns = jnp.meshgrid(
        *(jnp.arange(s, dtype=wide) - c for s, c in zip(x.shape, centers, strict=False)),
        indexing="ij",
    )
    source = [cos * rows + sin * columns + centers[0], cos * columns - sin * rows + centers[1]]
    interpolate = lambda channel: map_coordinates(channel, source, order=1, mode="constant")
    return jax.vmap(interpolate, in_axes=2, out_axes=2)(x.astype(wide)).astype(x.dtype)


def _window(key: Array, x: Array, size: tuple[int, int], padding: int) -> Array:
    """A window of the padded image, uniform over all places."""
    padded = jnp.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    room = jnp.array([have - want + 1 for have, want in zip(padded.shape, size, strict=False)])
    row, column = jax.random.randint(key, (2,), 0, room)
    return lax.dynamic_slice(padded, (row, column, 0), (*size, x.shape[2]))


def random_shift(key: Array, x: ArrayLike, max_shift: int) -> Array:
    """The image moved by a random whole number of pixels along both axes.

    ::

        y[i, j] = x[i + u, j + v],   u, v ~ U{−s, …, s},   0 outside

    Args:
      key: a random key, used once.
      x: image, shape (H, W, C).
      max_shift: s, a number of pixels.

    Returns:
      An image of the shape and dtype of ``x``.

    Numerics:
      Exact.

    Example:
      >>> x = jnp.arange(1.0, 4.0).reshape(1, 3, 1)
      >>> print(random_shift(jax.random.key(3), x, 0)[0, :, 0])
      [1. 2. 3.]

    References:
      P. Y. Simard, D. Steinkraus, J. C. Platt, "Best practices for convolutional neural networks
      applied to visual document analysis", 2003, section 2.
    """
    key, x = as_key("key", key), _as_pixels(x)
    check_number("max_shift", max_shift, low=0, integer=True)
    return _window(key, x, (x.shape[0], x.shape[1]), max_shift)


def random_crop(key: Array, x: ArrayLike, size: tuple[int, int], *, padding: int = 0) -> Array:
    """A window of the image, or of the image padded with zeros, at a random place.

    ::

        y[i, j] = x[i + u, j + v],   (u, v) uniform over the places where the window fits

    Args:
      key: a random key, used once.
      x: image, shape (H, W, C).
      size: height and width of the window, at most those of the padded image.
      padding: number of zeros on each side.

    Returns:
      An image of shape (\\*size, C) and the dtype of ``x``.

    Raises:
      TypeError: ``size`` is no pair of integers known while tracing.
      ValueError: the window does not fit.

    Numerics:
      Exact.

    Example:
      >>> x = jnp.arange(16.0).reshape(4, 4, 1)
      >>> random_crop(jax.random.key(0), x, (2, 3)).shape
      (2, 3, 1)

    References:
      K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2016,
      section 4.2: padding by 4 on CIFAR-10.
    """
    key, x = as_key("key", key), _as_pixels(x)
    check_number("padding", padding, low=0, integer=True)
    size = known("size", size)
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise TypeError(f"random_crop: argument `size` must be a pair of integers, got {size!r}")
    for i, (want, have) in enumerate(zip(size, x.shape, strict=False)):
        check_number(f"size[{i}]", want, low=1, high=have + 2 * padding, integer=True)
    return _window(key, x, (size[0], size[1]), padding)


def gaussian_noise(key: Array, x: ArrayLike, stddev: Scalar) -> Array:
    """The image with independent Gaussian noise in every pixel.

    ::

        y = x + σ z,   z ~ N(0, I)

    Args:
      key: a random key, used once.
      x: array of any shape.
      stddev: σ, in the units of ``x``.

    Returns:
      An array of the shape and dtype of ``x``, not clipped to any range; integers become floating.

    Numerics:
      One rounding; the derivative in x is 1 and in σ the noise z. Half precisions draw in float32.

    Example:
      >>> y = gaussian_noise(jax.random.key(0), jnp.zeros((50, 50, 1)), 0.3)
      >>> f"{y.std():.2f}"
      '0.30'

    References:
      C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.
    """
    key, x = as_key("key", key), as_array("x", x)
    check_number("stddev", stddev, low=0.0)
    wide = wide_dtype(x.dtype)
    noise = jnp.asarray(stddev, wide) * jax.random.normal(key, x.shape, wide)
    return (x.astype(wide) + noise).astype(x.dtype)


def cutout(key: Array, x: ArrayLike, size: int) -> Array:
    """The image with a square set to zero, whose center is a random pixel.

    ::

        y[i, j] = 0 where i − u and j − v lie in [−⌊s/2⌋, s − ⌊s/2⌋),   (u, v) ~ U(pixels)

    Args:
      key: a random key, used once.
      x: image, shape (H, W, C).
      size: side s of the square in pixels; what lies outside the image is cut off.

    Returns:
      An image of the shape and dtype of ``x``.

    Numerics:
      Exact; a pixel that is cut is 0 in value and derivative, whatever it was.

    Example:
      >>> y = cutout(jax.random.key(0), jnp.ones((5, 5, 1)), 1)
      >>> f"{y.sum():.0f}"
      '24'

    References:
      T. DeVries, G. W. Taylor, "Improved regularization of convolutional neural networks with
      cutout", 2017, section 3.2.
    """
    key, x = as_key("key", key), _as_pixels(x)
    check_number("size", size, low=0, integer=True)
    height, width, _ = x.shape
    center = jax.random.randint(key, (2,), 0, jnp.array([height, width]))
    inside = [
        (jnp.arange(extent) - c >= -(size // 2)) & (jnp.arange(extent) - c < size - size // 2)
        for extent, c in zip((height, width), center, strict=True)
    ]
    hole = inside[0][:, None, None] & inside[1][None, :, None]
    return jnp.where(hole, jnp.zeros_like(x), x)
