"""A tiny classification that every test of the engine shares."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmath import nn, train
from jaxmath.models import mlp

CONFIG = mlp.Config((4, 3), "tanh")


def correct(logits, label):
    return (jnp.argmax(logits) == label).astype(jnp.float32)


TRACES: list[int] = []  # one more for each time that the step is traced


def _apply(params, x):
    TRACES.append(1)
    return mlp.apply(params, x, config=CONFIG)


TRAIN_FN, APPLY_FN = train.adapt(_apply)
OPTIMIZER = optax.sgd(0.1, momentum=0.9)
METRICS = {"accuracy": correct}
STEP = train.supervised_step(TRAIN_FN, nn.softmax_cross_entropy, OPTIMIZER, metrics=METRICS)
JIT_STEP = jax.jit(STEP)
EVAL = train.supervised_eval(APPLY_FN, nn.softmax_cross_entropy, metrics=METRICS)


def data(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three noisy classes in four dimensions."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n).astype(np.int32)
    x = np.eye(4)[y] + 0.4 * rng.standard_normal((n, 4))
    return x.astype(np.float32), y


def start(seed: int = 0, optimizer=OPTIMIZER) -> train.TrainState:
    key, init_key = jax.random.split(jax.random.key(seed))
    params = mlp.init(init_key, CONFIG, dtype=jnp.float32)
    return train.init_state(key, params, optimizer=optimizer)


def leaves(tree) -> list[np.ndarray]:
    """The leaves as NumPy, keys as their data."""
    is_key = lambda a: jnp.issubdtype(a.dtype, jax.dtypes.prng_key)
    return [np.asarray(jax.random.key_data(a) if is_key(a) else a) for a in jax.tree.leaves(tree)]


def assert_same(a, b, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Equal structure and leaves: to the byte, or within a tolerance."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for u, v in zip(leaves(a), leaves(b), strict=True):
        if rtol or atol:
            np.testing.assert_allclose(u, v, rtol=rtol, atol=atol)
        else:
            assert u.dtype == v.dtype
            np.testing.assert_array_equal(u, v)
