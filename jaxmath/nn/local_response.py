"""Local response normalization, of AlexNet and the first Inception network."""

from functools import reduce

import jax.numpy as jnp
from jax import lax

from jaxmath._draws import wide_dtype
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["local_response_norm"]


def local_response_norm(
    x: ArrayLike,
    *,
    size: int = 5,
    alpha: Scalar = 1e-4,
    beta: Scalar = 0.75,
    k: Scalar = 2.0,
) -> Array:
    """Each channel divided by what its neighbours among the channels are at the same place.

    ::

        y_c = x_c / (k + α Σ_j x_j²)^β,   j from c − ⌊n/2⌋ to c − ⌊n/2⌋ + n − 1, where there is one

    Args:
      x: features (C,), a sequence (T, C) or an image (H, W, C).
      size: n, the number of channels in the sum, c among them.
      alpha: α, at least 0. Caffe and PyTorch divide it by n, the paper does not.
      beta: β.
      k: the constant, above 0.

    Returns:
      An array of the shape and dtype of ``x``.

    Numerics:
      Smooth for k > 0. In float32 for half precisions. Cost: n multiply-adds and a power an entry.

    Example:
      >>> y = local_response_norm(jnp.array([3.0, 4.0, 0.0]), size=3, alpha=1.0, beta=0.5, k=0.01)
      >>> print([f"{v:.3f}" for v in y])
      ['0.600', '0.800', '0.000']

    References:
      A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep convolutional
      neural networks", 2012, section 3.3.
    """
    x = as_array("x", x, ndim=(1, 2, 3))
    check_number("size", size, low=1, integer=True)
    check_number("alpha", alpha, low=0.0)
    check_number("beta", beta)
    check_number("k", k, low=0.0, open_low=True)
    wide = x.astype(wide_dtype(x.dtype))
    low = size // 2
    pads = [(0, 0, 0)] * (x.ndim - 1) + [(low, size - 1 - low, 0)]
    squares = lax.pad(jnp.square(wide), jnp.zeros((), wide.dtype), pads)
    c = x.shape[-1]
    total = reduce(jnp.add, (squares[..., i : i + c] for i in range(size)))
    k, alpha, beta = (jnp.asarray(v, wide.dtype) for v in (k, alpha, beta))
    total = jnp.where(alpha == 0, jnp.zeros_like(total), total)  # 0·∞
    return (wide * (k + alpha * total) ** -beta).astype(x.dtype)
