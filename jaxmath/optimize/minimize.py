"""One door to the methods that minimize a function, without constraints or within bounds."""

from collections.abc import Callable
from functools import partial
from typing import Any

from jaxmath.iterate import Solution
from jaxmath.optimize._bfgs import by_bfgs
from jaxmath.optimize._descent import Method, descent, solve
from jaxmath.optimize._solver import solver
from jaxmath.optimize._trust_region import in_region
from jaxmath.optimize.box_limited_memory import lbfgsb
from jaxmath.optimize.damped_newton import NEWTON_RULE
from jaxmath.optimize.dogleg import DOGLEG_MODEL
from jaxmath.optimize.gradient_methods import CG_RULE, DESCENT_RULE
from jaxmath.optimize.limited_memory import lbfgs_rule
from jaxmath.optimize.nelder_mead import by_simplex
from jaxmath.optimize.quasi_newton import DFP_RULE
from jaxmath.optimize.symmetric_rank_one import SR1_MODEL
from jaxmath.optimize.trust_region import NEWTON_MODEL
from jaxmath.optimize.trust_region_exact import EXACT_MODEL
from jaxmath.typing import PyTree, Scalar

__all__ = ["minimize"]

METHODS: dict[str, Callable[..., Method]] = {
    "bfgs": by_bfgs,
    "l-bfgs": partial(descent, rule=lbfgs_rule(10)),
    "dfp": partial(descent, rule=DFP_RULE),
    "cg": partial(descent, rule=CG_RULE),
    "gradient-descent": partial(descent, rule=DESCENT_RULE),
    "newton": partial(descent, rule=NEWTON_RULE),
    "sr1": partial(in_region, model=SR1_MODEL),
    "dogleg": partial(in_region, model=DOGLEG_MODEL),
    "trust-ncg": partial(in_region, model=NEWTON_MODEL),
    "trust-exact": partial(in_region, model=EXACT_MODEL),
    "nelder-mead": partial(by_simplex, adaptive=False),
}


def as_method(name: str, *more: str) -> Callable[..., Method]:
    """The method of a name, in capitals or not; or an error that lists all names, and ``more``."""
    if not isinstance(name, str) or name.lower() not in METHODS:
        known = ", ".join([*METHODS, *more])
        raise ValueError(f"argument `method` must be one of {known}, got {name!r}")
    return METHODS[name.lower()]


@partial(solver, data=("lower", "upper", "scale"))
def minimize(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    method: str | None = None,
    *,
    lower: Any = None,
    upper: Any = None,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: Any = None,
) -> Solution:
    """Minimize a function, by the method that is named.

    ::

        f(x*) ≤ f(x) for all x near x* with l ≤ x ≤ u;   ∇f(x*) = 0 without bounds

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype; a list of numbers is a vector.
      args: further arguments of ``fun``, a tuple; traced.
      method: "bfgs", "l-bfgs", "l-bfgs-b" (``lbfgsb``), "dfp", "cg" (``nonlinear_cg``),
        "gradient-descent", "newton" (``damped_newton``), "sr1", "dogleg" (``trust_region_dogleg``),
        "trust-ncg" (``trust_region_newton``), "trust-exact" (``trust_region_exact``) or
        "nelder-mead", which needs no derivatives; in capitals too, as SciPy has them. None takes
        "bfgs", and "l-bfgs-b" where there are bounds.
      lower: l, a number or a pytree like ``x0``, for "l-bfgs-b" only; None for −∞.
      upper: u, alike; None for ∞.
      tol: the tolerance of the method; None takes eps^(2/3).
      max_steps: the limit on steps; None takes 200 n.
      scale: typical sizes of the variables, a number or a pytree like ``x0``; None for 1.

    Returns:
      The ``Solution`` of the method: minimizer, ``Status``, error and exact counts.

    Raises:
      ValueError: an unknown ``method``, or bounds with a method that has none.

    Numerics:
      That of the method; the gradient is ``jax.grad``'s. Under vmap each lane has its own status,
      and no lane waits for another's line search.

    Example:
      >>> f = lambda x: (x[0] - 1.0) ** 2 + jnp.cosh(x[1] - 2.0)
      >>> s = minimize(f, [0.0, 0.0], method="BFGS")
      >>> print([f"{x:.2f}" for x in s.value], bool(s.converged))
      ['1.00', '2.00'] True

    References:
      SciPy, ``scipy.optimize.minimize``.
    """
    bounded = lower is not None or upper is not None
    method = ("l-bfgs-b" if bounded else "bfgs") if method is None else method
    if isinstance(method, str) and method.lower() == "l-bfgs-b":
        settings: dict = {"lower": lower, "upper": upper, "tol": tol, "max_steps": max_steps}
        return lbfgsb(fun, x0, args, scale=scale, **settings)
    made = as_method(method, "l-bfgs-b")
    if bounded:
        raise ValueError(
            f"argument `method` must be l-bfgs-b where there are bounds, got {method!r}"
        )
    return solve(made, fun, x0, args, tol, max_steps, scale)
