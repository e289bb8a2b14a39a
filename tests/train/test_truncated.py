"""The truncated step: whole sequences when the chunk is one, a stopped gradient otherwise."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import nn, train
from jaxmath.models import rnn
from tests.models.test_rnn import random_params

CONFIG = rnn.Config((2, 3, 1), "gru", "many_to_many")
RUN = partial(rnn.run, config=CONFIG)
FIRST = lambda params: nn.initial_carry(params.layers)
SGD = optax.sgd(0.1)


def batch(n=3, steps=6):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((n, steps, 2)), rng.standard_normal((n, steps, 1))
    return train.Batch(jnp.asarray(x), jnp.asarray(y), jnp.arange(1.0, n + 1))


def test_one_chunk_is_the_supervised_step():
    params, data = random_params(CONFIG), batch()
    fns = train.adapt(partial(rnn.apply, config=CONFIG))
    whole = train.supervised_step(
        fns[0], lambda y, t: jnp.mean(jax.vmap(nn.squared_error)(y, t)), SGD
    )
    step = train.truncated_step(RUN, FIRST, nn.squared_error, SGD, chunk_size=6)
    state, key = train.init_state(jax.random.key(0), params, optimizer=SGD), jax.random.key(1)
    for a, b in zip(*(jax.tree.leaves(jax.jit(f)(state, data, key)[0].params)
                      for f in (step, whole)), strict=True):  # fmt: skip
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_complex_parameters_descend():
    """y = θ x with θ = 2 + i at every step of the time."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 4)) + 1j * rng.standard_normal((5, 4))
    square = lambda y, target: jnp.real((y - target) * jnp.conj(y - target))
    step = jax.jit(train.truncated_step(
        lambda theta, carry, x: (carry, theta * x), lambda theta: (), square, SGD, chunk_size=2
    ))  # fmt: skip
    state = train.init_state(jax.random.key(0), jnp.zeros((), complex), optimizer=SGD)
    for _ in range(50):
        data = train.Batch(x, (2 + 1j) * x, jnp.ones(5))
        state, _ = step(state, data, jax.random.key(1))
    np.testing.assert_allclose(state.params, 2 + 1j, rtol=1e-10)


def test_the_state_goes_on_and_the_gradient_stops():
    """Three chunks by hand: update, carry with the parameters of before, no gradient through it."""
    params, data = random_params(CONFIG), batch()
    step = train.truncated_step(RUN, FIRST, nn.squared_error, SGD, chunk_size=2)
    state = train.init_state(jax.random.key(0), params, optimizer=SGD)
    state, metrics = jax.jit(step)(state, data, jax.random.key(1))
    weight, losses = np.asarray(data.weight) / data.weight.sum(), []
    carry = jax.tree.map(lambda leaf: jnp.zeros((3, *leaf.shape)), FIRST(params))

    @jax.jit
    @partial(jax.value_and_grad, has_aux=True)
    def loss(params, carry, x, y):
        carry, out = jax.vmap(RUN, (None, 0, 0))(params, jax.lax.stop_gradient(carry), x)
        return jnp.sum(weight * jnp.mean((out - y)[..., 0] ** 2 / 2, axis=1)), carry

    for j in (0, 2, 4):
        chunk = data.x[:, j : j + 2], data.y[:, j : j + 2]
        (value, carry), gradient = loss(params, carry, *chunk)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient)
        losses.append(value)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-15), state.params, params)
    np.testing.assert_allclose(metrics["loss"], np.mean(losses), rtol=1e-12)
    assert int(state.step) == 3


@pytest.mark.full
def test_runs_in_the_engine():
    """Shuffled by ``fit``: a sequence is its own carry."""
    data, optimizer = batch(8, 4), optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.02))
    step = train.truncated_step(RUN, FIRST, nn.squared_error, optimizer, chunk_size=2)
    state = train.init_state(jax.random.key(0), random_params(CONFIG), optimizer=optimizer)
    result = train.fit(state, step, (data.x, data.y), num_epochs=3, batch_size=4, progress=False)
    assert int(result.state.step) == 3 * 2 * 2
    losses = np.asarray(result.history["loss"])
    assert losses[-1] < losses[0]


def test_refuses():
    with pytest.raises(ValueError, match="`chunk_size` must be at least 1"):
        train.truncated_step(RUN, FIRST, nn.squared_error, SGD, chunk_size=0)
    with pytest.raises(TypeError, match="`loss_fn` must be a function"):
        train.truncated_step(RUN, FIRST, 3, SGD, chunk_size=1)
    with pytest.raises(TypeError, match="`optimizer` must be an optax transformation, got fun"):
        train.truncated_step(RUN, FIRST, nn.squared_error, optax.sgd, chunk_size=1)
    step = train.truncated_step(RUN, FIRST, nn.squared_error, SGD, chunk_size=4)
    state = train.init_state(jax.random.key(0), random_params(CONFIG), optimizer=SGD)
    with pytest.raises(ValueError, match=r"`chunk_size` must divide the steps, got 4 for .*\[6\]"):
        step(state, batch(), jax.random.key(1))


@pytest.mark.parametrize(("change", "message"), [
    ({"y": jnp.zeros(3)}, r"must have x and y of shape \(n, T, …\) for its n .*\(3,\).* for 3$"),
    ({"x": jnp.zeros((3, 4, 2))}, r"must have x and y of .*\(3, 4, 2\), \(3, 6, 1\)\] for 3$"),
    ({"weight": jnp.ones(2)}, r"must have x and y of shape .* for 2$"),
])  # fmt: skip
def test_sequences_that_do_not_fit(change, message):
    step = train.truncated_step(RUN, FIRST, nn.squared_error, SGD, chunk_size=2)
    state = train.init_state(jax.random.key(0), random_params(CONFIG), optimizer=SGD)
    with pytest.raises(ValueError, match=f"^truncated_step: argument `batch` {message}"):
        step(state, batch()._replace(**change), jax.random.key(1))


@pytest.mark.parametrize(("loss_fn", "optimizer", "message"), [
    (lambda y, t: (y - t) ** 2, SGD, r"`loss_fn` must return a real scalar .* got shape \(1,\)"),
    (lambda y, t: y[0] > t[0], SGD, "`loss_fn` must return a real scalar .* dtype, got bool"),
    (nn.squared_error, optax.lbfgs(), "argument `optimizer` must need no more than .*'value'"),
])  # fmt: skip
def test_what_cannot_be_descended(loss_fn, optimizer, message):
    step = train.truncated_step(RUN, FIRST, loss_fn, optimizer, chunk_size=2)
    state = train.init_state(jax.random.key(0), random_params(CONFIG), optimizer=optimizer)
    with pytest.raises((TypeError, ValueError), match=f"(?m)^truncated_step: {message}"):
        jax.eval_shape(step, state, batch(), jax.random.key(1))
