"""Random starts for kernels, with the variance that each paper derives.

All share one signature, ``f(key, shape, dtype)``, called directly. A kernel of shape (in, out),
or (H, W, in, out) for a convolution, has the receptive field r = H·W (1 for a matrix) and

    fan_in = r · shape[−2],   fan_out = r · shape[−1].

The normal ones draw the papers' plain Gaussian. ``jax.nn.initializers`` cuts it at two standard
deviations and rescales, which gives the same variance and other tails.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxmath._draws import wide_dtype
from jaxmath.typing import Array, Scalar, as_key, check_number

__all__ = [
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal_init",
    "ones_init",
    "uniform_init",
    "zeros_init",
]

DType = jax.typing.DTypeLike


def _dtype(caller: str, dtype: DType) -> jnp.dtype:
    wanted = jnp.dtype(jnp.result_type(dtype))
    if not jnp.issubdtype(wanted, jnp.floating):
        raise TypeError(
            f"{caller}: argument `dtype` must be a real floating dtype, got {wanted.name}"
        )
    return wanted


def _shape(caller: str, shape: Sequence[int], min_rank: int = 0) -> tuple[int, ...]:
    if not isinstance(shape, (tuple, list)):
        raise TypeError(
            f"{caller}: argument `shape` must be a tuple of integers, got {type(shape).__name__}"
        )
    for axis, size in enumerate(shape):
        check_number(f"shape[{axis}]", size, low=1, integer=True)
    if len(shape) < min_rank:
        raise ValueError(
            f"{caller}: argument `shape` must have at least {min_rank} axes, (…, in, out), "
            f"got {tuple(shape)}"
        )
    return tuple(shape)


def _fans(caller: str, shape: Sequence[int]) -> tuple[int, int]:
    shape = _shape(caller, shape, min_rank=2)
    receptive_field = math.prod(shape[:-2])
    return receptive_field * shape[-2], receptive_field * shape[-1]


def _normal(key: Array, shape: Sequence[int], dtype: jnp.dtype, stddev: Scalar) -> Array:
    # jax draws bfloat16 from 128 values with mean −0.012; float32 rounded afterwards has no bias.
    draws = jax.random.normal(key, tuple(shape), wide_dtype(dtype))
    return (jnp.asarray(stddev, draws.dtype) * draws).astype(dtype)


def _uniform(key: Array, shape: Sequence[int], dtype: jnp.dtype, limit: Scalar) -> Array:
    draws = jax.random.uniform(key, tuple(shape), wide_dtype(dtype), -1.0)
    return (jnp.asarray(limit, draws.dtype) * draws).astype(dtype)


def zeros_init(key: Array, shape: Sequence[int], dtype: DType = float) -> Array:
    """All zeros, the usual start of a bias.

    ::

        w = 0

    Args:
      key: a random key, unused: it is there so that all initializers share one signature.
      shape: the array's shape, of any rank.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Exact. A kernel of zeros would keep all units of a layer equal for ever: biases only.

    Example:
      >>> print(zeros_init(jax.random.key(0), (3,)))
      [0. 0. 0.]

    References:
      Flax, ``flax.linen.Dense``: the default of ``bias_init``.
    """
    as_key("key", key)
    return jnp.zeros(_shape("zeros_init", shape), _dtype("zeros_init", dtype))


def ones_init(key: Array, shape: Sequence[int], dtype: DType = float) -> Array:
    """All ones, the usual start of the scale of a normalization.

    ::

        w = 1

    Args:
      key: a random key, unused: it is there so that all initializers share one signature.
      shape: the array's shape, of any rank.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Exact.

    Example:
      >>> print(ones_init(jax.random.key(0), (3,)))
      [1. 1. 1.]

    References:
      Flax, ``flax.linen.LayerNorm``: the default of ``scale_init``.
    """
    as_key("key", key)
    return jnp.ones(_shape("ones_init", shape), _dtype("ones_init", dtype))


def normal_init(
    key: Array, shape: Sequence[int], dtype: DType = float, *, stddev: Scalar = 0.01
) -> Array:
    """A Gaussian of fixed standard deviation, whatever the fans.

    ::

        w ~ N(0, stddev²)

    Args:
      key: a random key, used once.
      shape: the array's shape, of any rank.
      dtype: a real floating dtype; ``float`` means jax's default one.
      stddev: standard deviation, at least 0.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Drawn in float32 at least, then rounded to ``dtype``. Not truncated.

    Example:
      >>> f"{normal_init(jax.random.key(0), (200, 200), stddev=0.5).std():.2f}"
      '0.50'

    References:
      A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep convolutional
      neural networks", 2012, section 5.
    """
    key = as_key("key", key)
    check_number("stddev", stddev, low=0.0)
    return _normal(key, _shape("normal_init", shape), _dtype("normal_init", dtype), stddev)


def uniform_init(
    key: Array, shape: Sequence[int], dtype: DType = float, *, limit: Scalar = 0.05
) -> Array:
    """A uniform distribution of fixed width around 0, whatever the fans.

    ::

        w ~ U(−a, a),   Var w = a²/3

    Args:
      key: a random key, used once.
      shape: the array's shape, of any rank.
      dtype: a real floating dtype; ``float`` means jax's default one.
      limit: the bound a, at least 0. (Flax's ``uniform(scale)`` draws from [0, scale).)

    Returns:
      An array of that shape and dtype.

    Numerics:
      Drawn in float32 at least, then rounded to ``dtype``.

    Example:
      >>> f"{uniform_init(jax.random.key(0), (200, 200), limit=0.3).var():.3f}"
      '0.030'

    References:
      Keras, ``keras.initializers.RandomUniform``: the default of a.
    """
    key = as_key("key", key)
    check_number("limit", limit, low=0.0)
    return _uniform(key, _shape("uniform_init", shape), _dtype("uniform_init", dtype), limit)


def glorot_normal(key: Array, shape: Sequence[int], dtype: DType = float) -> Array:
    """Glorot's compromise between the forward and the backward variance, Gaussian.

    ::

        w ~ N(0, 2 / (fan_in + fan_out))

    Args:
      key: a random key, used once.
      shape: the kernel's shape, (…, in, out).
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Drawn in float32 at least, then rounded to ``dtype``. Not truncated.

    Example:
      >>> f"{glorot_normal(jax.random.key(0), (200, 200)).var():.4f}"
      '0.0050'

    References:
      X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
      networks", 2010, equation (12).
    """
    key = as_key("key", key)
    fan_in, fan_out = _fans("glorot_normal", shape)
    return _normal(key, shape, _dtype("glorot_normal", dtype), math.sqrt(2 / (fan_in + fan_out)))


def glorot_uniform(key: Array, shape: Sequence[int], dtype: DType = float) -> Array:
    """Glorot's compromise between the forward and the backward variance, uniform.

    ::

        w ~ U(−a, a),   a = √(6 / (fan_in + fan_out)),   Var w = a²/3 = 2 / (fan_in + fan_out)

    Args:
      key: a random key, used once.
      shape: the kernel's shape, (…, in, out).
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Drawn in float32 at least, then rounded to ``dtype``.

    Example:
      >>> f"{glorot_uniform(jax.random.key(0), (200, 200)).var():.4f}"
      '0.0050'

    References:
      X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
      networks", 2010, equation (16).
    """
    key = as_key("key", key)
    fan_in, fan_out = _fans("glorot_uniform", shape)
    return _uniform(key, shape, _dtype("glorot_uniform", dtype), math.sqrt(6 / (fan_in + fan_out)))


def he_normal(key: Array, shape: Sequence[int], dtype: DType = float) -> Array:
    """He's variance, which a layer of rectifiers hands on unchanged, Gaussian.

    ::

        w ~ N(0, 2 / fan_in)

    Args:
      key: a random key, used once.
      shape: the kernel's shape, (…, in, out).
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Drawn in float32 at least, then rounded to ``dtype``. Not truncated.

    Example:
      >>> f"{he_normal(jax.random.key(0), (200, 200)).var():.3f}"
      '0.010'

    References:
      K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
      performance on ImageNet classification", 2015, equation (10).
    """
    key = as_key("key", key)
    fan_in, _ = _fans("he_normal", shape)
    return _normal(key, shape, _dtype("he_normal", dtype), math.sqrt(2 / fan_in))


def he_uniform(key: Array, shape: Sequence[int], dtype: DType = float) -> Array:
    """He's variance, which a layer of rectifiers hands on unchanged, uniform.

    ::

        w ~ U(−a, a),   a = √(6 / fan_in),   Var w = a²/3 = 2 / fan_in

    Args:
      key: a random key, used once.
      shape: the kernel's shape, (…, in, out).
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Drawn in float32 at least, then rounded to ``dtype``.

    Example:
      >>> f"{he_uniform(jax.random.key(0), (200, 200)).var():.3f}"
      '0.010'

    References:
      K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
      performance on ImageNet classification", 2015, equation (10), for the variance.
    """
    key = as_key("key", key)
    fan_in, _ = _fans("he_uniform", shape)
    return _uniform(key, shape, _dtype("he_uniform", dtype), math.sqrt(6 / fan_in))


def lecun_normal(key: Array, shape: Sequence[int], dtype: DType = float) -> Array:
    """LeCun's variance, which a linear layer hands on unchanged, Gaussian.

    ::

        w ~ N(0, 1 / fan_in)

    Args:
      key: a random key, used once.
      shape: the kernel's shape, (…, in, out).
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Drawn in float32 at least, then rounded to ``dtype``. Not truncated.

    Example:
      >>> f"{lecun_normal(jax.random.key(0), (200, 200)).var():.4f}"
      '0.0050'

    References:
      Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller, "Efficient BackProp", 1998, section 4.6.
    """
    key = as_key("key", key)
    fan_in, _ = _fans("lecun_normal", shape)
    return _normal(key, shape, _dtype("lecun_normal", dtype), math.sqrt(1 / fan_in))


def lecun_uniform(key: Array, shape: Sequence[int], dtype: DType = float) -> Array:
    """LeCun's variance, which a linear layer hands on unchanged, uniform.

    ::

        w ~ U(−a, a),   a = √(3 / fan_in),   Var w = a²/3 = 1 / fan_in

    Args:
      key: a random key, used once.
      shape: the kernel's shape, (…, in, out).
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      An array of that shape and dtype.

    Numerics:
      Drawn in float32 at least, then rounded to ``dtype``.

    Example:
      >>> f"{lecun_uniform(jax.random.key(0), (200, 200)).var():.4f}"
      '0.0050'

    References:
      Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller, "Efficient BackProp", 1998, section 4.6.
    """
    key = as_key("key", key)
    fan_in, _ = _fans("lecun_uniform", shape)
    return _uniform(key, shape, _dtype("lecun_uniform", dtype), math.sqrt(3 / fan_in))
