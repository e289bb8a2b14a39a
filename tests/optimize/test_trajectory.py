"""The history of a method: the states of a loop in Python, frozen after the end."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status


def rosenbrock(x, a):
    return a * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


@pytest.mark.parametrize("name", ["trust_region_dogleg", "nelder_mead"])
def test_the_states_are_those_of_a_loop(name):
    init, step = getattr(optimize, f"{name}_init"), getattr(optimize, f"{name}_step")
    start, args = jnp.array([-1.2, 1.0]), (4.0,)
    states, status = optimize.trajectory(init, step, rosenbrock, start, args, num_steps=12)
    state, once = init(rosenbrock, start, args), jax.jit(lambda s: step(rosenbrock, s, args))
    assert states.x.shape == (13, 2)
    for k in range(13):
        np.testing.assert_allclose(states.x[k], state.x, rtol=1e-9)
        state = once(state) if status[k] == Status.RUNNING else state
    assert (states.num_fun[:5] == np.arange(1, 6)).all()


def test_it_stops_at_the_end():
    f = lambda x: jnp.sum((x - 1.0) ** 2)
    run = lambda x: optimize.trajectory(
        optimize.bfgs_init, optimize.bfgs_step, f, x, num_steps=6, tol=1e-9
    )
    states, status = jax.jit(jax.vmap(run))(jnp.array([[3.0, 4.0], [jnp.nan, 1.0], [1.0, 1.0]]))
    ended = [Status.CONVERGED, Status.INVALID_START, Status.CONVERGED]
    assert status[:, -1].tolist() == ended
    assert status[:, 0].tolist() == [Status.RUNNING, *ended[1:]]
    first = int(np.argmax(status[0] == Status.CONVERGED))
    np.testing.assert_array_equal(
        states.x[0, first:], states.x[0, first][None].repeat(7 - first, 0)
    )
    assert (states.num_fun[0, first:] == states.num_fun[0, first]).all()
    assert (states.num_fun[1:] == 1).all()
    with pytest.raises(ValueError, match="`num_steps`"):
        optimize.trajectory(optimize.bfgs_init, optimize.bfgs_step, f, jnp.ones(2), num_steps=-1)


@pytest.mark.parametrize("name", ["bfgs", "lbfgs", "trust_region_newton"])
def test_it_stagnates_where_the_solver_does(name):
    """Brown and Dennis: f ≥ 85822, whose rounding ends the run long before a tolerance of 0."""
    problem = next(p for p in optimize.more_garbow_hillstrom() if p.name == "brown-dennis")
    start = jnp.asarray(problem.start)
    solve, init, step = (getattr(optimize, name + end) for end in ("", "_init", "_step"))
    solution = solve(problem.objective, start, tol=0.0)
    states, status = optimize.trajectory(
        init, step, problem.objective, start, num_steps=150, tol=0.0
    )
    assert status[-1] == solution.status == Status.STAGNATED
    assert states.num_fun[-1] == solution.num_fun


def test_one_program_for_two_starts():
    traces = []

    def f(x):
        traces.append(1)
        return jnp.sum(x**2)

    run = lambda x: optimize.trajectory(
        optimize.bfgs_init, optimize.bfgs_step, f, jnp.array([x, 1.0]), num_steps=2
    )
    run(3.0)
    before = len(traces)
    run(4.0)
    assert len(traces) == before


def test_a_state_without_an_error_goes_on_to_the_last_step():
    G = lambda x: x / 2.0
    run = partial(
        optimize.trajectory,
        partial(optimize.fixed_point_init, memory=0), optimize.fixed_point_step, G, jnp.ones(2),
        num_steps=60,
    )  # fmt: skip
    states, status = run()
    assert (status == Status.RUNNING).all()
    np.testing.assert_array_equal(states.x[:, 0], 0.5 ** np.arange(61))
    with pytest.raises(ValueError, match="argument `tol` must be None: the FixedPointState of"):
        run(tol=1e-9)
