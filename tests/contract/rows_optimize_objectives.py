"""Rows of the classical objectives; the oracles are the textbook forms, term by term."""

import jax.numpy as jnp
import numpy as np

from tests.contract.row import Bad, HostRow, Row, Singular


def point(d, low=-2.0, high=2.0):
    return lambda rng, dtype: (jnp.asarray(rng.uniform(low, high, d), dtype),)


def ackley(x):
    d = len(x)
    return (
        -20 * np.exp(-0.2 * np.sqrt(np.sum(x**2) / d))
        - np.exp(np.sum(np.cos(2 * np.pi * x)) / d)
        + 20
        + np.e
    )


def beale(x):
    return sum((c - x[0] + x[0] * x[1] ** i) ** 2 for i, c in ((1, 1.5), (2, 2.25), (3, 2.625)))


def booth(x):
    return (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2


def branin(x):
    a, b, c, r, s, t = 1, 5.1 / (4 * np.pi**2), 5 / np.pi, 6, 10, 1 / (8 * np.pi)
    return a * (x[1] - b * x[0] ** 2 + c * x[0] - r) ** 2 + s * (1 - t) * np.cos(x[0]) + s


def extended_rosenbrock(x):
    return sum(
        100 * (x[2 * i + 1] - x[2 * i] ** 2) ** 2 + (1 - x[2 * i]) ** 2 for i in range(len(x) // 2)
    )


def griewank(x):
    i = np.arange(1, len(x) + 1)
    return np.sum(x**2) / 4000 - np.prod(np.cos(x / np.sqrt(i))) + 1


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def levy(x):
    w = 1 + (x - 1) / 4
    middle = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return np.sin(np.pi * w[0]) ** 2 + np.sum(middle) + last


def quadratic(x):
    return 0.5 * np.sum(np.geomspace(1, 1e3, len(x)) * x**2)


def rastrigin(x):
    return 10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x))


def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def styblinski_tang(x):
    return np.sum(x**4 - 16 * x**2 + 5 * x) / 2


ANY = (
    Bad((np.ones((2, 3)),), "`x` must have rank 1"),
    Bad((np.ones(0),), "`x` must have at least"),
)
PLANE = (Bad((np.ones(3),), r"`x` must have shape \(2,\), got \(3,\)"),)

ROWS = [
    Row("optimize.ackley", point(5), ackley, bad=ANY, order=2, tol=64,
        singular=(Singular(([0.0] * 5,), 0.0, ([0.0] * 5,)),)),
    Row("optimize.beale", point(2), beale, bad=PLANE, order=2, tol=64),
    Row("optimize.booth", point(2), booth, bad=PLANE, order=2),
    Row("optimize.branin", point(2, 0.0, 5.0), branin, bad=PLANE, order=2, tol=128),
    Row("optimize.extended_rosenbrock", point(4), extended_rosenbrock, order=2,
        bad=(*ANY, Bad((np.ones(3),), "`x` must have an even length, got 3"))),
    Row("optimize.griewank", point(5), griewank, bad=ANY, order=2),
    Row("optimize.himmelblau", point(2), himmelblau, bad=PLANE, order=2),
    Row("optimize.levy", point(4), levy, bad=ANY, order=2, tol=64),
    Row("optimize.quadratic", point(4), quadratic, order=2,
        bad=ANY),
    Row("optimize.rastrigin", point(4), rastrigin, bad=ANY, order=2, tol=64),
    Row("optimize.rosenbrock", point(4), rosenbrock, bad=ANY, order=2),
    Row("optimize.styblinski_tang", point(4), styblinski_tang, bad=ANY, order=2),
    HostRow("optimize.Problem", "a record", ("tests/optimize/test_problems.py::test_record",)),
    HostRow("optimize.classical_problems", "a table of records",
            ("tests/optimize/test_problems.py::test_minimum_to_fifteen_digits",)),
]  # fmt: skip
