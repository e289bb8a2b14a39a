"""A tiny model with batch norm and dropout, in the general form of a model."""

from dataclasses import dataclass
from typing import NamedTuple

import jax

from jaxmath import nn


@dataclass(frozen=True)
class Config:
    sizes: tuple[int, int, int] = (3, 5, 2)
    rate: float = 0.25


class Params(NamedTuple):
    layers: tuple  # dense, batch norm, dense


def init(key, config):
    d, h, k = config.sizes
    norm, state = nn.batch_norm_init(h)
    first = nn.dense_init(jax.random.fold_in(key, 0), d, h)
    last = nn.dense_init(jax.random.fold_in(key, 1), h, k)
    return Params((first, norm, last)), (state,)


def apply(params, model_state, x, *, config):
    first, norm, last = params.layers
    h = nn.batch_norm_apply(norm, model_state[0], nn.dense_apply(first, x))
    return nn.dense_apply(last, nn.tanh(h))


def train(key, params, model_state, x, *, config, axis_name):
    first, norm, last = params.layers
    h = nn.dense_apply(first, x)
    h, state = nn.batch_norm_train(norm, model_state[0], h, axis_name=axis_name)
    h = nn.dropout(jax.random.fold_in(key, 0), nn.tanh(h), config.rate)
    return nn.dense_apply(last, h), (state,)
