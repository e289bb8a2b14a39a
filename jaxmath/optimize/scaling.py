"""Units in which the variables of an objective are alike."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmath._loops import like
from jaxmath.optimize._solver import as_point, gradient_of, solver
from jaxmath.typing import Array, PyTree

__all__ = ["curvature_scale"]


@solver
def curvature_scale(fun: Callable, x0: PyTree, args: tuple = ()) -> PyTree:
    """Typical sizes of the variables, by the curvature of the objective along each.

    ::

        uᵢ = 2^kᵢ,   kᵢ = −½ log₂|∂²f/∂xᵢ²| at x₀, rounded to an integer

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar, twice differentiable.
      x0: the point, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``.

    Returns:
      A pytree like ``x0``, for the ``scale`` of a method; 1 where the second derivative is 0 or not
      finite.

    Numerics:
      In these units every second derivative along an axis is between ½ and 2 in size: what BFGS and
      conjugate gradients would have to learn. Powers of two change no rounding. It matters most in
      float32, where differences of gradients do not show curvatures that differ by 1/eps. No cure
      where the valleys lie across the axes. Cost: n Hessian–vector products.

    Example:
      >>> f = lambda x: jnp.sum(jnp.array([1e8, 1.0, 1e-8]) * x**2)
      >>> print([f"{unit:g}" for unit in curvature_scale(f, jnp.ones(3))])
      ['6.10352e-05', '1', '8192']

    References:
      J. E. Dennis, R. B. Schnabel, "Numerical Methods for Unconstrained Optimization", 1983,
      section 7.1.
    """
    x, back = as_point("x0", x0)
    gradient = gradient_of(lambda x, *args: fun(back(x), *args), args)

    def second(i: Array) -> Array:
        axis = like((jnp.arange(x.size) == i).astype(x.dtype), x)
        return jax.jvp(gradient, (x,), (axis,))[1][i]

    curvature = jnp.abs(jax.lax.map(second, jnp.arange(x.size)))
    known = (curvature > 0) & jnp.isfinite(curvature)
    powers = jnp.round(-0.5 * jnp.log2(jnp.where(known, curvature, 1.0))).astype(jnp.int32)
    return back(jnp.ldexp(jnp.ones_like(x), powers))
