"""SR1 and damped Newton: formulas, minima, counts, statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.iterate import Status
from jaxmath.optimize import damped_newton, minimize, more_garbow_hillstrom, sr1
from jaxmath.optimize import symmetric_rank_one as rank_one
from jaxmath.optimize.damped_newton import damped_newton_init, damped_newton_step

MGH = {p.name: p for p in more_garbow_hillstrom()}
METHODS = {"sr1": sr1, "damped_newton": damped_newton}


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["helical-valley", "wood", "brown-dennis"])
@pytest.mark.parametrize("method", METHODS)
def test_known_minima(name, method):
    problem = MGH[name]
    solution = METHODS[method](problem.objective, jnp.asarray(problem.start))
    gap = problem.objective(solution.value) - problem.minimum
    assert gap <= 1e-8 * max(1.0, abs(problem.minimum))
    assert solution.status == Status.CONVERGED
    assert solution.num_hess == (solution.num_steps + 1 if method == "damped_newton" else 0)


def test_rank_one_finds_the_hessian():
    """On a quadratic, n independent steps make B = ∇²f, definite or not (theorem 6.1)."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(4, 4))
    A = jnp.asarray(A + A.T)
    memory = rank_one._identity(jnp.zeros(4))
    for s in jnp.asarray(rng.normal(size=(4, 4))):
        memory = rank_one._update(memory, s, A @ s)
    np.testing.assert_allclose(memory.B, A, atol=1e-9)
    assert np.linalg.eigvalsh(A).min() < 0
    s = jnp.eye(4)[0]
    for y in (memory.B[:, 0], jnp.full(4, jnp.nan)):  # nothing to learn: r = 0, or no number
        np.testing.assert_array_equal(rank_one._update(memory, s, y).B, memory.B)


def test_one_refused_step_does_not_spoil_the_model():
    """Osborne's first problem: the first trial raises f to 1e48."""
    problem = MGH["osborne-1"]
    solution = sr1(problem.objective, jnp.asarray(problem.start))
    assert problem.objective(solution.value) - problem.minimum <= 1e-8


def test_newton_counts_and_converges_quadratically():
    f = lambda x: jnp.sum(jnp.cosh(x) + 0.1 * x**3)
    step = jax.jit(lambda s: damped_newton_step(f, s))
    state, sizes = damped_newton_init(f, jnp.full(3, 0.5)), []
    for _ in range(5):
        state = step(state)
        sizes.append(float(jnp.max(jnp.abs(state.gradient))))
    assert sizes[-1] <= 1e-15
    assert sizes[2] <= 2.0 * sizes[1] ** 2
    assert state.num_fun == state.num_steps + 1


def test_newton_does_not_see_the_units():
    """f(Ux) from U⁻¹x₀: the same steps, seen in other units, where ∇²f is indefinite too."""
    units = jnp.array([1.0, 2.0**20, 2.0**-20, 4.0])
    f = lambda x, u: rosenbrock(x * u) + jnp.sum(jnp.cos(x * u))
    start = jnp.array([-1.2, 1.0, 0.3, -0.5])
    both = jax.vmap(lambda u: damped_newton(f, start / u, (u,), max_steps=4))(
        jnp.stack([jnp.ones(4), units])
    )
    np.testing.assert_allclose(both.value[1] * units, both.value[0], rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_each_lane_ends_in_its_own_way(method):
    kinds = [
        rosenbrock,
        lambda x: x[0] - x[1],
        lambda x: jnp.sum(x) * jnp.nan,
        lambda x: jnp.sum(x**2),
        lambda x: 3.0 + 0.0 * jnp.sum(x),
        lambda x: jnp.sum(x - 2.0 * jnp.log(x)),
        lambda x: x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4,
    ]
    f = lambda x, kind: jax.lax.switch(kind, kinds, x)
    starts = jnp.array(
        [[-1.0, 1], [1, 2], [1, 1], [jnp.inf, 1], [1, 1], [0.1, 9], [1, 1e-3]], float
    )
    kind = jnp.arange(7, dtype=jnp.int32)
    found = jax.jit(jax.vmap(lambda x, k: METHODS[method](f, x, (k,))))(starts, kind)
    want = [
        Status.CONVERGED, Status.UNBOUNDED, Status.NON_FINITE, Status.INVALID_START,
        Status.CONVERGED, Status.CONVERGED, Status.CONVERGED,
    ]  # fmt: skip
    assert [Status(int(s)) for s in found.status] == want
    np.testing.assert_allclose(found.value[0], 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.value[5], 2.0, rtol=1e-6)
    np.testing.assert_allclose(jnp.abs(found.value[6, 1]), 2**0.5, rtol=1e-6)  # a saddle is left


@pytest.mark.parametrize("method", ["newton", "sr1"])
def test_float32_ends_at_its_noise(method):
    start = jnp.array([-1.2, 1.0, 2.0, -1.0], jnp.float32)
    hard = minimize(rosenbrock, start, method=method, tol=0.0)
    assert hard.status in (Status.CONVERGED, Status.STAGNATED)
    assert hard.num_fun < 200
    assert rosenbrock(hard.value.astype(jnp.float64)) <= 1e-6
    assert hard.value.dtype == jnp.float32


def test_the_update_of_sr1():
    """The first pair scales I and is met; one with r nearly orthogonal to s changes nothing."""
    s, y = jnp.array([1.0, 0.0, 0.0]), jnp.array([2.0, 1.0, 0.0])
    B = rank_one._update(rank_one._identity(s), s, y).B
    np.testing.assert_allclose(B @ s, y, rtol=1e-12)
    np.testing.assert_allclose(B[2, 2], (y @ y) / (s @ y), rtol=1e-12)
    memory = rank_one.Symmetric(B, jnp.asarray(True))
    after = rank_one._update(memory, s, B @ s + jnp.array([1e-12, 0.0, 1.0]))
    np.testing.assert_array_equal(after.B, B)
