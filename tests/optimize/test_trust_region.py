"""Trust-region Newton: minima, the subproblem against its exact solution, counts and statuses."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.iterate import Status
from jaxmath.optimize import more_garbow_hillstrom, trust_region, trust_region_exact
from jaxmath.optimize.trust_region import (
    trust_region_newton,
    trust_region_newton_init,
    trust_region_newton_step,
)

MGH = {p.name: p for p in more_garbow_hillstrom()}


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2)


@pytest.mark.parametrize("name", ["helical-valley", "wood", "brown-dennis", "beale"])
def test_known_minima(name):
    problem = MGH[name]
    solution = trust_region_newton(problem.objective, jnp.asarray(problem.start))
    gap = problem.objective(solution.value) - problem.minimum
    assert gap <= 1e-8 * max(1.0, abs(problem.minimum))
    assert solution.status == Status.CONVERGED
    assert solution.num_fun == solution.num_steps + 1 == solution.num_grad


@pytest.mark.parametrize("definite", [True, False])
def test_subproblem(definite):
    """Inside a wide region Newton's step; at the boundary at least the Cauchy point's decrease."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    B = (Q * ([1.0, 2, 3, 4, 5, 6] if definite else [-1.0, 2, 3, 4, 5, 6])) @ Q.T
    g = rng.normal(size=6) * 1e-9  # a small gradient asks for an accurate step
    model = lambda p: g @ p + 0.5 * p @ B @ p
    step = jax.jit(lambda radius: trust_region.steihaug(lambda d: jnp.asarray(B) @ d, g, radius))
    for radius in (1e-10, 1e-9, 1e3):
        p, promise, count = step(radius)
        np.testing.assert_allclose(promise, -model(p), rtol=1e-6)
        length = np.linalg.norm(p)
        assert length <= radius * (1 + 1e-12)
        assert count <= 12
        curvature = g @ B @ g
        tau = min(1.0, np.linalg.norm(g) ** 3 / (radius * curvature)) if curvature > 0 else 1.0
        cauchy = -tau * radius / np.linalg.norm(g) * g
        assert model(p) <= model(cauchy) * (1 - 1e-12)
        if definite and radius == 1e3:
            np.testing.assert_allclose(p, -np.linalg.solve(B, g), rtol=1e-3)
        else:
            np.testing.assert_allclose(length, radius, rtol=1e-12)


def test_converges_quadratically():
    f = lambda x: jnp.sum(jnp.cosh(x) + 0.1 * x**3)
    state = trust_region_newton_init(f, jnp.full(3, 0.5))
    step = jax.jit(lambda s: trust_region_newton_step(f, s))
    sizes = []
    for _ in range(6):
        state = step(state)
        sizes.append(float(jnp.max(jnp.abs(state.gradient))))
    small = [s for s in sizes if 1e-13 < s < 1e-1]
    orders = [np.log(b) / np.log(a) for a, b in itertools.pairwise(small)]
    assert orders
    assert min(orders) > 1.4  # √‖g‖ in the inner tolerance: 1.5


def test_a_saddle_is_left():
    f = lambda x: x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4
    solution = trust_region_newton(f, jnp.array([1.0, 1e-3]))
    assert solution.converged
    np.testing.assert_allclose(jnp.abs(solution.value[1]), 2**0.5, rtol=1e-6)


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
    found = jax.jit(jax.vmap(lambda x, k: trust_region_newton(f, x, (k,))))(starts, kind)
    want = [
        Status.CONVERGED, Status.UNBOUNDED, Status.NON_FINITE, Status.INVALID_START,
        Status.CONVERGED, Status.CONVERGED,
    ]  # fmt: skip
    assert [Status(int(s)) for s in found.status] == want
    np.testing.assert_allclose(found.value[0], 1.0, rtol=1e-6)
    np.testing.assert_allclose(found.value[5], 2.0, rtol=1e-6)
    few = trust_region_newton(rosenbrock, starts[0], max_steps=2)
    assert (few.status, few.num_steps) == (Status.MAX_STEPS, 2)


def test_a_small_gradient_beside_a_huge_value_is_no_end():
    """Brown's badly scaled function in float32: |∇f|/|f| is below tol at f = 1e12, and the radius
    keeps the promise below tol·f too.
    """
    problem = MGH["brown-badly-scaled"]
    solution = trust_region_newton(problem.objective, jnp.asarray(problem.start, jnp.float32))
    assert problem.objective(solution.value.astype(jnp.float64)) < 1e-8


def test_float32_ends_at_its_noise():
    starts = jax.random.uniform(jax.random.key(1), (64, 10), jnp.float32, -2.0, 2.0)
    found = jax.jit(jax.vmap(lambda x: trust_region_newton(rosenbrock, x)))(starts)
    assert np.isin(found.status, [Status.CONVERGED, Status.STAGNATED]).all()
    good = jax.vmap(rosenbrock)(found.value.astype(jnp.float64)) <= 1e-6
    assert good.mean() >= 0.95
    hard = trust_region_newton(rosenbrock, starts[0], tol=0.0)
    assert hard.status in (Status.CONVERGED, Status.STAGNATED)
    assert hard.num_fun < 200


def test_in_the_end_the_region_is_one_in_units_of_x():
    """After five quiet steps, once: where the error is above eps, there are five more to come."""
    f, x = lambda x: 1.0 + 1e-16 * jnp.sum(x), jnp.array([1e-3, 40.0])
    state = trust_region_newton_init(f, x)._replace(radius=jnp.array(0.25))
    quiet = lambda steps: state._replace(quiet=state.quiet._replace(steps=jnp.int32(steps)))
    step = lambda state: trust_region_newton_step(f, state)
    assert (state.patience, state._replace(error=jnp.array(1e-16)).patience) == (10, 5)
    np.testing.assert_array_equal(step(quiet(3)).units, 1.0)
    late = step(quiet(4))
    np.testing.assert_allclose(late.units, jnp.abs(late.x))
    assert (late.radius, late.quiet.steps, late.stale) == (1.0, 5, True)
    assert (step(late).units == late.units).all()


def test_nothing_promised_is_an_end():
    """A curvature that is not a number; but ∇f ≈ 1e-160, whose square is 0, shows the way."""
    slope = lambda x: 1.0 + 1e-160 * jnp.sum(x)
    tiny = trust_region_newton(slope, jnp.zeros(2), tol=0.0, max_steps=100)
    assert tiny.status == Status.MAX_STEPS
    assert (tiny.value < -1e20).all()
    kink = lambda x: jnp.sum(jnp.abs(x) ** 1.5 + x)
    assert trust_region_newton(kink, jnp.zeros(2)).status == Status.NON_FINITE


def test_no_start_is_left_uphill():
    """f agrees to many digits (1e10 beside a fall of 100), and slopes alone would cross a ridge."""

    def rastrigin(x):
        return jnp.sum(x**2 - 10.0 * jnp.cos(6.0 * x) + 10.0) + 1e10

    starts = 2.0 * jax.random.normal(jax.random.key(0), (128, 4))
    solution = jax.vmap(lambda x0: trust_region_newton(rastrigin, x0))(starts)
    assert (solution.status != Status.RUNNING).all()
    f0, f = (jax.vmap(lambda x: rastrigin(x) - 1e10)(x) for x in (starts, solution.value))
    np.testing.assert_array_less(f - f0, 64 * 1e10 * np.finfo(float).eps)


def test_a_saddle_is_no_end():
    """From starts as symmetric as the saddle: ∇f, ∇²f∇f … do not show the way out of it."""
    well = lambda x: (x[0] ** 2 - 1.0) ** 2 + x[1] ** 2
    for solve in (trust_region_newton, trust_region_exact):
        solution = solve(well, jnp.array([0.0, 1.0]))
        assert solution.status == Status.CONVERGED
        np.testing.assert_allclose(jnp.abs(solution.value), [1.0, 0.0], atol=1e-9)
    biggs = MGH["biggs-exp6"]
    starts = jnp.outer(jnp.array([1.0, 10.0]), jnp.asarray(biggs.start, float))
    solution = jax.vmap(lambda x: trust_region_newton(biggs.objective, x))(starts)
    assert (solution.status == Status.CONVERGED).all()
    assert (jax.vmap(biggs.objective)(solution.value) < 1e-15).all()
    # A bowl with a flat direction is a minimum, whatever rounding makes of its curvature.
    flat = lambda x: jnp.sum((x[:2] - x[2:]) ** 2) * 1e3
    solution = trust_region_newton(flat, jnp.array([3.0, 0.1, -7.0, 1e-3]))
    assert solution.status == Status.CONVERGED
    assert solution.num_fun < 12
