"""A box of bounds on the variables: what every bounded method shares."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.optimize._solver import as_data, as_point, check_like
from jaxmath.typing import Array, PyTree, as_array

__all__: list[str] = []


class Box(NamedTuple):
    """Lower and upper bounds, vectors of the length of x; −∞ and ∞ are none."""

    lower: Array
    upper: Array


Like = tuple[str, PyTree]  # an argument's name and the point that it gave


def as_bound(name: str, bound: PyTree | None, otherwise: float, x: Array, like: Like) -> Array:
    """A bound as a vector: one number for all variables, or shaped like the point; None is none.

    ``x`` is the vector of the point, which was given as ``like``.
    """
    if bound is None:
        return jnp.full_like(x, otherwise)
    bound = as_data(bound)
    if not (jax.tree_util.all_leaves([bound]) and np.shape(bound) == ()):
        check_like(name, bound, *like)
    try:
        array = jnp.asarray(bound)
    except (TypeError, ValueError):
        array = as_point(name, bound)[0]
    array = as_array(name, array).astype(x.dtype)
    return jnp.broadcast_to(array.reshape(-1), x.shape)


def as_box(lower: PyTree | None, upper: PyTree | None, x: Array, like: Like) -> Box:
    """The box of two arguments that are named so."""
    low = as_bound("lower", lower, -jnp.inf, x, like)
    return Box(low, as_bound("upper", upper, jnp.inf, x, like))


def pair_box(bounds: Any, x: Array, like: Like) -> Box:
    """The box of one argument ``bounds``, a pair; None is no bound."""
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise ValueError("argument `bounds` must be a pair (lower, upper)")
    low = as_bound("bounds", bounds[0], -jnp.inf, x, like)
    return Box(low, as_bound("bounds", bounds[1], jnp.inf, x, like))


def feasible(box: Box) -> Array:
    """Whether the box holds a point; a NaN bound holds none."""
    finite = (box.lower < jnp.inf) & (box.upper > -jnp.inf)
    return jnp.all((box.lower <= box.upper) & finite)


def contains(box: Box, x: Array) -> Array:
    """Whether x is finite and in the box."""
    return jnp.all(jnp.isfinite(x) & (box.lower <= x) & (x <= box.upper))


def distance(x: Array, g: Array, box: Box) -> Array:
    """How far −g leads to a bound, variable by variable; ∞ without one."""
    return jnp.where(g < 0, box.upper - x, jnp.where(g > 0, x - box.lower, jnp.inf))


def strides(x: Array, p: Array, box: Box) -> Array:
    """The t ≥ 0 at which x + t p meets its bound, variable by variable; ∞ without one."""
    room = jnp.where(p > 0, box.upper - x, box.lower - x)
    return jnp.where(p == 0, jnp.inf, jnp.maximum(room / jnp.where(p == 0, 1.0, p), 0.0))


def along(x: Array, t: Array, p: Array, box: Box) -> Array:
    """x + t p within the box, and on a bound that it meets but for the rounding of the sum."""
    y, eps = x + t * p, float(jnp.finfo(x.dtype).eps)

    def meets(bound: Array) -> Array:
        noise = 2 * eps * jnp.maximum(jnp.abs(x), jnp.abs(bound))
        return (jnp.abs(y - bound) <= noise) & jnp.isfinite(bound)

    y = jnp.where((p > 0) & meets(box.upper), box.upper, y)
    y = jnp.where((p < 0) & meets(box.lower), box.lower, y)
    return jnp.clip(y, box.lower, box.upper)
