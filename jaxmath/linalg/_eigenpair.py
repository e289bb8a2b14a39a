"""What the iterations for one eigenpair share: states, measure, driver, derivative."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import lu_factor

from jaxmath import numerics
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.linalg._common import _precise_square
from jaxmath.linalg._eigen import fix_gauge, frobenius, power_of_two
from jaxmath.linalg._kernels.product import matmul
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__: list[str] = []


class EigenPair(NamedTuple):
    """One eigenvalue and its unit eigenvector, shape (n,)."""

    eigenvalue: Array
    eigenvector: Array


class PowerState(NamedTuple):
    """The unit vector x, its image Ax, the quotient xᵀAx, ‖Ax − λx‖ now and one step before."""

    x: Array
    image: Array
    eigenvalue: Array
    residual: Array
    previous: Array


class InverseState(NamedTuple):
    """A ``PowerState`` and the LU factors of A − σI with their pivots."""

    pair: PowerState
    lu: Array
    pivots: Array


def unit(y: Array, otherwise: Array) -> Array:
    """y/‖y‖ without overflow on the way, and the other vector where y = 0."""
    y = y * power_of_two(y)[0]
    norm = numerics.safe_norm(y)
    return jnp.where(norm > 0, y / jnp.where(norm > 0, norm, 1.0), otherwise)


def measure(A: Array, x: Array, previous: Array) -> PowerState:
    """The Rayleigh quotient of a unit vector and the residual of the pair."""
    image = matmul(A, x)
    eigenvalue = numerics.dot(x, image)
    residual = numerics.safe_norm(image - eigenvalue * x)
    return PowerState(x, image, eigenvalue, residual, previous)


def _start(A: ArrayLike, x0: ArrayLike) -> tuple[Array, PowerState]:
    A = _precise_square("A", A, kind="floating")
    x0 = as_array("x0", x0, shape=(len(A),)).astype(A.dtype)
    return A, measure(A, unit(x0, jnp.zeros_like(x0)), jnp.asarray(jnp.inf, A.dtype))


def factor(A: Array, shift: Array) -> tuple[Array, Array]:
    """LU of A − σI; a zero pivot becomes eps·‖A‖, as if the shift had been that much off."""
    lu, pivots = lu_factor(A - shift * jnp.eye(len(A), dtype=A.dtype))
    norm = frobenius(A)
    least = float(jnp.finfo(A.dtype).eps) * jnp.where(norm > 0, norm, 1.0)
    diagonal = jnp.diagonal(lu)
    return lu + jnp.diag(jnp.where(diagonal == 0, least, 0.0)), pivots


@jax.custom_jvp
def _eigenpair(A: Array, eigenvalue: Array, x: Array) -> tuple[Array, Array]:
    """The pair as it is, with the derivative that A gives a simple eigenpair."""
    return eigenvalue, x


@_eigenpair.defjvp
def _eigenpair_jvp(
    primals: tuple[Array, Array, Array], tangents: tuple[Array, Array, Array]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """[[A − λI, −x], [xᵀ, 0]] [dx, dλ] = [−dA x, 0], the implicit function theorem."""
    A, (eigenvalue, x) = primals[0], _eigenpair(*primals)
    shifted = A - eigenvalue * jnp.eye(len(A), dtype=A.dtype)
    bordered = jnp.block([[shifted, -x[:, None]], [x[None, :], jnp.zeros((1, 1), A.dtype)]])
    right = jnp.concatenate([-matmul(tangents[0], x), jnp.zeros(1, A.dtype)])
    both = jnp.linalg.solve(bordered, right)
    return (eigenvalue, x), (both[-1], both[:-1])


def _solve(
    A: ArrayLike,
    x0: ArrayLike,
    tol: float | None,
    max_steps: Scalar,
    init: Callable[..., PowerState | InverseState],
    step: Callable[..., PowerState | InverseState],
) -> Solution:
    """The driver of all three, on A scaled by a power of two; ``init`` gets the scale as well."""
    A = _precise_square("A", A, kind="floating")
    x0 = as_array("x0", x0, shape=(len(A),)).astype(A.dtype)
    noise = len(A) * float(jnp.finfo(A.dtype).eps)
    tol = noise if tol is None else tol
    check_number("tol", tol, low=0.0)
    limit = as_array("tol", tol, ndim=0).astype(A.dtype)
    scale, unscale = power_of_two(A)
    scaled, first = A * scale, lax.stop_gradient(x0)
    finite = jnp.all(jnp.isfinite(scaled))
    matrix = lax.stop_gradient(jnp.where(finite, scaled, 0.0))
    norm = frobenius(matrix)

    def pair(state: PowerState | InverseState) -> PowerState:
        return state.pair if isinstance(state, InverseState) else state

    def status_fn(state: PowerState | InverseState) -> Array:
        now = pair(state)
        still = (now.residual <= noise * norm) & (now.residual >= now.previous)
        status = jnp.where(still, Status.STAGNATED, Status.RUNNING)
        status = jnp.where(now.residual <= limit * norm, Status.CONVERGED, status)
        return jnp.where(jnp.isfinite(now.residual), status, Status.NON_FINITE)

    state, status, num_steps = iterate(
        lambda s: step(matrix, s), init(matrix, first, scale), status_fn, max_steps=max_steps
    )
    last = pair(state)
    valid = jnp.all(jnp.isfinite(first)) & jnp.any(first != 0)
    status = jnp.where(finite, status, Status.NON_FINITE)
    status = jnp.where(valid, status, Status.INVALID_START)
    good = valid & finite
    x = fix_gauge(last.x[:, None])[:, 0]
    value, x = _eigenpair(jnp.where(good, scaled, 0.0), last.eigenvalue, x)
    error = last.residual / jnp.where(norm > 0, norm, 1.0)
    value, x, error = (jnp.where(good, v, jnp.nan) for v in (value * unscale, x, error))
    return Solution(
        EigenPair(value, x), status, lax.stop_gradient(error), num_steps, num_hvp=num_steps + 1
    )
