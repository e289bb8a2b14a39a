"""The door to nonlinear least squares, in SciPy's argument order."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.iterate import Solution
from jaxmath.optimize.gauss_newton import gauss_newton
from jaxmath.optimize.levenberg_marquardt import levenberg_marquardt
from jaxmath.optimize.trust_region_reflective import trust_region_reflective
from jaxmath.typing import PyTree, Scalar

__all__ = ["least_squares"]

_METHODS = ("trf", "lm", "gauss-newton")


def _unbounded(bounds: Any) -> bool:
    """Whether these are known to be −∞ and ∞ before anything is traced."""
    known = not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(bounds))
    if not known or not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        return False
    ends = zip(bounds, (-np.inf, np.inf), strict=True)
    return all(np.all(np.asarray(leaf) == end) for b, end in ends for leaf in jax.tree.leaves(b))


def least_squares(
    fun: Callable,
    x0: PyTree,
    args: Any = (),
    *,
    bounds: Any = (-jnp.inf, jnp.inf),
    method: str = "trf",
    ftol: Scalar | None = None,
    xtol: Scalar | None = None,
    gtol: Scalar | None = None,
    max_steps: int = 1000,
) -> Solution:
    """Nonlinear least squares, with or without bounds, by the method of one's choice.

    ::

        min ½‖fun(x)‖² subject to l ≤ x ≤ u

    Args:
        fun: the residuals r(x, *args), a vector or a pytree; their squares are summed here.
        x0: starting point of n numbers, an array or a pytree of one dtype.
        args: further arguments of ``fun``, a tuple.
        bounds: lower and upper bounds, each a number or shaped like ``x0``; for "trf" only.
        method: "trf" (``trust_region_reflective``), "lm" (``levenberg_marquardt``) or
            "gauss-newton" (``gauss_newton``).
        ftol: the relative reduction of ‖r‖² that counts as none; "gauss-newton" has no such test.
        xtol: the relative step that counts as none; "gauss-newton" has no such test.
        gtol: the error that counts as 0, which each method defines. None takes eps^⅔, each (4√eps
            for "gauss-newton").
        max_steps: the limit on steps.

    Returns:
        The ``Solution`` of the method, whose docstring says what its error and status mean.

    Raises:
        ValueError: an unknown ``method``, or ``bounds`` with a method that has none.

    Numerics:
        That of the method. Deviations from SciPy: derivatives come from jax; variables are scaled
        by their columns (``x_scale="jac"``); "lm" takes m < n; a start outside the bounds and
        crossed bounds are a status, not an error; tolerances are relative and without units.

    Example:
        >>> t, y = jnp.array([0.0, 1.0, 2.0]), jnp.array([2.0, 1.0, 0.5])
        >>> decay = lambda x, t, y: x[0] * jnp.exp(-x[1] * t) - y
        >>> solution = least_squares(decay, jnp.array([1.0, 1.0]), (t, y), method="lm")
        >>> print([f"{v:.4f}" for v in solution.value])
        ['2.0000', '0.6931']

    References:
        SciPy, ``scipy.optimize.least_squares``.
        J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, chapter 10.
    """
    if method not in _METHODS:
        raise ValueError(f"argument `method` must be one of {', '.join(_METHODS)}, got {method!r}")
    if method == "trf":
        return trust_region_reflective(
            fun, x0, args, bounds=bounds, ftol=ftol, xtol=xtol, gtol=gtol, max_steps=max_steps
        )
    if not _unbounded(bounds):
        raise ValueError(f"argument `bounds` must be infinite with method {method!r}; use 'trf'")
    if method == "gauss-newton":
        return gauss_newton(fun, x0, args, tol=gtol, max_steps=max_steps)
    return levenberg_marquardt(fun, x0, args, ftol=ftol, xtol=xtol, gtol=gtol, max_steps=max_steps)
