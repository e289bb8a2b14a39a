"""First states can be donated to the step, and steps outside jit compile once."""

import inspect

import jax
import jax.numpy as jnp
import pytest

from jaxmath import optimize
from jaxmath.verify.transforms import _num_compiled

METHODS = sorted(name.removesuffix("_init") for name in optimize.__all__ if name.endswith("_init"))
ON_THE_LINE = {"bisect", "brentq", "regula_falsi", "secant", "newton", "halley"}
OF_SYSTEMS = {"broyden", "newton_system", "fixed_point"}


def functions(method):
    """What the method takes first, by the name of its parameter."""
    bowl = lambda x, y=0.0: jnp.sum((x - 0.3) ** 2) - jnp.sum((y - 0.2) ** 2)
    residuals = lambda x: jnp.cos(x) - 0.5 * x
    on_the_line = lambda x: x**3 - 0.5
    fun = on_the_line if method in ON_THE_LINE else residuals if method in OF_SYSTEMS else bowl
    return {
        "fun": fun,
        "residual_fn": residuals,
        "linear_oracle": lambda g: optimize.linear_oracle_simplex(g, 1.0),
        "projection": lambda x: jnp.clip(x, 0.0, 2.0),
        "equality": lambda x: x[:1] - 0.5,
    }


def arrays(method):
    """The other arguments, likewise."""
    scalar = method in ON_THE_LINE
    return {
        "x0": jnp.asarray(1.0) if scalar else jnp.ones(2),
        "x1": jnp.asarray(0.5),
        "y0": jnp.ones(2),
        "a": jnp.asarray(0.0),
        "b": jnp.asarray(1.0),
        "A": jnp.array([[1.0, -1.0], [-1.0, 1.0]]),
        "lower": -jnp.ones(2),
        "upper": jnp.ones(2),
        "sigma": jnp.asarray(0.5),
        "population": jnp.arange(12.0).reshape(6, 2),
        "step": jnp.asarray(1.0),
        "phi": jnp.asarray(1.0),
        "slope": jnp.asarray(-1.0),
    }


def given(fn, values):
    return {name: values[name] for name in inspect.signature(fn).parameters if name in values}


def start(method):
    values = arrays(method)
    init = getattr(optimize, f"{method}_init")
    keys = {"key": jax.random.key(0)}
    return init(**given(init, functions(method) | values | keys)), values


@pytest.mark.parametrize("method", METHODS)
def test_no_buffer_is_donated_twice(method):
    state, values = start(method)
    jax.block_until_ready(jax.jit(lambda s: jax.tree.map(jnp.copy, s), donate_argnums=0)(state))
    assert not any(value.is_deleted() for value in values.values())


def test_a_donated_state_steps_as_any_other():
    step = lambda s: optimize.trust_region_newton_step(functions("sr1")["fun"], s)
    (state, _), (again, _) = start("trust_region_newton"), start("trust_region_newton")
    donated = jax.jit(step, donate_argnums=0)(state)
    assert state.x.is_deleted()
    assert jax.tree.all(jax.tree.map(jnp.array_equal, donated, jax.jit(step)(again)))


LOOPS = {
    "augmented_lagrangian", "basin_hopping", "bfgs", "broyden", "damped_newton", "dfp",
    "find_stationary_point", "frank_wolfe", "gauss_newton", "gradient_descent",
    "lagrange_stationary_point", "lbfgs", "lbfgsb", "levenberg_marquardt", "log_barrier",
    "newton_system", "nonlinear_cg", "projected_gradient", "quadratic_penalty", "sr1",
    "trust_region_dogleg", "trust_region_exact", "trust_region_newton", "trust_region_reflective",
}  # fmt: skip


@pytest.mark.sampled(4)
@pytest.mark.parametrize("method", sorted(LOOPS))
def test_a_second_step_outside_jit_compiles_nothing(method):
    """A loop or a branch outside jit is compiled at every call: a second a step of BFGS."""
    values = functions(method) | arrays(method) | {"key": jax.random.key(0)}
    init, step = getattr(optimize, f"{method}_init"), getattr(optimize, f"{method}_step")
    advance = lambda state: step(**given(step, values | {"state": state}))
    state = advance(init(**given(init, values)))
    assert _num_compiled(lambda: (init(**given(init, values)), advance(state))) == 0
