"""Steps within bounds: each candidate by brute force along its line, and the best of them."""

import jax
import numpy as np

from jaxmath.optimize._box import Box
from jaxmath.optimize._reflection import Quadratic, best_step

RNG = np.random.default_rng(11)
INF, N, CASES = np.inf, 3, 80


def room(x, p, lower, upper):
    """The t at which x + t p meets each bound."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(p > 0, (upper - x) / p, np.where(p < 0, (lower - x) / p, INF))
    return np.maximum(t, 0.0)


def textbook(x, q, quadratic, lower, upper, radius, theta):
    """The kind of the best candidate, and how much it lowers ψ, by a fine grid on each line."""
    J, g, C, d = quadratic
    psi = lambda q: 0.5 * np.sum((q @ J.T) ** 2, -1) + 0.5 * (q**2) @ C + q @ g
    each = room(x, d * q, lower, upper)
    stop = each.min()
    if stop > 1:
        return "whole", -psi(q)

    def along(base, direction, low, high):
        if low > high:
            return -INF
        t = np.linspace(low, high, 4001)[:, None]
        return -np.min(psi(base + t * direction))

    cut, reflected = stop * q, np.where(each == stop, -q, q)
    wall = room(x + d * cut, d * reflected, lower, upper).min()
    a, b, c = reflected @ reflected, 2 * cut @ reflected, cut @ cut - radius**2
    region = (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
    high = theta * wall if wall <= region else region
    down = room(x, -d * g, lower, upper).min()
    falls = {
        "cut": -psi(theta * cut),
        "mirror": along(cut, reflected, (1 - theta) * stop / min(wall, region), high),
        "descent": along(0.0 * q, -g, 0.0, min(theta * down, radius / np.linalg.norm(g))),
    }
    kind = max(falls, key=falls.get)
    return kind, falls[kind]


def test_the_best_of_the_candidates():
    lower, upper = -np.abs(RNG.normal(size=(2, CASES, N))) * [[[1.0]], [[-1.0]]]
    lower[RNG.random((CASES, N)) < 0.2] = -INF
    x = RNG.uniform(0.1, 0.9, (CASES, N)) * (upper - np.maximum(lower, -1)) + np.maximum(lower, -1)
    upper[RNG.random((CASES, N)) < 0.2] = INF
    d = RNG.uniform(0.5, 2.0, (CASES, N))
    J, g = RNG.normal(size=(CASES, 4, N)), RNG.normal(size=(CASES, N))
    C = np.abs(RNG.normal(size=(CASES, N)))
    q = -np.linalg.solve(
        np.einsum("kij,kil->kjl", J, J) + C[:, :, None] * np.eye(N), g[:, :, None]
    )[:, :, 0] * RNG.uniform(0.2, 1.0, (CASES, 1))  # fmt: skip
    radius, theta = 1.3 * np.linalg.norm(q, axis=1), np.where(np.arange(CASES) % 4 < 2, 0.995, 0.9)
    radius[::2] /= 1.3
    # Mirrored, it meets the region before the next wall, still going down.
    x[0], lower[0], upper[0], d[0] = 0.0, (-0.01, -INF, -INF), (0.1, INF, INF), 1.0
    J[0], C[0], g[0] = 1e-3, 1e-3, (3.0, -10.0, 0.0)
    q[0], radius[0] = (0.2, 1.0, 0.0), 1.04**0.5
    # Steepest descent, too.
    x[1], lower[1], upper[1], d[1] = 0.0, -INF, (0.1, INF, INF), 1.0
    J[1], C[1], g[1] = 1e-3, 1e-3, (-1.0, -10.0, 0.0)
    q[1], radius[1] = (0.2, -0.4, 0.0), 0.5

    def call(x, q, quadratic, lower, upper, radius, theta):
        return best_step(x, q, quadratic, Box(lower, upper), radius, theta)

    quadratic = Quadratic(J, g, C, d)
    steps, falls = jax.jit(jax.vmap(call))(x, q, quadratic, lower, upper, radius, theta)
    kinds = []
    for i in range(CASES):
        own = Quadratic(*(part[i] for part in quadratic))
        kind, fall = textbook(x[i], q[i], own, lower[i], upper[i], radius[i], theta[i])
        kinds.append(kind)
        np.testing.assert_allclose(falls[i], fall, rtol=1e-5, err_msg=f"{i} {kind}")
        p = np.asarray(steps[i])
        value = 0.5 * np.sum((J[i] @ p) ** 2) + 0.5 * C[i] @ p**2 + g[i] @ p
        np.testing.assert_allclose(falls[i], -value, rtol=1e-10)
        assert np.linalg.norm(p) <= radius[i] * (1 + 1e-12)
        assert np.all((lower[i] < x[i] + d[i] * p) & (x[i] + d[i] * p < upper[i])), (i, kind)
    assert set(kinds) == {"whole", "cut", "mirror", "descent"}
