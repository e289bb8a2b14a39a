"""Convolution and pooling by their definitions: the matrix, and backward passes derived by hand."""

import jax.numpy as jnp
import numpy as np

from jaxmath._draws import wide_dtype
from jaxmath.nn._geometry import (
    Padding,
    Sizes,
    met,
    operands,
    pad,
    per_axis,
    places,
    resolve,
    unpad,
)
from jaxmath.nn._pooling import as_pool, counts
from jaxmath.typing import Array, ArrayLike, as_array, check_number

__all__ = [
    "average_pool_backward",
    "convolution_backward",
    "convolution_matrix",
    "max_pool_backward",
]


def convolution_matrix(
    kernel: ArrayLike,
    sizes: tuple[int, ...],
    *,
    stride: Sizes = 1,
    padding: Padding = "SAME",
    dilation: Sizes = 1,
    groups: int = 1,
) -> Array:
    """The matrix of a convolution: Toeplitz in 1-d, block Toeplitz with Toeplitz blocks in 2-d.

    ::

        vec(convolve(x, W)) = M vec(x),   M[(p, o), (q, i)] = Σ_{a: s p + d a − l = q} W[a, i, o]

    Args:
      kernel: W, shape (…window, C_in/groups, C_out).
      sizes: the input's sizes along the axes of space.
      stride: as in ``convolve``.
      padding: as in ``convolve``; with CIRCULAR the matrix is circulant.
      dilation: as in ``convolve``.
      groups: as in ``convolve``.

    Returns:
      M, shape (out·C_out, n·C_in), for arrays flattened in row-major order, in the dtype of
      ``kernel``.

    Raises:
      ValueError: ranks, channels and groups do not fit, or the kernel is larger than the padded
        input.

    Numerics:
      Exact: entries are copied (added where a periodic window meets an input twice). The reference
      for small sizes: dense, out·n·C_in·C_out entries, nearly all 0.

    Example:
      >>> kernel = jnp.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
      >>> print(convolution_matrix(kernel, (4,), padding="VALID"))
      [[1. 2. 3. 0.]
       [0. 1. 2. 3.]]

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 9.1.
    """
    kernel = as_array("kernel", kernel, ndim=(3, 4, 5), min_size=1)
    check_number("groups", groups, low=1, integer=True)
    rank, channels = kernel.ndim - 2, kernel.shape[-2] * groups
    sizes = per_axis("sizes", tuple(sizes), rank)
    _, kernel = operands(jnp.zeros((*sizes, channels), kernel.dtype), kernel, groups)
    geometry = resolve(sizes, kernel.shape[:-2], stride, padding, dilation)
    # The number of each input, −1 in the padding, as the windows meet them.
    numbers = np.arange(np.prod(sizes)).reshape(sizes)
    if geometry.wrap:
        numbers = np.pad(numbers, geometry.pads, mode="wrap")
    else:
        numbers = np.pad(numbers, geometry.pads, constant_values=-1)
    inputs = np.stack([numbers[where].ravel() for _, where in places(geometry)])
    selects = jnp.asarray(inputs[..., None] == np.arange(np.prod(sizes)), kernel.dtype)
    c, o = kernel.shape[-2:]
    same_group = np.arange(channels)[:, None] // c == np.arange(o) // (o // groups)
    full = jnp.where(same_group[None], jnp.tile(kernel.reshape(-1, c, o), (1, groups, 1)), 0.0)
    matrix = jnp.einsum("kpq,kio->poqi", selects, full, precision="highest")
    return matrix.reshape(inputs.shape[1] * o, -1)


def convolution_backward(
    x: ArrayLike,
    kernel: ArrayLike,
    g: ArrayLike,
    *,
    stride: Sizes = 1,
    padding: Padding = "SAME",
    dilation: Sizes = 1,
    groups: int = 1,
) -> tuple[Array, Array]:
    """The backward pass of a convolution, derived by hand.

    ::

        g[p, o] = ∂L/∂y[p, o]
        x̄[q, i] = ∂L/∂x[q, i] = Σ_{p, a: s p + d a − l = q} Σ_o W[a, i, o] g[p, o]
        W̄[a, i, o] = ∂L/∂W[a, i, o] = Σ_p x[s p + d a − l, i] g[p, o]

    Args:
      x: one example, shape (…sizes, C_in).
      kernel: W, shape (…window, C_in/groups, C_out).
      g: the derivative of a loss by the output, shape (…out, C_out).
      stride: as in ``convolve``.
      padding: as in ``convolve``.
      dilation: as in ``convolve``.
      groups: as in ``convolve``.

    Returns:
      (x̄, W̄), of the shapes of ``x`` and ``kernel``.

    Raises:
      ValueError: as ``convolve``, and for ``g`` of another shape than its output.

    Numerics:
      What ``jax.grad`` of ``convolve`` gives, up to rounding: x̄ is the transposed convolution of
      g, W̄ the correlation of x with g. A readable reference: the
      window's views of x are stacked; sums run in float32 at least.

    Example:
      >>> x, kernel = jnp.array([[1.0], [2.0], [3.0]]), jnp.array([[[10.0]], [[20.0]]])
      >>> x_bar, kernel_bar = convolution_backward(x, kernel, jnp.ones((2, 1)), padding="VALID")
      >>> print(x_bar[:, 0], kernel_bar[:, 0, 0])
      [10. 30. 20.] [3. 5.]

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, equations (9.11) and (9.13).
    """
    x, kernel = operands(x, kernel, groups)
    geometry = resolve(x.shape[:-1], kernel.shape[:-2], stride, padding, dilation)
    c, o = kernel.shape[-2:]
    g = as_array("g", g, shape=(*geometry.out, o))
    wide = wide_dtype(x.dtype)
    g = g.astype(wide).reshape(*geometry.out, groups, o // groups)
    W = kernel.astype(wide).reshape(-1, c, groups, o // groups)
    padded = pad(x.astype(wide), geometry)
    seen = jnp.stack(met(padded, geometry)).reshape(-1, *geometry.out, groups, c)
    W_bar = jnp.einsum("a...gc,...go->acgo", seen, g)
    # What each place of the window sends back to the inputs that it met.
    sent = jnp.einsum("acgo,...go->a...gc", W, g).reshape(-1, *geometry.out, x.shape[-1])
    x_bar = jnp.zeros_like(padded)
    for (_, where), term in zip(places(geometry), sent, strict=True):
        x_bar = x_bar.at[where].add(term)
    x_bar = unpad(x_bar, geometry, x.shape[:-1])
    return x_bar.astype(x.dtype), W_bar.reshape(kernel.shape).astype(kernel.dtype)


def max_pool_backward(
    x: ArrayLike,
    window: Sizes,
    g: ArrayLike,
    *,
    stride: Sizes | None = None,
    padding: Padding = "VALID",
) -> Array:
    """The backward pass of max pooling, derived by hand.

    ::

        x̄[q, c] = Σ_p g[p, c] [q is the first maximum of window p in row-major order]

    Args:
      x: one example, shape (…sizes, C).
      window: as in ``max_pool``.
      g: the derivative of a loss by the output, shape (…out, C).
      stride: as in ``max_pool``.
      padding: as in ``max_pool``.

    Returns:
      x̄, of the shape and dtype of ``x``.

    Raises:
      ValueError: as ``max_pool``, and for ``g`` of another shape than its output.

    Numerics:
      What ``jax.grad`` of ``max_pool`` gives, at ties and NaN too. A readable reference: windows
      are stacked, sums run in float32 at least.

    Example:
      >>> x, g = jnp.array([1.0, 3.0, 2.0, 2.0])[:, None], jnp.array([[5.0], [7.0]])
      >>> print(max_pool_backward(x, 2, g)[:, 0])
      [0. 5. 7. 0.]

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 9.3.
    """
    x, geometry = as_pool(x, window, stride, padding)
    g = as_array("g", g, shape=(*geometry.out, x.shape[-1])).astype(wide_dtype(x.dtype))
    padded = pad(x, geometry, -np.inf)
    first = jnp.argmax(jnp.stack(met(padded, geometry)), axis=0)
    x_bar = jnp.zeros_like(padded, dtype=g.dtype)
    for number, (_, where) in enumerate(places(geometry)):
        x_bar = x_bar.at[where].add(jnp.where(first == number, g, jnp.zeros_like(g)))
    return unpad(x_bar, geometry, x.shape[:-1]).astype(x.dtype)


def average_pool_backward(
    x: ArrayLike,
    window: Sizes,
    g: ArrayLike,
    *,
    stride: Sizes | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Array:
    """The backward pass of average pooling, derived by hand.

    ::

        x̄[q, c] = Σ_{p: q in window p} g[p, c] / m[p]

    Args:
      x: one example, shape (…sizes, C), of which only the shape and the dtype matter.
      window: as in ``average_pool``.
      g: the derivative of a loss by the output, shape (…out, C).
      stride: as in ``average_pool``.
      padding: as in ``average_pool``.
      count_include_pad: as in ``average_pool``.

    Returns:
      x̄, of the shape and dtype of ``x``.

    Raises:
      ValueError: as ``average_pool``, and for ``g`` of another shape than its output.

    Numerics:
      What ``jax.grad`` of ``average_pool`` gives, up to rounding; sums run in float32 at least.

    Example:
      >>> print(average_pool_backward(jnp.zeros((4, 1)), 2, jnp.array([[2.0], [4.0]]))[:, 0])
      [1. 1. 2. 2.]

    References:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
      recognition", 1998, section II.B.
    """
    x, geometry = as_pool(x, window, stride, padding)
    g = as_array("g", g, shape=(*geometry.out, x.shape[-1])).astype(wide_dtype(x.dtype))
    share = g / jnp.asarray(counts(geometry, x.shape[:-1], count_include_pad), g.dtype)
    x_bar = jnp.zeros_like(pad(x, geometry), dtype=g.dtype)
    for _, where in places(geometry):
        x_bar = x_bar.at[where].add(share)
    return unpad(x_bar, geometry, x.shape[:-1]).astype(x.dtype)
