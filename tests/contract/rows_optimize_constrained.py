"""Rows of the constrained problems and of the methods for them."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

TESTS = "tests/optimize/test_constrained_problems.py"
LOOP = NotDifferentiable("a while_loop: forward mode only, reverse mode is refused by jax")


def distance(x, q, a):
    return jnp.sum((x - q) ** 2)


def half_space(x, q, a):
    return jnp.sum(a * x) - 1.0


def start(rng, dtype):
    """A start, the point to come near to, and the normal of a half-space without it."""
    x, q, a = rng.normal(size=(3, 3))
    a = np.abs(a) + 0.5
    return tuple(jnp.asarray(v, dtype) for v in (x, q - a * max(0.0, a @ q) / (a @ a), a))


def projection(x, q, a):
    """The nearest point with aᵀx ≥ 1."""
    return q + a * (1.0 - a @ q) / (a @ a)


def solved(method, tol=0.0):
    def call(x, q, a):
        return method(distance, x, (q, a), inequality=half_space, tol=tol).value.x

    return call


def inside(rng, dtype):
    """As ``start``, from within the half-space."""
    _, q, a = start(rng, dtype)
    return q + a * (3.0 - jnp.sum(a * q)) / jnp.sum(a * a), q, a


BAD = (
    Bad((distance, np.zeros(0), (0.0, 1.0)), "`x0` must have at least 1 elements"),
    Bad((lambda x: x, np.zeros(2)), r"`fun` must return a scalar, got shape \(2,\)"),
    Bad((jnp.sum, np.zeros(2, complex)), "`x0` must have a real floating dtype", TypeError),
)

ROWS = [
    HostRow("optimize.ConstrainedPoint", "a record",
            ("tests/optimize/test_augmented_lagrangian.py::test_pytrees_bounds_and_arguments",)),
    HostRow("optimize.ConstrainedProblem", "a record", (f"{TESTS}::test_constrained_record",)),
    HostRow(
        "optimize.constrained_problems",
        "a table of records",
        (
            f"{TESTS}::test_functions_are_the_textbooks",
            f"{TESTS}::test_solution_to_the_last_digit",
            f"{TESTS}::test_no_lower_feasible_point",
        ),
    ),
    Row("optimize.augmented_lagrangian", start, projection, diff=LOOP, bad=BAD, tol=1e4,
        call=solved(optimize.augmented_lagrangian)),
    # Half the digits: the point is off by about λ/ρ, and by μ/λ.
    Row("optimize.quadratic_penalty", start, projection, diff=LOOP, bad=BAD, tol=1e11,
        call=solved(optimize.quadratic_penalty, 1e-5), dtypes=("float64",)),
    Row("optimize.log_barrier", inside, projection, diff=LOOP, bad=BAD, tol=1e11,
        call=solved(optimize.log_barrier, 1e-5), dtypes=("float64",)),
]  # fmt: skip
