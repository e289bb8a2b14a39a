"""The projection of each unit, and an optimizer that keeps to it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import nn

project = jax.jit(nn.max_norm)


def test_units_are_projected_one_by_one():
    rng = np.random.default_rng(0)
    kernel = jnp.asarray(rng.standard_normal((3, 2, 4, 5)))
    got = project(kernel, 2.0)
    norms = np.linalg.norm(np.reshape(kernel, (-1, 5)), axis=0)
    new = np.linalg.norm(np.reshape(got, (-1, 5)), axis=0)
    np.testing.assert_allclose(new, np.minimum(norms, 2.0), rtol=1e-14)
    np.testing.assert_allclose(got / kernel, np.broadcast_to(new / norms, got.shape), rtol=1e-14)
    np.testing.assert_allclose(project(got, 2.0), got, rtol=1e-15)  # a projection


def test_extreme_kernels():
    for size in (1e300, 1e-300):
        got = project(jnp.array([[3 * size], [4 * size]]), 1.0)
        want = [[0.6], [0.8]] if size > 1 else [[3e-300], [4e-300]]
        np.testing.assert_allclose(got, want, rtol=1e-14)
    kernel = jnp.array([[jnp.nan, 3.0], [1.0, 4.0]])
    np.testing.assert_array_equal(np.isnan(project(kernel, 1.0)).any(0), [True, False])
    np.testing.assert_array_equal(project(jnp.ones((2, 2)), 0.0), np.zeros((2, 2)))
    assert project(jnp.ones((2, 2), jnp.bfloat16), 1.0).dtype == jnp.bfloat16


def test_a_chain_keeps_every_unit_in_the_ball():
    """Ascent on ⟨w, t⟩ ends at c t/‖t‖, the maximizer over the ball; the bias runs free."""
    target = jnp.array([[3.0, 0.0], [4.0, -1.0]])
    params = nn.Dense(jnp.zeros((2, 2)), jnp.zeros(2))
    optimizer = optax.chain(optax.sgd(0.1), nn.keep_max_norm(2.0))

    def step(carry, _):
        params, state = carry
        loss = lambda p: -jnp.sum(target * p.kernel) - jnp.sum(p.bias)
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        return (optax.apply_updates(params, updates), state), params.kernel

    start = (params, optimizer.init(params))
    (end, _), path = jax.jit(lambda start: jax.lax.scan(step, start, length=100))(start)
    norms = np.linalg.norm(path, axis=1)
    assert np.all(norms <= 2.0 * (1 + 1e-14))
    np.testing.assert_allclose(end.kernel, [[1.2, 0.0], [1.6, -2.0]], atol=1e-12)
    np.testing.assert_allclose(end.bias, [10.0, 10.0])


def test_what_the_transformation_leaves_alone():
    optimizer = nn.keep_max_norm(1.0)
    params = {"kernel": jnp.ones((2, 2)), "frozen": None, "gain": jnp.array(5.0)}
    updates = {"kernel": jnp.zeros((2, 2)), "frozen": None, "gain": jnp.array(1.0)}
    new, _ = optimizer.update(updates, optimizer.init(params), params)
    assert new["frozen"] is None
    assert new["gain"] == 1.0
    np.testing.assert_allclose(new["kernel"], np.sqrt(0.5) - 1, rtol=1e-14)
    masked = optax.masked(optimizer, {"kernel": False, "frozen": None, "gain": False})
    new, _ = masked.update(updates, masked.init(params), params)
    np.testing.assert_array_equal(new["kernel"], updates["kernel"])
    with pytest.raises(ValueError, match="keep_max_norm: argument `params`"):
        optimizer.update(updates, optimizer.init(params))
    with pytest.raises(ValueError, match="keep_max_norm: argument `max_value`"):
        nn.keep_max_norm(-1.0)
