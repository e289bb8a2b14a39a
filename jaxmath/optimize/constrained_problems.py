"""Twenty textbook problems with equality or inequality constraints, solved with multipliers."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp

from jaxmath.optimize import _hs_problems as hs
from jaxmath.optimize.kkt import KKTMultipliers
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["ConstrainedProblem", "constrained_problems"]

Point = tuple[float, ...]
_INF = math.inf
_HS = (
    "W. Hock, K. Schittkowski, Test Examples for Nonlinear Programming Codes, Lecture Notes in "
    "Economics and Mathematical Systems 187, 1981, problem "
)


@dataclass(frozen=True, eq=False)
class ConstrainedProblem:
    """A constrained objective, where it starts, and its solution with the multipliers.

    ::

        minimize f(x)  subject to  h(x) = 0,  c(x) ≥ 0,  l ≤ x ≤ u
        ∇f = J_hᵀλ_E + J_cᵀλ_I + λ_l − λ_u  at the minimizer

    Args:
      name: lower-case identifier, such as "hs71".
      objective: f, from a vector of shape (n,) to a scalar of the same dtype.
      start: the published starting point; it need not be feasible.
      equality: h, from a vector to a vector; None where there is none.
      inequality: c, from a vector to a vector; None where there is none.
      lower: l, with −inf where there is no bound; None where there are no bounds at all.
      upper: u, with inf where there is no bound; None where there are no bounds at all.
      minimum: the least feasible value.
      minimizer: a feasible point where it is taken.
      multipliers: ``KKTMultipliers`` there, tuples by kind; None for a kind that is absent.
      reference: author, title, year, problem.

    Returns:
      A frozen record, compared by identity, with the property ``dimension``. Its fields are named
      as ``kkt_residual`` and ``augmented_lagrangian`` take them.

    Numerics:
      The functions keep the dtype of x. Stored numbers are the float64 nearest to 50-digit
      results; a coordinate at a bound is that bound exactly, and the multiplier of what is not
      active is 0 exactly.

    Example:
      >>> problem = constrained_problems()[2]
      >>> problem.name, problem.minimizer, problem.multipliers.inequality
      ('hs10', (0.0, 1.0), (0.5,))

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, theorem 12.1.
    """

    name: str
    objective: Callable[[ArrayLike], Array]
    start: Point
    equality: Callable[[ArrayLike], Array] | None
    inequality: Callable[[ArrayLike], Array] | None
    lower: Point | None
    upper: Point | None
    minimum: float
    minimizer: Point
    multipliers: KKTMultipliers
    reference: str = ""

    @property
    def dimension(self) -> int:
        """n, the number of unknowns."""
        return len(self.start)


def _on_vector(fn: Callable, n: int) -> Callable[[ArrayLike], Array]:
    def scalar(x: ArrayLike) -> Array:
        return fn(*as_array("x", x, shape=(n,)))

    return scalar


def _stacked(fn: Callable | None, n: int) -> Callable[[ArrayLike], Array] | None:
    if fn is None:
        return None

    def vector(x: ArrayLike) -> Array:
        values = fn(*as_array("x", x, shape=(n,)))
        return jnp.stack(values if isinstance(values, tuple) else (values,))

    return vector


def _problem(
    number: int,
    start: Point,
    minimum: float,
    minimizer: Point,
    *,
    equality: Point | None = None,
    inequality: Point | None = None,
    lower: Point | None = None,
    upper: Point | None = None,
    box: tuple[Point, Point] | None = None,
) -> ConstrainedProblem:
    """The record of a problem of the book; after the minimizer come multipliers, then the box."""
    n = len(start)
    h, c = (getattr(hs, f"{kind}{number}", None) for kind in "hc")
    low, up = box or (None, None)
    if box is not None:
        lower, upper = lower or (0.0,) * n, upper or (0.0,) * n
    return ConstrainedProblem(
        f"hs{number}", _on_vector(getattr(hs, f"f{number}"), n), start,
        _stacked(h, n), _stacked(c, n), low, up,
        minimum, minimizer, KKTMultipliers(equality, inequality, lower, upper), f"{_HS}{number}",
    )  # fmt: skip


@functools.cache
def constrained_problems() -> tuple[ConstrainedProblem, ...]:
    """Twenty textbook problems with constraints, each with its solution and multipliers.

    ::

        minimize f(x)  subject to  h(x) = 0,  c(x) ≥ 0,  l ≤ x ≤ u

    Args:
      None.

    Returns:
      A tuple of ``ConstrainedProblem``, the same records every time: Hock and Schittkowski's 6, 7,
      10, 11, 14, 15, 27, 29, 32, 35, 40, 43, 52, 65, 71, 76, 77, 80, 100 and 113.

    Numerics:
      Minimizers, minima and multipliers are correct to the last digit of float64. Worth knowing:
      "hs15" has a second, local minimum of 360.3798 at (−0.7921, −1.2624); "hs29", "hs40" and
      "hs80" have mirror images; the multiplier of "hs6" is 0; in "hs32" the bound of x₁ is active
      with multiplier 0; the start of "hs65" lies outside its bounds.

    Example:
      >>> [p.name for p in constrained_problems()[:3]]
      ['hs6', 'hs7', 'hs10']
      >>> hs71 = {p.name: p for p in constrained_problems()}["hs71"]
      >>> f"{hs71.minimum:.7f} {hs71.multipliers.lower[0]:.6f}"
      '17.0140173 1.087871'

    References:
      W. Hock, K. Schittkowski, "Test Examples for Nonlinear Programming Codes", 1981.
    """
    return _small() + _larger()


def _small() -> tuple[ConstrainedProblem, ...]:
    """Two and three unknowns."""
    nonnegative = ((0.0,) * 3, (_INF,) * 3)
    return (
        _problem(6, (-1.2, 1.0), 0.0, (1.0, 1.0), equality=(0.0,)),
        _problem(
            7, (2.0, 2.0), -math.sqrt(3.0), (0.0, math.sqrt(3.0)), equality=(-0.28867513459481287,)
        ),
        _problem(10, (-10.0, 10.0), -1.0, (0.0, 1.0), inequality=(0.5,)),
        _problem(
            11, (4.9, 0.1), -8.498464223154677, (1.234772825053297, 1.5246639294900999),
            inequality=(3.0493278589801998,),
        ),
        _problem(
            14, (2.0, 2.0), 1.393464980689302, (0.8228756555322952, 0.9114378277661477),
            equality=(-1.5944911182523067,), inequality=(1.8465914396061132,),
        ),
        _problem(
            15, (-2.0, 1.0), 306.5, (0.5, 2.0),
            inequality=(700.0, 0.0), upper=(1751.0, 0.0), box=((-_INF, -_INF), (0.5, _INF)),
        ),
        _problem(27, (2.0, 2.0, 2.0), 0.04, (-1.0, 1.0, 0.0), equality=(-0.04,)),
        _problem(
            29, (1.0, 1.0, 1.0), -16.0 * math.sqrt(2.0), (4.0, 2.0 * math.sqrt(2.0), 2.0),
            inequality=(math.sqrt(0.5),),
        ),
        _problem(
            32, (0.1, 0.7, 0.2), 1.0, (0.0, 0.0, 1.0),
            equality=(-2.0,), inequality=(0.0,), lower=(0.0, 4.0, 0.0), box=nonnegative,
        ),
        _problem(
            35, (0.5, 0.5, 0.5), 1.0 / 9.0, (4.0 / 3.0, 7.0 / 9.0, 4.0 / 9.0),
            inequality=(2.0 / 9.0,), box=nonnegative,
        ),
        _problem(
            65, (-5.0, 5.0, 0.0), 0.9535288568047828,
            (3.6504617252130362, 3.6504617252130362, 4.620417555320008),
            inequality=(0.0821532773034626,), box=((-4.5, -4.5, -5.0), (4.5, 4.5, 5.0)),
        ),
    )  # fmt: skip


def _larger() -> tuple[ConstrainedProblem, ...]:
    """Four unknowns and more."""
    a, b = 1.7171435703943823, 0.7636430781841304
    return (
        _problem(
            40, (0.8,) * 4, -0.25,
            (0.7937005259840998, 0.7071067811865476, 0.5297315471796477, 0.8408964152537145),
            equality=(-0.5, 0.47193715634084676, -0.3535533905932738),
        ),
        _problem(43, (0.0,) * 4, -44.0, (0.0, 1.0, 2.0, -1.0), inequality=(1.0, 0.0, 2.0)),
        _problem(
            52, (2.0,) * 5, 1859.0 / 349.0,
            (-33.0 / 349.0, 11.0 / 349.0, 180.0 / 349.0, -158.0 / 349.0, 11.0 / 349.0),
            equality=(-1144.0 / 349.0, -1014.0 / 349.0, 2704.0 / 349.0),
        ),
        _problem(
            71, (1.0, 5.0, 5.0, 1.0), 17.014017289156303,
            (1.0, 4.742999637264417, 3.8211499841848737, 1.3794082931726723),
            equality=(-0.16146856677050583,), inequality=(0.5522936601207268,),
            lower=(1.087871228666941, 0.0, 0.0, 0.0), box=((1.0,) * 4, (5.0,) * 4),
        ),
        _problem(
            76, (0.5,) * 4, -103.0 / 22.0, (3.0 / 11.0, 23.0 / 11.0, 0.0, 6.0 / 11.0),
            inequality=(5.0 / 11.0, 0.0, 0.0), lower=(0.0, 0.0, 19.0 / 11.0, 0.0),
            box=((0.0,) * 4, (_INF,) * 4),
        ),
        _problem(
            77, (2.0,) * 5, 0.24150512879017869,
            (1.1661721897092985, 1.1821113888027042, 1.3802570431454597, 1.5060362736230457,
             0.6109201960430908),
            equality=(0.0855395970428199, 0.03187839818681156),
        ),
        _problem(
            80, (-2.0, 2.0, 2.0, -1.0, -1.0), 0.05394984777027201,
            (-a, 1.5957096901835544, 1.8272457529271946, -b, -b),
            equality=(-0.04016274464930938, 0.03795777439637439, -0.005222643331410114),
            box=((-2.3, -2.3, -3.2, -3.2, -3.2), (2.3, 2.3, 3.2, 3.2, 3.2)),
        ),
        _problem(
            100, (1.0, 2.0, 0.0, 4.0, 0.0, 1.0, 1.0), 680.6300573744021,
            (2.33049937287957, 1.951372372896889, -0.4775413923888716, 4.36572623365581,
             -0.6244869705268175, 1.0381310186079584, 1.5942267116118685),
            inequality=(1.1397199591673761, 0.0, 0.0, 0.3686145171872114),
        ),
        _problem(
            113, (2.0, 3.0, 5.0, 5.0, 1.0, 2.0, 7.0, 3.0, 6.0, 10.0), 24.306209068179808,
            (2.1719963712554553, 2.36368297369728, 8.77392573847685, 5.095984487948453,
             0.9906547649638592, 1.4305739789363159, 1.3216442081617032, 9.828725807886322,
             8.280091670098345, 8.375926663921323),
            inequality=(1.7165331534681736, 0.4745201541889713, 1.3759266639213235,
                        0.020545555102422397, 0.3120285089353326, 0.0, 0.28704931929087724, 0.0),
        ),
    )  # fmt: skip
