"""The dogleg method: its path, its Hessians counted, where the Hessian is no help, statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.iterate import Status
from jaxmath.optimize import _curvature, dogleg, more_garbow_hillstrom
from jaxmath.optimize.dogleg import (
    trust_region_dogleg,
    trust_region_dogleg_init,
    trust_region_dogleg_step,
)

MGH = {p.name: p for p in more_garbow_hillstrom()}


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["helical-valley", "wood", "brown-dennis", "beale"])
def test_known_minima(name):
    problem = MGH[name]
    solution = trust_region_dogleg(problem.objective, jnp.asarray(problem.start))
    gap = problem.objective(solution.value) - problem.minimum
    assert gap <= 1e-8 * max(1.0, abs(problem.minimum))
    assert solution.status == Status.CONVERGED
    assert solution.num_fun == solution.num_steps + 1 == solution.num_grad
    assert 1 < solution.num_hess <= solution.num_steps


@pytest.mark.parametrize("definite", [True, False])
def test_matrix_in_the_place_of_the_hessian(definite):
    """∇²f itself where that is definite, whatever the units; definite and no less where not."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    units = np.diag([1.0, 1e3, 1e-3, 1e5])
    H = units @ (Q * ([1.0, 2, 3, 4] if definite else [-1.0, 2, 3, 4])) @ Q.T @ units
    c = _curvature.curvature_of(jnp.asarray(H))
    M = np.stack([_curvature.times(c, e) for e in jnp.eye(4)], axis=1)
    small = lambda A: np.linalg.inv(units) @ A @ np.linalg.inv(units)
    if definite:
        np.testing.assert_allclose(small(M), small(H), atol=1e-12)
    assert np.linalg.eigvalsh(small(M)).min() > 0.01
    assert np.linalg.eigvalsh(small(M - H)).min() > -1e-12
    v = jnp.asarray(np.linalg.inv(units) @ rng.normal(size=4))
    np.testing.assert_allclose(_curvature.times_inverse(c, _curvature.times(c, v)), v, rtol=1e-9)


def test_path():
    """The lowest point of the model on 0 → pᶜ → pᴺ within the radius, by a fine grid."""
    rng = np.random.default_rng(1)
    A = rng.normal(size=(3, 3))
    H, g = A @ A.T + 0.1 * np.eye(3), rng.normal(size=3)
    model = lambda p: g @ p + 0.5 * p @ H @ p
    cauchy, newton = -(g @ g) / (g @ H @ g) * g, -np.linalg.solve(H, g)
    t = np.linspace(0.0, 1.0, 20001)[:, None]
    path = np.concatenate([t * cauchy, cauchy + t * (newton - cauchy)])
    c = _curvature.curvature_of(jnp.asarray(H))
    lengths = [0.3 * np.linalg.norm(cauchy), np.linalg.norm(cauchy + 0.5 * (newton - cauchy)), 1e3]
    for radius in lengths:
        p = np.asarray(dogleg._dogleg(c, jnp.asarray(g), jnp.asarray(radius)))
        inside = path[np.linalg.norm(path, axis=1) <= radius * (1 + 1e-12)]
        best = min(inside, key=model)
        np.testing.assert_allclose(p, best, atol=2e-4 * np.linalg.norm(newton))
        assert np.linalg.norm(p) <= radius * (1 + 1e-12)


def test_one_hessian_a_point():
    f = lambda x: jnp.sum(jnp.cosh(x)) + 30.0 * x[0] ** 4
    step = jax.jit(lambda s: trust_region_dogleg_step(f, s))
    state, points = trust_region_dogleg_init(f, jnp.array([0.5, 3.0])), []
    for _ in range(8):
        points.append(tuple(map(float, state.x)))
        state = step(state)
    assert state.num_hess == len(set(points))
    np.testing.assert_allclose(state.x, 0.0, atol=1e-8)


def test_a_saddle_is_left_and_a_broken_hessian_is_no_end():
    f = lambda x: x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4
    solution = trust_region_dogleg(f, jnp.array([1.0, 1e-3]))
    assert solution.converged
    np.testing.assert_allclose(jnp.abs(solution.value[1]), 2**0.5, rtol=1e-6)
    # |x|^(3/2) has slope 0 and an infinite second derivative at 0, which the start touches.
    g = lambda x: jnp.sum(x**2) + jnp.sum(x - 1.0) ** 2 + jnp.where(x[0] > 0, x[0], 0.0) ** 1.5
    state = trust_region_dogleg_init(g, jnp.array([0.0, 2.0]))
    assert jnp.isfinite(trust_region_dogleg_step(g, state).x).all()


def test_each_lane_ends_in_its_own_way():
    kinds = [
        rosenbrock,
        lambda x: x[0] - x[1],
        lambda x: jnp.sum(x) * jnp.nan,
        lambda x: jnp.sum(x**2),
        lambda x: 3.0 + 0.0 * jnp.sum(x),
        lambda x: jnp.sum(x - 2.0 * jnp.log(x)),
    ]
    f = lambda x, kind: jax.lax.switch(kind, kinds, x)
    starts = jnp.array(
        [[-1.0, 1.0], [1.0, 2.0], [1.0, 1.0], [jnp.inf, 1.0], [1.0, 1.0], [0.1, 9.0]]
    )
    kind = jnp.arange(6, dtype=jnp.int32)
    found = jax.jit(jax.vmap(lambda x, k: trust_region_dogleg(f, x, (k,))))(starts, kind)
    want = [
        Status.CONVERGED, Status.UNBOUNDED, Status.NON_FINITE, Status.INVALID_START,
        Status.CONVERGED, Status.CONVERGED,
    ]  # fmt: skip
    assert [Status(int(s)) for s in found.status] == want
    np.testing.assert_allclose(found.value[0], 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.value[5], 2.0, rtol=1e-6)
    few = trust_region_dogleg(rosenbrock, starts[0], max_steps=2)
    assert (few.status, few.num_steps) == (Status.MAX_STEPS, 2)
