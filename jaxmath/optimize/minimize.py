"""One door to the methods that minimize a function, without constraints or within bounds."""

from collections.abc import Callable
from typing import Any

from jaxmath.iterate import Solution
from jaxmath.optimize.box_limited_memory import lbfgsb
from jaxmath.optimize.damped_newton import damped_newton
from jaxmath.optimize.dogleg import trust_region_dogleg
from jaxmath.optimize.gradient_methods import gradient_descent, nonlinear_cg
from jaxmath.optimize.limited_memory import lbfgs
from jaxmath.optimize.nelder_mead import nelder_mead
from jaxmath.optimize.quasi_newton import bfgs, dfp
from jaxmath.optimize.symmetric_rank_one import sr1
from jaxmath.optimize.trust_region import trust_region_newton
from jaxmath.typing import PyTree, Scalar

__all__ = ["minimize"]

_METHODS = {
    "bfgs": bfgs,
    "l-bfgs": lbfgs,
    "l-bfgs-b": lbfgsb,
    "dfp": dfp,
    "cg": nonlinear_cg,
    "gradient-descent": gradient_descent,
    "newton": damped_newton,
    "sr1": sr1,
    "dogleg": trust_region_dogleg,
    "trust-ncg": trust_region_newton,
    "nelder-mead": nelder_mead,
}


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
        "trust-ncg" (``trust_region_newton``) or "nelder-mead", which needs no derivatives; in
        capitals too, as SciPy has them. None takes "bfgs", and "l-bfgs-b" where there are bounds.
      lower: l, a number or a pytree like ``x0``, for "l-bfgs-b" only; None for −∞.
      upper: u, alike; None for ∞.
      tol: the tolerance of the method; None takes eps^(2/3).
      max_steps: the limit on steps; None takes 200 n.
      scale: typical sizes of the variables, a number or a pytree like ``x0``, not for "l-bfgs-b";
        None for 1.

    Returns:
      The ``Solution`` of the method: minimizer, ``Status``, error and exact counts.

    Raises:
      ValueError: an unknown ``method``, or bounds with a method that has none.

    Numerics:
      That of the method; the gradient is ``jax.grad``'s. Under vmap each lane has its own status,
      and no lane waits for another's line search.

    Example:
      >>> s = minimize(lambda x: (x[0] - 1.0) ** 2 + (x[1] - 2.0) ** 4, [0.0, 0.0], method="BFGS")
      >>> print([f"{x:.2f}" for x in s.value], bool(s.converged))
      ['1.00', '2.00'] True

    References:
      SciPy, ``scipy.optimize.minimize``.
    """
    bounds = {k: v for k, v in (("lower", lower), ("upper", upper)) if v is not None}
    method = ("l-bfgs-b" if bounds else "bfgs") if method is None else method
    if not isinstance(method, str) or method.lower() not in _METHODS:
        raise ValueError(f"argument `method` must be one of {', '.join(_METHODS)}, got {method!r}")
    if bounds and method.lower() != "l-bfgs-b":
        raise ValueError(
            f"argument `method` must be l-bfgs-b where there are bounds, got {method!r}"
        )
    if scale is not None and method.lower() == "l-bfgs-b":
        raise ValueError("argument `scale` must be None for the method l-bfgs-b")
    settings = bounds if scale is None else {"scale": scale}
    method_fn: Any = _METHODS[method.lower()]
    return method_fn(fun, x0, args, tol=tol, max_steps=max_steps, **settings)
