"""What is no function, or returns no number, is refused by the name of its argument."""

import jax
import jax.numpy as jnp
import pytest

from jaxmath import optimize

KEY, X = jax.random.key(0), jnp.ones(2)
CALLS = {
    "xnes": lambda fun: optimize.xnes(KEY, fun, X, 0.5),
    "xnes_init": lambda fun: optimize.xnes_init(fun, X, 0.5),
    "differential_evolution": lambda fun: optimize.differential_evolution(KEY, fun, -X, X),
    "genetic_algorithm": lambda fun: optimize.genetic_algorithm(KEY, fun, jnp.ones((4, 2))),
    "basin_hopping": lambda fun: optimize.basin_hopping(KEY, fun, X),
    "simulated_annealing": lambda fun: optimize.simulated_annealing(KEY, fun, X),
    "simulated_annealing_init": lambda fun: optimize.simulated_annealing_init(fun, X),
    "nelder_mead": lambda fun: optimize.nelder_mead(fun, X),
    "sr1": lambda fun: optimize.sr1(fun, X),
    "find_stationary_point": lambda fun: optimize.find_stationary_point(fun, X),
    "classify_stationary_point": lambda fun: optimize.classify_stationary_point(fun, X),
    "kkt_residual": lambda fun: optimize.kkt_residual(fun, X),
    "lagrange": lambda fun: optimize.lagrange_stationary_point(fun, X, lambda x: x[0]),
    "gradient_descent_ascent": lambda fun: optimize.gradient_descent_ascent(fun, X, X),
    "projected_gradient": lambda fun: optimize.projected_gradient(fun, X, lambda x: x),
    "trajectory": lambda fun: optimize.trajectory(
        optimize.bfgs_init, optimize.bfgs_step, fun, X, num_steps=3
    ),
    "minimize_batch": lambda fun: optimize.minimize_batch(fun, jnp.ones((3, 2))),
    "multistart": lambda fun: optimize.multistart(KEY, fun, -X, X, num_starts=3),
    "is_convex": lambda fun: optimize.is_convex(fun, X[None], X[None], X[:1]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_objective_is_named(call):
    with pytest.raises(TypeError, match="argument `fun` must be callable, got NoneType"):
        call(None)
    with pytest.raises(TypeError, match="argument `fun` must return a scalar, got NoneType"):
        call(lambda *args: None)


def _halves(x):
    return jnp.sum((x - 0.5) ** 2)


Z = jnp.zeros(2, jnp.float32)
GAME = jnp.eye(2, dtype=jnp.float32)
WIDE = {
    "bfgs": lambda n, tol: optimize.bfgs(_halves, Z, max_steps=n, tol=tol),
    "nelder_mead": lambda n, tol: optimize.nelder_mead(_halves, Z, max_steps=n, tol=tol),
    "penalty": lambda n, tol: optimize.quadratic_penalty(
        _halves, Z, lower=2.0, max_steps=n, tol=tol
    ),
    "extragradient": lambda n, tol: optimize.extragradient(
        lambda x, y: x * x + x * y - y * y, Z[0] + 1, Z[0] + 1, max_steps=n, tol=tol
    ),
    "regret_matching": lambda n, tol: optimize.regret_matching(GAME, max_steps=n, tol=tol),
    "solve_game": lambda n, tol: optimize.solve_game(GAME, max_steps=n),
}


@pytest.mark.parametrize("call", WIDE.values(), ids=WIDE)
def test_settings_of_64_bits_in_a_problem_of_32(call):
    with jax.numpy_dtype_promotion("strict"):
        assert bool(call(jnp.int64(10**6), jnp.float64(1e-2)).converged)


@pytest.mark.parametrize(
    "name", ["gradient_descent_ascent_init", "extragradient_init", "optimistic_gradient_init"]
)
def test_the_first_states_of_games_name_it_too(name):
    with pytest.raises(TypeError, match="argument `fun` must be callable, got NoneType"):
        getattr(optimize, name)(None, X, X)


@pytest.mark.parametrize(
    "name", ["gauss_newton_init", "levenberg_marquardt_init", "trust_region_reflective_init"]
)
def test_the_residuals_are_named(name):
    with pytest.raises(TypeError, match="argument `residual_fn` must be callable, got NoneType"):
        getattr(optimize, name)(None, X)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("augmented_lagrangian", "equality"),
        ("augmented_lagrangian", "inequality"),
        ("quadratic_penalty", "equality"),
        ("log_barrier", "inequality"),
        ("kkt_residual", "equality"),
        ("kkt_residual", "inequality"),
    ],
)
def test_a_constraint_function_returns_numbers(name, kind):
    method = getattr(optimize, name)
    for nothing in (lambda x: None, lambda x: (x[0], None)):
        with pytest.raises(TypeError, match=f"argument `{kind}` must return numbers, got None"):
            method(lambda x: x[0] ** 2, X, **{kind: nothing})
    empty = method(lambda x: jnp.sum(x**2), X, **{kind: lambda x: jnp.zeros(0)})
    assert jnp.all(jnp.isfinite(empty.error))


def test_a_constraint_of_lagrange_that_returns_nothing():
    for name in ("lagrange_stationary_point", "lagrange_stationary_point_init"):
        with pytest.raises(TypeError, match="argument `equality` must return numbers, got None"):
            getattr(optimize, name)(lambda x: x[0] ** 2, X, equality=lambda x: None)
