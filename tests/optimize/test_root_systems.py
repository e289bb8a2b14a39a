"""Newton's and Broyden's method for systems, and the door: roots, orders, counts, statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxmath.iterate import Status
from jaxmath.optimize import (
    broyden,
    broyden_init,
    broyden_step,
    newton_system,
    newton_system_init,
    newton_system_step,
    root,
    root_scalar,
)

EPS = 2.0**-52
STARTS = np.array([
    [2.0, 0.3], [-1.2, 1.0], [0.0, 1.0], [3.0, -2.0], [5.0, 4.0], [1.0, 2.0], [0.5, 1.0],
    [2.0, 2.0],
    [0.0, 1.0], [0.0, 0.0], [0.0, 1.0], [-1.0, 1.0], [np.nan, 0.0], [2.0, 1.0], [1.0, 1.0],
    [1.0, 1.0],
])  # fmt: skip


@np.errstate(all="ignore")
def values(np, x, y):
    """Circle and hyperbola, Rosenbrock's, Powell's badly scaled, arctangents from where Newton's
    method diverges, logarithms from where it leaves the domain, equations of scales 1e±10, a
    linear system, exponentials. Then, for their ends: fine, a root at once, a Jacobian that is
    regular at the start only, NaN at the start, a NaN start, no root (‖F‖ has a minimum), F not
    finite beyond the start, a constant."""
    return [
        (x * x + y * y - 4.0, x * y - 1.0),
        (10.0 * (y - x * x), 1.0 - x),
        (1e4 * x * y - 1.0, np.exp(-x) + np.exp(-y) - 1.0001),
        (np.arctan(x), np.arctan(y) + 0.1 * x),
        (np.log(x), np.log(y) + x - 1.0),
        (1e10 * (x * x - y), 1e-10 * (y * y * y - 8.0)),
        (3.0 * x + y - 5.0, x - 2.0 * y + 3.0),
        (np.exp(x) - 3.0 - y, np.exp(y) - 2.0 + 0.1 * x),
        (x + y - 3.0, x * y - 2.0),
        (x, y),
        (x * x + y, y + x * y),
        (np.log(x), y),
        (x, y),
        (x * x + 1.0, y),
        (np.where(x == 1.0, x, np.nan), y),
        (0.0 * x + 1.0, y),
    ]


def bank(x, which):
    """One program for all systems: a lane picks its own."""
    return jnp.stack([jnp.stack(pair) for pair in values(jnp, x[0], x[1])])[which]


@pytest.fixture(scope="module")
def found():
    solvers = {
        "newton": newton_system,
        "broyden": broyden,
        "finite": lambda *args: broyden(*args, jacobian="finite"),
    }
    lanes = np.arange(len(STARTS))
    return {name: jax.jit(jax.vmap(lambda x, k, s=s: s(bank, x, (k,))))(STARTS, lanes)
            for name, s in solvers.items()}  # fmt: skip


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["newton", "broyden", "finite"])
def test_roots_are_those_of_scipy(found, name):
    solution = found[name]
    assert (solution.status[:8] == Status.CONVERGED).all()
    for which, start in enumerate(STARTS[:8]):
        f = lambda v, which=which: np.array(values(np, *v)[which])
        # Equation 5 has a noise of 1e10·eps.
        guess = np.asarray(solution.value[which])
        with np.errstate(all="ignore"):
            theirs = scipy.optimize.root(f, start if which < 3 else guess, tol=1e-14)
        # hybr stops at its own noise; Powell's root is known to 1e-10 of its scale by both.
        np.testing.assert_allclose(guess, theirs.x, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(solution.error[which], np.linalg.norm(f(guess)),
                                   rtol=1e-2, atol=1e-4 if which == 5 else 1e-12)  # fmt: skip
    np.testing.assert_allclose(solution.value[3], 0.0, atol=1e-13)
    np.testing.assert_allclose(solution.value[4:7], [[1, 1], [2**0.5, 2], [1, 2]], rtol=1e-12)


def test_counts(found):
    """Jacobians: one a step and one more, or the first and restarts; differences are calls."""
    newton, exact, finite = found["newton"], found["broyden"], found["finite"]
    np.testing.assert_array_equal(newton.num_hess, newton.num_steps + 1)
    assert (newton.num_fun >= newton.num_steps + 1).all()
    assert newton.num_fun[6] == 2
    assert newton.num_fun[3] > newton.num_steps[3] + 1  # damped
    assert (exact.num_hess >= 1).all()
    assert exact.num_hess[2] > 1  # restarted on the way, and converged
    assert (exact.num_hess < newton.num_hess)[np.array([0, 1, 5])].all()
    assert (exact.num_hess[np.array([0, 6])] == 1).all()
    assert (finite.num_hess == 0).all()
    assert (finite.num_fun >= finite.num_steps + 3).all()


def test_counts_are_those_of_a_loop_in_numpy(found):
    """Damped Newton, written again in NumPy with hand-made Jacobians, call by call."""
    jacobians = {
        0: lambda x, y: [[2 * x, 2 * y], [y, x]],
        1: lambda x, y: [[-20 * x, 10], [-1, 0]],
        3: lambda x, y: [[1 / (1 + x * x), 0], [0.1, 1 / (1 + y * y)]],
    }
    for which, jacobian in jacobians.items():
        f = lambda v, which=which: np.array(values(np, *v)[which])
        x, calls = STARTS[which], 1
        fx = f(x)
        for _ in range(100):
            d = np.linalg.solve(np.array(jacobian(*x)), -fx)
            if np.linalg.norm(d) <= 64 * 2**0.5 * EPS * (1 + np.linalg.norm(x)):
                break
            length = 1.0
            while True:
                trial, calls = f(x + length * d), calls + 1
                if np.linalg.norm(trial) <= (1 - 1e-4 * length) * np.linalg.norm(fx):
                    break
                length /= 2
            x, fx = x + length * d, trial
            if not fx.any():
                break
        assert abs(int(found["newton"].num_fun[which]) - calls) <= 1, which
        np.testing.assert_allclose(found["newton"].value[which], x, atol=1e-13)


def test_orders_of_convergence():
    """Newton squares the error; Broyden's ratio of errors goes to 0."""
    f = lambda x: bank(x, 0)
    want = np.array([2 + 3**0.5, 2 - 3**0.5]) ** 0.5
    state, errors = jax.jit(lambda x: newton_system_init(f, x))(jnp.array([2.5, 0.1])), []
    step = jax.jit(lambda s: newton_system_step(f, s))
    for _ in range(6):
        errors.append(float(np.linalg.norm(state.x - want)))
        state = step(state)
    errors = [e for e in errors if e > 1e-14]
    order = np.log(errors[-1] / errors[-2]) / np.log(errors[-2] / errors[-3])
    assert order == pytest.approx(2.0, abs=0.2)

    state, errors = jax.jit(lambda x: broyden_init(f, x))(jnp.array([2.3, 0.2])), []
    step = jax.jit(lambda s: broyden_step(f, s))
    for _ in range(12):
        errors.append(float(np.linalg.norm(state.x - want)))
        state = step(state)
    errors = [e for e in errors if e > 1e-14]
    ratios = np.divide(errors[1:], errors[:-1])
    assert errors[-1] < 1e-10
    assert ratios[-1] < 0.1 * ratios[1]


def test_the_update_is_sherman_and_morrison():
    """H⁺ is the inverse of B + (y − Bs)sᵀ/sᵀs, so that H⁺y = s."""
    f = lambda x: bank(x, 7)
    old = jax.jit(lambda x: broyden_init(f, x))(jnp.array([1.0, 1.0]))
    new = jax.jit(lambda s: broyden_step(f, s))(old)
    s, y = new.x - old.x, new.residual - old.residual
    B = np.linalg.inv(old.inverse)
    B = B + np.outer(y - B @ s, s) / (s @ s)
    np.testing.assert_allclose(new.inverse, np.linalg.inv(B), rtol=1e-10)
    np.testing.assert_allclose(new.inverse @ y, s, rtol=1e-10)


@pytest.mark.parametrize("name", ["newton", "broyden"])
def test_statuses_lane_by_lane(found, name):
    """Lane by lane in one program with the systems above."""
    solution = jax.tree.map(lambda a: a[8:], found[name])
    status = solution.status.tolist()
    assert status[:5] == [0, 0, 0, Status.NON_FINITE, Status.INVALID_START]
    assert status[5] in (Status.LINE_SEARCH_FAILED, Status.MAX_STEPS, Status.SINGULAR)
    assert status[6:] == [Status.NON_FINITE, Status.SINGULAR]
    assert np.isfinite(solution.value[np.array([0, 1, 2, 3, 5, 6, 7])]).all()
    assert solution.num_steps[np.array([1, 3, 4, 7])].tolist() == [0] * 4
    assert solution.num_fun[7] == solution.num_fun[1] == 1
    assert solution.error[5] >= 1
    np.testing.assert_array_equal(solution.value[6], [1, 1])


def test_a_singular_jacobian():
    """Exactly, and up to rounding; scales of the equations alone are no singularity."""
    f = lambda x, c: jnp.stack([0.1 * x[0] + 0.3 * x[1], c * x[0] + 3 * c * x[1] + 1.0])
    for second in (0.2, 2e9):
        solution = newton_system(f, jnp.ones(2), (second,))
        assert solution.status == Status.SINGULAR
        np.testing.assert_array_equal(solution.value, 1)


def test_a_minimum_that_is_no_root():
    """Freudenstein and Roth from (½, −2): ‖F‖² has a local minimum of 48.98 at (11.41, −0.8968)."""
    f = lambda x: jnp.stack([
        -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1],
        -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1],
    ])  # fmt: skip
    solution = newton_system(f, [0.5, -2.0])
    assert solution.status in (Status.LINE_SEARCH_FAILED, Status.SINGULAR)
    assert solution.error**2 > 48.9
    assert solution.value[1] == pytest.approx(-0.8968, abs=1e-3)  # where J is singular
    good = newton_system(f, [15.0, 3.0])
    assert good.converged
    np.testing.assert_allclose(good.value, [5, 4], rtol=1e-12)


def test_float32():
    run = lambda x, k: broyden(bank, x, (k,))
    keep = np.array([0, 1, 3, 4, 5, 6, 7])
    with jax.numpy_dtype_promotion("strict"):
        solution = jax.jit(jax.vmap(run))(jnp.asarray(STARTS[keep], jnp.float32), keep)
    assert solution.value.dtype == solution.error.dtype == jnp.float32
    assert np.isin(solution.status, [Status.CONVERGED, Status.STAGNATED]).all()
    np.testing.assert_allclose(solution.value[3:6], [[1, 1], [2**0.5, 2], [1, 2]], rtol=2e-5)


def test_pytrees_derivative_and_one_trace():
    """The structure of x₀ comes back; dx = −J⁻¹∂F; other data trace nothing."""
    traces = []

    def f(x, c):
        traces.append(1)
        return {"sum": x["u"].sum() + x["v"] - c, "rest": x["u"] * jnp.array([1.0, 2.0]) - x["v"]}

    start = {"u": jnp.array([1.0, 0.0]), "v": 0.5}
    solution = newton_system(f, start, (5.0,))
    seen = len(traces)
    assert newton_system(f, start, (2.5,)).value["v"] == pytest.approx(1.0, abs=1e-14)
    assert len(traces) == seen
    np.testing.assert_allclose(solution.value["u"], [2, 1], rtol=1e-14)
    assert solution.value["v"].shape == ()

    F = lambda x, c: jnp.stack([x[0] + x[1] - c[0], x[0] * x[1] - c[1]])
    c, x = jnp.array([3.0, 2.0]), np.array([2.0, 1.0])
    want = np.linalg.solve([[1, 1], [x[1], x[0]]], np.eye(2))
    at = lambda c: newton_system(F, [3.0, 0.5], (c,)).value
    back, forth = jax.jit(lambda c: (jax.jacrev(at)(c), jax.jacfwd(at)(c)))(c)
    np.testing.assert_allclose(back, want, rtol=1e-12)
    np.testing.assert_allclose(forth, want, rtol=1e-12)


def test_the_door_and_refusals():
    F = lambda x, c: jnp.stack([0.5 * jnp.cos(x[1]) - x[0], c * jnp.sin(x[0]) - x[1]])
    roots = [root(F, [0.1, 0.1], (0.7,), m) for m in ("newton", "broyden", "anderson")]
    assert all(r.converged for r in roots)
    for other in roots[1:]:
        np.testing.assert_allclose(other.value, roots[0].value, atol=1e-13)
    assert roots[2].num_hess == 0
    with pytest.raises(ValueError, match="`method` must be one of"):
        root(F, [0.1, 0.1], (0.7,), "hybr")
    with pytest.raises(ValueError, match=r"`method` must be one of .*, got 3"):
        root(F, [0.1, 0.1], (0.7,), 3)
    with pytest.raises(ValueError, match="`fun` must return as many numbers as `x0` has, 2, got 3"):
        root(lambda x: jnp.ones(3) * x[0], [0.1, 0.1])
    with pytest.raises(ValueError, match="`jacobian` must be"):
        broyden(F, [0.1, 0.1], (0.7,), jacobian="none")
    with pytest.raises(TypeError, match="`fun` must be callable"):
        newton_system(2.0, [0.1])


def test_another_size_than_that_of_x_is_refused():
    for method in ("newton", "broyden", "anderson"):
        for fn in (lambda x: x[:1] - 1.0, lambda x: jnp.sum(x) - 3.0):
            with pytest.raises(ValueError, match="argument `fun`"):
                root(fn, [5.0, 1.0], method=method)
    with pytest.raises(ValueError, match="argument `bracket` must be two ends, got 1"):
        root_scalar(lambda x: x, bracket=3.0)
