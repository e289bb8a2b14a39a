"""CMA-ES: invariances, the learnt covariance, single precision, statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize.cma_es import CMAState, _advance, _decomposed, _rates, _root
from tests.optimize import evolution_loops as loops

N, STEPS = 4, 250
HESSIAN = np.diag([1.0, 10.0, 100.0, 1000.0])
ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(N, N)))[0]


def quadratic(x, H, centre, power):
    """(½ (x − c)ᵀH(x − c))^power."""
    d = x - centre
    return (0.5 * d @ H @ d) ** power


@pytest.fixture(scope="module")
def paths():
    """m, log σ and σ²C over 250 generations; lanes: plain, moved, transformed, rotated, sphere."""
    R, eye, zero = ROTATION, np.eye(N), np.zeros(N)
    moved = np.array([4.0, -8.0, 2.0, 16.0])
    lanes = [
        (0, HESSIAN, zero, 1.0), (0, HESSIAN, moved, 1.0), (0, HESSIAN, zero, 0.25),
        *((k, R @ HESSIAN @ R.T, zero, 1.0) for k in range(1, 9)),
        *((k, HESSIAN, zero, 1.0) for k in range(11, 19)),
        *((k, eye, zero, 1.0) for k in range(21, 29)),
    ]  # fmt: skip
    seed, H, centre, power = (jnp.asarray(np.stack(v)) for v in zip(*lanes, strict=True))

    def path(seed, *data):
        key, centre = jax.random.key(seed), data[1]
        start = optimize.cma_es_init(quadratic, centre + 1.0, 0.5, data)

        def step(state, k):
            state = optimize.cma_es_step(k, quadratic, state, data)
            return state, (state.mean - centre, jnp.log(state.sigma * state.D[0]))

        state, seen = jax.lax.scan(step, start, jax.random.split(key, STEPS))
        return *seen, _root(state, jnp.eye(N), 1) @ state.K @ _root(state, jnp.eye(N), 1)

    return jax.jit(jax.vmap(path))(seed, H, centre, power)


def test_invariances(paths):
    """The same key: a monotone transformation changes no bit, a translation only rounding."""
    mean, log_sigma, _ = paths
    np.testing.assert_array_equal(mean[0], mean[2])
    np.testing.assert_array_equal(log_sigma[0], log_sigma[2])
    np.testing.assert_allclose(mean[0][:30], mean[1][:30], atol=1e-12)


def test_rotation_changes_no_rate(paths):
    """How far σ has fallen after 250 generations, axis-parallel and rotated: 5 standard errors."""
    fall = np.asarray(paths[1][:, -1])
    rotated, plain = fall[3:11], fall[11:19]
    error = np.sqrt((rotated.var(ddof=1) + plain.var(ddof=1)) / 8)
    assert abs(rotated.mean() - plain.mean()) < 5 * error
    assert plain.mean() < -10


def test_the_covariance_becomes_the_inverse_hessian(paths):
    """CH ∝ I: condition 1000 before, and a small number after."""
    for lane, H in ((0, HESSIAN), *((k, ROTATION @ HESSIAN @ ROTATION.T) for k in range(3, 11))):
        values = np.linalg.eigvals(np.asarray(paths[2][lane]) @ H).real
        assert values.max() / values.min() < 20


def test_linear_convergence_on_the_sphere(paths):
    """log ‖m‖ falls on a line, about as fast in its second half as in its first."""
    distance = np.log(np.linalg.norm(paths[0][19:], axis=2)).mean(axis=0)
    first, second = distance[125] - distance[0], distance[249] - distance[125]
    assert first < -12
    assert abs(second / first - 1) < 0.25


@pytest.mark.parametrize(("n", "size"), [(1, 4), (2, 2), (4, 7), (10, 10), (100, 17), (5, 200)])
def test_weights(n, size):
    """Σ⁺ = 1, Σ⁻ by (50) to (52): what the worst half takes leaves C positive definite."""
    r = _rates(n, size, True)
    plus, minus = r.weights[r.weights > 0], r.weights[r.weights < 0]
    np.testing.assert_allclose(plus.sum(), 1.0)
    np.testing.assert_allclose(1 / (plus**2).sum(), r.mu_eff)
    assert np.all(np.diff(r.weights) <= 0)
    assert n * r.c_mu * -minus.sum() <= (1 - r.c_1 - r.c_mu) * (1 + 1e-12)
    np.testing.assert_allclose(r.weights, loops.cma_constants(n, size)[0])
    off = _rates(n, size, False).weights
    np.testing.assert_array_equal(off[: size // 2], plus[: size // 2])
    assert not off[size // 2 :].any()
    assert _rates(1000, 24, True).gap > 1 == r.gap


def _state(K):
    one, zero = jnp.ones(len(K), K.dtype), jnp.zeros(len(K), K.dtype)
    return CMAState(zero, one[0], zero, one, jnp.diag(one), one, K, ())


def test_decomposition():
    """σ²C and σp_c stay; κ(C) is held; a K that is no covariance is left out."""
    K = jnp.asarray(ROTATION @ HESSIAN @ ROTATION.T)
    decomposed = jax.jit(_decomposed)
    state = decomposed(_state(K))
    root = _root(state, jnp.eye(N), 1)
    np.testing.assert_allclose(state.sigma**2 * root @ root, K, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(_root(state, root, -1), np.eye(N), atol=1e-10)
    np.testing.assert_allclose(state.sigma * state.path_c, 1.0)
    np.testing.assert_allclose(state.D[0], 1.0)
    for dtype in (jnp.float32, jnp.float64):
        D = decomposed(_state(jnp.diag(jnp.asarray([1.0, 1e-36], dtype)))).D
        np.testing.assert_allclose(D, [1.0, 100 * jnp.finfo(dtype).eps])
    np.testing.assert_array_equal(
        decomposed(_state(jnp.diag(jnp.asarray([1.0, -1.0])))).D, [1.0, 1.0]
    )


def test_between_two_decompositions_nothing_is_lost():
    """With a gap K carries what has been learnt: σ²C after three generations is the same."""
    r = _rates(3, 6, True)
    Z = jnp.asarray(np.random.default_rng(3).normal(size=(3, 6, 3)))
    evaluate = jax.vmap(lambda x: x @ x)

    def after(gap):
        step = lambda state, z: (_advance(evaluate, state, z, r._replace(gap=gap)), None)
        start = lambda: optimize.cma_es_init(lambda x: x @ x, jnp.zeros(3), 1.0)
        return jax.jit(lambda: jax.lax.scan(step, start(), Z)[0])()

    now, later = after(3), after(5)
    root = _root(now, jnp.eye(3), 1)
    np.testing.assert_allclose(now.sigma**2 * root @ root, later.sigma**2 * later.K, rtol=1e-12)
    np.testing.assert_array_equal(now.K, np.eye(3))
    assert not np.allclose(later.K, np.eye(3))
    np.testing.assert_array_equal(later.D, 1.0)


def test_float32_follows_a_condition_of_a_million():
    """Rotated, 6-d, with x64 off as users run it; pytrees in and out."""
    with jax.enable_x64(False):
        Q = jnp.asarray(np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0], jnp.float32)
        weights = jnp.asarray(10.0 ** np.linspace(0.0, 6.0, 6), jnp.float32)

        def f(p):
            x = jnp.concatenate([p["a"].ravel(), p["b"]])
            return jnp.sum(weights * jnp.matmul(Q, x, precision="highest") ** 2)

        start = {"a": jnp.ones((2, 2)), "b": jnp.ones(2)}
        keys = jax.random.split(jax.random.key(0), 16)
        found = jax.jit(jax.vmap(lambda k: optimize.cma_es(k, f, start, 0.5)))(keys)
        assert found.value["a"].shape == (16, 2, 2)
        assert found.value["b"].dtype == found.error.dtype == jnp.float32
        assert np.all(found.status == Status.CONVERGED)
        assert np.all(jax.vmap(f)(found.value) < 1e-6)


SMALL = float(jnp.finfo(jnp.float64).eps) ** (2 / 3)
KINDS = {
    "shifted": lambda x: jnp.sum((x - 1.0) ** 2),
    "sphere": lambda x: jnp.sum(x**2),
    "one side is NaN": lambda x: jnp.where(x[0] < 0, jnp.nan, jnp.sum((x - 1.0) ** 2)),
    "huge": lambda x: 1e100 * jnp.sum(x**2) + 1e90,
    "linear": lambda x: x[0],
    "logarithm, NaN at infinity": lambda x: -jnp.log(jnp.abs(x[0])) + 0.0 * x[0],
    "pole": lambda x: -1.0 / x[0] ** 2,
    "−∞": lambda x: -jnp.inf + 0.0 * x[0],
    "flat": lambda x: 3.0 + 0.0 * x[0],
    "NaN": lambda x: jnp.nan * x[0],
    "infinite": lambda x: jnp.inf + 0.0 * x[0],
    "noise": lambda x: jnp.sum((x - 1.0) ** 2) + jnp.sin(1e9 * x[0]),
}
ENDS = [
    ("sphere", [1.0, 1.0], 0.5, "CONVERGED"),
    ("sphere", [1.0, 1.0], 1e-8, "CONVERGED"),
    ("sphere", [1e6, 1.0], 1e5, "CONVERGED"),
    ("one side is NaN", [2.0, 2.0], 2.0, "CONVERGED"),
    ("huge", [1.0, 1.0], 0.5, "CONVERGED"),
    ("linear", [1.0, 1.0], 0.5, "UNBOUNDED"),
    ("logarithm, NaN at infinity", [1.0, 1.0], 0.5, "UNBOUNDED"),
    ("pole", [1.0, 1.0], 0.5, "UNBOUNDED"),
    ("−∞", [1.0, 1.0], 0.5, "UNBOUNDED"),
    ("flat", [1.0, 1.0], 0.5, "STAGNATED"),
    ("sphere", [1.0, 1.0], 1e-30, "STAGNATED"),
    ("noise", [1.0, 1.0], 0.5, "STAGNATED"),
    ("shifted", [0.0, 0.0], 0.5, "STAGNATED", 0.0, 0.0),
    ("shifted", [0.0, 0.0], 0.5, "CONVERGED", 0.0, 1e-5),
    ("shifted", [0.0, 0.0], 0.5, "CONVERGED", 0.1, 0.0),
    ("NaN", [1.0, 1.0], 0.5, "NON_FINITE"),
    ("infinite", [1.0, 1.0], 0.5, "NON_FINITE"),
    ("sphere", [jnp.nan, 1.0], 0.5, "INVALID_START"),
    ("sphere", [1.0, 1.0], 0.0, "INVALID_START"),
    ("sphere", [1.0, 1.0], jnp.inf, "INVALID_START"),
]


def test_each_lane_ends_in_its_own_way():
    """A status each, from the function, the start, σ₀, and here and there tol and tol_x."""
    rows = [row if len(row) > 4 else (*row, SMALL, 1e-12) for row in ENDS]
    names, starts, sigmas, want, *tols = zip(*rows, strict=True)
    kind = jnp.asarray([list(KINDS).index(name) for name in names], jnp.int32)
    f = lambda x, kind: jax.lax.switch(kind, list(KINDS.values()), x)
    solve = jax.jit(
        jax.vmap(
            lambda key, x0, sigma, kind, tol, tol_x, limit: optimize.cma_es(
                key, f, x0, sigma, (kind,), tol=tol, tol_x=tol_x, max_steps=limit
            ),
            (0, 0, 0, 0, 0, 0, None),
        )
    )
    keys = jax.random.split(jax.random.key(0), len(ENDS))
    data = keys, *map(jnp.asarray, (starts, sigmas, kind, *tols))
    found = solve(*data, jnp.int32(3000))
    assert [Status(int(s)).name for s in found.status] == list(want)
    np.testing.assert_array_equal(found.num_fun, 1 + 6 * found.num_steps)
    np.testing.assert_allclose(found.value[:3], 0.0, atol=1e-4)
    np.testing.assert_allclose(found.value[3], 1.0, atol=1e-4)
    np.testing.assert_allclose(found.value[12:14], 1.0, atol=1e-4)
    # Equal values are seen once there are enough of them, a step that moves nothing at once.
    assert found.num_steps[names.index("flat")] == 10 + 30 * 2 // 6
    assert found.num_steps[sigmas.index(1e-30)] == 1
    assert found.num_steps[14] < found.num_steps[13] < found.num_steps[12]
    none = solve(*data, jnp.int32(0))
    assert np.all(none.status[:-3] == Status.MAX_STEPS)
    np.testing.assert_array_equal(none.num_fun, 1)
    np.testing.assert_array_equal(none.value, data[1])


def test_refused():
    for bad in ({"population_size": 1}, {"tol": -1.0}, {"tol_x": -1.0}, {"max_steps": -1}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            optimize.cma_es(jax.random.key(0), jnp.sum, jnp.ones(2), 1.0, **bad)
    with pytest.raises(ValueError, match="sigma"):
        optimize.cma_es_init(jnp.sum, jnp.ones(2), -1.0)
