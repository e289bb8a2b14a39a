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


def _divided(s: Array, Vh: Array, coordinates: Array, rcond: Array) -> Array:
    """V S⁺ c; what divides by a singular value that counts as 0 is 0, a NaN stays."""
    zero = (s <= rcond * s[0])[:, None]
    divisor = jnp.where(zero, jnp.ones_like(s)[:, None], s[:, None]).astype(coordinates.dtype)
    quotient = coordinates / jnp.broadcast_to(divisor, coordinates.shape)
    return matmul(adjoint(Vh), jnp.where(zero, jnp.zeros_like(quotient), quotient))


def solve_by_svd(A: Array, b: Array, rcond: Array) -> tuple[Array, Array]:
    """V S⁺ Uᴴ b and s."""
    U, s, Vh = jnp.linalg.svd(A, full_matrices=False)
    return _divided(s, Vh, matmul(adjoint(U), b), rcond), s


@jax.custom_jvp
def pseudo_inverse(A: Array, rcond: Array) -> Array:
    """A⁺, differentiable in A to every order along directions that keep the rank."""
    U, s, Vh = jnp.linalg.svd(A, full_matrices=False)
    return _divided(s, Vh, adjoint(U), rcond)


@pseudo_inverse.defjvp
def _pseudo_inverse_jvp(primals: tuple[Array, Array], tangents: tuple) -> tuple[Array, Array]:
    """dA⁺ = −A⁺ dA A⁺ + A⁺A⁺ᴴ dAᴴ (I − AA⁺) + (I − A⁺A) dAᴴ A⁺ᴴA⁺ (equation 4.12)."""
    (A, rcond), (dA, _) = primals, tangents
    P = pseudo_inverse(A, rcond)
    Ph, dAh = adjoint(P), adjoint(dA)

    def product(a: Array, b: Array, c: Array) -> Array:
        """Of n × m, m × n and n × m, by way of the smaller square."""
        return matmul(matmul(a, b), c) if len(A) >= len(P) else matmul(a, matmul(b, c))

    left, right = product(P, Ph, dAh), product(dAh, Ph, P)
    tangent = (left - product(left, A, P)) - product(P, dA, P)
    return P, tangent + (right - product(P, A, right))
