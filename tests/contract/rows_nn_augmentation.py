"""Rows of augmentation and adversarial examples."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from tests.contract.row import Bad, Row, key

DTYPES = ("float32", "bfloat16", "float64")
KEY = jax.random.key(0)
IMAGE = np.ones((2, 2, 1))
TESTS = "tests/nn/test_augmentation.py"


def make_image(rng: np.random.Generator, dtype: Any) -> tuple:
    return key(rng), jnp.asarray(rng.standard_normal((3, 4, 1)), dtype)


def augmentation(name: str, evidence: str, *settings: Any, bad: tuple[Bad, ...] = ()) -> Row:
    fn = getattr(nn, name)
    return Row(
        f"nn.{name}",
        make_image,
        diff=(1,),
        dtypes=DTYPES,
        call=lambda key, x: fn(key, x, *settings),
        evidence=f"{TESTS}::{evidence}",
        bad=(Bad((0, IMAGE, *settings), "argument `key`", TypeError), *bad),
    )


def batch_of_images(*settings: Any) -> Bad:
    return Bad((KEY, IMAGE[None], *settings), "argument `x` must have rank 3.*jax.vmap")


def make_batch(rng: np.random.Generator, dtype: Any) -> tuple:
    X, Y = rng.standard_normal((4, 3)), np.eye(2)[[0, 1, 1, 0]]
    return key(rng), jnp.asarray(X, dtype), jnp.asarray(Y, dtype)


def loss(x: Any) -> Any:
    return jnp.sum(jnp.sin(2 * x[:3])) - jnp.sum(jnp.cos(x[3:]) + 2 * x[3:])


def adversarial_oracle(x: np.ndarray, epsilon: float) -> np.ndarray:
    """The signs of the gradient do not change within the ball but for the points left out."""
    signs = np.sign(np.concatenate([2 * np.cos(2 * x[:3]), np.sin(x[3:]) - 2]))
    return np.clip(x + epsilon * signs, 0, 1)


def make_input(rng: np.random.Generator, dtype: Any) -> tuple:
    """Off π/4, where the derivative of the first half has its zero, and off the bounds."""
    x = rng.uniform(0.05, 0.95, 6)
    x = np.where(np.abs(x - np.pi / 4) < 0.2, 0.3, x)
    return jnp.asarray(x, dtype), jnp.asarray(0.125, dtype)


ROWS = [
    augmentation("random_flip", "test_flips", bad=(batch_of_images(),)),
    augmentation("random_rotation", "test_rotation_is_that_of_scipy", 0.5,
                 bad=(batch_of_images(0.5), Bad((KEY, IMAGE, -1.0), "argument `max_angle`"))),
    augmentation("random_shift", "test_shifts_and_crops_are_uniform_windows", 1, bad=(
        batch_of_images(1), Bad((KEY, IMAGE, 0.5), "argument `max_shift`", TypeError))),
    augmentation("random_crop", "test_shifts_and_crops_are_uniform_windows", (2, 2), bad=(
        batch_of_images((1, 1)),
        Bad((KEY, IMAGE, (3, 1)), r"argument `size\[0\]` must be at least 1 and at most 2"),
        Bad((KEY, IMAGE, 3), r"argument `size` must be a pair", TypeError),
    )),
    augmentation("gaussian_noise", "test_noise", 0.5,
                 bad=(Bad((KEY, IMAGE, -0.5), "argument `stddev`"),)),
    augmentation("cutout", "test_cutout", 2, bad=(
        batch_of_images(2), Bad((KEY, IMAGE, 1.5), "argument `size`", TypeError))),
    Row("nn.mixup", make_batch, diff=(1, 2),  # bfloat16 is in tests/nn: a gamma draw compiles long
        call=lambda key, X, Y: nn.mixup(key, X, Y, 0.5),
        evidence="tests/nn/test_mixup.py::test_one_weight_and_one_permutation", bad=(
            Bad((KEY, np.ones((2, 3)), np.array([0, 1]), 1.0), "argument `Y`.*one-hot", TypeError),
            Bad((KEY, np.ones((2, 3)), np.ones(3), 1.0), "argument `Y` must have as many"),
            Bad((KEY, np.ones((2, 3)), np.ones(2), 0.0), "argument `alpha` must be above 0"),
        ), note="a statistic of a data set: takes the batch"),
    Row("nn.fgsm", make_input, adversarial_oracle, diff=(0, 1), dtypes=DTYPES,
        call=lambda x, epsilon: nn.fgsm(loss, x, epsilon), bad=(
            Bad((1.0, np.ones(2), 0.1), "argument `loss_fn` must be a function", TypeError),
            Bad((loss, np.ones(6), -0.1), "argument `epsilon` must be at least 0"),
            Bad((loss, "x", 0.1), "argument `x`", TypeError),
        )),
    Row("nn.pgd", lambda rng, dtype: (key(rng), *make_input(rng, dtype)),
        lambda _, x, epsilon: adversarial_oracle(x, epsilon), diff=(1, 2), dtypes=DTYPES,
        # From every start the corner is within five steps.
        call=lambda key, x, epsilon: nn.pgd(key, loss, x, epsilon, 0.0625, 5), bad=(
            Bad((0, loss, np.ones(6), 0.1, 0.1, 3), "argument `key`", TypeError),
            Bad((KEY, loss, np.ones(6), 0.1, 0.1, 0), "argument `num_steps` must be at least 1"),
            Bad((KEY, loss, np.ones(6), 0.1, -0.1, 3), "argument `step_size`"),
        )),
]  # fmt: skip
