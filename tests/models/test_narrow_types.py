"""Narrow integers do not wrap, and half precisions draw, average and promote as wider ones."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import nn
from jaxmath.models import (
    cnn,
    gan,
    generation,
    ngram,
    rnn,
    sequence_to_sequence,
    softmax_regression,
    vae,
    visualization,
)

BF16 = jnp.bfloat16


@pytest.mark.parametrize(("length", "steps"), [(np.uint8(200), 300), (np.int8(100), 200)])
def test_lengths(length, steps):
    total = lambda params, carry, x: (carry + x, carry + x)
    x = jnp.ones((steps, 1))
    assert nn.run_cell(total, (), jnp.zeros(1), x, length=length)[0] == int(length)
    kind = np.asarray(length).dtype
    traced = jax.jit(lambda n: nn.run_cell(total, (), jnp.zeros(1), x, length=n)[0])
    assert traced(jnp.asarray(length, kind)) == int(length)
    counts = ngram.count(np.zeros((1, steps), int), np.array([length]), 2, order=1)
    np.testing.assert_array_equal(counts, [int(length) - 1, 0])
    params = ngram.NGramParams((jnp.array([0.25, 0.75]),), jnp.array([0.0, 1.0]))
    seen = [ngram.log_likelihood(params, np.ones(steps, int), n) for n in (length, int(length))]
    assert seen[0] == seen[1]


def test_symbols_and_classes():
    np.testing.assert_array_equal(
        ngram.count(np.zeros((1, 4), np.int8), np.array([4]), 200, order=1)[:2], [3, 0]
    )
    tables = jnp.full(200, 0.005), jnp.full((200, 200), 0.005)
    params = ngram.NGramParams(tables, jnp.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(ngram.predict_proba(params, jnp.array([5], jnp.int8)), 0.005)
    config = vae.Config((3,), 1, hidden=(2,), num_classes=300, activation="tanh")
    params = vae.init(jax.random.key(0), config)
    codes = [
        vae.encode(params, jnp.ones(3), config=config, label=kind(5)) for kind in (int, np.uint8)
    ]
    np.testing.assert_array_equal(codes[0], codes[1])
    X = np.random.default_rng(0).normal(size=(12, 2))
    y = np.arange(12) % 3
    fits = [softmax_regression.fit(X, y.astype(kind), num_classes=3, l2=0.1)
            for kind in (int, np.uint8)]  # fmt: skip
    np.testing.assert_array_equal(fits[0].value.coef, fits[1].value.coef)


def test_more_symbols_than_the_type_can_count():
    config = rnn.Config((3, 4, 300))
    params = sequence_to_sequence.init(jax.random.key(0), config)
    teach = lambda ids: sequence_to_sequence.apply(params, jnp.ones((2, 3)), ids, config=config)
    ids = np.array([5, 7, 100])
    np.testing.assert_array_equal(teach(ids.astype(np.uint8)), teach(ids))
    config = rnn.Config((300, 4, 300))
    params, key = rnn.init(jax.random.key(0), config), jax.random.key(1)
    go_on = lambda ids: generation.generate(key, params, ids, 20, config=config)
    np.testing.assert_array_equal(go_on(ids.astype(np.uint8)), go_on(ids))


def test_more_classes_than_the_type_can_count():
    config, tx = gan.Config((2,), 2, widths=(4,), num_classes=300), optax.sgd(0.1)
    state = gan.init_state(jax.random.key(0), config, tx, tx)
    for play, player, x in (
        (gan.generate, state.generator, jnp.ones(2)),
        (gan.discriminate, state.discriminator, jnp.ones(2)),
    ):
        now = lambda label, f=play, p=player, x=x: f(
            p.params, p.model_state, x, label, config=config
        )
        np.testing.assert_array_equal(now(np.uint8(100)), now(100))
    step, x = gan.gan_step(config, tx, tx), jnp.ones((4, 2))
    ends = [step(state, (x, labels, jnp.ones(4)), jax.random.key(1))[0]
            for labels in (np.full(4, 100), np.full(4, 100, np.uint8))]  # fmt: skip
    jax.tree.map(np.testing.assert_array_equal, *ends)


def test_frequencies_of_many_counts_in_half_precision():
    fitted = ngram.fit(np.array([70000, 70000]), np.array([5, 5]), dtype=jnp.float16)
    np.testing.assert_array_equal(fitted.value.frequencies[0], [0.5, 0.5])


def test_draws_in_half_precision():
    keys = jax.random.split(jax.random.key(0), 20000)
    logits = jnp.zeros(100, BF16)
    draws = jax.vmap(lambda k: generation.sample_token(k, logits))(keys)
    counts = np.bincount(draws, minlength=100)
    assert np.sum((counts - 200.0) ** 2 / 200) < 99 + 5 * np.sqrt(2 * 99)  # χ²
    config = vae.Config((4000,), 1, hidden=(2,))
    params = jax.tree.map(jnp.zeros_like, vae.init(jax.random.key(0), config, dtype=BF16))
    hidden, last = params.decoder.dense
    dense = hidden, last._replace(bias=jnp.full(4000, -6.9, BF16))  # p(x = 1) = 1e-3
    params = params._replace(decoder=params.decoder._replace(dense=dense))
    x = jax.vmap(lambda k: vae.sample(k, params, config=config))(keys[:10])
    assert abs(jnp.sum(x.astype(float)) - 40) < 5 * np.sqrt(40)


def test_infinite_temperature_draws_no_forbidden_symbol():
    logits = jnp.array([0.0, -jnp.inf, 1.0])
    keys = jax.random.split(jax.random.key(0), 200)
    drawn = jax.vmap(lambda k: generation.sample_token(k, logits, temperature=jnp.inf))(keys)
    assert set(drawn.tolist()) == {0, 2}


def test_running_means_move_in_half_precision():
    config, tx = gan.Config((2,), 3, widths=(4,)), optax.sgd(0.0)  # a generator that stands
    state = gan.init_state(jax.random.key(0), config, tx, tx, dtype=BF16)
    state = state._replace(ema=jax.tree.map(lambda a: a + 1, state.ema), step=jnp.int32(100_000))
    step, batch = gan.gan_step(config, tx, tx), (jnp.ones((4, 2), BF16), jnp.zeros(4), jnp.ones(4))
    one = lambda i, s: step(s, batch, jax.random.fold_in(jax.random.key(1), i))[0]
    end = jax.jit(lambda s: jax.lax.fori_loop(0, 1000, one, s))(state)
    (mean, _), params = end.ema, end.generator.params
    for m, a in zip(jax.tree.leaves(mean), jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(m - a.astype(m.dtype), config.ema**1000, rtol=1e-2)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "clockwork"])
def test_inputs_wider_than_parameters(cell):
    config = rnn.Config((3, 4, 2), cell)
    params = rnn.init(jax.random.key(0), config, dtype=BF16)
    wide = jax.tree.map(lambda a: a.astype(jnp.float32), params)
    x = jax.random.normal(jax.random.key(1), (5, 3), jnp.float32)
    y = rnn.apply(params, x, config=config)
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, rnn.apply(wide, x, config=config), rtol=1e-6)
    assert rnn.apply(params, x.astype(BF16), config=config).dtype == BF16


def test_recurrences_of_mixed_dtypes():
    for form in (nn.linear_recurrence, nn.linear_recurrence_associative):
        h = form(jnp.full((2, 1), 1j), jnp.ones((2, 1)), jnp.ones(1))
        np.testing.assert_allclose(h[:, 0], [1 + 1j, 1j])


def test_classes_outside_the_range():
    config = gan.Config((2,), 3, widths=(4,), num_classes=3)
    params, state = gan.init(jax.random.key(0), config)
    score = lambda label: gan.discriminate(
        params.discriminator, state.discriminator, jnp.ones(2), label, config=config
    )
    assert score(-1) == score(0) != score(2) == score(7)
    config = cnn.Config(image_size=8, widths=(4,), hidden=8)
    params, state = cnn.init(jax.random.key(0), config)
    for look in (visualization.saliency, visualization.grad_cam):
        for label in (-1, 10):
            with pytest.raises(ValueError, match="`label` must be from 0 to 9"):
                look(params, state, jnp.ones((8, 8, 1)), label, config=config)


@pytest.mark.parametrize("fields", [
    {"sizes": (3, 5, 2)}, {"periods": ()}, {"periods": (4, 2)}, {"bidirectional": "False"},
])  # fmt: skip
def test_settings_that_no_network_has(fields):
    with pytest.raises((ValueError, TypeError), match=r"Config: argument `(periods|bidirect)"):
        rnn.Config(**({"sizes": (3, 8, 2), "cell": "clockwork"} | fields))


@pytest.mark.parametrize("value", [2**32, -(2**32), np.uint64(2**63)])
def test_labels_that_jax_would_wrap_into_a_class(value):
    """With x64 off jax takes 2³² of NumPy's for 0."""
    with jax.enable_x64(False):
        label = np.asarray(value)
        assert np.isnan(nn.softmax_cross_entropy(jnp.array([1.0, 2.0, 3.0]), label))
        assert np.isnan(nn.softmax_cross_entropy(jnp.array([1.0, 2.0, 3.0]), label[()]))
        assert np.isnan(nn.accuracy(jnp.eye(3), np.array([value, 1, 2], label.dtype)))
        pairs = np.array([value, 1], label.dtype), np.array([0, 1])
        assert nn.confusion_matrix(*pairs, num_classes=2).sum() == 1
        with pytest.raises(ValueError, match="`ids` must lie in 0"):
            ngram.count(np.array([[value, 0]], label.dtype), np.array([2]), 2, order=1)
        with pytest.raises(ValueError, match="softmax_cross_entropy: argument `label` must fit"):
            nn.softmax_cross_entropy(jnp.zeros(3), 2**40)
