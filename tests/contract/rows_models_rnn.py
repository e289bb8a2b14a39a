"""Rows of the recurrent models, at a tiny configuration, and of the truncated step."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmath import nn, train
from jaxmath.models import backpropagation_through_time as bptt
from jaxmath.models import generation, rnn, sequence_to_sequence
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, key
from tests.contract.rows_nn_recurrent import D, H, T, along, draw_params, elman, gru

DTYPES = ("float32", "bfloat16", "float64")
KEY = jax.random.key(0)
DRAW = NotDifferentiable("a random draw: no argument is real")
SYMBOLS = NotDifferentiable("symbols: whole numbers")
MODELS = "tests/models/test_rnn.py"
TIME = "tests/models/test_backpropagation_through_time.py"
TEXT = "tests/models/test_generation.py"
PAIRS = "tests/models/test_sequence_to_sequence.py"
MANY = rnn.Config((D, H, 2), "gru", "many_to_many")
SELF = rnn.Config((D, H, D), "gru")
SLOW = rnn.Config((3, 4, 2), "clockwork")
# A row passes no keywords; wrong shapes are refused in the modules' tests.
NO_CONFIG = "config"


def make_model(rng: np.random.Generator, dtype: Any, outputs: int = 2) -> tuple:
    draw = lambda *shape: jnp.asarray(rng.standard_normal(shape), dtype)
    head = nn.Dense(draw(H, outputs), draw(outputs))
    return rnn.RNNParams((draw_params(nn.GRU, rng, dtype),), head), draw(T, D)


def read(params: Any, states: np.ndarray) -> np.ndarray:
    W, b = params[1]
    return np.array([[b[j] + sum(h * W[:, j]) for j in range(len(b))] for h in states])


def model_oracle(params: Any, x: np.ndarray) -> np.ndarray:
    return read(params, along(gru, params[0][0], np.zeros(H), x)[1])


def make_piece(rng: np.random.Generator, dtype: Any) -> tuple:
    params, x = make_model(rng, dtype)
    return params, (jnp.asarray(rng.standard_normal(H), dtype),), x


def piece_oracle(params: Any, carry: tuple, x: np.ndarray) -> tuple:
    carry, states = along(gru, params[0][0], carry[0], x)
    return (carry,), read(params, states)


def make_back(kind: Any, with_errors: bool = True) -> Any:
    def make(rng: np.random.Generator, dtype: Any) -> tuple:
        params, draw = (
            draw_params(kind, rng, dtype),
            lambda *s: jnp.asarray(rng.normal(size=s), dtype),
        )
        carry = jax.tree.map(lambda leaf: draw(*leaf.shape), nn.initial_carry(params))
        return params, carry, draw(T, D), draw(T, H) if with_errors else draw(H)

    return make


def norms_oracle(params: Any, carry: np.ndarray, x: np.ndarray, error: np.ndarray) -> np.ndarray:
    _, states = along(elman, params, carry, x)
    g, norms = error, [np.linalg.norm(error)]
    for h in states[::-1]:
        g = params[0][D:] @ (g * (1 - h**2))
        norms.append(np.linalg.norm(g))
    return np.array(norms[::-1])


def make_logits(rng: np.random.Generator, dtype: Any) -> tuple:
    return key(rng), jnp.asarray(rng.standard_normal(5), dtype)


def sample_oracle(key: Any, logits: np.ndarray) -> np.ndarray:
    # The draw is jax's: the same key over the three largest, in descending order. In float32 it is
    # another one: a test of test_generation.py has that.
    order = np.argsort(-logits)[:3]
    values = jnp.asarray(logits[order] / 0.5)
    return np.int32(order[int(jax.random.categorical(key, values))])


def make_prompt(rng: np.random.Generator, dtype: Any) -> tuple:
    return key(rng), make_model(rng, dtype, D)[0], jnp.asarray(rng.integers(D, size=3), jnp.int32)


def make_pair(rng: np.random.Generator, dtype: Any) -> tuple:
    decoder, x = make_model(rng, dtype, D)
    params = sequence_to_sequence.Seq2SeqParams((draw_params(nn.GRU, rng, dtype),), decoder)
    return params, x, jnp.asarray(rng.integers(D, size=3), jnp.int32)


def pair_oracle(params: Any, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    carry, _ = along(gru, params[0][0], np.zeros(H), x)
    inputs = np.concatenate([np.zeros((1, D)), np.eye(D)[target[:-1]]])
    return read(params[1], along(gru, params[1][0][0], carry, inputs)[1])


def greedy_oracle(params: Any, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    carry, _ = along(gru, params[0][0], np.zeros(H), x)
    symbol, found = np.zeros(D), []
    for _ in range(3):
        carry, h = gru(params[1][0][0], carry, symbol)
        found.append(np.argmax(read(params[1], [h])[0]))
        symbol = np.eye(D)[found[-1]]
    return np.array(found, np.int32)


def truncated(w: Any, x: Any, y: Any, weight: Any) -> Any:
    """Two chunks of two steps of h = w h + x, y = h, SGD at 1/8."""

    def run(w: Any, h: Any, x: Any) -> Any:
        return jax.lax.scan(lambda h, x: 2 * (w * h + x,), h, x)

    step = train.truncated_step(run, jnp.zeros_like, lambda y, t: (y - t) ** 2,
                                optax.sgd(0.125), chunk_size=2)  # fmt: skip
    state = train.init_state(jax.random.key(0), w, optimizer=optax.sgd(0.125))
    state, metrics = step(state, train.Batch(x, y, weight), jax.random.key(1))
    return state.params, metrics["loss"]


def make_truncated(rng: np.random.Generator, dtype: Any) -> tuple:
    arrays = (0.5, rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), rng.uniform(1, 2, 3))
    return tuple(jnp.asarray(a, dtype) for a in arrays)


def truncated_oracle(w: Any, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple:
    h, weight, losses = np.zeros(3), weight / weight.sum(), []
    for j in (0, 2):
        first = w * h + x[:, j]
        second = w * first + x[:, j + 1]
        r1, r2 = first - y[:, j], second - y[:, j + 1]
        losses.append(weight @ (r1**2 + r2**2) / 2)
        w = w - 0.125 * weight @ (r1 * h + r2 * (first + w * h))
        h = second
    return w, np.mean(losses)


def row(name: str, make: Any, oracle: Any, call: Any, num_args: int, **more: Any) -> Row:
    bad = (Bad(((),) * num_args, NO_CONFIG, TypeError),)
    return Row(f"models.{name}", make, oracle, call=call, bad=bad, dtypes=DTYPES, **more)


ROWS = [
    HostRow("models.rnn.Config", "a frozen dataclass, static in jit",
            (f"{MODELS}::test_config_refuses",)),
    HostRow("models.rnn.RNNParams", "a record: layers and a head",
            (f"{MODELS}::test_agrees_with_flax",)),
    Row("models.rnn.init", lambda rng, dtype: (key(rng), jnp.zeros((), dtype)), diff=DRAW,
        call=lambda key, like: rnn.init(key, SLOW, dtype=like.dtype),
        evidence=f"{MODELS}::test_starts", note="the second argument carries the dtype",
        bad=(Bad((0, SLOW), "argument `key`", TypeError),
             Bad((KEY, (3, 4, 2)), "argument `config`", TypeError))),
    row("rnn.apply", make_model, model_oracle, partial(rnn.apply, config=MANY), 2, diff=(0, 1)),
    row("rnn.train", lambda rng, dtype: (key(rng), *make_model(rng, dtype)), None,
        partial(rnn.train, config=rnn.Config(MANY.sizes, "gru", dropout=0.3)), 3, diff=(1, 2),
        evidence=f"{MODELS}::test_dropout_masks_what_goes_up"),
    row("rnn.run", make_piece, piece_oracle, partial(rnn.run, config=MANY), 3, diff=(0, 1, 2)),
    Row("models.backpropagation_through_time.elman_backward", make_back(nn.Elman),
        diff=(0, 3), dtypes=DTYPES, evidence=f"{TIME}::test_equals_jax_grad",
        bad=(Bad((nn.Elman(np.ones((5, 3)), np.ones(3)), np.ones(3), np.ones((4, 2)), np.ones(3)),
                 r"`output_errors` must have shape \(4, 3\)"),
             Bad((nn.Elman(np.ones((5, 3)), np.ones(3)), np.ones(3), np.ones(2), np.ones(3)),
                 "`x` must have rank 2"))),
    Row("models.backpropagation_through_time.lstm_backward", make_back(nn.LSTM),
        diff=(0, 3), dtypes=DTYPES, evidence=f"{TIME}::test_equals_jax_grad",
        bad=(Bad((nn.LSTM(np.ones((5, 4, 3)), np.ones((4, 3))), 2 * (np.ones(3),),
                  np.ones((4, 2)), np.ones(3)), r"`output_errors` must have shape \(4, 3\)"),)),
    Row("models.backpropagation_through_time.gradient_norms", make_back(nn.Elman, False),
        norms_oracle, diff=(0, 1, 2, 3), dtypes=DTYPES,
        call=partial(bptt.gradient_norms, nn.elman_cell),
        bad=(Bad((nn.elman_cell, (), np.ones(3), np.ones((0, 2)), np.ones(3)), "at least 1"),
             Bad((nn.elman_cell, (), np.ones(3), np.ones(2), np.ones(3)), "`x` must have rank 2"))),
    Row("models.backpropagation_through_time.spectral_radius",
        lambda rng, dtype: (jnp.asarray(rng.standard_normal((D + H, H)), dtype),),
        lambda kernel: np.max(np.abs(np.linalg.eigvals(kernel[D:]))), tol=128,
        bad=(Bad((np.ones(3),), "`kernel` must have rank 2"),
             Bad((np.ones((2, 3)),), "`kernel` must have at least 3 rows"))),
    Row("models.generation.sample_token", make_logits, sample_oracle, diff=SYMBOLS,
        call=lambda key, z: generation.sample_token(key, z, temperature=0.5, top_k=3),
        dtypes=("float64",),
        bad=(Bad((0, np.ones(3)), "argument `key`", TypeError),
             Bad((KEY, np.ones((2, 3))), "`logits` .*jax.vmap"),
             Bad((KEY, np.ones(0)), "`logits` must have at least 1"))),
    row("generation.generate", make_prompt, None,
        lambda key, params, prompt: generation.generate(key, params, prompt, 4, config=SELF), 4,
        diff=SYMBOLS, evidence=f"{TEXT}::test_generation_feeds_back_what_it_draws"),
    HostRow("models.sequence_to_sequence.Seq2SeqParams", "a record: two networks",
            (f"{PAIRS}::test_greedy_is_teacher_forcing_with_its_own_symbols",)),
    Row("models.sequence_to_sequence.init", lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        call=lambda key, like: sequence_to_sequence.init(key, SLOW, dtype=like.dtype), diff=DRAW,
        evidence=f"{PAIRS}::test_starts", note="the second argument carries the dtype",
        bad=(Bad((0, SLOW), "argument `key`", TypeError),
             Bad((KEY, (3, 4, 2)), "argument `config`", TypeError),
             Bad((KEY, rnn.Config((3, 4, 2), bidirectional=True)), "`config` must not be bidir"))),
    row("sequence_to_sequence.apply", make_pair, pair_oracle,
        partial(sequence_to_sequence.apply, config=SELF), 3, diff=(0, 1)),
    row("sequence_to_sequence.greedy", make_pair, greedy_oracle,
        lambda params, x, target: sequence_to_sequence.greedy(params, x, 3, config=SELF), 3,
        diff=SYMBOLS),
    Row("train.truncated_step", make_truncated, truncated_oracle, diff=(0, 1, 2, 3), tol=64,
        call=truncated, bad=(Bad((1, 2, 3, 4), "chunk_size", TypeError),)),
]  # fmt: skip
