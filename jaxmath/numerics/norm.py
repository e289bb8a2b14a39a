"""The Euclidean norm over the whole range of the dtype."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._draws import widened
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["safe_norm"]


def _range_factor(x: Array) -> Array:
    """A power of two (so that it rounds nothing) that brings |x|² well inside the dtype's range."""
    parts = jnp.stack([x.real, x.imag]) if jnp.iscomplexobj(x) else x
    size = jnp.max(jnp.abs(parts), initial=0.0)
    reach = jnp.finfo(x.dtype).maxexp * 5 // 16
    factor = jnp.where(size > 2.0**reach, 2.0 ** (-2 * reach), 1.0)
    return jnp.where(size < 2.0**-reach, 2.0 ** (2 * reach), factor).astype(size.dtype)


@jax.custom_jvp
def _norm(x: Array) -> Array:
    # Opaque to XLA, which would take the factor out of the squares of a constant.
    x = lax.optimization_barrier(x)
    factor = _range_factor(x)
    # Of a complex x the parts, as the complex product of ∞ is NaN.
    scaled = (jnp.stack([x.real, x.imag]) if jnp.iscomplexobj(x) else x) * factor
    return jnp.sqrt(jnp.sum(scaled * scaled)) / factor


@_norm.defjvp
def _norm_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    norm, factor = _norm(x), lax.stop_gradient(_range_factor(x))
    # x / norm itself would be x · (1/norm) on XLA's CPU, and 1/norm underflows for a large norm.
    divisor = (jnp.where(norm == 0, 1.0, norm) * factor).astype(x.dtype)
    unit = jnp.where(norm == 0, jnp.zeros_like(x), x * factor.astype(x.dtype) / divisor)
    return norm, jnp.sum((jnp.conj(unit) * dx).real)


def safe_norm(x: ArrayLike) -> Array:
    """The Euclidean norm of all elements, with gradient 0 at 0 and no overflow on the way.

    ::

        ‖x‖ = √(Σᵢ |xᵢ|²),   ∇‖x‖ = x / ‖x‖ for x ≠ 0,   ∇‖0‖ := 0

    Args:
      x: array of any shape, real or complex (for a matrix this is the Frobenius norm).

    Returns:
      The norm, a real scalar of the precision of ``x``; 0 for an empty array.

    Numerics:
      Scaled by a power of two where squares would leave the dtype's range, so the relative error
      is about n·eps for every x whose norm is a normal number of the dtype. Singular set {0}:
      value 0, derivatives of every order 0, the least-norm subgradient. An infinite element gives
      ∞, a NaN gives NaN. Half precisions are summed in float32. Cost: two passes.

    Example:
      >>> f"{safe_norm([3e30, 4e30]):.2e} {jax.grad(safe_norm)(jnp.zeros(2))}"
      '5.00e+30 [0. 0.]'

    References:
      J. L. Blue, "A portable Fortran program to find the Euclidean norm of a vector", 1978.
    """
    x = as_array("x", x, kind="inexact")
    return _norm(widened(x)).astype(x.real.dtype)
