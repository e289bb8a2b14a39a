"""The pseudo-inverse and its derivative, beneath ``pinv``, ``lstsq`` and the rule of ``svd``."""

import jax
import jax.numpy as jnp

from jaxmath.linalg._common import adjoint
from jaxmath.linalg._kernels.product import matmul
from jaxmath.typing import Array

__all__: list[str] = []


def default_cutoff(A: Array) -> Array:
    """max(m, n)·eps, relative to the largest singular value."""
    limits = jnp.finfo(A.dtype)
    return jnp.asarray(max(A.shape) * float(limits.eps), limits.dtype)


def solve_by_svd(A: Array, b: Array, rcond: Array) -> tuple[Array, Array]:
    """V S⁺ Uᴴ b and s; what divides by a singular value that counts as 0 is 0, a NaN stays."""
    U, s, Vh = jnp.linalg.svd(A, full_matrices=False)
    zero = (s <= rcond * s[0])[:, None]
    coordinates = matmul(adjoint(U), b)
    divisor = jnp.where(zero, jnp.ones_like(s)[:, None], s[:, None]).astype(b.dtype)
    quotient = coordinates / jnp.broadcast_to(divisor, coordinates.shape)
    return matmul(adjoint(Vh), jnp.where(zero, jnp.zeros_like(quotient), quotient)), s


@jax.custom_jvp
def pseudo_inverse(A: Array, rcond: Array) -> Array:
    """A⁺, differentiable in A to every order along directions that keep the rank."""
    return solve_by_svd(A, jnp.eye(A.shape[0], dtype=A.dtype), rcond)[0]


@pseudo_inverse.defjvp
def _pseudo_inverse_jvp(primals: tuple[Array, Array], tangents: tuple) -> tuple[Array, Array]:
    """dA⁺ = −A⁺ dA A⁺ + A⁺A⁺ᴴ dAᴴ (I − AA⁺) + (I − A⁺A) dAᴴ A⁺ᴴA⁺ (equation 4.12)."""
    (A, rcond), (dA, _) = primals, tangents
    P = pseudo_inverse(A, rcond)
    Ph, dAh = adjoint(P), adjoint(dA)
    left, right = matmul(matmul(P, Ph), dAh), matmul(dAh, matmul(Ph, P))
    tangent = -matmul(P, matmul(dA, P)) + (left - matmul(matmul(left, A), P))
    return P, tangent + (right - matmul(P, matmul(A, right)))
