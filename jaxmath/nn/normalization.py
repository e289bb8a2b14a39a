"""Normalization within one example: over its features, its groups of channels, or its space.

Sequences are (T, C) and images (H, W, C), channels last. The statistics are the example's own, so
that training and evaluation are one function. Mean and variance are taken in two passes, which
keeps the digits that mean(x²) − mean(x)² loses where the mean is large.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath.nn._moments import affine, as_features, moments, standardize, unit_map
from jaxmath.typing import Array, ArrayLike, Scalar, check_number

__all__ = [
    "GroupNorm",
    "InstanceNorm",
    "LayerNorm",
    "RMSNorm",
    "group_norm",
    "group_norm_init",
    "instance_norm",
    "instance_norm_init",
    "layer_norm",
    "layer_norm_init",
    "rms_norm",
    "rms_norm_init",
]

DType = jax.typing.DTypeLike


class LayerNorm(NamedTuple):
    """The parameters of a layer norm: scale γ and bias β, both of shape (d,)."""

    scale: Array
    bias: Array


class RMSNorm(NamedTuple):
    """The parameter of an RMS norm: scale γ, shape (d,)."""

    scale: Array


class GroupNorm(NamedTuple):
    """The parameters of a group norm: scale γ and bias β, both of shape (C,)."""

    scale: Array
    bias: Array


class InstanceNorm(NamedTuple):
    """The parameters of an instance norm: scale γ and bias β, both of shape (C,)."""

    scale: Array
    bias: Array


def layer_norm_init(size: int, *, dtype: DType = float) -> LayerNorm:
    """The start of a layer norm, which adds nothing to the standardized features.

    ::

        γ = 1,   β = 0

    Args:
      size: number of features d, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      Parameters of shape (d,).

    Numerics:
      Exact.

    Example:
      >>> print(layer_norm_init(2).scale)
      [1. 1.]

    References:
      Flax, ``flax.linen.LayerNorm``: names and defaults.
    """
    return LayerNorm(*unit_map("layer_norm_init", size, dtype))


def layer_norm(params: LayerNorm, x: ArrayLike, *, eps: Scalar = 1e-6) -> Array:
    """The features of one example, standardized by their own mean and variance.

    ::

        yᵢ = γᵢ (xᵢ − μ)/√(σ² + ε) + βᵢ,   μ = (1/d) Σᵢ xᵢ,   σ² = (1/d) Σᵢ (xᵢ − μ)²

    Args:
      params: scale γ and bias β, shape (d,).
      x: features, shape (d,); for a sequence or an image, ``jax.vmap`` over its positions.
      eps: ε, a positive scalar.

    Returns:
      A vector of shape (d,), of the common dtype of ``params`` and ``x``.

    Numerics:
      Half precisions are computed in float32. Equal features give β; the derivative there is
      γᵢ(δᵢⱼ − 1/d)/√ε. Features beyond the square root of the dtype's range (1e19 in float32)
      overflow σ² and give β. Cost: three passes.

    Example:
      >>> y = layer_norm(layer_norm_init(3), jnp.array([1.0, 2.0, 3.0]))
      >>> print([f"{v:.4f}" for v in y])
      ['-1.2247', '0.0000', '1.2247']

    References:
      J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016, equations (3) and (4).
    """
    scale, bias, x, dtype = as_features(params.scale, params.bias, x, 1, eps)
    mean, var = moments(x, (0,))
    return affine(standardize(x, mean, var, eps), scale, bias).astype(dtype)


def rms_norm_init(size: int, *, dtype: DType = float) -> RMSNorm:
    """The start of an RMS norm, which leaves the scaled features alone.

    ::

        γ = 1

    Args:
      size: number of features d, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      A parameter of shape (d,).

    Numerics:
      Exact.

    Example:
      >>> print(rms_norm_init(2).scale)
      [1. 1.]

    References:
      Flax, ``flax.linen.RMSNorm``: names and defaults.
    """
    return RMSNorm(unit_map("rms_norm_init", size, dtype)[0])


def rms_norm(params: RMSNorm, x: ArrayLike, *, eps: Scalar = 1e-6) -> Array:
    """The features of one example, divided by their root mean square.

    ::

        yᵢ = γᵢ xᵢ/√((1/d) Σⱼ xⱼ² + ε)

    Args:
      params: scale γ, shape (d,).
      x: features, shape (d,); for a sequence or an image, ``jax.vmap`` over its positions.
      eps: ε, a positive scalar.

    Returns:
      A vector of shape (d,), of the common dtype of ``params`` and ``x``.

    Numerics:
      Half precisions are computed in float32. At x = 0: value 0, derivative γᵢ δᵢⱼ/√ε. Features
      beyond the square root of the dtype's range overflow the mean square and give 0. Cost: two
      passes.

    Example:
      >>> print([f"{v:.4f}" for v in rms_norm(rms_norm_init(2), jnp.array([3.0, 4.0]))])
      ['0.8485', '1.1314']

    References:
      B. Zhang, R. Sennrich, "Root mean square layer normalization", 2019, equation (4).
    """
    scale, bias, x, dtype = as_features(params.scale, None, x, 1, eps)
    # Not jnp.square, whose derivative 2x overflows: 0 · ∞ where the root is 0.
    root = lax.rsqrt(jnp.mean(x * x) + jnp.asarray(eps, x.dtype))
    return affine(x * root, scale, bias).astype(dtype)


def group_norm_init(size: int, *, dtype: DType = float) -> GroupNorm:
    """The start of a group norm, which adds nothing to the standardized channels.

    ::

        γ = 1,   β = 0

    Args:
      size: number of channels C, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      Parameters of shape (C,).

    Numerics:
      Exact.

    Example:
      >>> print(group_norm_init(2).bias)
      [0. 0.]

    References:
      Flax, ``flax.linen.GroupNorm``: names and defaults.
    """
    return GroupNorm(*unit_map("group_norm_init", size, dtype))


def group_norm(params: GroupNorm, x: ArrayLike, *, num_groups: int, eps: Scalar = 1e-6) -> Array:
    """Groups of channels of one example, each standardized over its channels and all of space.

    ::

        y_pc = γ_c (x_pc − μ_g)/√(σ_g² + ε) + β_c,   g = ⌊c G/C⌋
        μ_g, σ_g²: mean and variance of x_pc over all positions p and the C/G channels c of group g

    Args:
      params: scale γ and bias β, shape (C,).
      x: features (C,), a sequence (T, C) or an image (H, W, C).
      num_groups: G, a divisor of C; 1 is a layer norm over the whole example, C an instance norm.
      eps: ε, a positive scalar.

    Returns:
      An array of the shape of ``x``, of the common dtype of ``params`` and ``x``.

    Raises:
      ValueError: ``num_groups`` does not divide the number of channels.

    Numerics:
      As in ``layer_norm``, group by group: a constant group gives β.

    Example:
      >>> x = jnp.array([[1.0, 3.0, 10.0, 30.0]])
      >>> print([f"{v:.3f}" for v in group_norm(group_norm_init(4), x, num_groups=2)[0]])
      ['-1.000', '1.000', '-1.000', '1.000']

    References:
      Y. Wu, K. He, "Group normalization", 2018, equations (1), (2), (6) and (7).
    """
    check_number("num_groups", num_groups, low=1, integer=True)
    scale, bias, x, dtype = as_features(params.scale, params.bias, x, (1, 2, 3), eps)
    channels = x.shape[-1]
    if channels % num_groups:
        raise ValueError(
            f"group_norm: argument `num_groups` must divide the {channels} channels, "
            f"got {num_groups}"
        )
    groups = x.reshape(-1, num_groups, channels // num_groups)
    mean, var = moments(groups, (0, 2))
    return affine(standardize(groups, mean, var, eps).reshape(x.shape), scale, bias).astype(dtype)


def instance_norm_init(size: int, *, dtype: DType = float) -> InstanceNorm:
    """The start of an instance norm, which adds nothing to the standardized channels.

    ::

        γ = 1,   β = 0

    Args:
      size: number of channels C, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      Parameters of shape (C,).

    Numerics:
      Exact.

    Example:
      >>> print(instance_norm_init(2).bias)
      [0. 0.]

    References:
      Flax, ``flax.linen.InstanceNorm``: names and defaults.
    """
    return InstanceNorm(*unit_map("instance_norm_init", size, dtype))


def instance_norm(params: InstanceNorm, x: ArrayLike, *, eps: Scalar = 1e-6) -> Array:
    """Each channel of one example, standardized over space.

    ::

        y_pc = γ_c (x_pc − μ_c)/√(σ_c² + ε) + β_c
        μ_c, σ_c²: mean and variance of x_pc over all positions p

    Args:
      params: scale γ and bias β, shape (C,).
      x: a sequence (T, C) or an image (H, W, C).
      eps: ε, a positive scalar.

    Returns:
      An array of the shape of ``x``, of the common dtype of ``params`` and ``x``.

    Numerics:
      As in ``layer_norm``, channel by channel: a constant channel, and so a single position, gives
      β.

    Example:
      >>> x = jnp.array([[1.0, 10.0], [3.0, 30.0]])
      >>> print([f"{v:.3f}" for v in instance_norm(instance_norm_init(2), x)[1]])
      ['1.000', '1.000']

    References:
      D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization: the missing ingredient for fast
      stylization", 2016, section 2.
    """
    scale, bias, x, dtype = as_features(params.scale, params.bias, x, (2, 3), eps)
    mean, var = moments(x, tuple(range(x.ndim - 1)))
    return affine(standardize(x, mean, var, eps), scale, bias).astype(dtype)
