"""Twenty bound-constrained problems from textbooks, each with its solution and active set."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxmath.optimize import _mgh_fixed as fixed
from jaxmath.optimize import _mgh_variable as variable
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["BoundedProblem", "bounded_problems"]

Point = tuple[float, ...]
_INF = math.inf
_HS = (
    "W. Hock, K. Schittkowski, Test Examples for Nonlinear Programming Codes, Lecture Notes in "
    "Economics and Mathematical Systems 187, 1981, problem "
)
_GAY = (
    "D. M. Gay, A trust-region approach to linearly constrained optimization, Lecture Notes in "
    "Mathematics 1066, 1984, pages 72-105; bounds on problem {} of Moré, Garbow and Hillstrom"
)


@dataclass(frozen=True, eq=False)
class BoundedProblem:
    """An objective on a box, where it starts, and its minimizer with the bounds that hold there.

    ::

        minimize f(x)  over  l ≤ x ≤ u;   ∂f/∂xᵢ ≥ 0 where xᵢ = lᵢ, ≤ 0 where xᵢ = uᵢ, else = 0

    Args:
      name: lower-case identifier, such as "hs5" or "bounded-wood".
      objective: f, from a vector of shape (n,) to a scalar of the same dtype.
      start: the published starting point; some lie outside the box.
      lower: l, with −inf where there is no bound.
      upper: u, with inf where there is no bound.
      minimum: the least value on the box.
      minimizer: a point of the box where it is taken.
      active: −1 where the minimizer is at its lower bound, 1 at its upper, 0 between them.
      reference: author, title, year, problem.
      residual: r with f = Σ rᵢ², from a vector to a vector; None where f is no sum of squares.

    Returns:
      A frozen record, compared by identity, with the property ``dimension``.

    Numerics:
      ``objective`` keeps the dtype of x. Stored numbers are the float64 nearest to 50-digit
      results; a minimizer at a bound is that bound exactly.

    Example:
      >>> problem = bounded_problems()[3]
      >>> problem.name, problem.lower, problem.minimizer, problem.active
      ('hs4', (1.0, 0.0), (1.0, 0.0), (-1, -1))

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 16.7.
    """

    name: str
    objective: Callable[[ArrayLike], Array]
    start: Point
    lower: Point
    upper: Point
    minimum: float
    minimizer: Point
    active: tuple[int, ...]
    reference: str = ""
    residual: Callable[[ArrayLike], Array] | None = None

    @property
    def dimension(self) -> int:
        """n, the number of unknowns."""
        return len(self.start)


def _problem(
    name: str,
    function: Callable[[Array], Array],
    start: Point,
    box: tuple[Point, Point],
    minimum: float,
    minimizer: Point,
    reference: str,
) -> BoundedProblem:
    """The record; from a function to a vector, that of its sum of squares."""

    def checked(x: ArrayLike) -> Array:
        return function(as_array("x", x, shape=(len(start),)))

    def objective(x: ArrayLike) -> Array:
        return jnp.sum(checked(x) ** 2) if squares else checked(x)

    squares = bool(jax.eval_shape(checked, jnp.zeros(len(start))).shape)
    active = tuple(
        -1 if v == low else 1 if v == high else 0
        for v, low, high in zip(minimizer, *box, strict=True)
    )
    residual = checked if squares else None
    return BoundedProblem(
        name, objective, start, *box, minimum, minimizer, active, reference, residual
    )


def _hs3(x: Array) -> Array:
    return x[1] + 1e-5 * (x[1] - x[0]) ** 2


def _hs4(x: Array) -> Array:
    return (x[0] + 1.0) ** 3 / 3.0 + x[1]


def _hs5(x: Array) -> Array:
    return jnp.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1.0


def _hs45(x: Array) -> Array:
    return 2.0 - jnp.prod(x) / 120.0


def _hs110(x: Array) -> Array:
    logs = jnp.log(x - 2.0) ** 2 + jnp.log(10.0 - x) ** 2
    return jnp.sum(logs) - jnp.exp(0.2 * jnp.sum(jnp.log(x)))


@functools.cache
def bounded_problems() -> tuple[BoundedProblem, ...]:
    """Twenty bound-constrained textbook problems, each with its minimizer and active set.

    ::

        minimize f(x)  over  l ≤ x ≤ u

    Args:
      None.

    Returns:
      A tuple of ``BoundedProblem``, the same records every time: Hock and Schittkowski's problems
      1 to 5, 25, 38, 45 and 110, then eleven of Moré, Garbow and Hillstrom's with Gay's bounds.

    Numerics:
      Minimizers and minima are correct to the last digit of float64. Worth knowing: the starts of
      "hs2", "hs45" and "bounded-box-three-dimensional" lie outside the box; "hs110" is NaN outside
      it; "hs25" is flat at its start; "bounded-beale" is degenerate (at its bound, where the
      derivative is 0); "bounded-penalty-1" has free variables within 2e-6 of their bound; "hs2"
      has a second, local minimum of 4.9412 at x₁ < 0.

    Example:
      >>> [p.name for p in bounded_problems()[:3]]
      ['hs1', 'hs2', 'hs3']
      >>> hs2 = bounded_problems()[1]
      >>> f"{hs2.minimum:.10f} {hs2.active}"
      '0.0504261879 (0, -1)'

    References:
      W. Hock, K. Schittkowski, "Test Examples for Nonlinear Programming Codes", 1981; D. M. Gay,
      "A trust-region approach to linearly constrained optimization", 1984, pages 72-105.
    """
    return _hock_schittkowski() + _gay()


def _hock_schittkowski() -> tuple[BoundedProblem, ...]:
    rosenbrock, third = fixed.rosenbrock, math.pi / 3.0
    return (
        _problem(
            "hs1", rosenbrock, (-2.0, 1.0), ((-_INF, -1.5), (_INF, _INF)),
            0.0, (1.0, 1.0), _HS + "1",
        ),
        _problem(
            "hs2", rosenbrock, (-2.0, 1.0), ((-_INF, 1.5), (_INF, _INF)),
            0.05042618789360708, (1.2243707487363524, 1.5), _HS + "2",
        ),
        _problem(
            "hs3", _hs3, (10.0, 1.0), ((-_INF, 0.0), (_INF, _INF)),
            0.0, (0.0, 0.0), _HS + "3",
        ),
        _problem(
            "hs4", _hs4, (1.125, 0.125), ((1.0, 0.0), (_INF, _INF)),
            8.0 / 3.0, (1.0, 0.0), _HS + "4",
        ),
        _problem(
            "hs5", _hs5, (0.0, 0.0), ((-1.5, -3.0), (4.0, 3.0)),
            -math.sqrt(3.0) / 2.0 - third, (0.5 - third, -0.5 - third), _HS + "5",
        ),
        _problem(
            "hs25", fixed.gulf, (100.0, 12.5, 3.0),
            ((0.1, 0.0, 0.0), (100.0, 25.6, 5.0)),
            0.0, (50.0, 25.0, 1.5), _HS + "25",
        ),
        _problem(
            "hs38", fixed.wood, (-3.0, -1.0, -3.0, -1.0), ((-10.0,) * 4, (10.0,) * 4),
            0.0, (1.0,) * 4, _HS + "38",
        ),
        _problem(
            "hs45", _hs45, (2.0,) * 5, ((0.0,) * 5, (1.0, 2.0, 3.0, 4.0, 5.0)),
            1.0, (1.0, 2.0, 3.0, 4.0, 5.0), _HS + "45",
        ),
        _problem(
            "hs110", _hs110, (9.0,) * 10, ((2.001,) * 10, (9.999,) * 10),
            -45.77846970744627, (9.350265833069384,) * 10, _HS + "110",
        ),
    )  # fmt: skip


def _gay() -> tuple[BoundedProblem, ...]:
    free = 1.8181785123874053e-06
    one_to_ten = tuple(float(j) for j in range(1, 11))
    return (
        _problem(
            "bounded-powell-badly-scaled", fixed.powell_badly_scaled, (0.0, 1.0),
            ((0.0, 1.0), (1.0, 9.0)),
            1.5125936724396718e-10, (1.1111111112629459e-05, 9.0), _GAY.format(3),
        ),
        _problem(
            "bounded-brown-badly-scaled", fixed.brown_badly_scaled, (1.0, 1.0),
            ((0.0, 3e-5), (1e6, 100.0)),
            783.999999295184, (999999.99916, 3e-05), _GAY.format(4),
        ),
        _problem(
            "bounded-beale", fixed.beale, (1.0, 1.0), ((0.6, 0.5), (10.0, 100.0)),
            0.0, (3.0, 0.5), _GAY.format(5),
        ),
        _problem(
            "bounded-helical-valley", fixed.helical_valley, (-1.0, 0.0, 0.0),
            ((-100.0, -1.0, -1.0), (0.8, 1.0, 1.0)),
            0.9904221209614001, (0.8, 0.5619366456706897, 0.96493407531518), _GAY.format(7),
        ),
        _problem(
            "bounded-gaussian", fixed.gaussian, (0.4, 1.0, 0.0),
            ((0.398, 1.0, -0.5), (4.2, 2.0, 0.1)),
            1.127932769618648e-08, (0.39895613783875666, 1.0000190844878056, 0.0),
            _GAY.format(9),
        ),
        _problem(
            "bounded-box-three-dimensional", lambda x: fixed.box_three_dimensional(x)[:3],
            (0.0, 10.0, 20.0), ((0.0, 5.0, 0.0), (2.0, 9.5, 20.0)),
            3.0998153432293806e-06, (1.1541725938150218, 9.5, 0.94080237476816),
            _GAY.format("12 with m = 3"),
        ),
        _problem(
            "bounded-wood", fixed.wood, (-3.0, -1.0, -3.0, -1.0),
            ((-100.0,) * 4, (0.0, 10.0, 100.0, 100.0)),
            1.5567008004385652,
            (0.0, 0.005338856860370825, 1.3997288764704865, 1.9608274605730478), _GAY.format(14),
        ),
        _problem(
            "bounded-brown-dennis", fixed.brown_dennis, (25.0, 5.0, -5.0, -1.0),
            ((-10.0, 0.0, -100.0, -20.0), (100.0, 15.0, 0.0, 0.2)),
            88860.47976750048, (-10.0, 12.677818288630913, -0.48552799258162826, 0.2),
            _GAY.format(16),
        ),
        _problem(
            "bounded-biggs-exp6", fixed.biggs_exp6, (1.0, 2.0, 1.0, 1.0, 1.0, 1.0),
            ((0.0, 0.0, 0.0, 1.0, 0.0, 0.0), (2.0, 8.0, 1.0, 7.0, 5.0, 5.0)),
            0.0005320986590782544,
            (0.9056765386943368, 8.0, 0.9043444023648464, 6.534399059952032, 4.486866781719963,
             5.0),
            _GAY.format(18),
        ),
        _problem(
            "bounded-watson", variable.watson, (0.0,) * 9,
            ((-1e-5, 0.0, 0.0, 0.0, 0.0, -3.0, 0.0, -3.0, 0.0),
             (1e-5, 0.9, 0.1, 1.0, 1.0, 0.0, 4.0, 0.0, 2.0)),
            0.03740139779318447,
            (-1e-5, 0.9, 0.1, 0.6300969132578809, 0.0, -2.2096554016552545, 4.0,
             -2.5939317783169504, 0.6868306878339139),
            _GAY.format("20 with n = 9"),
        ),
        _problem(
            "bounded-penalty-1", variable.penalty_1, one_to_ten,
            ((0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (100.0,) * 10),
            7.562569999872728, (free, 1.0, free, free, free, 1.0, free, free, free, 1.0),
            _GAY.format("23 with n = 10"),
        ),
    )  # fmt: skip
