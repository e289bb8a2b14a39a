"""Rows of the generative adversarial networks, at a tiny configuration."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.models import gan
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, key

GAN = gan.Config((2,), 2, widths=(3,), num_classes=2, output="tanh")
TESTS = "tests/models/test_gan.py"
BY_HAND = f"{TESTS}::test_a_step_is_the_one_by_hand"


def make(player: str) -> Any:
    def args(rng: np.random.Generator, dtype: Any) -> tuple:
        params, state = gan.init(key(rng), GAN, dtype=dtype)
        x = jnp.asarray(rng.standard_normal(2), dtype)
        return getattr(params, player), getattr(state, player), x, jnp.int32(rng.integers(2))

    return args


def generate_oracle(params: Any, state: Any, z: np.ndarray, label: np.ndarray) -> np.ndarray:
    (W1, b1), (W2, b2) = params.layers
    hidden = np.maximum(np.concatenate([z, np.eye(2)[label]]) @ W1 + b1, 0)
    return np.tanh(hidden @ W2 + b2)


def discriminate_oracle(layers: Any, state: Any, x: np.ndarray, label: np.ndarray) -> np.ndarray:
    (W1, b1), (W2, b2) = layers
    hidden = x @ W1 + b1
    return (np.where(hidden > 0, hidden, 0.2 * hidden) @ W2 + b2)[label]


ROWS = [
    HostRow("models.gan.Config", "a frozen dataclass, static in jit",
            (f"{TESTS}::test_config_refuses",)),
    HostRow("models.gan.Player", "a record of three trees", (BY_HAND,)),
    HostRow("models.gan.Players", "a record of two trees",
            (f"{TESTS}::test_convolutions_and_labels",)),
    HostRow("models.gan.GANState", "a record of trees", (BY_HAND,)),
    HostRow("models.gan.init_state", "init, and what the optimizers add to it", (BY_HAND,)),
    HostRow("models.gan.gan_step", "it returns a function, which the tests call", (BY_HAND,)),
    Row(
        "models.gan.init",
        lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        diff=NotDifferentiable("a random draw: no argument is real"),
        bad=(
            Bad((0, GAN), "argument `key`", TypeError),
            Bad((jax.random.key(0), (4, 5)), "argument `config`", TypeError),
        ),
        call=lambda key, like: gan.init(key, GAN, dtype=like.dtype),
        evidence=f"{TESTS}::test_convolutions_and_labels",
        note="the second argument carries the dtype",
    ),
    Row(
        "models.gan.generate", make("generator"), generate_oracle, diff=(0, 2),
        bad=(Bad(((), (), np.zeros(2)), "config", TypeError),),
        call=lambda params, state, z, label: gan.generate(params, state, z, label, config=GAN),
    ),
    Row(
        "models.gan.discriminate", make("discriminator"), discriminate_oracle, diff=(0, 2),
        bad=(Bad(((), (), np.zeros(2)), "config", TypeError),),
        call=lambda params, state, x, label: gan.discriminate(params, state, x, label, config=GAN),
    ),
]  # fmt: skip
