"""Cells along a sequence: lengths, directions, layers, causality, linear recurrences."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn
from tests.nn.test_recurrent_cells import CELLS, D, H, T, draw, random_params


def run(name: str, params, x, **options):
    return nn.run_cell(CELLS[name], params, nn.initial_carry(params), x, **options)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", CELLS)
def test_length_and_causality(name):
    """A shorter sequence and padding are one, exactly; so with NaN in it; the future counts not."""
    params, x = random_params(name), draw(T, D)

    @jax.jit
    def result(x, length, direction):
        value = lambda x: run(name, params, x, length=length)
        total = lambda x: jnp.sum(direction * value(x)[1])
        return value(x), jax.grad(total)(x)

    n, ones = jnp.int32(4), jnp.ones((T, 1))
    (carry, y), gradient = result(x, n, ones)
    (carry_nan, y_nan), gradient_nan = result(x.at[4:].set(jnp.nan), n, ones)
    same = lambda a, b: jax.tree.map(np.testing.assert_array_equal, a, b)
    same((carry, y, gradient), (carry_nan, y_nan, gradient_nan))
    assert not np.any(y[4:])
    assert not np.any(gradient[4:])
    short_carry, short_y = jax.jit(partial(run, name))(params, x[:4])
    close = partial(np.testing.assert_allclose, rtol=1e-13, atol=1e-15)
    jax.tree.map(close, (carry, y[:4]), (short_carry, short_y))
    (_, whole), causal = result(x, jnp.int32(T), jnp.zeros((T, 1)).at[2].set(1.0))
    assert np.all(np.isfinite(whole))
    assert not np.any(causal[3:])
    assert np.any(causal[2])


def test_reverse_runs_within_the_length():
    params, x = random_params("lstm"), draw(T, D)
    carry, y = run("lstm", params, x, length=4, reverse=True)
    want_carry, want = run("lstm", params, x[:4][::-1])
    close = partial(np.testing.assert_allclose, rtol=1e-13)
    jax.tree.map(close, (carry, y[:4]), (want_carry, want[::-1]))
    assert not np.any(y[4:])


def test_bidirectional_is_two_runs():
    forward, backward = random_params("gru"), random_params("gru", seed=5)
    params, x = nn.Bidirectional(forward, backward), draw(T, D)
    for n in (T, 3):
        carry, y = nn.run_bidirectional(nn.gru_cell, params, nn.initial_carry(params), x, length=n)
        one, left = run("gru", forward, x[:n])
        two, right = run("gru", backward, x[:n][::-1])
        close = partial(np.testing.assert_allclose, rtol=1e-13, atol=1e-15)
        jax.tree.map(close, carry, nn.Bidirectional(one, two))
        close(y[:n], np.concatenate([left, right[::-1]], axis=1))
        assert y.shape == (T, 2 * H)
        assert not np.any(y[n:])


def test_stacked_layers_are_layer_after_layer():
    first = random_params("lstm")
    second = nn.lstm_init(jax.random.key(1), H, H, recurrent_init=nn.lecun_normal)
    x, params = draw(T, D), (first, second)
    carry, y = nn.run_cell(nn.stacked_cell(nn.lstm_cell), params, nn.initial_carry(params), x)
    one, between = run("lstm", first, x)
    two, want = run("lstm", second, between)
    close = partial(np.testing.assert_allclose, rtol=1e-13, atol=1e-15)
    jax.tree.map(close, (carry, y), ((one, two), want))
    with pytest.raises(TypeError, match="stacked_cell: argument `cell`"):
        nn.stacked_cell(3)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CELLS)
def test_no_step_and_one(name):
    params = random_params(name)
    carry, y = run(name, params, jnp.zeros((0, D)))
    jax.tree.map(np.testing.assert_array_equal, carry, nn.initial_carry(params))
    assert y.shape[0] == 0
    x = draw(1, D)
    after, step = CELLS[name](params, nn.initial_carry(params), x[0])
    close = partial(np.testing.assert_allclose, rtol=1e-13)
    jax.tree.map(close, run(name, params, x), (after, step[None]))


@pytest.mark.parametrize("length", [-1, T + 1])
def test_a_length_beyond_the_sequence_is_refused(length):
    params, x = random_params("elman"), jnp.zeros((T, D))
    with pytest.raises(ValueError, match=rf"run_cell: argument `length` must be from 0 to {T}"):
        run("elman", params, x, length=length)
    pair = nn.Bidirectional(params, params)
    with pytest.raises(ValueError, match="run_bidirectional: argument `length` must be from"):
        nn.run_bidirectional(nn.elman_cell, pair, nn.initial_carry(pair), x, length=length)
    traced = jax.jit(lambda n: run("elman", params, draw(T, D), length=n)[1])(length)
    want = run("elman", params, draw(T, D), length=min(max(length, 0), T))[1]
    np.testing.assert_array_equal(traced, want)


def test_lengths_under_vmap():
    params, X, lengths = random_params("gru"), draw(3, T, D), jnp.array([T, 0, 2])
    y = jax.vmap(lambda x, n: run("gru", params, x, length=n)[1])(X, lengths)
    for i, n in enumerate([T, 0, 2]):
        np.testing.assert_allclose(y[i], run("gru", params, X[i], length=n)[1], rtol=1e-13)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("steps", [0, 1, 2, 37])
def test_linear_recurrences_agree(steps):
    """Complex factors on both sides of the unit circle, value and gradient."""
    rng = np.random.default_rng(0)
    complexes = lambda *s: jnp.asarray(rng.standard_normal(s) + 1j * rng.standard_normal(s))
    args = 0.7 * complexes(steps, 3), complexes(steps, 3), complexes(3)

    def result(fn):
        total = lambda *args: jnp.sum(jnp.abs(fn(*args)) ** 2)
        return fn(*args), jax.grad(total, argnums=(0, 1, 2))(*args)

    fns = (nn.linear_recurrence_associative, nn.linear_recurrence, nn.linear_recurrence_sequential)
    first, second, want = jax.jit(lambda: tuple(map(result, fns)))()
    bound = 1e-12 * max(1.0, *(np.max(np.abs(w), initial=0) for w in jax.tree.leaves(want)))
    for got in (first, second):
        jax.tree.map(partial(np.testing.assert_allclose, rtol=0, atol=bound), got, want)


def test_a_geometric_sum():
    """a constant, b = 1: hₜ = (1 − aᵗ)/(1 − a)."""
    a, t = 0.9, np.arange(1, 101)
    got = nn.linear_recurrence(jnp.full((100, 1), a), jnp.ones((100, 1)), jnp.zeros(1))
    np.testing.assert_allclose(got[:, 0], (1 - a**t) / (1 - a), rtol=1e-13)
