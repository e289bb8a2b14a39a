"""One door to the root finders: one equation, or a system of them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath.iterate import Solution
from jaxmath.optimize._solver import as_data, solver
from jaxmath.optimize.brackets import bisect, regula_falsi
from jaxmath.optimize.brent import brentq
from jaxmath.optimize.fixed_points import fixed_point
from jaxmath.optimize.root_systems import broyden, newton_system
from jaxmath.optimize.scalar_roots import halley, newton, secant
from jaxmath.typing import PyTree, Scalar

__all__ = ["root", "root_scalar"]

_BRACKETED = {"bisect": bisect, "brentq": brentq, "regula_falsi": regula_falsi}
_FROM_A_POINT = {"halley": halley, "newton": newton}
_SCALAR = sorted([*_BRACKETED, *_FROM_A_POINT, "secant"])
_SYSTEMS = ["anderson", "broyden", "newton"]


def _check_method(method: Any, names: list[str]) -> None:
    if method not in names:
        raise ValueError(f"argument `method` must be one of {', '.join(names)}, got {method!r}")


def _default_method(bracket: Any, x1: Any) -> str:
    if bracket is not None:
        return "brentq"
    return "newton" if x1 is None else "secant"


def _needed(name: str, value: Any, method: str) -> Any:
    if value is None:
        raise ValueError(f'argument `{name}` must be given for the method "{method}"')
    return value


@solver
def root_scalar(
    fun: Callable,
    args: Any = (),
    method: str | None = None,
    bracket: Any = None,
    x0: Any = None,
    x1: Any = None,
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """A root of one equation, by the method that its data allow or that is named.

    ::

        f(x) = 0

    Args:
      fun: ``fun(x, *args)``, one real number.
      args: further arguments of ``fun``, traced.
      method: "bisect", "brentq" or "regula_falsi", which need ``bracket``; "newton" or "halley",
        which need ``x0``; "secant", which needs ``x0`` and ``x1``. None takes brentq with a
        bracket, else secant with ``x1``, else newton.
      bracket: the two ends (a, b), where f has opposite signs.
      x0: the starting point.
      x1: the second starting point.
      xtol: the absolute tolerance of the method; None takes 4·eps.
      rtol: the relative one; None takes 4·eps.
      max_steps: the limit on steps; None takes that of the method.

    Returns:
      The ``Solution`` of the method: its error is the width of the bracket, or |f(x)|.

    Raises:
      ValueError: an unknown ``method``, one whose data are missing, or ``bracket`` not of two ends.

    Numerics:
      That of the method. SciPy takes the secant method where only ``x0`` is given; here the
      derivative is at hand.

    Example:
      >>> f = lambda x: x * x - 2.0
      >>> f"{root_scalar(f, bracket=(0.0, 2.0)).value:.5f} {root_scalar(f, x0=1.0).value:.5f}"
      '1.41421 1.41421'

    References:
      SciPy, ``scipy.optimize.root_scalar``.
    """
    method = _default_method(bracket, x1) if method is None else method
    _check_method(method, _SCALAR)
    settings: dict[str, Any] = {"xtol": xtol, "rtol": rtol}
    if max_steps is not None:
        settings["max_steps"] = max_steps
    if method in _BRACKETED:
        ends = _needed("bracket", bracket, method)
        num = len(ends) if isinstance(ends, (tuple, list)) else jnp.size(ends)
        if num != 2:
            raise ValueError(f"argument `bracket` must be two ends, got {num}")
        return _BRACKETED[method](fun, ends[0], ends[1], args, **settings)
    if method in _FROM_A_POINT:
        return _FROM_A_POINT[method](fun, _needed("x0", x0, method), args, **settings)
    x0, x1 = _needed("x0", x0, method), _needed("x1", x1, method)
    return secant(fun, x0, x1, args, **settings)


@solver
def root(
    fun: Callable,
    x0: PyTree,
    args: Any = (),
    method: str = "newton",
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """A root of a system of equations, by Newton's, Broyden's or Anderson's method.

    ::

        F(x) = 0,   Anderson's: the fixed point of G(x) = x + F(x)

    Args:
      fun: ``fun(x, *args)``, as many numbers as x has, of the structure of x for "anderson".
      x0: the starting point, a pytree of arrays of one dtype.
      args: further arguments of ``fun``, traced.
      method: "newton" (damped, ``newton_system``), "broyden" or "anderson" (``fixed_point``).
      xtol: the absolute tolerance of the method; None takes 64·√n·eps.
      rtol: the relative one; None takes 64·√n·eps.
      max_steps: the limit on steps; None takes that of the method.

    Returns:
      The ``Solution`` of the method; its error is ‖F(x)‖₂, for "anderson" with F
      rounded to the digits of x.

    Raises:
      ValueError: an unknown ``method``, or a ``fun`` of another size than x.

    Numerics:
      That of the method. Anderson's needs no derivative but has no safeguard: it is meant for
      F(x) = G(x) − x with a map G that nearly contracts.

    Example:
      >>> F = lambda x: jnp.array([x[0] + x[1] - 3.0, x[0] * x[1] - 2.0])
      >>> print(root(F, [0.0, 1.0]).value.round(4))
      [2. 1.]

    References:
      SciPy, ``scipy.optimize.root``.
    """
    _check_method(method, _SYSTEMS)
    settings: dict[str, Any] = {"xtol": xtol, "rtol": rtol}
    if max_steps is not None:
        settings["max_steps"] = max_steps
    if method == "newton":
        return newton_system(fun, x0, args, **settings)
    if method == "broyden":
        return broyden(fun, x0, args, **settings)

    def shifted(x: PyTree, *args: Any) -> PyTree:
        F = as_data(fun(x, *args))
        got, wanted = (jax.tree.map(jnp.shape, tree) for tree in (F, x))
        if got != wanted:
            raise ValueError(f"argument `fun` must return shapes {wanted}, got {got}")
        return jax.tree.map(jnp.add, x, F)

    return fixed_point(shifted, x0, args, **settings)
