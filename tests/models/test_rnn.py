"""The recurrent network against Flax, its tasks, dropout, pieces, and what it can learn."""

from functools import partial

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import nn
from jaxmath.models import rnn
from tests.nn.test_recurrent_cells import flax_lstm

D, T = 3, 5


def random_params(config: rnn.Config, seed: int = 0):
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: rnn.init(jax.random.key(0), config))
    return jax.tree.map(lambda s: jnp.asarray(0.7 * rng.standard_normal(s.shape)), shapes)


def draw(*shape, seed: int = 1):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


def test_agrees_with_flax():
    """Two bidirectional LSTM layers with lengths, every state read."""
    config = rnn.Config((D, 4, 4, 2), "lstm", "many_to_many", bidirectional=True)
    params, X, lengths = random_params(config), draw(3, T, D), jnp.array([T, 2, 4])
    runs = (flax.linen.RNN(flax.linen.LSTMCell(4, param_dtype=float)) for _ in range(2))
    layer = flax.linen.Bidirectional(*runs)

    def theirs(params):
        y = X
        for one in params.layers:
            cells = {}
            for name, p in zip(("forward", "backward"), one, strict=True):
                split = partial(convert, d=y.shape[-1])
                cells[f"{name}_rnn"] = {"cell": split(p)}
            y = layer.apply({"params": cells}, y, seq_lengths=lengths)
        return y @ params.head.kernel + params.head.bias

    def convert(p, d):
        if d == D:
            return flax_lstm(p)
        gates = {}
        for j, gate in enumerate("ifgo"):
            gates[f"i{gate}"] = {"kernel": p.kernel[:d, j]}
            gates[f"h{gate}"] = {"kernel": p.kernel[d:, j], "bias": p.bias[j]}
        return gates

    def ours(params):
        one = lambda x, n: rnn.apply(params, x, config=config, length=n)
        return jax.vmap(one)(X, lengths)

    valid = (np.arange(T) < np.asarray(lengths)[:, None])[..., None]

    def result(f):
        total = lambda params: jnp.sum(jnp.where(valid, jnp.sin(f(params)), 0.0))
        return jnp.where(valid, f(params), 0.0), jax.grad(total)(params)

    with jax.numpy_rank_promotion("allow"):
        got, want = jax.jit(lambda: (result(ours), result(theirs)))()
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1, np.max(np.abs(b))))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_many_to_one_reads_the_last_valid_state(bidirectional):
    options = {"bidirectional": bidirectional}
    many = rnn.Config((D, 4, 2), "lstm", "many_to_many", **options)
    one = rnn.Config((D, 4, 2), "lstm", **options)
    params, x = random_params(one), draw(T, D)
    found = rnn.apply(params, x.at[3:].set(jnp.nan), config=one, length=3)
    np.testing.assert_allclose(found, rnn.apply(params, x[:3], config=one), rtol=1e-13)
    if not bidirectional:
        every = rnn.apply(params, x, config=many, length=3)
        np.testing.assert_allclose(found, every[2], rtol=1e-13)
        np.testing.assert_array_equal(every[3:], np.stack(2 * [params.head.bias]))
    nothing = rnn.apply(params, x, config=one, length=0)
    np.testing.assert_array_equal(nothing, params.head.bias)


def test_one_to_many_is_one_input_and_silence():
    config = rnn.Config((D, 4, 2), "gru", "one_to_many", num_steps=T)
    many = rnn.Config((D, 4, 2), "gru", "many_to_many")
    params, x = random_params(config), draw(D)
    found = rnn.apply(params, x, config=config)
    want = rnn.apply(params, jnp.zeros((T, D)).at[0].set(x), config=many)
    np.testing.assert_array_equal(found, want)
    with pytest.raises(ValueError, match=r"`x` must have shape \(3,\)"):
        rnn.apply(params, jnp.zeros((T, D)), config=config)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("cell", ["clockwork", "lstm"])
def test_pieces_are_the_whole(cell):
    """And no logit sees the future."""
    config = rnn.Config((D, 4, 4, 2), cell, "many_to_many", periods=(1, 3))
    params, x = random_params(config), draw(T, D)

    @jax.jit
    def both(x):
        carry, first = rnn.run(params, nn.initial_carry(params.layers), x[:2], config=config)
        _, rest = rnn.run(params, carry, x[2:], config=config)
        apply = partial(rnn.apply, params, config=config)
        return jnp.concatenate([first, rest]), apply(x), jax.jacobian(apply)(x)

    pieces, whole, slope = both(x)
    np.testing.assert_allclose(pieces, whole, rtol=1e-12)
    future = np.triu(np.ones((T, T)), 1)[:, None, :, None]
    assert not np.any(slope * future)
    with pytest.raises(ValueError, match="run: argument `config` must not be bidirectional"):
        two = rnn.Config((D, 4, 4, 2), bidirectional=True)
        rnn.run(params, (), x, config=two)


def test_dropout_masks_what_goes_up():
    """Layer l's outputs with the mask of fold_in(key, l); the state goes on whole."""
    config = rnn.Config((D, 4, 6, 2), "elman", "many_to_many", dropout=0.25)
    params, x, key = random_params(config), draw(T, D), jax.random.key(3)
    y = x
    for i, layer in enumerate(params.layers):
        _, y = nn.run_cell(nn.elman_cell, layer, nn.initial_carry(layer), y)
        y = nn.dropout(jax.random.fold_in(jax.random.key(3), i), y, 0.25)
    want = y @ params.head.kernel + params.head.bias[None]
    np.testing.assert_allclose(rnn.train(key, params, x, config=config), want, rtol=1e-12)
    whole = rnn.Config((D, 4, 6, 2), "elman", "many_to_many")
    np.testing.assert_array_equal(
        rnn.train(jax.random.key(3), params, x, config=whole), rnn.apply(params, x, config=config)
    )


def test_starts():
    """Shapes for every cell, half of them in both directions; one more leaves the first alone."""
    for i, cell in enumerate(rnn._CELLS):
        config = rnn.Config((D, 8, 4, 2), cell, bidirectional=i % 2 == 1)
        params = jax.eval_shape(partial(rnn.init, config=config), jax.random.key(0))
        assert params.head.kernel.shape == (8 if config.bidirectional else 4, 2)
        y = jax.eval_shape(partial(rnn.apply, config=config), params, jnp.zeros((T, D)))
        assert y.shape == (2,)
    short, long = (rnn.Config(sizes, "clockwork") for sizes in ((D, 4, 2), (D, 4, 4, 2)))
    key = jax.random.key(0)
    one, two = rnn.init(key, short), rnn.init(jax.random.key(0), long)
    np.testing.assert_array_equal(one.layers[0].kernel, two.layers[0].kernel)
    with pytest.raises(ValueError, match="apply: argument `params` must have 2 layers"):
        rnn.apply(one, jnp.zeros((T, D)), config=long)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"sizes": (3, 2)}, ValueError, "`sizes` must hold at least 3"),
        ({"sizes": [3, 4, 2]}, TypeError, "`sizes` must be a tuple"),
        ({"sizes": (3, 0, 2)}, ValueError, r"`sizes\[1\]` must be at least 1"),
        ({"cell": "gruu"}, ValueError, "`cell` must be one of .*, got 'gruu'; did you mean 'gru'"),
        ({"task": "x"}, ValueError, "`task` must be one of many_to_one, .*, got 'x'$"),
        ({"task": "one_to_many"}, ValueError, "`num_steps` must be at least 1"),
        ({"dropout": 1.0}, ValueError, "`dropout`"),
        ({"periods": (1, 2.5)}, TypeError, r"`periods\[1\]` must be an integer"),
        ({"num_steps": -1}, ValueError, "Config: argument `num_steps` must be at least 0, got -1"),
    ],
)
def test_config_refuses(options, error, match):
    with pytest.raises(error, match=match):
        rnn.Config(**{"sizes": (3, 4, 2), **options})


def test_overfits_eight_sequences():
    """The label is the first input's sign: it must be kept for nine steps."""
    config = rnn.Config((1, 8, 2), "lstm")
    X = jax.random.normal(jax.random.key(0), (8, 10, 1))
    labels = (X[:, 0, 0] > 0).astype(jnp.int32)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(3e-2))

    def loss(params):
        logits = jax.vmap(partial(rnn.apply, params, config=config))(X)
        return jnp.mean(jax.vmap(nn.softmax_cross_entropy)(logits, labels))

    def step(carry, _):
        params, state = carry
        value, gradient = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(gradient, state, params)
        return (optax.apply_updates(params, updates), state), value

    params = random_params(config)
    losses = jax.jit(lambda p: jax.lax.scan(step, (p, optimizer.init(p)), length=150)[1])(params)
    assert losses[0] > 0.3
    assert losses[-1] < 0.02
