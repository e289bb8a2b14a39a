"""What the population methods share: the box, the ranks, the spread, the loop that splits keys."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from jaxmath._draws import uniform
from jaxmath.iterate import Status, iterate
from jaxmath.optimize._ends import default_tolerance
from jaxmath.optimize._solver import as_point, check_like, nan_last, objective, or_one
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__: list[str] = []

State = TypeVar("State")


def corners(lower: PyTree, upper: PyTree) -> tuple[Array, Array, Callable[[Array], PyTree]]:
    """Both corners as vectors of one dtype, and the way back to the pytree of the lower one."""
    low, back = as_point("lower", lower)
    high, _ = as_point("upper", upper)
    check_like("upper", upper, "lower", lower)
    if high.dtype != low.dtype:
        raise TypeError(
            f"argument `upper` must have the dtype of `lower`, {low.dtype}, got {high.dtype}"
        )
    return low, high, back


def box_status(lower: Array, upper: Array) -> Array:
    """INVALID_START where a bound is not finite, INFEASIBLE where the box is empty."""
    status = jnp.where(jnp.any(lower > upper), Status.INFEASIBLE, Status.RUNNING)
    finite = jnp.all(jnp.isfinite(lower) & jnp.isfinite(upper))
    return jnp.where(finite, status, Status.INVALID_START).astype(jnp.int32)


def point_status(x: PyTree, value: Array) -> Array:
    """INVALID_START where the start is not finite, NON_FINITE where f there is not."""
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(x)]
    status = jnp.where(jnp.isfinite(value), Status.RUNNING, Status.NON_FINITE)
    status = jnp.where(value == -jnp.inf, Status.UNBOUNDED, status)
    return jnp.where(jnp.all(jnp.stack(finite)), status, Status.INVALID_START).astype(jnp.int32)


def evaluator(fun: Callable, back: Callable, args: tuple) -> Callable[[Array], Array]:
    """f at each row of a population, NaN as +∞."""
    f = objective(fun, args)
    return lambda population: nan_last(jax.vmap(lambda x: f(back(x)))(population))


def between(t: Array, lower: Array, upper: Array) -> Array:
    """(1 − t)·lower + t·upper for each row of t in [0, 1]: in the box, no overflow on the way."""
    lower, upper = lower[None, :], upper[None, :]
    return jnp.clip((1 - t) * lower + t * upper, lower, upper)


def latin_hypercube(key: Array, num: int, lower: Array, upper: Array) -> Array:
    """One point in each of ``num`` equal slices of every coordinate (McKay et al., 1979)."""
    order, place = jax.random.split(key)
    n = lower.size
    slices = jax.random.permutation(
        order, jnp.tile(jnp.arange(num)[:, None], n), axis=0, independent=True
    )
    t = (slices.astype(lower.dtype) + uniform(place, (num, n), lower.dtype)) / num
    return between(t, lower, upper)


def spread(values: Array) -> tuple[Array, Array]:
    """The standard deviation and |mean| of the values, ∞ where one is not finite."""
    size = or_one(jnp.max(jnp.abs(values)))
    shift = values[0] / size
    rest = values / size - shift  # of equal values exactly 0
    mean = jnp.mean(rest)
    deviation = jnp.sqrt(jnp.mean((rest - mean) ** 2))
    fine = jnp.all(jnp.isfinite(values))
    return jnp.where(fine, size * deviation, jnp.inf), size * jnp.abs(shift + mean)


def collapsed(population: Array, scale: Array) -> Array:
    """Whether no coordinate of the population is wider than the rounding of ``scale``."""
    width = jnp.max(population, axis=0) - jnp.min(population, axis=0)
    return jnp.all(width <= float(jnp.finfo(population.dtype).eps) * scale)


def spread_status(values: Array, narrow: Array, tol: Array, atol: Array) -> Array:
    """How a population stands, by its values (and whether it has collapsed).

    ::

        CONVERGED: std(f) ≤ atol + tol·|mean(f)|;   STAGNATED: narrow
    """
    deviation, level = spread(values)
    level = jnp.where(jnp.isfinite(level), level, 0.0)
    status = jnp.where(narrow, Status.STAGNATED, Status.RUNNING)
    status = jnp.where(deviation <= atol + tol * level, Status.CONVERGED, status)
    status = jnp.where(jnp.all(values == jnp.inf), Status.NON_FINITE, status)
    return jnp.where(jnp.any(values == -jnp.inf), Status.UNBOUNDED, status)


def tolerances(tol: Scalar | None, atol: Scalar, dtype: jnp.dtype) -> tuple[Array, Array]:
    """``tol``, None as eps^(2/3), and ``atol``, in the dtype."""
    check_number("atol", atol, low=0.0)
    return default_tolerance(tol, dtype), jnp.asarray(atol).astype(dtype)


def evolve(
    key: Array,
    step: Callable[[Array, State], State],
    state: State,
    status_fn: Callable[[State], Array],
    max_steps: Scalar,
) -> tuple[State, Array, Array]:
    """``iterate`` for a step that takes a key of its own each time."""

    def advance(carry: tuple[Array, State]) -> tuple[Array, State]:
        key, use = jax.random.split(carry[0])
        return key, step(use, carry[1])

    (_, state), status, num_steps = iterate(
        advance, (key, state), lambda carry: status_fn(carry[1]), max_steps=max_steps
    )
    return state, status, num_steps
