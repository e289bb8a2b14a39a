"""The losses of the game by name, and the penalties on the discriminator's slopes."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmath import nn
from jaxmath.numerics import safe_norm
from jaxmath.typing import Array

__all__: list[str] = []


def discriminator_loss(real: Array, fake: Array, loss: str) -> Array:
    if loss in ("minimax", "non_saturating"):
        return nn.softplus(-real) + nn.softplus(fake)
    if loss == "least_squares":
        return ((real - 1) ** 2 + fake**2) / 2
    if loss == "hinge":
        return nn.relu(1 - real) + nn.relu(1 + fake)
    return fake - real


def generator_loss(fake: Array, loss: str) -> Array:
    if loss == "minimax":
        return -nn.softplus(fake)
    if loss == "non_saturating":
        return nn.softplus(-fake)
    if loss == "least_squares":
        return (fake - 1) ** 2 / 2
    return -fake


def gradient_penalty(f: Callable[[Array], Array], x: Array) -> Array:
    return (safe_norm(jax.grad(f)(x).reshape(-1)) - 1) ** 2


def zero_penalty(f: Callable[[Array], Array], x: Array) -> Array:
    return jnp.sum(jax.grad(f)(x) ** 2) / 2
