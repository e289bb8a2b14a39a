"""Mixup: a batch of examples between examples."""

import jax
import jax.numpy as jnp

from jaxmath._draws import wide_dtype
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = ["mixup"]


def mixup(key: Array, X: ArrayLike, Y: ArrayLike, alpha: Scalar) -> tuple[Array, Array]:
    """Convex combinations of the batch's examples with each other, inputs and targets alike.

    ::

        X' = λ X + (1 − λ) X_π,   Y' = λ Y + (1 − λ) Y_π,   λ ~ Beta(α, α),   π a permutation

    Args:
      key: a random key, used once.
      X: inputs of the whole batch, shape (n, …).
      Y: targets, shape (n, …): class probabilities (one-hot, (n, k)) or numbers, of a floating
        dtype; labels cannot be mixed.
      alpha: α > 0; λ tends to 0 or 1 for small α (no mixing), to ½ for large.

    Returns:
      The mixed inputs and targets, of the shapes and dtypes of ``X`` and ``Y``.

    Raises:
      TypeError: ``Y`` holds integers.
      ValueError: ``X`` and ``Y`` differ in n.

    Numerics:
      One λ for the batch, as in the paper's figure 1, drawn in float32. Half precisions are mixed
      in float32. The derivatives in X and Y are exact. Cost: a gather and a gamma draw.

    Example:
      >>> X, Y = jax.jit(mixup)(jax.random.key(0), jnp.eye(4), jnp.eye(4), 1.0)
      >>> print([f"{total:.1f}" for total in Y.sum(1)])
      ['1.0', '1.0', '1.0', '1.0']

    References:
      H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: beyond empirical risk minimization",
      2018, equation (1) and figure 1.
    """
    key = as_key("key", key)
    check_number("alpha", alpha, low=0.0, open_low=True)
    if not jnp.issubdtype(jnp.asarray(Y).dtype, jnp.floating):
        raise TypeError("mixup: argument `Y` must have a real floating dtype: one-hot, not labels")
    X, Y = as_array("X", X, min_size=1), as_array("Y", Y, min_size=1)
    if X.ndim < 1 or X.shape[:1] != Y.shape[:1]:
        raise ValueError(
            f"mixup: argument `Y` must have as many examples as `X` of shape {X.shape}, "
            f"got shape {Y.shape}"
        )
    weight_key, order_key = jax.random.split(key)
    # λ = g/(g + g') for two gamma variables, in log space: one compiled sampler, not beta's two.
    # Beyond these α the weights are 0, ½ and 1 to rounding, and the logarithms are infinite.
    alpha = jnp.clip(jnp.asarray(alpha, jnp.float32), 1e-30, 1e30)
    log_gammas = jax.random.loggamma(weight_key, alpha, (2,), jnp.float32)
    weight = jax.nn.sigmoid(log_gammas[0] - log_gammas[1])
    order = jax.random.permutation(order_key, X.shape[0])

    def mix(a: Array) -> Array:
        wide = a.astype(wide_dtype(a.dtype))
        other = wide[order]
        return (other + weight.astype(wide.dtype) * (wide - other)).astype(a.dtype)

    return mix(X), mix(Y)
