"""The exact trust-region method: its subproblem by the conditions of a minimum, and its ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.iterate import Status
from jaxmath.optimize import more_garbow_hillstrom, trust_region_exact, trust_region_exact_step
from jaxmath.optimize import trust_region_exact_init as exact_init
from jaxmath.optimize.trust_region_exact import _spectrum, model_minimizer

MGH = {p.name: p for p in more_garbow_hillstrom()}
RNG = np.random.default_rng(3)
N = 5


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2)


# Eigenvalues, the slopes along their vectors, the radius.
SUBPROBLEMS = {
    "newton": ([1, 2, 3, 4, 5], [1, 1, 1, 1, 1], 1e3),
    "boundary": ([1, 2, 3, 4, 5], [1, 1, 1, 1, 1], 0.1),
    "just outside": ([1, 1, 1, 1, 1], [1, 0, 0, 0, 0], 1 - 1e-9),
    "indefinite": ([-1, 0, 1, 2, 3], [1, -1, 1, 1, 1], 2.0),
    "hard": ([-1, 1, 2, 3, 4], [0, 1, 1, 1, 1], 5.0),
    "nearly hard": ([-1, 1, 2, 3, 4], [1e-9, 1, 1, 1, 1], 5.0),
    "no part but short": ([-1, 1, 2, 3, 4], [0, 1, 1, 1, 1], 0.1),
    "hard twice": ([-1, -1, 2, 3, 4], [0, 0, 1, 1, 1], 5.0),
    "two lowest": ([-1, -1, 2, 3, 4], [1, 2, 1, 1, 1], 5.0),
    "singular": ([0, 0, 0, 1, 2], [0, 0, 0, 1, 1], 9.0),
    "flat downhill": ([0, 0, 1, 1, 2], [1, 0, 0, 1, 1], 9.0),
    "linear": ([0, 0, 0, 0, 0], [1, 2, 3, 4, 5], 0.5),
    "saddle": ([-2, 1, 1, 1, 1], [0, 0, 0, 0, 0], 0.5),
    "tiny slopes": ([-1, 1, 2, 3, 4], [1e-140, 1e-140, 0, 0, 0], 1e-150),
    "huge": ([1e150, 2e150, 3e150, 4e150, 5e150], [1e150, 1e150, 0, 0, 0], 1e-3),
    "wide spread": ([1e-8, 1, 1e3, 1e6, 1e8], [1e-8, 1, 1, 1, 1e4], 0.3),
}


def test_subproblem_meets_the_conditions_of_its_minimum():
    Q = np.linalg.qr(RNG.normal(size=(len(SUBPROBLEMS), N, N)))[0]
    w, c, radius = (np.array(v, float) for v in zip(*SUBPROBLEMS.values(), strict=True))
    H = np.einsum("kij,kj,klj->kil", Q, w, Q)
    g = np.einsum("kij,kj->ki", Q, c)

    def both(H, g, radius):
        spectrum = _spectrum(lambda x: H @ x, jnp.zeros(N))
        return model_minimizer(spectrum, g, radius)

    steps = jax.tree.map(np.asarray, jax.jit(jax.vmap(both))(H, g, radius))
    for i, name in enumerate(SUBPROBLEMS):
        p, length = steps.p[i], np.linalg.norm(steps.p[i])
        size = np.max(np.abs(w[i])) + (np.linalg.norm(g[i]) / radius[i])
        assert length <= radius[i] * (1 + 1e-12), name
        slack = H[i] @ p + g[i]
        lam = max(0.0, -(p / length) @ (slack / length))
        tight = 1e-12 * size * length
        np.testing.assert_allclose(slack, -lam * p, atol=tight, err_msg=name)
        assert lam >= -w[i].min() - 1e-11 * size, name
        inside = length < radius[i] * (1 - 1e-12)
        assert lam <= 1e-12 * size or not inside, name
        promise = -(g[i] @ p) - 0.5 * p @ H[i] @ p
        np.testing.assert_allclose(steps.promise[i], promise, rtol=1e-9, err_msg=name)
        assert steps.promise[i] > 0, name
    singular = steps.p[list(SUBPROBLEMS).index("singular")]
    np.testing.assert_allclose(np.linalg.norm(singular), 1.25**0.5, rtol=1e-12)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", ["helical-valley", "wood", "brown-dennis", "biggs-exp6"])
def test_known_minima(name):
    problem = MGH[name]
    solution = trust_region_exact(problem.objective, jnp.asarray(problem.start))
    gap = problem.objective(solution.value) - problem.minimum
    assert gap <= 1e-8 * max(1.0, abs(problem.minimum))
    assert solution.status == Status.CONVERGED
    assert solution.num_fun == solution.num_steps + 1 == solution.num_grad
    assert 1 < solution.num_hess <= solution.num_steps


def test_one_hessian_a_point_and_no_common_unit():
    """x → kx and f → qf change no step: the first radius has the units of x."""
    f = lambda x, k, q: q * (jnp.sum(jnp.cosh(k * x)) + 30.0 * (k * x[0]) ** 4)
    step = jax.jit(lambda s, k, q: trust_region_exact_step(f, s, (k, q)))
    ends = []
    for k, q in ((1.0, 1.0), (2.0**20, 2.0**-30), (2.0**-20, 2.0**30)):
        state, points = exact_init(f, jnp.array([0.5, 3.0]) / k, (k, q)), []
        for i in range(12):
            points.append(tuple(map(float, state.x)))
            state = step(state, k, q)
            if i == 2:
                ends.append(np.asarray(k * state.x))
        assert state.num_hess == len(set(points))
        np.testing.assert_allclose(k * state.x, 0.0, atol=1e-8)
    np.testing.assert_allclose(ends, np.tile(ends[0], (3, 1)), rtol=1e-12)


def test_the_ridge_of_a_saddle_is_left_and_a_broken_hessian_is_no_end():
    f = lambda x: x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4
    solution = trust_region_exact(f, jnp.array([1.0, 0.0]))  # where ∂f/∂x₂ = 0
    assert solution.converged
    np.testing.assert_allclose(jnp.abs(solution.value[1]), 2**0.5, rtol=1e-6)
    # |x|^(3/2) has slope 0 and an infinite second derivative at 0, which the start touches.
    g = lambda x: jnp.sum(x**2) + jnp.sum(x - 1.0) ** 2 + jnp.where(x[0] > 0, x[0], 0.0) ** 1.5
    x = trust_region_exact_step(g, exact_init(g, jnp.array([0.0, 2.0]))).x
    assert jnp.isfinite(x).all()
    assert 0 < jnp.linalg.norm(x - jnp.array([0.0, 2.0])) <= 1.0


@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.full), "float32"])
def test_each_lane_ends_in_its_own_way(dtype):
    kinds = [
        rosenbrock,
        lambda x: x[0] - x[1],
        lambda x: jnp.sum(x) * jnp.nan,
        lambda x: jnp.sum(x**2),
        lambda x: 3.0 + 0.0 * jnp.sum(x),
        lambda x: jnp.sum(x - 2.0 * jnp.log(x)),
        lambda x: jnp.abs(x[0] + x[1] - 3.0) ** 2,
    ]
    f = lambda x, kind: jax.lax.switch(kind, kinds, x)
    starts = jnp.array(
        [[-1, 1], [1, 2], [1, 1], [jnp.inf, 1], [1, 1], [0.1, 9], [0, 1]], dtype=dtype
    )
    kind = jnp.arange(7, dtype=jnp.int32)
    found = jax.jit(jax.vmap(lambda x, k: trust_region_exact(f, x, (k,))))(starts, kind)
    want = [
        Status.CONVERGED, Status.UNBOUNDED, Status.NON_FINITE, Status.INVALID_START,
        Status.CONVERGED, Status.CONVERGED, Status.CONVERGED,
    ]  # fmt: skip
    assert [Status(int(s)) for s in found.status] == want
    assert found.value.dtype == dtype
    near = 1e-6 if dtype == "float64" else 1e-3
    np.testing.assert_allclose(found.value[0], 1.0, rtol=near)
    np.testing.assert_allclose(found.value[5], 2.0, rtol=near)
    # Along x₁ + x₂ = 3 nothing is known: no step there.
    np.testing.assert_allclose(found.value[6], [1.0, 2.0], rtol=near)
    if dtype == "float64":
        few = trust_region_exact(rosenbrock, starts[0], max_steps=2)
        assert (few.status, few.num_steps) == (Status.MAX_STEPS, 2)
