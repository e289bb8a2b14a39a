"""Rows of the root finders: ``brackets``, ``brent``, ``scalar_roots``, ``root_systems``,
``fixed_points``, ``roots``."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, Row

CUBE = lambda x, c: x * x * x - c
PAIR = lambda x, c: jnp.stack([x[0] + x[1] - c[0], x[0] * x[1] - c[1]])
MAP = lambda x, c: 0.5 * jnp.stack([jnp.cos(x[1]), jnp.sin(x[0])]) + c


def radicand(rng, dtype):
    """c between 1 and 8, whose cube root is sought."""
    return (jnp.asarray(rng.uniform(1.0, 8.0), dtype),)


def sum_and_product(rng, dtype):
    """The sum and the product of two numbers near 3 and 1."""
    x = np.array([3.0, 1.0]) + rng.uniform(-0.3, 0.3, 2)
    return (jnp.asarray([x.sum(), x.prod()], dtype),)


def shift(rng, dtype):
    return (jnp.asarray(rng.uniform(-1.0, 1.0, 2), dtype),)


def two_numbers(c):
    return np.sort(np.roots([1.0, -c[0], c[1]]))[::-1]


def iterated(c):
    x = np.zeros(2)
    for _ in range(200):
        x = 0.5 * np.array([np.cos(x[1]), np.sin(x[0])]) + c
    return x


def bracketed(solver):
    return lambda c: solver(CUBE, 0.0 * c, 0.0 * c + 3.0, (c,)).value


def start(c):
    return jnp.stack([0.0 * c[0] + 4.0, 0.0 * c[0] + 0.5])


FUN = lambda *rest: Bad((1.0, *rest), "`fun` must be callable", TypeError)
END = Bad((jnp.sin, [1.0, 2.0], 1.0), r"`a` must have shape \(\), got \(2,\)")
POINT = Bad((jnp.sin, [1.0, 2.0]), r"`x0` must have shape \(\), got \(2,\)")
SECOND = Bad((jnp.sin, 1.0, [1.0, 2.0]), r"`x1` must have shape \(\), got \(2,\)")
TREE = Bad((jnp.sin, {}), "`x0` must have at least 1 element")
SIZE = Bad((lambda x: jnp.stack([x, x]), 1.0), "`fun` must return as many numbers as `x0` has, 1")

ROWS = [
    Row("optimize.bisect", radicand, np.cbrt, call=bracketed(optimize.bisect),
        bad=(FUN(0.0, 1.0), END)),
    Row("optimize.regula_falsi", radicand, np.cbrt, call=bracketed(optimize.regula_falsi),
        bad=(FUN(0.0, 1.0), END)),
    Row("optimize.brentq", radicand, np.cbrt, call=bracketed(optimize.brentq),
        bad=(FUN(0.0, 1.0), END)),
    Row("optimize.secant", radicand, np.cbrt, bad=(FUN(0.0, 1.0), SECOND),
        call=lambda c: optimize.secant(CUBE, 0.0 * c + 1.0, 0.0 * c + 2.0, (c,)).value),
    Row("optimize.newton", radicand, np.cbrt, bad=(FUN(0.0), POINT),
        call=lambda c: optimize.newton(CUBE, 0.0 * c + 2.0, (c,)).value),
    Row("optimize.halley", radicand, np.cbrt, bad=(FUN(0.0), POINT),
        call=lambda c: optimize.halley(CUBE, 0.0 * c + 2.0, (c,)).value),
    Row("optimize.root_scalar", radicand, np.cbrt,
        bad=(FUN((), "newton", None, 0.0), Bad((jnp.sin, ()), "`x0` must be given")),
        call=lambda c: optimize.root_scalar(CUBE, (c,), bracket=(0.0 * c, 0.0 * c + 3.0)).value),
    Row("optimize.newton_system", sum_and_product, two_numbers, bad=(FUN(0.0), TREE, SIZE),
        tol=256.0, call=lambda c: optimize.newton_system(PAIR, start(c), (c,)).value),
    Row("optimize.broyden", sum_and_product, two_numbers, bad=(FUN(0.0), TREE, SIZE),
        tol=256.0, call=lambda c: optimize.broyden(PAIR, start(c), (c,)).value),
    Row("optimize.root", sum_and_product, two_numbers, bad=(FUN(0.0), TREE, SIZE),
        tol=256.0, call=lambda c: optimize.root(PAIR, start(c), (c,)).value),
    Row("optimize.fixed_point", shift, iterated, bad=(FUN(0.0), TREE, SIZE), tol=512.0,
        call=lambda c: optimize.fixed_point(MAP, jnp.zeros_like(c), (c,)).value),
]  # fmt: skip
