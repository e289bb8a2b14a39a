"""Particle swarm: one move in loops, the constriction, multimodal lanes, walls, and how it ends."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import particle_swarm

ps = importlib.import_module("jaxmath.optimize.particle_swarm")
KEY = jax.random.key(1)


def test_constriction_is_that_of_clerc_and_kennedy():
    """χ = 0.7298, and the mean dynamics is stable: both eigenvalues within the unit circle."""
    np.testing.assert_allclose(ps._CHI, 0.72984, atol=5e-6)
    for phi in (0.1, 2.0, ps._PHI):  # the draws' sums lie between 0 and φ
        matrix = np.array([[ps._CHI, -ps._CHI * phi], [ps._CHI, 1 - ps._CHI * phi]])
        assert np.abs(np.linalg.eigvals(matrix)).max() < 1


@pytest.mark.sampled(2)
@pytest.mark.parametrize("topology", ["ring", "global"])
def test_moves_are_the_paper_s(topology):
    """Two moves with the same draws, in loops, with walls that some particles meet."""
    low, high = np.array([-1.0, 0.0, -0.2]), np.array([1.0, 2.0, 0.3])
    f = lambda x: jnp.sum((x - 0.3) ** 2) + x[0] * x[1]

    @jax.jit
    def run(first, keys):
        states = [optimize.particle_swarm_init(first, f, low, high, num_particles=7)]
        for key in keys:
            step = optimize.particle_swarm_step(key, f, states[-1], topology=topology)
            states.append(step)
        return states

    first, *keys = jax.random.split(KEY, 3)
    before, *later = run(first, keys)
    x, v = np.array(before.positions), np.array(before.velocities)
    assert (np.abs(v) <= (high - low) / 2).all()
    assert v.std() > 0.1
    p, values = x.copy(), np.array([f(row) for row in x])
    walls = 0
    for key, after in zip(keys, later, strict=True):
        r = np.asarray(jax.random.uniform(key, (2, 7, 3)))
        seen, places = values.copy(), p.copy()
        for i in range(7):
            near = range(7) if topology == "global" else ((i - 1) % 7, i, (i + 1) % 7)
            g = min(near, key=lambda j: seen[j])
            for j in range(3):
                pull = r[0, i, j] * (places[i, j] - x[i, j])
                pull += r[1, i, j] * (places[g, j] - x[i, j])
                v[i, j] = 0.7298437881283576 * (v[i, j] + 2.05 * pull)
                x[i, j] += v[i, j]
                if not low[j] <= x[i, j] <= high[j]:
                    x[i, j], v[i, j], walls = np.clip(x[i, j], low[j], high[j]), 0.0, walls + 1
            if f(x[i]) < values[i]:
                values[i], p[i] = f(x[i]), x[i]
        np.testing.assert_allclose(after.velocities, v, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(after.positions, x, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(after.best_positions, p, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(after.best_values, values, rtol=1e-9)
    assert walls > 0
    assert later[-1].num_fun == 21


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("topology", "dtype"), [("ring", np.float32), ("global", np.float64)])
def test_rastrigin(topology, dtype):
    """The global one of about 100 minima, in 20 lanes; exact to what the dtype can hold."""
    low, high = np.full(2, -5.12, dtype), np.full(2, 4.5, dtype)
    solve = lambda key: particle_swarm(key, optimize.rastrigin, low, high, topology=topology)
    with jax.numpy_dtype_promotion("strict"):
        s = jax.jit(jax.vmap(solve))(jax.random.split(KEY, 20))
    assert s.value.dtype == s.error.dtype == dtype
    found = np.all(np.abs(s.value) <= 8 * np.finfo(dtype).eps, axis=1)
    assert found.mean() >= 0.95
    assert np.isin(s.status, [Status.CONVERGED, Status.STAGNATED]).all()
    assert (s.num_fun == 50 * (s.num_steps + 1)).all()


def _lanes(key, kind, low, high, scale, tol, max_steps):
    """f is NaN outside the box, so that a particle that left it would be seen."""
    kinds = [
        lambda x: jnp.sum(x**2),
        lambda x: 3.0 + 0.0 * x[0],
        lambda x: x[0] * jnp.nan,
        lambda x: jnp.where(x[0] < 0, jnp.nan, jnp.sum(x**2)),
        lambda x: jnp.where(x[0] < 0.5, -jnp.inf, 1.0),
        lambda x: 1.0 + jnp.sum((x - 3.0) ** 2),
    ]

    def f(x):
        inside = jnp.all((x >= low) & (x <= high))
        return scale * jnp.where(inside, jax.lax.switch(kind, kinds, x), jnp.nan)

    return particle_swarm(key, f, low, high, num_particles=10, tol=tol, max_steps=max_steps)


CASES = [
    # kind, lower, upper, scale, tol, max_steps, status
    (5, -1.0, 1.0, 1.0, 1e-9, 500, Status.CONVERGED),
    (5, -1.0, 1.0, 1e-200, 1e-9, 500, Status.CONVERGED),
    (5, -1.0, 1.0, 1e200, 1e-9, 500, Status.CONVERGED),
    (0, -1e-30, 2e-30, 1.0, 0.0, 2000, Status.STAGNATED),
    (1, -1.0, 1.0, 1.0, 0.0, 500, Status.CONVERGED),
    (2, -1.0, 1.0, 1.0, 1e-9, 500, Status.NON_FINITE),
    (3, -1.0, 1.0, 1.0, 1e-9, 2000, Status.STAGNATED),
    (4, -1.0, 1.0, 1.0, 1e-9, 500, Status.UNBOUNDED),
    (0, 1.0, -1.0, 1.0, 1e-9, 500, Status.INFEASIBLE),
    (0, -1.0, np.inf, 1.0, 1e-9, 500, Status.INVALID_START),
    (0, np.nan, 1.0, 1.0, 1e-9, 500, Status.INVALID_START),
    (5, -1.0, 1.0, 1.0, 1e-9, 0, Status.MAX_STEPS),
    (5, -1.0, 1.0, 1.0, 1e-9, 3, Status.MAX_STEPS),
]


def test_every_lane_ends_in_its_own_way():
    """Among them minima in a corner of the box, which is reached exactly."""
    *columns, status = (np.array(column) for column in zip(*CASES, strict=True))
    kind, low, high, scale, tol, limit = columns
    keys = jax.random.split(KEY, len(CASES))
    low, high = low[:, None] * np.ones(2), high[:, None] * np.ones(2)
    s = jax.jit(jax.vmap(_lanes))(keys, kind.astype(np.int32), low, high, scale, tol, limit)
    assert [Status(int(v)) for v in s.status] == [Status(int(v)) for v in status]
    np.testing.assert_array_equal(s.value[:3], 1.0)
    lost = np.isin(s.status, [Status.NON_FINITE, Status.INFEASIBLE, Status.INVALID_START])
    assert (s.num_steps[lost] == 0).all()
    np.testing.assert_array_equal(s.num_steps[-2:], [0, 3])


def test_pytrees_arguments_and_refusals():
    f = lambda p, c: jnp.sum((p["a"] - c) ** 2) + (p["b"] + 1.0) ** 2
    box = {"a": jnp.zeros(2), "b": -2.0}, {"a": jnp.ones(2), "b": 0.0}
    s = particle_swarm(KEY, f, *box, (0.3,), atol=1e-12)
    assert s.converged
    np.testing.assert_allclose(s.value["a"], 0.3, atol=1e-5)
    np.testing.assert_allclose(s.value["b"], -1.0, atol=1e-5)
    for wrong in ({"topology": "star"}, {"num_particles": 1}, {"atol": -1.0}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}`"):
            particle_swarm(KEY, f, *box, (0.3,), **wrong)
