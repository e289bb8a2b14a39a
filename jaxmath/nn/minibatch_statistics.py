"""What a discriminator may see of the batch around an example, so that it notices a collapse."""

from collections.abc import Hashable

import jax.numpy as jnp
from jax import lax

from jaxmath._draws import wide_dtype
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["minibatch_stddev"]


def minibatch_stddev(x: ArrayLike, *, axis_name: Hashable, eps: Scalar = 1e-8) -> Array:
    """One example with one more channel: how much the batch varies.

    ::

        s = mean over j of √(σⱼ² + ε),   σⱼ² the variance of xⱼ over the batch;   y_p = (x_p, s)

    Args:
      x: features (C,), a sequence (T, C) or an image (H, W, C).
      axis_name: the batch's name under ``jax.vmap``; a tuple of names for several.
      eps: ε, a positive scalar.

    Returns:
      An array with C + 1 channels, of the dtype of ``x``; the last channel is s everywhere, the
      same for the whole batch.

    Raises:
      NameError: no axis has that name (from jax).

    Numerics:
      Two passes, in float32 for half precisions. Where all examples are equal s = √ε, with
      derivative 0. The derivative runs through the batch's statistics. Cost: two collectives.

    Example:
      >>> import jax
      >>> X = jnp.array([[1.0], [3.0]])
      >>> y = jax.vmap(lambda x: minibatch_stddev(x, axis_name="batch"), axis_name="batch")(X)
      >>> print([f"{v:.1f}" for v in y[0]])
      ['1.0', '1.0']

    References:
      T. Karras, T. Aila, S. Laine, J. Lehtinen, "Progressive growing of GANs for improved quality,
      stability, and variation", 2018, section 3.
    """
    x = as_array("x", x, ndim=(1, 2, 3), min_size=1)
    check_number("eps", eps, low=0.0, open_low=True)
    wide = x.astype(wide_dtype(x.dtype))
    mean = lax.pmean(wide, axis_name)
    var = lax.pmean(jnp.square(wide - mean), axis_name)
    spread = jnp.mean(jnp.sqrt(var + jnp.asarray(eps, wide.dtype))).astype(x.dtype)
    return jnp.concatenate([x, jnp.full((*x.shape[:-1], 1), spread)], axis=-1)
