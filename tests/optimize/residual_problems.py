"""Least-squares problems with known answers, in one function: one program serves them all.

Each has at most 4 variables and 20 residuals; it is padded with variables that r does not depend
on and with residuals that are 0, which change no step.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import lax

SIZE, ROWS = 4, 20

MEYER = np.array([34780.0, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147,
                  4427, 3820, 3307, 2872])  # fmt: skip
KOWALIK_U = np.array([4.0, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
KOWALIK_Y = np.array([0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235,
                      0.0246])  # fmt: skip
BARD_Y = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34,
                   2.10, 4.39])  # fmt: skip


def rosenbrock(x):
    return jnp.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def kowalik_osborne(x):
    u = KOWALIK_U
    return x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3]) - KOWALIK_Y


def meyer(x):
    t = 45.0 + 5.0 * np.arange(1, 17)
    return x[0] * jnp.exp(x[1] / (t + x[2])) - MEYER


def brown_dennis(x):
    t = np.arange(1, 21) / 5.0
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def powell_singular(x):
    return jnp.stack([x[0] + 10.0 * x[1], 5.0**0.5 * (x[2] - x[3]), (x[1] - 2.0 * x[2]) ** 2,
                      10.0**0.5 * (x[0] - x[3]) ** 2])  # fmt: skip


def box_3d(x):
    t = np.arange(1, 11) / 10.0
    return jnp.exp(-x[0] * t) - jnp.exp(-x[1] * t) - x[2] * (np.exp(-t) - np.exp(-10.0 * t))


def decay(x):
    t = np.linspace(0.0, 4.0, 20)
    y = 2.5 * np.exp(-1.3 * t) + 0.5 + 0.01 * np.cos(7.0 * t)
    return x[0] * jnp.exp(-x[1] * t) + x[2] - y


def beale(x):
    return np.array([1.5, 2.25, 2.625]) - x[0] * (1.0 - jnp.stack([x[1], x[1] ** 2, x[1] ** 3]))


def bard(x):
    u = np.arange(1.0, 16.0)
    return BARD_Y - (x[0] + u / ((16.0 - u) * x[1] + np.minimum(u, 16.0 - u) * x[2]))


def freudenstein_roth(x):
    return jnp.stack([-13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1],
                      -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]])  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A problem, its start, and the sum of squares and minimizer of the literature."""

    fn: object
    start: tuple
    squares: float
    minimizer: tuple | None = None


# Sums of squares: Moré, Garbow, Hillstrom, "Testing unconstrained optimization software", 1981.
PROBLEMS = (
    Known(rosenbrock, (-1.2, 1.0), 0.0, (1.0, 1.0)),
    Known(kowalik_osborne, (0.25, 0.39, 0.415, 0.39), 3.07505e-4),
    Known(meyer, (0.02, 4000.0, 250.0), 87.9458),
    Known(brown_dennis, (25.0, 5.0, -5.0, -1.0), 85822.2),
    Known(powell_singular, (3.0, -1.0, 0.0, 1.0), 0.0, (0.0, 0.0, 0.0, 0.0)),
    Known(box_3d, (0.0, 10.0, 20.0), 0.0, (1.0, 10.0, 1.0)),
    Known(decay, (1.0, 1.0, 0.0), 9.99251e-4),
    Known(beale, (1.0, 1.0), 0.0, (3.0, 0.5)),
    Known(bard, (1.0, 1.0, 1.0), 8.21487e-3),
    Known(freudenstein_roth, (0.5, -2.0), 48.9842),
)
NAMES = [problem.fn.__name__ for problem in PROBLEMS]


def padded(values):
    return np.concatenate([values, np.zeros(SIZE - len(values))])


def residuals(z, which, scale):
    """r of the chosen problem in the variables z = scale·x."""

    def branch(fn):
        def call(x):
            r = fn(x).astype(x.dtype)  # the data are float64
            return jnp.concatenate([r, jnp.zeros(ROWS - r.size, r.dtype)])

        return call

    return lax.switch(which, [branch(p.fn) for p in PROBLEMS], z / scale)
