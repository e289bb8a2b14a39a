"""Rows of the autoencoders, at tiny configurations of dense layers."""

import itertools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special, stats

from jaxmath import nn
from jaxmath.models import autoencoder, vae
from jaxmath.models._variational import Half
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, Singular, key

DTYPES = ("float32", "bfloat16", "float64")
KEY = jax.random.key(0)
DRAW = NotDifferentiable("a random draw: no argument is real")
VAE = "tests/models/test_vae.py"
PLAIN = "tests/models/test_autoencoder.py"
D, H, K = 4, 3, 2
# Conditional, with one shared variance: what the oracle below computes.
CLASSES = vae.Config((D,), K, (H,), (), 2, "gaussian", "shared", "tanh", beta=2.0)
SPARSE = autoencoder.Config((D, H, K), "tanh", "sigmoid", l1=0.1, contraction=0.2, noise=0.3)
BINARY = vae.Config((D,), K, (H,), activation="tanh")


def draw_layers(rng: np.random.Generator, dtype: Any, *sizes: int) -> tuple[nn.Dense, ...]:
    draw = lambda *shape: jnp.asarray(rng.standard_normal(shape) / 2, dtype)
    return tuple(nn.Dense(draw(a, b), draw(b)) for a, b in itertools.pairwise(sizes))


def draw_vae(rng: np.random.Generator, dtype: Any, classes: int = 2) -> vae.VAEParams:
    encoder = Half((), draw_layers(rng, dtype, D + classes, H, 2 * K))
    decoder = Half((), draw_layers(rng, dtype, K + classes, H, D))
    return vae.VAEParams(encoder, decoder, jnp.asarray(0.3, dtype) if classes else ())


def make(size: int, *, keyed: bool = False, labelled: bool = True) -> Any:
    def args(rng: np.random.Generator, dtype: Any) -> tuple:
        params = draw_vae(rng, dtype, 2 if labelled else 0)
        x = jnp.asarray(rng.standard_normal(size), dtype)
        label = (jnp.int32(rng.integers(2)),) if labelled else ()
        return (*((key(rng),) if keyed else ()), params, x, *label)

    return args


def dense(layers: Any, x: Any, label: Any = None) -> np.ndarray:
    (W, b), (V, c) = layers
    x = x if label is None else np.concatenate([x, np.eye(2)[label]])
    hidden = [np.tanh(b[j] + sum(x[i] * W[i, j] for i in range(len(x)))) for j in range(H)]
    return np.array([c[k] + sum(hidden[j] * V[j, k] for j in range(H)) for k in range(len(c))])


def encode_oracle(params: Any, x: np.ndarray, label: Any) -> tuple:
    both = dense(params.encoder.dense, x, label)
    return both[:K], both[K:]


def decode_oracle(params: Any, z: np.ndarray, label: Any) -> vae.Likelihood:
    return vae.Likelihood(dense(params.decoder.dense, z, label), params.log_variance)


def apply_oracle(params: Any, x: np.ndarray, label: Any) -> np.ndarray:
    return decode_oracle(params, encode_oracle(params, x, label)[0], label)[0]


def make_plain(size: int, keyed: bool = False) -> Any:
    def args(rng: np.random.Generator, dtype: Any) -> tuple:
        encoder, decoder = draw_layers(rng, dtype, D, H, K), draw_layers(rng, dtype, K, H, D)
        params = autoencoder.AutoencoderParams(encoder, decoder)
        x = jnp.asarray(rng.standard_normal(size), dtype)
        return (*((key(rng),) if keyed else ()), params, x)

    return args


def plain_code(params: Any, x: np.ndarray) -> np.ndarray:
    return special.expit(dense(params.encoder, x))


def contraction_oracle(params: Any, x: np.ndarray) -> float:
    (W, b), (V, _) = params.encoder
    h, code = np.tanh(x @ W + b), plain_code(params, x)
    return np.sum((((1 - h**2) * W) @ V * code * (1 - code)) ** 2)


def make_outputs(rng: np.random.Generator, dtype: Any) -> tuple:
    draw = lambda n: jnp.asarray(rng.standard_normal(n), dtype)
    return vae.Outputs(vae.Likelihood(draw(D), draw(D)), draw(K), draw(K)), draw(D)


def loss_oracle(outputs: Any, x: np.ndarray) -> float:
    (location, log_variance), m, s = outputs
    kl = 0.5 * np.sum(m**2 + np.exp(s) - 1 - s)
    return 2.0 * kl - np.sum(stats.norm.logpdf(x, location, np.exp(log_variance / 2)))


def labelled(fn: Any, *extra: Any) -> Any:
    def call(*args: Any) -> Any:
        return fn(*args[:-1], *extra, config=CLASSES, label=args[-1])

    return call


# A row passes no keywords; wrong shapes and labels are refused in the modules' tests.
NO_CONFIG = (Bad((), "argument|config", TypeError),)


def vae_row(name: str, made: Any, diff: Any, call: Any = None, **more: Any) -> Row:
    fn = getattr(vae, name)
    return Row(f"models.vae.{name}", made, diff=diff, call=call or labelled(fn), bad=NO_CONFIG,
               **{"dtypes": DTYPES, **more})  # fmt: skip


def plain_row(name: str, made: Any, diff: Any, **more: Any) -> Row:
    fn = getattr(autoencoder, name)
    return Row(f"models.autoencoder.{name}", made, diff=diff, dtypes=DTYPES,
               **{"call": partial(fn, config=SPARSE), "bad": NO_CONFIG, **more})  # fmt: skip


ROWS = [
    HostRow("models.autoencoder.AutoencoderParams", "a record: two halves",
            (f"{PLAIN}::test_a_linear_one_spans_the_principal_subspace",)),
    HostRow("models.autoencoder.Config", "a frozen dataclass, static in jit",
            (f"{PLAIN}::test_config_refuses",)),
    HostRow("models.autoencoder.Outputs", "a record: what the loss needs",
            (f"{PLAIN}::test_training_pass_by_hand",)),
    plain_row("apply", make_plain(D), (0, 1),
              oracle=lambda params, x: dense(params.decoder, plain_code(params, x))),
    plain_row("contractive_penalty", make_plain(D), (0, 1), oracle=contraction_oracle, tol=64),
    plain_row("corrupt", lambda rng, dtype: (key(rng), jnp.asarray(rng.normal(size=4), dtype)),
              (1,), call=lambda key, x: autoencoder.corrupt(key, x, noise=0.5, masking=0.3),
              evidence=f"{PLAIN}::test_corruption",
              bad=(Bad((0, np.ones(3)), "argument `key`", TypeError),
                   Bad((KEY, 1j), "argument `x`", TypeError))),
    plain_row("decode", make_plain(K), (0, 1),
              oracle=lambda params, code: dense(params.decoder, code)),
    plain_row("encode", make_plain(D), (0, 1), oracle=plain_code),
    Row("models.autoencoder.init", lambda rng, dtype: (key(rng), jnp.zeros((), dtype)), diff=DRAW,
        call=lambda key, like: autoencoder.init(
            key, autoencoder.Config((D, K)), dtype=like.dtype),
        evidence=f"{PLAIN}::test_shapes", note="the second argument carries the dtype",
        bad=(Bad((0, SPARSE), "argument `key`", TypeError),
             Bad((KEY, (4, 2)), "argument `config`", TypeError))),
    plain_row("loss", lambda rng, dtype: tuple(
        jnp.asarray(v, dtype) for v in (rng.normal(size=D), rng.uniform(), rng.normal(size=D))),
        (0, 1, 2), oracle=lambda y, penalty, x: np.sum((y - x) ** 2) / 2 + penalty,
        call=lambda y, penalty, x: autoencoder.loss(autoencoder.Outputs(y, y, penalty), x),
        bad=(Bad((autoencoder.Outputs(np.ones(3), 0.0, 0.0), np.ones(2)),
                 r"`x` must have shape \(3,\)"),)),
    plain_row("sparsity_penalty", lambda rng, dtype: (
        jnp.asarray(rng.uniform(0.2, 0.8, 4), dtype),), (0,),
        oracle=lambda p: np.sum(special.rel_entr(0.1, p) + special.rel_entr(0.9, 1 - p)),
        call=lambda p: autoencoder.sparsity_penalty(p, 0.1), tol=64,
        singular=(Singular(([0.0, 0.1],), float("inf")),),
        bad=(Bad((np.ones((2, 3)), 0.1), "`mean_code` must have rank 1.*jax.vmap"),
             Bad((np.ones(3), 1.0), "`target` must be .* below 1.0"))),
    plain_row("train", make_plain(D, keyed=True), (1, 2),
              evidence=f"{PLAIN}::test_training_pass_by_hand", tol=64),
    HostRow("models.vae.Config", "a frozen dataclass, static in jit",
            (f"{VAE}::test_config_refuses",)),
    HostRow("models.vae.Likelihood", "a record: arrays of a distribution",
            (f"{VAE}::test_variance_of_the_values",)),
    HostRow("models.vae.Outputs", "a record: what the loss needs",
            (f"{VAE}::test_train_is_decode_of_a_draw",)),
    HostRow("models.vae.VAEParams", "a record: two halves and a variance",
            (f"{VAE}::test_evidence_of_a_linear_model",)),
    vae_row("apply", make(D), (0, 1), oracle=apply_oracle),
    vae_row("decode", make(K), (0, 1), oracle=decode_oracle),
    vae_row("elbo", make(D, keyed=True), (1, 2), evidence=f"{VAE}::test_train_is_decode_of_a_draw"),
    vae_row("encode", make(D), (0, 1), oracle=encode_oracle),
    Row("models.vae.expectation", lambda rng, dtype: (make_outputs(rng, dtype)[1],),
        lambda z: 1 / (1 + np.exp(-z)), dtypes=DTYPES,
        call=lambda z: vae.expectation(vae.Likelihood(z, ())),
        bad=(Bad((np.ones(3),), "argument `likelihood` must be a Likelihood", TypeError),)),
    Row("models.vae.init", lambda rng, dtype: (key(rng), jnp.zeros((), dtype)), diff=DRAW,
        call=lambda key, like: vae.init(key, CLASSES, dtype=like.dtype),
        evidence=f"{VAE}::test_shapes", note="the second argument carries the dtype",
        bad=(Bad((0, CLASSES), "argument `key`", TypeError),
             Bad((KEY, (4, 2)), "argument `config`", TypeError))),
    vae_row("iwae", make(D, keyed=True), (1, 2), labelled(vae.iwae, 3), tol=64,
            evidence=f"{VAE}::test_evidence_of_a_linear_model"),
    vae_row("loss", make_outputs, (0, 1), partial(vae.loss, config=CLASSES), oracle=loss_oracle),
    vae_row("sample", lambda rng, dtype: (key(rng), draw_vae(rng, dtype, 0)), DRAW,
            partial(vae.sample, config=BINARY), evidence=f"{VAE}::test_samples"),
    vae_row("train", make(D, keyed=True), (1, 2),
            evidence=f"{VAE}::test_train_is_decode_of_a_draw"),
]  # fmt: skip
