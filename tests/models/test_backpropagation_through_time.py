"""Backpropagation through time against jax.grad; what becomes of the gradient."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn
from jaxmath.models import backpropagation_through_time as bptt
from tests.nn.test_recurrent_cells import CELLS, D, H, T, draw, random_params

BACK = {"elman": bptt.elman_backward, "lstm": bptt.lstm_backward}


@pytest.mark.parametrize("name", BACK)
def test_equals_jax_grad(name):
    """To parameters, first state and input, of a loss whose errors depend on the outputs."""
    params, x = random_params(name), draw(T, D)
    carry = jax.tree.map(lambda leaf: draw(*leaf.shape, seed=7), nn.initial_carry(params))

    @jax.jit
    def both():
        y = nn.run_cell(CELLS[name], params, carry, x)[1]
        loss = lambda *args: jnp.sum(jnp.sin(nn.run_cell(CELLS[name], *args)[1]))
        want = jax.grad(loss, argnums=(0, 1, 2))(params, carry, x)
        return BACK[name](params, carry, x, jnp.cos(y)), want

    got, want = both()
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * np.max(np.abs(b)))
    for steps in (0, 1):
        zero = jax.tree.leaves(BACK[name](params, carry, x[:steps], jnp.ones((steps, H))))
        assert all(np.all(np.isfinite(leaf)) for leaf in zero)
        assert steps or not any(np.any(leaf) for leaf in zero)


@pytest.mark.parametrize("name", ["clockwork", "lstm"])
def test_gradient_norms_are_those_of_the_jacobians(name):
    """‖(∂y_T/∂sₜ)ᵀ e‖ with the Jacobian of the rest of the run."""
    params, x, error = random_params(name), draw(3, D), draw(H, seed=9)
    cell, first = CELLS[name], nn.initial_carry(params)
    if name == "clockwork":
        cell = partial(cell, periods=(1, 2))
    found = jax.jit(partial(bptt.gradient_norms, cell))(params, first, x, error)
    want, carry = [], first
    for t in range(3):
        value = lambda carry, t=t: nn.run_cell(cell, params, carry, x[t:])[1][-1] @ error
        gradient = jax.tree.leaves(jax.grad(value, allow_int=True)(carry))
        real = [leaf for leaf in gradient if leaf.dtype == error.dtype]
        want.append(np.sqrt(sum(np.sum(leaf**2) for leaf in real)))
        carry, _ = cell(params, carry, x[t])
    np.testing.assert_allclose(found, [*want, np.linalg.norm(error)], rtol=1e-12)


def test_gradient_norms_follow_the_spectral_radius():
    """At h = 0 and a normal W_h = ρ Q: gₜ = ρ^{T−t} exactly."""
    Q = nn.orthogonal_init(jax.random.key(0), (4, 4))
    x, error = jnp.zeros((20, 1)), jnp.zeros(4).at[0].set(1.0)
    for radius in (0.5, 1.0, 1.5):
        params = nn.Elman(jnp.concatenate([jnp.ones((1, 4)), radius * Q]), jnp.zeros(4))
        np.testing.assert_allclose(bptt.spectral_radius(params.kernel), radius, rtol=1e-12)
        norms = bptt.gradient_norms(nn.elman_cell, params, jnp.zeros(4), x, error)
        np.testing.assert_allclose(norms, radius ** np.arange(20, -1, -1), rtol=1e-10)
