"""Saddle points: predicted rates on bilinear functions, closed forms, pytrees, statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status

METHODS = ("extragradient", "gradient_descent_ascent", "optimistic_gradient")
A = jnp.asarray(np.random.default_rng(0).normal(size=(4, 4)))
U, SIGMA, VT = np.linalg.svd(A)


def bilinear(x, y, A):
    return x @ (A @ y)


def concave(x, y, data):
    """½xᵀPx + xᵀAy − ½yᵀQy + aᵀx + bᵀy."""
    P, A, Q, a, b = data
    return x @ (P @ x) / 2 + x @ (A @ y) - y @ (Q @ y) / 2 + a @ x + b @ y


def growth(method, h):
    """What a pair of singular vectors of σ is multiplied by at each step; h = ησ."""
    return {
        "gradient_descent_ascent": np.sqrt(1 + h**2),
        "extragradient": np.sqrt(1 - h**2 + h**4),
        "optimistic_gradient": max(abs(np.roots([1, -(1 - 2j * h), -1j * h]))),
    }[method]


@pytest.mark.parametrize("method", METHODS)
def test_predicted_rates_on_a_bilinear_function(method):
    """Started in one pair of singular vectors, ‖z‖ grows or shrinks by the formula, each pair."""
    init, step = (getattr(optimize, f"{method}_{part}") for part in ("init", "step"))
    eta = 0.4 / SIGMA[0]

    @jax.jit
    @jax.vmap
    def norms(x, y):
        def advance(state, _):
            state = step(bilinear, state, (A,), learning_rate=eta)
            return state, jnp.linalg.norm(jnp.concatenate(state.point))

        return jax.lax.scan(advance, init(bilinear, x, y, (A,)), length=100)[1]

    sizes = np.asarray(norms(U.T, 0.3 * VT))
    for size, sigma in zip(sizes, SIGMA, strict=True):
        rate = (size[-1] / size[39]) ** (1 / 60)
        assert rate == pytest.approx(growth(method, eta * sigma), rel=2e-4)
    if method == "gradient_descent_ascent":
        exact = growth(method, eta * SIGMA[0])
        np.testing.assert_allclose(sizes[0, 1:] / sizes[0, :-1], exact, rtol=1e-12)


def program(method, **settings):
    """The method on bilinear and strongly convex–concave data, of which one lane is each."""
    solve = lambda x, y, data: getattr(optimize, method)(concave, x, y, (data,), **settings)
    return jax.jit(jax.vmap(solve))


def lanes(dtype):
    """Eight quadratics with μ ≥ 1, a bilinear one, a NaN start, a NaN in P, a start at z*."""
    rng = np.random.default_rng(1)
    n = 12
    square = rng.uniform(-0.5, 0.5, size=(2, n, 4, 4))
    P, Q = (np.eye(4) + s @ s.transpose(0, 2, 1) for s in square)
    M, a, b = rng.uniform(-0.5, 0.5, size=(n, 4, 4)), *rng.normal(size=(2, n, 4))
    M[8], P[8], Q[8] = (U * [2.0, 1.5, 1.2, 1.0]) @ VT, 0.0, 0.0
    blocks = [np.block([[p, m], [m.T, -q]]) for p, m, q in zip(P, M, Q, strict=True)]
    z = np.stack([-np.linalg.solve(B, v) for B, v in zip(blocks, np.hstack([a, b]), strict=True)])
    x0, y0 = rng.normal(size=(2, n, 4))
    x0[9, 1], P[10, 0, 0] = np.nan, np.nan
    x0[11], y0[11] = z[11, :4], z[11, 4:]
    cast = lambda *arrays: tuple(v.astype(dtype) for v in arrays)
    return (*cast(x0, y0), cast(P, M, Q, a, b)), z


@pytest.mark.parametrize("method", METHODS)
def test_closed_form_saddles_and_statuses_lane_by_lane(method):
    (x0, y0, data), z = lanes(np.float64)
    per_step = 2 if method == "extragradient" else 1
    solution = jax.device_get(program(method, learning_rate=0.15, max_steps=20_000)(x0, y0, data))
    assert (solution.status[:8] == Status.CONVERGED).all()
    found = np.concatenate(solution.value, axis=1)
    np.testing.assert_allclose(found[:8], z[:8], atol=1e-12)
    assert (solution.error[:8] <= 100 * 2.3e-16 * 20).all()
    bilinear = Status.NON_FINITE if method == "gradient_descent_ascent" else Status.CONVERGED
    assert solution.status[8:11].tolist() == [bilinear, Status.INVALID_START, Status.NON_FINITE]
    if bilinear == Status.CONVERGED:
        np.testing.assert_allclose(found[8], z[8], atol=1e-11)
    assert (solution.status[11], solution.num_steps[11]) == (Status.CONVERGED, 0)
    np.testing.assert_array_equal(solution.num_grad, per_step * solution.num_steps + 1)
    assert solution.num_steps[9] == solution.num_steps[10] == 0


def test_contraction_of_descent_ascent_and_few_steps():
    """‖zₖ − z*‖² ≤ (1 − 2ημ + η²L²)ᵏ ‖z₀ − z*‖², and MAX_STEPS; float32 comes out float32."""
    (x0, y0, data), z = lanes(np.float32)
    solution = program("gradient_descent_ascent", learning_rate=0.2, max_steps=10)(x0, y0, data)
    assert solution.value.x.dtype == solution.error.dtype == jnp.float32
    assert (solution.status[:8] == Status.MAX_STEPS).all()
    start, end = np.concatenate([x0, y0], axis=1), np.concatenate(solution.value, axis=1)
    for k in range(8):
        P, M, Q = (v[k].astype(float) for v in data[:3])
        mu = min(np.linalg.eigvalsh(P)[0], np.linalg.eigvalsh(Q)[0])
        L = np.linalg.norm(np.block([[P, M], [-M.T, Q]]), 2)
        rate = 1 - 0.4 * mu + 0.04 * L**2
        assert rate < 1
        ratio = np.sum((end[k] - z[k]) ** 2) / np.sum((start[k] - z[k]) ** 2)
        assert ratio <= rate**10 * (1 + 1e-4)


def test_pytrees_arguments_and_a_function_that_is_not_quadratic():
    """Rock–paper–scissors in logits, regularized: its saddle is uniform."""
    G = jnp.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])

    def fun(x, y, G, weight):
        row = jax.nn.softmax(x["logits"])
        column = jax.nn.softmax(y[0])
        pull = jnp.sum(x["logits"] ** 2) + x["shift"] ** 2 - jnp.sum(y[0] ** 2)
        return row @ (G @ column) + weight * pull - x["shift"]

    x0, y0 = {"logits": jnp.array([0.3, -0.2, 0.1]), "shift": 0.0}, (jnp.array([0.5, 0.0, -0.5]),)
    solution = optimize.extragradient(fun, x0, y0, (G, 0.5), learning_rate=0.5)
    assert solution.converged
    np.testing.assert_allclose(solution.value.x["logits"], 0, atol=1e-12)
    np.testing.assert_allclose(solution.value.x["shift"], 1.0, rtol=1e-12)
    np.testing.assert_allclose(solution.value.y[0], 0, atol=1e-12)


def test_a_new_start_or_argument_is_no_new_program_and_refusals():
    traces = []

    def fun(x, y, c):
        traces.append(1)
        return x * x + c * x * y - y * y

    first = optimize.optimistic_gradient(fun, 1.0, 2.0, (3.0,))
    count = len(traces)
    second = optimize.optimistic_gradient(fun, -1.0, 5.0, (2.0,))
    assert len(traces) == count
    assert first.converged
    assert second.converged
    with pytest.raises(ValueError, match="`learning_rate` must be at least"):
        optimize.extragradient(fun, 1.0, 2.0, (3.0,), learning_rate=-0.1)
    with pytest.raises(ValueError, match="`tol` must be at least"):
        optimize.extragradient(fun, 1.0, 2.0, (3.0,), tol=-1.0)
    with pytest.raises(TypeError, match="`y0` must have a real floating dtype"):
        optimize.extragradient(fun, 1.0, 1j, (3.0,))


@pytest.mark.parametrize(
    "method", ["gradient_descent_ascent", "extragradient", "optimistic_gradient"]
)
def test_an_invalid_start_takes_no_step(method):
    """Also where the field does not depend on the entry that is not finite."""
    solution = getattr(optimize, method)(
        lambda x, y: x[0] * y[0], jnp.array([1.0, jnp.nan]), jnp.array([1.0]), learning_rate=0.1
    )
    assert (solution.status, solution.num_steps) == (Status.INVALID_START, 0)


def test_the_default_tolerance_is_relative_to_a_large_field():
    f = lambda x, y: 1e6 * jnp.sum((x - 1.0) ** 2 - (y - 2.0) ** 2)
    solution = optimize.extragradient(f, jnp.zeros(2), jnp.zeros(2), learning_rate=2e-7)
    assert solution.converged
    np.testing.assert_allclose(solution.value.x, 1.0, rtol=1e-12)


def test_one_argument_need_not_be_a_tuple():
    methods = (
        optimize.gradient_descent_ascent, optimize.extragradient,
        optimize.optimistic_gradient,
    )  # fmt: skip
    f = lambda x, y, c: c * (x**2 - y**2)
    for method in methods:
        bare, tuple_ = method(f, 1.0, 2.0, 3.0), method(f, 1.0, 2.0, (3.0,))
        assert bare.value.x == tuple_.value.x
