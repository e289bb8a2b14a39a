"""Convolutions whose kernel factors: over channels and space, or over the axes of space."""

from collections.abc import Sequence

import jax.numpy as jnp

from jaxmath.nn._geometry import Padding, Sizes, pad, resolve
from jaxmath.nn.convolution import convolve
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["depthwise_separable_convolve", "spatially_separable_convolve"]


def depthwise_separable_convolve(
    x: ArrayLike,
    depthwise: ArrayLike,
    pointwise: ArrayLike,
    *,
    stride: Sizes = 1,
    padding: Padding = "SAME",
    dilation: Sizes = 1,
) -> Array:
    """A convolution of each channel by itself, then a product with a matrix at each place.

    ::

        u[p, c m + j] = Σ_a x[s p + d a − l, c] D[a, 0, c m + j],   m the multiplier, j < m
        y[p, o] = Σ_r u[p, r] P[r, o]
        = convolve with the kernel W[a, c, o] = Σ_j D[a, 0, c m + j] P[c m + j, o]

    Args:
      x: one example, shape (…sizes, C).
      depthwise: D, shape (…window, 1, C m).
      pointwise: P, shape (C m, C_out), the kernel of a 1×1 convolution.
      stride: of the first convolution, as in ``convolve``.
      padding: of the first convolution, as in ``convolve``.
      dilation: of the first convolution, as in ``convolve``.

    Returns:
      y, shape (…out, C_out), of the common dtype of the arguments.

    Raises:
      ValueError: ranks or channels do not fit.

    Numerics:
      As ``convolve``. Cost: out·C m·(k + C_out) multiply-adds, in place of out·C·k·C_out. The
      depthwise part alone is ``convolve(x, D, groups=C)``.

    Example:
      >>> x, D, P = jnp.ones((4, 4, 2)), jnp.ones((3, 3, 1, 2)), jnp.eye(2)
      >>> print(depthwise_separable_convolve(x, D, P, padding="VALID")[0, 0])
      [9. 9.]

    References:
      L. Sifre, "Rigid-motion scattering for image classification", 2014, section 6.2.
      F. Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.
    """
    depthwise = as_array("depthwise", depthwise, ndim=(3, 4, 5), min_size=1)
    x = as_array("x", x, ndim=depthwise.ndim - 1, min_size=1)
    shape = (*depthwise.shape[:-2], 1, depthwise.shape[-1])
    depthwise = as_array("depthwise", depthwise, shape=shape)
    pointwise = as_array("pointwise", pointwise, shape=(depthwise.shape[-1], None))
    u = convolve(
        x, depthwise, stride=stride, padding=padding, dilation=dilation, groups=x.shape[-1]
    )
    return jnp.dot(u, pointwise)


def spatially_separable_convolve(
    x: ArrayLike,
    factors: Sequence[ArrayLike],
    *,
    padding: Padding = "SAME",
) -> Array:
    """Each channel filtered by an outer product of vectors, one axis of space after the other.

    ::

        y[p, q, c] = Σ_a Σ_b u[a] v[b] x[p + a − l, q + b − l', c],   and so on in 1-d and 3-d

    Args:
      x: one example, shape (…sizes, C).
      factors: a vector for each axis of space.
      padding: as in ``convolve``.

    Returns:
      y, shape (…out, C), of the common dtype of ``x`` and ``factors``.

    Raises:
      ValueError: there is not one vector for each axis.

    Numerics:
      As ``convolve`` with the kernel u[a] v[b] for each channel, at k + k' multiply-adds an output
      in place of k k'. A kernel separates where it has rank 1 as a matrix: blurs and derivatives
      do (Gauss, Sobel), and the singular vectors of any other give its best approximation.

    Example:
      >>> ramp = jnp.broadcast_to(jnp.arange(4.0)[:, None], (4, 4, 1))
      >>> sobel = (jnp.array([1.0, 2.0, 1.0]), jnp.array([-1.0, 0.0, 1.0]))
      >>> print(spatially_separable_convolve(ramp, sobel, padding="VALID")[..., 0])
      [[8. 8.]
       [8. 8.]]

    References:
      R. Szeliski, "Computer vision: algorithms and applications", 2010, section 3.2.1.
    """
    x = as_array("x", x, ndim=(2, 3, 4), min_size=1)
    rank, channels = x.ndim - 1, x.shape[-1]
    if len(factors) != rank:
        raise ValueError(
            "spatially_separable_convolve: argument `factors` must have one vector for each of "
            f"the {rank} axes of space, got {len(factors)}"
        )
    vectors = [as_array(f"factors[{i}]", f, ndim=1, min_size=1) for i, f in enumerate(factors)]
    x = pad(x, resolve(x.shape[:-1], [f.size for f in vectors], 1, padding, name="factors"))
    for axis, factor in enumerate(vectors):
        window = tuple(factor.size if i == axis else 1 for i in range(rank))
        one = factor.reshape(*window, 1, 1)
        kernel = jnp.broadcast_to(one, (*window, 1, channels))
        x = convolve(x, kernel, padding="VALID", groups=channels)
    return x
