"""What the methods for saddle points share: the field of gradients, its states, the driver."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxmath import numerics
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.optimize._solver import as_point, as_tuple, check_callable, check_scalar
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__: list[str] = []


class SaddlePoint(NamedTuple):
    """A point z = (x, y), or a vector of its space."""

    x: PyTree
    y: PyTree


class SaddleState(NamedTuple):
    """The point z and the field F(z) there."""

    point: SaddlePoint
    field: SaddlePoint


class OptimisticState(NamedTuple):
    """The point z, the field F(z) there and the field one step before."""

    point: SaddlePoint
    field: SaddlePoint
    previous: SaddlePoint


def field_at(fun: Callable, z: SaddlePoint, args: tuple) -> SaddlePoint:
    """F(z) = (∇ₓf, −∇ᵧf)."""
    check_callable("fun", fun)
    value = lambda x, y: check_scalar("fun", fun(x, y, *as_tuple(args)))
    by_x, by_y = jax.grad(value, argnums=(0, 1))(*z)
    return SaddlePoint(by_x, jax.tree.map(jnp.negative, by_y))


def moved(z: SaddlePoint, learning_rate: Scalar, field: SaddlePoint) -> SaddlePoint:
    """z − η F."""
    return jax.tree.map(lambda a, g: a - jnp.asarray(learning_rate, a.dtype) * g, z, field)


def norm(field: SaddlePoint) -> Array:
    return numerics.safe_norm(ravel_pytree(field)[0])


def _start(fun: Callable, x0: PyTree, y0: PyTree, args: tuple) -> SaddleState:
    (x, back_x), (y, back_y) = as_point("x0", x0), as_point("y0", y0)
    if x.dtype != y.dtype:
        raise TypeError(f"argument `y0` must have the dtype of `x0`, {x.dtype}, got {y.dtype}")
    z = SaddlePoint(back_x(x), back_y(y))
    return SaddleState(z, field_at(fun, z, args))


def _solve(
    start: SaddleState | OptimisticState,
    step: Callable[[Any], Any],
    learning_rate: Scalar,
    tol: Scalar | None,
    max_steps: Scalar,
    per_step: int,
) -> Solution:
    """The driver of all three: until ‖F(z)‖ ≤ tol."""
    check_number("learning_rate", learning_rate, low=0.0)
    first = norm(start.field)
    noise = 100 * float(jnp.finfo(first.dtype).eps)
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    limit = noise * jnp.maximum(first, 1.0) if tol is None else jnp.asarray(tol, first.dtype)

    valid = jnp.all(jnp.isfinite(ravel_pytree(start.point)[0]))

    def status_fn(state: SaddleState | OptimisticState) -> Array:
        error = norm(state.field)
        status = jnp.where(error <= limit, Status.CONVERGED, Status.RUNNING)
        status = jnp.where(jnp.isfinite(error), status, Status.NON_FINITE)
        return jnp.where(valid, status, Status.INVALID_START)

    state, status, num_steps = iterate(step, start, status_fn, max_steps=max_steps)
    num_grad = 1 + per_step * num_steps
    return Solution(state.point, status, norm(state.field), num_steps, num_grad=num_grad)
