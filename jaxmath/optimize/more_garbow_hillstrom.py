"""The 35 problems of Moré, Garbow and Hillstrom: residuals, starts, and minima to 17 digits."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp

from jaxmath.optimize import _mgh_fixed as fixed
from jaxmath.optimize import _mgh_variable as variable
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["LeastSquaresProblem", "more_garbow_hillstrom"]

Point = tuple[float, ...]
_MGH = "J. J. Moré, B. S. Garbow, K. E. Hillstrom, ACM TOMS 7(1), 1981, pages 17-41"
# How many of x₀, 10x₀ and 100x₀ the authors' tests start from, where that is not three: the most in
# any of the data for equations, for least squares and for minimization (Algorithm 566).
_NUM_STARTS = {3: 2, 6: 1, 9: 1, 11: 2, 12: 1, 17: 1, 18: 1, 19: 1, 32: 1, 33: 1, 34: 1, 35: 1}


@dataclass(frozen=True, eq=False)
class LeastSquaresProblem:
    """Residuals, their standard start, and every known minimum of their sum of squares.

    ::

        minimize f(x) = Σ rᵢ(x)²,   r: ℝⁿ → ℝᵐ

    Args:
      name: lower-case identifier, such as "helical-valley".
      number: the number in the paper, 1 to 35.
      residual: r, from a vector of shape (n,) to one of shape (m,), of the same dtype.
      start: the standard starting point, n numbers.
      num_residuals: m.
      minima: pairs of a local minimum and a minimizer, the lowest first; the minimizer is None
        where f only tends to the value as x goes to infinity.
      saddles: pairs of a value and a stationary point that the literature lists among the minima,
        but from which f falls.
      reference: author, title, year, pages, problem.
      num_starts: how many of x₀, 10x₀ and 100x₀ the authors' tests start from.

    Returns:
      A frozen record, compared by identity, with the properties ``objective`` (f; one function
      object a problem), ``dimension`` (n), ``minimum`` (the global one) and ``starts`` (the
      ``num_starts`` points; for x₀ = 0 they are 0, (10, …, 10) and (100, …, 100)).

    Numerics:
      ``residual`` and ``objective`` keep the dtype of x. Stored numbers are the float64 nearest to
      50-digit results. Note that f has no factor ½.

    Example:
      >>> problem = more_garbow_hillstrom()[0]
      >>> problem.name, problem.start, problem.minima
      ('rosenbrock', (-1.2, 1.0), ((0.0, (1.0, 1.0)),))

    References:
      J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software",
      1981, section 2.
    """

    name: str
    number: int
    residual: Callable[[ArrayLike], Array]
    start: Point
    num_residuals: int
    minima: tuple[tuple[float, Point | None], ...]
    saddles: tuple[tuple[float, Point], ...] = ()
    reference: str = ""
    num_starts: int = 3

    @property
    def starts(self) -> tuple[Point, ...]:
        """The points that the authors' tests start from."""
        ray = self.start if any(self.start) else (1.0,) * self.dimension
        far = tuple(tuple(10.0**k * a for a in ray) for k in range(1, self.num_starts))
        return (self.start, *far)

    @property
    def dimension(self) -> int:
        """n, the number of unknowns."""
        return len(self.start)

    @property
    def minimum(self) -> float:
        """The global minimum, or infimum."""
        return self.minima[0][0]

    @functools.cached_property
    def objective(self) -> Callable[[ArrayLike], Array]:
        """f(x) = Σ rᵢ(x)²."""
        residual = self.residual

        def objective(x: ArrayLike) -> Array:
            return jnp.sum(residual(x) ** 2)

        return objective


def _problem(
    number: int,
    name: str,
    function: Callable[[Array], Array],
    start: Point,
    num_residuals: int,
    *minima: tuple[float, Point | None],
    saddles: tuple[tuple[float, Point], ...] = (),
) -> LeastSquaresProblem:
    def residual(x: ArrayLike) -> Array:
        return function(as_array("x", x, shape=(len(start),)))

    reference = f"{_MGH}, problem ({number})"
    return LeastSquaresProblem(
        name, number, residual, start, num_residuals, minima, saddles, reference,
        _NUM_STARTS.get(number, 3),
    )  # fmt: skip


@functools.cache
def more_garbow_hillstrom() -> tuple[LeastSquaresProblem, ...]:
    """The 35 problems of Moré, Garbow and Hillstrom, each with its known minima.

    ::

        minimize f(x) = Σ rᵢ(x)²  from the standard start x₀ (and, most, from 10x₀ and 100x₀)

    Args:
      None.

    Returns:
      A tuple of ``LeastSquaresProblem``, problem k at position k − 1; the same records every time.
      Dimensions of the scalable problems: Watson 6, extended Powell singular 12, Chebyquad 8, all
      others 10; the linear problems have 20 residuals.

    Numerics:
      Residuals are finite with finite derivatives at the starts and near the minima, and lose no
      digits there that the data do not lose: e^−x₁ − 1 and 1 − cos x are single functions. Data
      are those printed, rounded once. Singular set: the helical valley's axis x₁ = x₂ = 0, where
      the angle has no derivative; poles of Bard, Meyer, Kowalik–Osborne; x₁ = 0 in Gulf. Not
      minima, though listed: Biggs EXP6 at 5.65565e-3 (the symmetric x₁ = x₅, x₃ = x₆ that
      symmetric steps from the start never leave; curvature −0.0098) and Brown's almost linear f
      at (0, …, 0, n + 1) (f = 1 falls along (s, …, s, n + 1 − ns), s > 0).

    Example:
      >>> [p.name for p in more_garbow_hillstrom()[6:9]]
      ['helical-valley', 'bard', 'gaussian']
      >>> bard = more_garbow_hillstrom()[7]
      >>> f"{bard.objective(jnp.array(bard.start)):.4f} {bard.minimum:.5e}"
      '41.6817 8.21488e-03'

    References:
      J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software",
      1981, problems (1) to (35), pages 17-41; "Algorithm 566: FORTRAN subroutines for testing
      unconstrained optimization software", 1981, parts 14 to 16 (the starts).
    """
    return _fixed() + _variable()


def _fixed() -> tuple[LeastSquaresProblem, ...]:
    """Problems 1 to 19."""
    return (
        _problem(1, "rosenbrock", fixed.rosenbrock, (-1.2, 1.0), 2, (0.0, (1.0, 1.0))),
        _problem(
            2, "freudenstein-roth", fixed.freudenstein_roth, (0.5, -2.0), 2,
            (0.0, (5.0, 4.0)),
            (48.98425367924002, (11.412778986902094, -0.8968052532744765)),
        ),
        _problem(
            3, "powell-badly-scaled", fixed.powell_badly_scaled, (0.0, 1.0), 2,
            (0.0, (1.0981593296998175e-05, 9.106146739866524)),
            (0.0, (9.106146739866524, 1.0981593296998175e-05)),
        ),
        _problem(
            4, "brown-badly-scaled", fixed.brown_badly_scaled, (1.0, 1.0), 3,
            (0.0, (1e6, 2e-6)),
        ),
        _problem(5, "beale", fixed.beale, (1.0, 1.0), 3, (0.0, (3.0, 0.5))),
        _problem(
            6, "jennrich-sampson", fixed.jennrich_sampson, (0.3, 0.4), 10,
            (124.36218235561485, (0.2578252136703641, 0.2578252136703641)),
        ),
        _problem(
            7, "helical-valley", fixed.helical_valley, (-1.0, 0.0, 0.0), 3,
            (0.0, (1.0, 0.0, 0.0)),
        ),
        _problem(
            8, "bard", fixed.bard, (1.0, 1.0, 1.0), 15,
            (0.008214877306578975, (0.08241055974978893, 1.1330360920297216, 2.343695178642537)),
            (17.42869333333333, None),  # (0.84066…, −∞, −∞)
        ),
        _problem(
            9, "gaussian", fixed.gaussian, (0.4, 1.0, 0.0), 15,
            (1.127932769618648e-08, (0.39895613783875666, 1.0000190844878056, 0.0)),
        ),
        _problem(
            10, "meyer", fixed.meyer, (0.02, 4000.0, 250.0), 16,
            (87.94585517085112, (0.005609636471028053, 6181.346346286372, 345.2236346241365)),
        ),
        _problem(11, "gulf", fixed.gulf, (5.0, 2.5, 0.15), 99, (0.0, (50.0, 25.0, 1.5))),
        _problem(
            12, "box-three-dimensional", fixed.box_three_dimensional, (0.0, 10.0, 20.0), 10,
            (0.0, (1.0, 10.0, 1.0)),
            (0.0, (10.0, 1.0, -1.0)),
            (0.0, (1.0, 1.0, 0.0)),  # and every (a, a, 0)
        ),
        _problem(
            13, "powell-singular", fixed.powell_singular, (3.0, -1.0, 0.0, 1.0), 4,
            (0.0, (0.0,) * 4),
        ),
        _problem(14, "wood", fixed.wood, (-3.0, -1.0, -3.0, -1.0), 6, (0.0, (1.0,) * 4)),
        _problem(
            15, "kowalik-osborne", fixed.kowalik_osborne, (0.25, 0.39, 0.415, 0.39), 11,
            (0.00030750560384923745, (0.19280693457903786, 0.19128232873436696,
                                      0.12305650692632066, 0.13606233068379484)),
            (0.0010273430486954578, None),  # (∞, −14.0758…, −∞, −∞)
        ),
        _problem(
            16, "brown-dennis", fixed.brown_dennis, (25.0, 5.0, -5.0, -1.0), 20,
            (85822.20162635634, (-11.594439904762165, 13.203630051207204,
                                 -0.40343948817685954, 0.2367787744557363)),
        ),
        _problem(
            17, "osborne-1", fixed.osborne_1, (0.5, 1.5, -1.0, 0.01, 0.02), 33,
            (5.464894697482907e-05, (0.37541005210695205, 1.9358469127123674, -1.464687136613423,
                                     0.012867534640057288, 0.02212269966167261)),
        ),
        _problem(
            18, "biggs-exp6", fixed.biggs_exp6, (1.0, 2.0, 1.0, 1.0, 1.0, 1.0), 13,
            # the three exponentials in every order
            (0.0, (1.0, 10.0, 1.0, 5.0, 4.0, 3.0)),
            (0.0, (4.0, 10.0, 3.0, 5.0, 1.0, 1.0)),
            (0.0, (1.0, 4.0, 1.0, -3.0, 10.0, -5.0)),
            (0.0, (10.0, 4.0, -5.0, -3.0, 1.0, 1.0)),
            (0.0, (4.0, 1.0, 3.0, -1.0, 10.0, -5.0)),
            (0.0, (10.0, 1.0, -5.0, -1.0, 4.0, 3.0)),
            saddles=(
                (0.005655649925499931,
                 (1.7114159947195875, 17.683198180949066, 1.1631436609188925,
                  5.186561551993452, 1.7114159947195875, 1.1631436609188925)),
            ),
        ),
        _problem(
            19, "osborne-2", fixed.osborne_2,
            (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5), 65,
            (0.040137736293547735,
             (1.3099771546273005, 0.4315537946029889, 0.633661698960724, 0.5994305347859163,
              0.7541832263280113, 0.9042885798596336, 1.3658118352370285, 4.8236988172271555,
              2.3986848661317546, 4.568874597667672, 5.6753414705806415)),
            (1.7898135868810932, None),  # (0.917…, …, 0.132…, ∞, …): the peaks leave the data
        ),
    )  # fmt: skip


def _variable() -> tuple[LeastSquaresProblem, ...]:
    """Problems 20 to 35."""
    one_to_ten = tuple(float(j) for j in range(1, 11))
    mesh = tuple(j * (j - 11.0) / 121.0 for j in one_to_ten)
    boundary_value = (
        -0.04316498251876487, -0.08157715653538689, -0.11448571438052929, -0.14097357686259668,
        -0.1599086961819831, -0.16987720231277492, -0.16908998378120835, -0.15524953522183182,
        -0.125355891678935, -0.07541653368589209,
    )  # fmt: skip
    return (
        _problem(
            20, "watson", variable.watson, (0.0,) * 6, 31,
            (0.0022876700535524363,
             (-0.015725086401458456, 1.0124348693691099, -0.2329916259567377,
              1.2604300877996084, -1.5137289227222797, 0.9929964324311346)),
        ),
        _problem(
            21, "extended-rosenbrock", variable.extended_rosenbrock, (-1.2, 1.0) * 5, 10,
            (0.0, (1.0,) * 10),
        ),
        _problem(
            22, "extended-powell-singular", variable.extended_powell_singular,
            (3.0, -1.0, 0.0, 1.0) * 3, 12,
            (0.0, (0.0,) * 12),
        ),
        _problem(
            23, "penalty-1", variable.penalty_1, one_to_ten, 11,
            (7.087651467090369e-05, (0.15812230111311634,) * 10),
        ),
        _problem(
            24, "penalty-2", variable.penalty_2, (0.5,) * 10, 20,
            (0.00029366053745674594,
             (0.1999836051978236, 0.010350648471292297, 0.019604934480438402,
              0.03208906722068565, 0.049932677399641294, 0.07651399515399361,
              0.11862407286950417, 0.19214487233557667, 0.34732058694184365,
              0.3691643741593508)),
        ),
        _problem(
            25, "variably-dimensioned", variable.variably_dimensioned,
            tuple(1.0 - j / 10.0 for j in one_to_ten), 12,
            (0.0, (1.0,) * 10),
        ),
        _problem(
            26, "trigonometric", variable.trigonometric, (0.1,) * 10, 10,
            (0.0, (0.0,) * 10),
            (2.7950561218794563e-05,
             (0.05515090398069129, 0.05684061679473856, 0.058764001762695084,
              0.06099060865676081, 0.06362621369585451, 0.06684317945275879,
              0.20816151856988116, 0.16436309588564774, 0.08500689568850744,
              0.09143145071470794)),
        ),
        _problem(
            27, "brown-almost-linear", variable.brown_almost_linear, (0.5,) * 10, 10,
            (0.0, (1.0,) * 10),
            (0.0, (0.9794303033498625,) * 9 + (1.2056969665013755,)),
            saddles=((1.0, (0.0,) * 9 + (11.0,)),),
        ),
        _problem(
            28, "discrete-boundary-value", variable.discrete_boundary_value, mesh, 10,
            (0.0, boundary_value),
        ),
        _problem(
            29, "discrete-integral-equation", variable.discrete_integral_equation, mesh, 10,
            (0.0, boundary_value),  # the integral equation inverts the second difference exactly
        ),
        _problem(
            30, "broyden-tridiagonal", variable.broyden_tridiagonal, (-1.0,) * 10, 10,
            (0.0,
             (-0.5707221320112248, -0.681806949984275, -0.7022100760176601, -0.7055106298950804,
              -0.7049061557287437, -0.7014966070298512, -0.6918893223547983, -0.6657965144058537,
              -0.5960351090263657, -0.4164122575286934)),
        ),
        _problem(
            31, "broyden-banded", variable.broyden_banded, (-1.0,) * 10, 10,
            (0.0,
             (-0.4283028635872503, -0.47659642435629024, -0.5196524636468617, -0.5580993248321809,
              -0.5925061568294574, -0.624503682199468, -0.6232394714405911, -0.6213938417965735,
              -0.6204535966590874, -0.5864692707204351)),
        ),
        _problem(
            32, "linear-full-rank", variable.linear_full_rank, (1.0,) * 10, 20,
            (10.0, (-1.0,) * 10),  # m − n
        ),
        _problem(
            33, "linear-rank-1", variable.linear_rank_1, (1.0,) * 10, 20,
            # m(m − 1)/(2(2m + 1)), wherever Σ jxⱼ = 3/(2m + 1); here the least of those points
            (190.0 / 41.0, tuple(3.0 * j / (41.0 * 385.0) for j in one_to_ten)),
        ),
        _problem(
            34, "linear-rank-1-zero-columns-and-rows",
            variable.linear_rank_1_zero_columns_and_rows, (1.0,) * 10, 20,
            # (m² + 3m − 6)/(2(2m − 3)), wherever Σ jxⱼ = 3/(2m − 3) over 1 < j < n
            (227.0 / 37.0,
             (0.0, *(3.0 * j / (37.0 * 284.0) for j in one_to_ten[1:-1]), 0.0)),
        ),
        _problem(
            35, "chebyquad", variable.chebyquad, tuple(j / 9.0 for j in one_to_ten[:8]), 8,
            (0.0035168737256779316,
             (0.04315276015101663, 0.1930908403841861, 0.26632870689027294, 0.5,
              0.5, 0.7336712931097271, 0.8069091596158139, 0.9568472398489833)),
        ),
    )  # fmt: skip
