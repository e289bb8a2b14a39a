"""Batch normalization: one example of a batch that is an axis of ``jax.vmap``, known by its name.

The running statistics follow Flax: the new value is m·old + (1 − m)·batch with ``momentum`` m, and
the batch's variance is the biased one, the mean of the squared deviations. PyTorch calls 1 − m the
momentum and keeps the unbiased variance, N/(N − 1) times as large (N values a channel), though it
too normalizes by the biased one: a running variance from there agrees in the limit of large N.
"""

from collections.abc import Hashable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._draws import wide_dtype
from jaxmath.nn._moments import affine, as_features, standardize, unit_map
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["BatchNorm", "BatchNormState", "batch_norm_apply", "batch_norm_init", "batch_norm_train"]


class BatchNorm(NamedTuple):
    """The parameters of a batch norm: scale γ and bias β, both of shape (C,)."""

    scale: Array
    bias: Array


class BatchNormState(NamedTuple):
    """The running statistics of a batch norm: mean and var, both of shape (C,)."""

    mean: Array
    var: Array


def batch_norm_init(
    size: int, *, dtype: jax.typing.DTypeLike = float
) -> tuple[BatchNorm, BatchNormState]:
    """The start of a batch norm: parameters, and running statistics.

    ::

        γ = 1,   β = 0;   mean = 0,   var = 1

    Args:
      size: number of channels C, at least 1.
      dtype: a real floating dtype of the parameters; ``float`` means jax's default one.

    Returns:
      Parameters and state, each of two arrays of shape (C,).

    Numerics:
      Exact. The state is float32 where ``dtype`` is a half precision, in which a running mean would
      stand still.

    Example:
      >>> params, state = batch_norm_init(2)
      >>> print(params.scale, state.var)
      [1. 1.] [1. 1.]

    References:
      Flax, ``flax.linen.BatchNorm``: names and defaults.
    """
    params = BatchNorm(*unit_map("batch_norm_init", size, dtype))
    wide = wide_dtype(params.scale.dtype)
    return params, BatchNormState(mean=jnp.zeros(size, wide), var=jnp.ones(size, wide))


def _as_state(state: BatchNormState, like: Array) -> tuple[Array, Array]:
    shape = like.shape[-1:]
    mean = as_array("state.mean", state.mean, shape=shape)
    return mean, as_array("state.var", state.var, shape=shape)


def _batch_mean(x: Array, axis_name: Hashable) -> Array:
    return lax.pmean(jnp.mean(x, tuple(range(x.ndim - 1)), keepdims=True), axis_name)


def batch_norm_train(
    params: BatchNorm,
    state: BatchNormState,
    x: ArrayLike,
    *,
    axis_name: Hashable,
    momentum: Scalar = 0.9,
    eps: Scalar = 1e-5,
) -> tuple[Array, BatchNormState]:
    """One example, standardized by the statistics of its batch, and the running statistics after.

    ::

        y_pc = γ_c (x_pc − μ_c)/√(σ_c² + ε) + β_c
        μ_c = mean of x_pc,   σ_c² = mean of (x_pc − μ_c)², over the batch and all positions p
        mean' = m·mean + (1 − m) μ,   var' = m·var + (1 − m) σ²

    Args:
      params: scale γ and bias β, shape (C,).
      state: running mean and variance, shape (C,), the same for the whole batch.
      x: features (C,), a sequence (T, C) or an image (H, W, C).
      axis_name: the batch's name under ``jax.vmap``; a tuple of names takes the statistics over all
        of them: nested batches, or a batch within each device of ``jax.shard_map``, which needs
        ``check_vma=False`` as long as jax (0.10) cannot type the collective of a vmapped axis. A
        batch that jit shards over devices is one axis, and global already.
      momentum: m in [0, 1], the share that is kept.
      eps: ε, a positive scalar.

    Returns:
      y of the shape of ``x`` and the common dtype of ``params`` and ``x``, and the new state, of
      the dtype of the old. The state does not depend on the example: ``out_axes=(0, None)``.

    Raises:
      NameError: no axis has that name (from jax).

    Numerics:
      Two passes, hence two collectives, in float32 for half precisions. A channel that is constant
      over the batch, and so a batch of one vector, gives β. The derivative runs through the batch's
      statistics. The running variance is biased (see the module).

    Example:
      >>> params, state = batch_norm_init(1)
      >>> train = jax.vmap(lambda x: batch_norm_train(params, state, x, axis_name="batch"),
      ...                  axis_name="batch", out_axes=(0, None))
      >>> y, state = train(jnp.array([[1.0], [3.0]]))
      >>> print([f"{v:.3f}" for v in (y[0, 0], y[1, 0], state.mean[0], state.var[0])])
      ['-1.000', '1.000', '0.200', '1.000']

    References:
      S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing
      internal covariate shift", 2015, algorithms 1 and 2.
    """
    check_number("momentum", momentum, low=0.0, high=1.0)
    scale, bias, x, dtype = as_features(params.scale, params.bias, x, (1, 2, 3), eps)
    old = _as_state(state, x)
    mean = _batch_mean(x, axis_name)
    var = _batch_mean(jnp.square(x - mean), axis_name)
    y = affine(standardize(x, mean, var, eps), scale, bias).astype(dtype)
    m = jnp.asarray(momentum, x.dtype)
    new = [
        (m * o.astype(x.dtype) + (1 - m) * batch.reshape(-1)).astype(o.dtype)
        for o, batch in zip(old, (mean, var), strict=True)
    ]
    return y, BatchNormState(*new)


def batch_norm_apply(
    params: BatchNorm, state: BatchNormState, x: ArrayLike, *, eps: Scalar = 1e-5
) -> Array:
    """One example, standardized by the running statistics: the batch norm of evaluation.

    ::

        y_pc = γ_c (x_pc − mean_c)/√(var_c + ε) + β_c

    Args:
      params: scale γ and bias β, shape (C,).
      state: running mean and variance, shape (C,).
      x: features (C,), a sequence (T, C) or an image (H, W, C).
      eps: ε, a positive scalar, as in training.

    Returns:
      An array of the shape of ``x``, of the common dtype of ``params`` and ``x``.

    Numerics:
      An affine map, in float32 for half precisions. A running variance below −ε gives NaN.

    Example:
      >>> params, state = batch_norm_init(2)
      >>> print([f"{v:.3f}" for v in batch_norm_apply(params, state, jnp.array([1.0, -2.0]))])
      ['1.000', '-2.000']

    References:
      S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing
      internal covariate shift", 2015, algorithm 2, line 11.
    """
    scale, bias, x, dtype = as_features(params.scale, params.bias, x, (1, 2, 3), eps)
    mean, var = (
        s.astype(x.dtype).reshape((1,) * (x.ndim - 1) + s.shape) for s in _as_state(state, x)
    )
    return affine(standardize(x, mean, var, eps), scale, bias).astype(dtype)
