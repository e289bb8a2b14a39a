"""The record of an optimization problem, and the classical problems with their known minima."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxmath.optimize import objectives
from jaxmath.typing import Array, PyTree, as_key

__all__ = ["Problem", "classical_problems"]


@dataclass(frozen=True, eq=False)
class Problem:
    """An objective, where it starts, and what is known of its minimum.

    ::

        minimize f(x);   gap(x) = f(x) − f*;   success where gap(x) ≤ tolerance

    Args:
      name: lower-case identifier, such as "rosenbrock-10d".
      objective: f, from the parameters (a vector or any pytree) to a scalar.
      start: from a random key to starting parameters.
      dimension: the number of parameters, d.
      minimum: f*, or a proven lower bound where the minimum is not known (see ``tags``).
      minimizers: every known global minimizer, as tuples of floats; empty where unknown.
      tolerance: the gap f(x) − f* that counts as success.
      tags: properties, such as "convex", "multimodal", "bound-only" (``minimum`` is a bound).
      reference: author, title, year, pages.
      draw: from a random key to what one batch needs (row indices, noise); None where f itself is
        seen.
      batch_objective: a stochastic estimate of f from the parameters and a draw, which an
        optimizer sees instead of f; None where f itself is seen.

    Returns:
      A frozen record, compared by identity.

    Raises:
      ValueError: only one of ``draw`` and ``batch_objective`` is given.

    Numerics:
      ``objective`` keeps the dtype of the parameters; minima hold at least 15 digits.

    Example:
      >>> problem = classical_problems()[0]
      >>> problem.name, problem.dimension, problem.minimum
      ('ackley-10d', 10, 0.0)

    References:
      J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software",
      1981: objective, start and minimum as one record.
    """

    name: str
    objective: Callable[[PyTree], Array]
    start: Callable[[Array], PyTree]
    dimension: int
    minimum: float
    minimizers: tuple[tuple[float, ...], ...] = ()
    tolerance: float = 1e-4
    tags: tuple[str, ...] = ()
    reference: str = ""
    draw: Callable[[Array], PyTree] | None = None
    batch_objective: Callable[[PyTree, PyTree], Array] | None = None

    def __post_init__(self) -> None:
        if (self.draw is None) != (self.batch_objective is None):
            raise ValueError(f"problem '{self.name}' must have both `draw` and `batch_objective`")


def _uniform(low: float, high: float, dimension: int) -> Callable[[Array], Array]:
    def start(key: Array) -> Array:
        return jax.random.uniform(as_key("key", key), (dimension,), minval=low, maxval=high)

    return start


def _branin_start(key: Array) -> Array:
    corner, width = jnp.array([-5.0, 0.0]), jnp.array([15.0, 15.0])
    return corner + width * jax.random.uniform(as_key("key", key), (2,))


_STYBLINSKI_TANG = -2.903534027771177  # the least root of 4x³ − 32x + 5 = 0
_HIMMELBLAU = (
    (3.0, 2.0),
    (-2.8051180869527448, 3.1313125182505729),
    (-3.7793102533777469, -3.2831859912861694),
    (3.5844283403304917, -1.8481265269644034),
)
_MGH = "J. J. Moré, B. S. Garbow, K. E. Hillstrom, ACM TOMS 7(1), 1981, pages 17-41"


def classical_problems() -> tuple[Problem, ...]:
    """The twelve classical problems, each with its known minimizers and minimum.

    ::

        minimize f(x),   x₀ uniform in the customary box

    Args:
      None.

    Returns:
      A tuple of ``Problem``, in alphabetical order; starts have the default floating dtype.

    Numerics:
      Minimizers and minima are correct to the last digit of float64; tests polish each by
      Newton's method in 50-digit arithmetic.

    Example:
      >>> len(classical_problems())
      12

    References:
      Each record names its own.
    """
    pi = math.pi
    return (
        Problem(
            name="ackley-10d",
            objective=objectives.ackley,
            start=_uniform(-5.0, 5.0, 10),
            dimension=10,
            minimum=0.0,
            minimizers=((0.0,) * 10,),
            tolerance=1e-2,
            tags=("multimodal", "nonsmooth at the minimum"),
            reference="D. H. Ackley, A Connectionist Machine for Genetic Hillclimbing, 1987, "
            "pages 13-14",
        ),
        Problem(
            name="beale",
            objective=objectives.beale,
            start=_uniform(-2.0, 2.0, 2),
            dimension=2,
            minimum=0.0,
            minimizers=((3.0, 0.5),),
            tags=("unimodal", "curved valley"),
            reference=f"{_MGH}, problem (5)",
        ),
        Problem(
            name="booth",
            objective=objectives.booth,
            start=_uniform(-10.0, 10.0, 2),
            dimension=2,
            minimum=0.0,
            minimizers=((1.0, 3.0),),
            tags=("convex", "quadratic"),
            reference="M. Jamil, X.-S. Yang, A literature survey of benchmark functions for global "
            "optimisation problems, 2013, pages 150-194",
        ),
        Problem(
            name="branin",
            objective=objectives.branin,
            start=_branin_start,
            dimension=2,
            minimum=5.0 / (4.0 * pi),
            minimizers=((-pi, 12.275), (pi, 2.275), (3.0 * pi, 2.475)),
            tags=("multimodal", "three global minima"),
            reference="F. H. Branin, IBM Journal of Research and Development 16, 1972, "
            "pages 504-522",
        ),
        Problem(
            name="extended-rosenbrock-10d",
            objective=objectives.extended_rosenbrock,
            start=_uniform(-2.0, 2.0, 10),
            dimension=10,
            minimum=0.0,
            minimizers=((1.0,) * 10,),
            tags=("unimodal", "curved valley", "ill-conditioned"),
            reference=f"{_MGH}, problem (21)",
        ),
        Problem(
            name="griewank-10d",
            objective=objectives.griewank,
            start=_uniform(-50.0, 50.0, 10),
            dimension=10,
            minimum=0.0,
            minimizers=((0.0,) * 10,),
            tolerance=1e-2,
            tags=("multimodal",),
            reference="A. O. Griewank, JOTA 34, 1981, pages 11-39",
        ),
        Problem(
            name="himmelblau",
            objective=objectives.himmelblau,
            start=_uniform(-5.0, 5.0, 2),
            dimension=2,
            minimum=0.0,
            minimizers=_HIMMELBLAU,
            tags=("multimodal", "four global minima"),
            reference="D. M. Himmelblau, Applied Nonlinear Programming, 1972",
        ),
        Problem(
            name="levy-4d",
            objective=objectives.levy,
            start=_uniform(-10.0, 10.0, 4),
            dimension=4,
            minimum=0.0,
            minimizers=((1.0,) * 4,),
            tags=("multimodal",),
            reference="A. V. Levy, A. Montalvo, SIAM J. Sci. Stat. Comput. 6, 1985, pages 15-29",
        ),
        Problem(
            name="quadratic-10d",
            objective=objectives.quadratic,
            start=_uniform(-1.0, 1.0, 10),
            dimension=10,
            minimum=0.0,
            minimizers=((0.0,) * 10,),
            tags=("convex", "quadratic", "condition 1e3"),
            reference="Y. Nesterov, Lectures on Convex Optimization, 2018, section 2.1",
        ),
        Problem(
            name="rastrigin-4d",
            objective=objectives.rastrigin,
            start=_uniform(-5.12, 5.12, 4),
            dimension=4,
            minimum=0.0,
            minimizers=((0.0,) * 4,),
            tags=("multimodal",),
            reference="L. A. Rastrigin, Systems of Extremal Control, 1974",
        ),
        Problem(
            name="rosenbrock-10d",
            objective=objectives.rosenbrock,
            start=_uniform(-2.0, 2.0, 10),
            dimension=10,
            minimum=0.0,
            minimizers=((1.0,) * 10,),
            tags=("curved valley", "ill-conditioned", "one local minimum"),
            reference="H. H. Rosenbrock, The Computer Journal 3(3), 1960, pages 175-184",
        ),
        Problem(
            name="styblinski-tang-4d",
            objective=objectives.styblinski_tang,
            start=_uniform(-5.0, 5.0, 4),
            dimension=4,
            minimum=-156.66466281508566,
            minimizers=((_STYBLINSKI_TANG,) * 4,),
            tags=("multimodal",),
            reference="M. A. Styblinski, T.-S. Tang, Neural Networks 3, 1990, pages 467-483",
        ),
    )
