"""What the eigenvalue modules share: the scale of a matrix, and the gauge."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath import numerics
from jaxmath._extrema import max_of
from jaxmath.linalg._common import adjoint
from jaxmath.typing import Array

__all__: list[str] = []


def hermitian_part(A: Array) -> Array:
    """(A + Aᴴ)/2, halved first so that no sum overflows."""
    return 0.5 * A + 0.5 * adjoint(A)


def largest(A: Array) -> Array:
    """max(|Re aᵢⱼ|, |Im aᵢⱼ|), a constant to differentiate; finite where all of A is."""
    A = lax.stop_gradient(A)
    size = max_of(jnp.abs(A.real))
    return jnp.maximum(size, max_of(jnp.abs(A.imag))) if jnp.iscomplexobj(A) else size


def power_of_two(A: Array, even: bool = False) -> tuple[Array, Array]:
    """Powers of two (s, 1/s), constants to differentiation, with s·max|A| in [1/2, 1) or [1/2, 2).

    A power of two rounds nothing; both are normal numbers, so that neither is flushed to zero.
    The first has the dtype of A, the second is real.
    """
    size = largest(A)
    size = jnp.where(jnp.isfinite(size), size, 1.0)
    info = jnp.finfo(A.dtype)
    exponent = jnp.clip(jnp.frexp(size)[1], info.minexp + 2, info.maxexp - 2)
    exponent = exponent - exponent % 2 if even else exponent
    one = jnp.ones_like(size)
    return jnp.ldexp(one, -exponent).astype(A.dtype), jnp.ldexp(one, exponent)


def frobenius(A: Array) -> Array:
    """‖A‖_F, of complex A through its real and imaginary parts."""
    return numerics.safe_norm(jnp.stack([A.real, A.imag]) if jnp.iscomplexobj(A) else A)


def absolute(z: Array) -> Array:
    """|z| element-wise, with derivative 0 at 0."""
    zero = z == 0
    return jnp.where(zero, jnp.zeros_like(z.real), jnp.abs(jnp.where(zero, 1.0, z)))


def leading(V: Array, share: float = 0.9) -> Array:
    """In each column the index of the first entry whose modulus is within 10% of the largest.

    Not the largest itself: (1, −1)/√2 would then have either sign, as rounding decides. Works on
    rows of Vᵀ, as LAPACK stores columns one after the other.
    """
    size = jnp.abs(lax.stop_gradient(V.T))
    n = size.shape[1]
    leads = size >= share * max_of(size, axis=1)[:, None]
    # Not an argmax, which takes a fifth of LAPACK's time for 64 columns.
    return jnp.min(jnp.where(leads, jnp.arange(n, dtype=jnp.int32), n - 1), axis=1)


def phases(V: Array, share: float = 0.9) -> Array:
    """The sign or phase of the leading entry of each column; 1 for a zero column."""
    entry = jnp.take_along_axis(V.T, leading(V, share)[:, None], axis=1)[:, 0]
    zero = entry == 0
    return jnp.where(zero, 1.0, entry) / jnp.where(zero, 1.0, jnp.abs(entry)).astype(V.dtype)


def fix_gauge(V: Array) -> Array:
    """The columns times the phase that makes each leading entry real and positive."""
    return (V.T * jnp.conj(phases(V))[:, None]).T


def gauge_tangent(V: Array, dV: Array) -> Array:
    """The tangent of the columns in their gauge, from any tangent that is right up to phases."""
    return jax.jvp(fix_gauge, (V,), (dV,))[1]


def over_gaps(C: Array, w: Array) -> Array:
    """Cᵢⱼ / (wⱼ − wᵢ), and 0 where the two values cannot be told apart at this precision."""
    n, eps = len(w), float(jnp.finfo(w.dtype).eps)
    gap = w[None, :] - w[:, None]
    distinct = jnp.abs(gap) > 4 * n**0.5 * eps * jnp.max(jnp.abs(w))
    return jnp.where(distinct, C / jnp.where(distinct, gap, 1.0).astype(C.dtype), 0.0)


def column_norms(V: Array) -> Array:
    """The Euclidean norm of each column, of columns whose entries are of moderate size."""
    return jnp.sqrt(jnp.sum((V * jnp.conj(V)).real, axis=0))
