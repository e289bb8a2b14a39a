"""Power, inverse and Rayleigh-quotient iteration: rates, scales, statuses and derivatives."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.iterate import Status
from jaxmath.linalg import eigen_iterations as it

Q = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
VALUES = np.array([10.0, -4.0, 3.0, 1.0, 0.5])
A = (Q * VALUES) @ Q.T
START = np.random.default_rng(1).normal(size=5)
METHODS = (
    (it.power_iteration, 0),
    (lambda A, x0: it.inverse_iteration(A, x0, 0.0), 4),
    (it.rayleigh_quotient_iteration, None),
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("method", "which"), METHODS)
def test_pairs_at_every_scale(method, which, dtype):
    """An eigenpair within 20·n·eps·‖A‖, the right one where the theory names it."""
    scales = np.array([1e-30, 1e-10, 1.0, 1e10, 1e30])
    matrices = (scales[:, None, None] * A).astype(dtype)
    with jax.numpy_dtype_promotion("strict"):
        solution = jax.jit(jax.vmap(method, (0, None)))(matrices, START.astype(dtype))
    eps = float(np.finfo(dtype).eps)
    assert (solution.status == Status.CONVERGED).all()
    assert (solution.error <= 5 * eps).all()
    values = np.asarray(solution.value.eigenvalue, float) / scales
    gaps = np.abs(values[:, None] - VALUES)
    assert (gaps.min(axis=1) <= 20 * 5 * eps * 10).all()
    index = gaps.argmin(axis=1)
    assert which is None or (index == which).all()
    x = np.asarray(solution.value.eigenvector, float)
    np.testing.assert_allclose(np.abs(np.sum(x * Q.T[index], axis=1)), 1, atol=20 * 5 * eps)
    size = np.abs(x)
    first = np.argmax(size >= 0.9 * size.max(axis=1, keepdims=True), axis=1)
    lead = np.take_along_axis(x, first[:, None], axis=1)
    assert (lead > 0).all()


def test_rates():
    """The angle shrinks by |λ₂/λ₁| a step; the residual of Rayleigh's iteration is cubed."""
    state = it.power_iteration_init(A, START)
    step = jax.jit(it.power_iteration_step)
    angles = []
    for _ in range(20):
        state = step(A, state)
        angles.append(np.linalg.norm(state.x - (Q[:, 0] @ state.x) * Q[:, 0]))
    assert angles[-1] / angles[-2] == pytest.approx(0.4, rel=0.05)

    state = it.rayleigh_quotient_iteration_init(A, Q[:, 0] + 0.1 * START)
    step = jax.jit(it.rayleigh_quotient_iteration_step)
    residuals = [float(state.residual)]
    for _ in range(3):
        state = step(A, state)
        residuals.append(float(state.residual))
    for before, after in itertools.pairwise(residuals):
        assert after <= max(before**3, 1e-14)


def test_inverse_iteration_at_an_exact_eigenvalue():
    """A − σI singular to the last bit: the zero pivot is replaced and one step is enough."""
    D = jnp.diag(jnp.array([3.0, 2.0, 1.0]))
    solution = jax.jit(it.inverse_iteration)(D, jnp.ones(3), 2.0)
    assert solution.status == Status.CONVERGED
    assert abs(solution.value.eigenvalue - 2) <= 4 * np.finfo(float).eps
    assert int(solution.num_steps) <= 2
    near = jax.jit(jax.vmap(it.inverse_iteration, (None, None, 0)))(A, START, VALUES + 0.2)
    np.testing.assert_allclose(near.value.eigenvalue, VALUES, rtol=1e-12)


def test_statuses_lane_by_lane():
    """Two values of one modulus, zero start, NaN in A, the zero matrix, a start that is exact."""
    D = jnp.diag(jnp.array([1.0, -1.0]))
    matrices = jnp.stack([D, D, D * jnp.nan, 0 * D, 3 * D])
    starts = jnp.array([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [3.0, 4.0], [1.0, 0.0]])
    solution = jax.jit(jax.vmap(lambda A, x: it.power_iteration(A, x, max_steps=50)))(
        matrices, starts
    )
    assert solution.status.tolist() == [
        Status.MAX_STEPS, Status.INVALID_START, Status.NON_FINITE, 0, 0]  # fmt: skip
    assert np.isnan(solution.value.eigenvalue).tolist() == [False, True, True, False, False]
    np.testing.assert_array_equal(solution.num_steps[-2:], 0)
    np.testing.assert_array_equal(solution.num_hvp, solution.num_steps + 1)
    assert float(solution.error[0]) > 0.1
    tight = jax.jit(lambda A: it.power_iteration(A, START, tol=0.0))(A)
    assert tight.status in (Status.STAGNATED, Status.CONVERGED)


def test_derivative_by_hand_and_not_in_the_start():
    """dλ₁ = uᵀ dA v/uᵀv for a matrix that is not symmetric; nothing flows to x₀."""
    rng = np.random.default_rng(2)
    S, E = np.eye(4) + 0.2 * rng.normal(size=(4, 4)), rng.normal(size=(4, 4))
    B = S @ np.diag([6.0, 2.0, -1.0, 0.5]) @ np.linalg.inv(S)
    value = lambda A, x0: it.power_iteration(A, x0).value.eigenvalue
    by_A, by_start = jax.jit(jax.grad(value, argnums=(0, 1)))(B, START[:4])
    np.testing.assert_allclose(np.sum(by_A * E), (np.linalg.inv(S) @ E @ S)[0, 0], rtol=1e-11)
    np.testing.assert_array_equal(by_start, 0)


def test_a_shift_is_one_finite_number():
    """One that is not finite has a status, traced or not; a vector or a complex one is refused."""
    starts = jnp.array([[1.0, 0.0], [1.0, 1.0]])
    for D in (jnp.diag(jnp.array([3.0, 1.0])), jnp.eye(2)):
        run = jax.jit(jax.vmap(it.inverse_iteration, (None, 0, None)))
        for shift in (jnp.inf, -jnp.inf, jnp.nan):
            solution = run(D, starts, shift)
            assert solution.status.tolist() == [Status.NON_FINITE] * 2
            assert jnp.isnan(solution.value.eigenvector).all()
        beyond = it.inverse_iteration(D.astype(jnp.float32), starts[1], 1e300)
        assert beyond.status == Status.NON_FINITE
    assert it.inverse_iteration(D, starts[1], -jnp.inf).status == Status.NON_FINITE
    for f in (it.inverse_iteration, it.inverse_iteration_init):
        with pytest.raises(ValueError, match="`shift` must have rank 0"):
            f(D, starts[0], jnp.ones(2))
        with pytest.raises(TypeError, match="`shift` must have a real floating dtype"):
            f(D, starts[0], jnp.asarray(1j))


def test_refusals():
    for f in (it.power_iteration, it.inverse_iteration, it.rayleigh_quotient_iteration):
        with pytest.raises(ValueError, match=f"{f.__name__}: argument `tol` must have rank 0"):
            f(jnp.eye(2), jnp.ones(2), tol=jnp.full(1, 1e-3))
    assert it.power_iteration([[3.0]], [2.0]).value.eigenvalue == 3
    with pytest.raises(TypeError, match="`A` must have a real floating dtype"):
        it.power_iteration(jnp.eye(2) * 1j, jnp.ones(2))
    with pytest.raises(ValueError, match="`tol` must be at least"):
        it.power_iteration(jnp.eye(2), jnp.ones(2), tol=-1.0)
