"""The orthogonal start of a kernel, uniform over all orthogonal matrices."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxmath._draws import wide_dtype
from jaxmath.linalg import qr
from jaxmath.nn.initializers import DType, _dtype, _shape
from jaxmath.typing import Array, Scalar, as_key, check_number

__all__ = ["orthogonal_init"]


def orthogonal_init(
    key: Array, shape: Sequence[int], dtype: DType = float, *, gain: Scalar = 1.0
) -> Array:
    """Orthonormal columns (or rows, where those are fewer), which keep lengths through depth.

    ::

        G = Q R,   Gᵢⱼ ~ N(0, 1),   Rᵢᵢ > 0;   W = gain · Q,   WᵀW = gain² I for fan_in ≥ fan_out

    Args:
      key: a random key, used once.
      shape: the kernel's shape, (…, in, out); the matrix W has the product of all axes but the
        last as rows and the last as columns, as in Flax. With fewer rows than columns W Wᵀ is
        gain² I.
      dtype: a real floating dtype; ``float`` means jax's default one.
      gain: the factor, at least 0; √2 makes up for a rectifier.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Drawn and factorized in float32 at least, then rounded to ``dtype``; ‖WᵀW/gain² − I‖ is a
      small multiple of eps times the larger side n. With a positive diagonal of R the distribution
      is Haar's, which no rotation changes; every entry has mean 0 and variance gain²/n. Cost: one
      QR decomposition.

    Example:
      >>> W = orthogonal_init(jax.random.key(0), (5, 3))
      >>> f"{abs(W.T @ W - jnp.eye(3)).max() < 1e-5}"
      'True'

    References:
      A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of
      learning in deep linear neural networks", 2014, section 3.
      F. Mezzadri, "How to generate random matrices from the classical compact groups", 2007,
      section 5, for the sign.
    """
    key = as_key("key", key)
    shape = _shape("orthogonal_init", shape, min_rank=2)
    check_number("gain", gain, low=0.0)
    wanted = _dtype("orthogonal_init", dtype)
    rows, columns = math.prod(shape[:-1]), shape[-1]
    tall = (max(rows, columns), min(rows, columns))
    Q, _ = qr(jax.random.normal(key, tall, wide_dtype(wanted)))
    Q = Q if rows >= columns else Q.T
    return (jnp.asarray(gain, Q.dtype) * Q).astype(wanted).reshape(shape)
