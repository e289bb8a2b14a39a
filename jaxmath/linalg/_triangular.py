"""Triangular systems inside derivative rules: LAPACK's solver, for small ones the inverse."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath.linalg._kernels.batched import LARGEST, batched
from jaxmath.linalg._kernels.definite import lower_inverse_last
from jaxmath.linalg._kernels.product import matmul
from jaxmath.typing import Array

__all__: list[str] = []


def _inverse_one(L: Array) -> Array:
    return lax.linalg.triangular_solve(
        L, jnp.eye(len(L), dtype=L.dtype), left_side=True, lower=True
    )


_inverse_batched = batched(_inverse_one, lower_inverse_last)


@jax.custom_jvp
def _inverse(L: Array) -> Array:
    return _inverse_batched(L)


@_inverse.defjvp
def _inverse_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    X = _inverse(*primals)
    return X, -matmul(X, matmul(jnp.tril(tangents[0]), X))


def lower_solver(L: Array) -> Callable[[Array], Array]:
    """B -> L⁻¹ B for a lower triangular L; up to n = 8 by the inverse, a kernel for batches."""
    if len(L) <= LARGEST:
        return partial(matmul, _inverse(L))
    return partial(lax.linalg.triangular_solve, L, left_side=True, lower=True)
