"""When a run ends: its error, the level of an unbounded f, and how long f has stood still."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath.optimize._box import Box, distance
from jaxmath.typing import Array, Scalar, check_number

__all__: list[str] = []

# Quiet steps before the memory is given up; then before it is again, in units of x; and as many
# before the end.
PATIENCE, MORE = 5, 3


class Quiet(NamedTuple):
    """Whether steps are still more than rounding.

    Args:
      steps: how many in a row were not.
      least: the least f so far.
      low: the least error since f last fell.
      peak: the error that last counted as growth since then; 0 where none has.
    """

    steps: Array
    least: Array
    low: Array
    peak: Array


def error_measure(x: Array, value: Array, gradient: Array, region: Box | None = None) -> Array:
    """maxᵢ |gᵢ|·max(|xᵢ|, 1) / max(|f|, 1) (Dennis and Schnabel, equation 7.2.5).

    Where the bound that −gᵢ leads to is nearer than max(|xᵢ|, 1), the distance to it counts.
    """
    reach = jnp.maximum(jnp.abs(x), 1.0)
    if region is not None:
        reach = jnp.minimum(reach, distance(x, gradient, region))
    return max_of(jnp.abs(gradient) * reach) / jnp.maximum(jnp.abs(value), 1.0)


def default_tolerance(tol: Scalar | None, dtype: Any) -> Array:
    """``tol``, or eps^(2/3): 3.7e-11 in double precision, 2.4e-5 in single."""
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    return jnp.asarray(float(jnp.finfo(dtype).eps) ** (2 / 3) if tol is None else tol, dtype)


def lowest(value: Array) -> Array:
    """−eps^(−3/2)·max(|f(x₀)|, 1), below which f counts as unbounded."""
    return -(float(jnp.finfo(value.dtype).eps) ** -1.5) * jnp.maximum(jnp.abs(value), 1.0)


def quiet_at(value: Array, error: Array) -> Quiet:
    return Quiet(jnp.int32(0), value, error, jnp.zeros_like(error))


def quieter(quiet: Quiet, value: Array, error: Array) -> Quiet:
    """One quiet step more, unless f fell below its least by more than rounding, or the error grew.

    Beside a saddle f stands still while its gradient doubles and doubles; what rounding does to a
    gradient has an end.
    """
    eps = float(jnp.finfo(value.dtype).eps)
    fell = quiet.least - value > eps * jnp.abs(quiet.least)
    grew = error > 2 * jnp.maximum(quiet.low, quiet.peak)
    return Quiet(
        jnp.where(fell | grew, 0, quiet.steps + 1),
        jnp.minimum(quiet.least, value),
        jnp.where(fell, error, jnp.minimum(quiet.low, error)),
        jnp.where(fell, 0.0, jnp.where(grew, error, quiet.peak)),
    )


def own_units(x: Array) -> Array:
    """x²; 1 where that leaves the range."""
    squares = x * x
    return jnp.where((squares > 0) & (squares < jnp.inf), squares, 1.0)
