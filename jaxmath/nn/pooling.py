"""Pooling: the maximum or the mean over windows of one sequence, image or volume.

One example has shape (T, C), (H, W, C) or (D, H, W, C). A stride of None is the window itself, as
in PyTorch (Flax's default is 1).
"""

from functools import reduce

import jax.numpy as jnp
import numpy as np

from jaxmath._draws import wide_dtype
from jaxmath.nn._geometry import Padding, Sizes, met, pad
from jaxmath.nn._pooling import as_pool, counts, first_max
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["average_pool", "global_average_pool", "global_max_pool", "max_pool"]


def max_pool(
    x: ArrayLike, window: Sizes, *, stride: Sizes | None = None, padding: Padding = "VALID"
) -> Array:
    """The maximum over each window, channel by channel.

    ::

        y[p, c] = max_a x[s p + a − l, c],   a over the window
        ∂y[p, c] / ∂x[q, c] = 1 at the first maximum in row-major order, 0 elsewhere

    Args:
      x: one example, shape (…sizes, C).
      window: the window's size, an integer or one for each axis.
      stride: s, an integer or one for each axis; None is the window.
      padding: as in ``convolve``, with −∞ in the place of 0, and smaller than the window.

    Returns:
      y, shape (…out, C), in the dtype of ``x``.

    Raises:
      ValueError: the window is larger than the padded input, or no larger than the padding.

    Numerics:
      Exact. At ties the gradient goes to the first maximum, as in PyTorch, neither split nor
      doubled. A NaN in the window gives NaN, with the gradient to the first NaN. Where all are −∞
      it may go to the padding, hence nowhere. Cost: k comparisons an output for a
      window of k places, each a line of the program: for all of an image take
      ``global_max_pool``.

    Example:
      >>> x = jnp.array([1.0, 3.0, 2.0, 2.0])[:, None]
      >>> y, back = jax.vjp(lambda x: max_pool(x, 2), x)
      >>> print(y[:, 0], back(jnp.ones_like(y))[0][:, 0])
      [3. 2.] [0. 1. 1. 0.]

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 9.3.
    """
    x, geometry = as_pool(x, window, stride, padding)
    return first_max(pad(x, geometry, -np.inf), geometry)


def average_pool(
    x: ArrayLike,
    window: Sizes,
    *,
    stride: Sizes | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Array:
    """The mean over each window, channel by channel.

    ::

        y[p, c] = Σ_a x[s p + a − l, c] / m,   a over the window
        m = the number of places in the window, or of those that are no padding

    Args:
      x: one example, shape (…sizes, C).
      window: the window's size, an integer or one for each axis.
      stride: s, an integer or one for each axis; None is the window.
      padding: as in ``convolve``, and smaller than the window.
      count_include_pad: whether zeros of the padding count in m, as they do by default in Flax
        and PyTorch; TensorFlow leaves them out.

    Returns:
      y, shape (…out, C), in the dtype of ``x``.

    Raises:
      ValueError: the window is larger than the padded input, or no larger than the padding.

    Numerics:
      Linear. Sums run in float32 at least. Cost: k additions an output for a window of k places,
      each a line of the program: for all of an image take ``global_average_pool``.

    Example:
      >>> print(average_pool(jnp.array([1.0, 3.0, 2.0, 4.0])[:, None], 2)[:, 0])
      [2. 3.]

    References:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
      recognition", 1998, section II.B.
    """
    x, geometry = as_pool(x, window, stride, padding)
    y = reduce(jnp.add, met(pad(x.astype(wide_dtype(x.dtype)), geometry), geometry))
    count = counts(geometry, x.shape[:-1], count_include_pad)
    return (y / jnp.asarray(count, y.dtype)).astype(x.dtype)


def global_max_pool(x: ArrayLike) -> Array:
    """The maximum of each channel over all places.

    ::

        y[c] = max_p x[p, c],   ∂y[c] / ∂x[p, c] = 1 at the first maximum in row-major order

    Args:
      x: one example, shape (…sizes, C).

    Returns:
      y, shape (C,), in the dtype of ``x``.

    Numerics:
      Exact; ties and NaN as in ``max_pool``. Cost: one pass.

    Example:
      >>> print(global_max_pool(jnp.array([[1.0, 5.0], [3.0, 2.0]])))
      [3. 5.]

    References:
      M. Oquab, L. Bottou, I. Laptev, J. Sivic, "Is object localization for free? Weakly-supervised
      learning with convolutional neural networks", 2015, section 3.
    """
    x = as_array("x", x, ndim=(2, 3, 4), min_size=1)
    flat = x.reshape(-1, x.shape[-1])
    # argmax knows NaN at every size, and the first of equals; jnp.max neither.
    return jnp.take_along_axis(flat, jnp.argmax(flat, axis=0, keepdims=True), axis=0)[0]


def global_average_pool(x: ArrayLike) -> Array:
    """The mean of each channel over all places.

    ::

        y[c] = (1/n) Σ_p x[p, c],   n the number of places

    Args:
      x: one example, shape (…sizes, C).

    Returns:
      y, shape (C,), in the dtype of ``x``.

    Numerics:
      Linear; the sum runs in float32 at least. Cost: one pass.

    Example:
      >>> print(global_average_pool(jnp.array([[1.0, 5.0], [3.0, 2.0]])))
      [2.  3.5]

    References:
      M. Lin, Q. Chen, S. Yan, "Network in network", 2014, section 3.2.
    """
    x = as_array("x", x, ndim=(2, 3, 4), min_size=1)
    wide = x.astype(wide_dtype(x.dtype))
    return jnp.mean(wide, axis=tuple(range(x.ndim - 1))).astype(x.dtype)
