"""The two networks of a generative adversarial network: what they are made of, and their passes."""

import itertools
import math
from collections.abc import Hashable, Iterable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import nn
from jaxmath.models._gan_config import Config
from jaxmath.typing import Array, ArrayLike, as_array

__all__: list[str] = []

_OUTPUTS = {"identity": nn.identity, "tanh": nn.tanh, "sigmoid": nn.sigmoid}
_SLOPE = 0.2
_WINDOW = (4, 4)
_draw = partial(nn.normal_init, stddev=0.02)  # the DCGAN's


class Generator(NamedTuple):
    """Its layers, and the batch norms between them (of a DCGAN)."""

    layers: tuple
    norms: tuple


def _base(config: Config) -> tuple[int, int, int]:
    """The shape of the smallest image of a DCGAN."""
    side = config.shape[0] >> len(config.widths)
    return side, side, config.widths[-1]


def _dense_layers(
    key: Array, sizes: tuple[int, ...], dtype: jax.typing.DTypeLike, more: int = 0
) -> tuple[nn.Dense, ...]:
    """Layers that a rectifier follows, and a linear one with some inputs more."""
    last = len(sizes) - 2
    return tuple(
        nn.dense_init(
            jax.random.fold_in(key, i), a + more * (i == last), b, dtype=dtype,
            kernel_init=nn.lecun_normal if i == last else nn.he_normal,
        )
        for i, (a, b) in enumerate(itertools.pairwise(sizes))
    )  # fmt: skip


def init_generator(key: Array, config: Config, dtype: jax.typing.DTypeLike) -> tuple:
    """Parameters and running statistics."""
    size = config.latent_size + (config.num_classes or 0)
    widths = config.widths[::-1]
    if config.players == "mlp":
        sizes = (size, *widths, math.prod(config.shape))
        return Generator(_dense_layers(key, sizes, dtype), ()), ()
    keys = jax.random.split(key, len(widths) + 1)
    base = _base(config)
    first = nn.dense_init(keys[0], size, math.prod(base), dtype=dtype, kernel_init=_draw)
    make = partial(nn.transposed_conv_init, window=_WINDOW, dtype=dtype, kernel_init=_draw)
    pairs = itertools.pairwise((*widths, config.shape[-1]))
    layers = [make(k, c, o) for k, (c, o) in zip(keys[1:], pairs, strict=True)]
    norms, state = zip(*(nn.batch_norm_init(c, dtype=dtype) for c in widths), strict=True)
    return Generator((first, *layers), norms), state


def init_discriminator(key: Array, config: Config, dtype: jax.typing.DTypeLike) -> tuple:
    """Parameters, one layer after another, and the singular vectors of their kernels."""
    layers_key, vectors_key = jax.random.split(key)
    layers = _discriminator_layers(layers_key, config, dtype)
    if not config.spectral_norm:
        return layers, ()
    keys = jax.random.split(vectors_key, len(layers))
    kernels = (layer.kernel for layer in layers)
    return layers, tuple(itertools.starmap(nn.spectral_norm_init, zip(keys, kernels, strict=True)))


def _discriminator_layers(key: Array, config: Config, dtype: jax.typing.DTypeLike) -> tuple:
    scores, more = config.num_classes or 1, int(config.minibatch_stddev)
    if config.players == "mlp":
        return _dense_layers(key, (math.prod(config.shape), *config.widths, scores), dtype, more)
    keys = jax.random.split(key, len(config.widths) + 1)
    make = partial(nn.conv_init, window=_WINDOW, dtype=dtype, kernel_init=_draw)
    pairs = itertools.pairwise((config.shape[-1], *config.widths))
    convs = [make(k, c, o) for k, (c, o) in zip(keys[1:], pairs, strict=True)]
    features = math.prod(_base(config)) + more
    head = nn.dense_init(keys[0], features, scores, dtype=dtype, kernel_init=_draw)
    return (*convs, head)


def _check_layers(caller: str, layers: tuple, config: Config) -> None:
    if len(layers) != len(config.widths) + 1:
        raise ValueError(
            f"{caller}: argument `params` must have {len(config.widths) + 1} layers for widths "
            f"{config.widths}, got {len(layers)}"
        )


def as_label(caller: str, label: ArrayLike | None, config: Config) -> Array | None:
    """The label of a conditional network, and None of another."""
    if (label is None) != (config.num_classes is None):
        needs = "needs a label" if label is None else "has no classes"
        raise ValueError(
            f"{caller}: argument `label` is {'missing' if label is None else 'too much'}: this "
            f"network {needs}"
        )
    if label is None:
        return None
    return as_array("label", label, ndim=0, kind="integer").astype(jnp.result_type(int))


def generated(
    params: Generator,
    state: tuple,
    z: Array,
    label: Array | None,
    config: Config,
    axis_name: Hashable | None = None,
) -> tuple[Array, tuple]:
    """An example made of z, and the running statistics after it; without an axis as they were."""
    layers = params.layers
    _check_layers("generate", layers, config)
    if label is not None and config.num_classes is not None:
        z = jnp.concatenate([z, jax.nn.one_hot(label, config.num_classes, dtype=z.dtype)])
    x = nn.dense_apply(layers[0], z)
    if config.players == "mlp":
        for layer in layers[1:]:
            x = nn.dense_apply(layer, nn.relu(x))
        return _OUTPUTS[config.output](x).reshape(config.shape), state
    x, after = x.reshape(_base(config)), []
    for norm, statistics, layer in zip(params.norms, state, layers[1:], strict=True):
        if axis_name is None:
            x = nn.batch_norm_apply(norm, statistics, x)
        else:
            x, statistics = nn.batch_norm_train(norm, statistics, x, axis_name=axis_name)
        after.append(statistics)
        x = nn.transposed_conv_apply(layer, nn.relu(x), stride=2)
    return _OUTPUTS[config.output](x), tuple(after)


def normalized(layers: tuple, state: tuple, config: Config) -> tuple[tuple, tuple]:
    """The layers with kernels of spectral norm 1, and the singular vectors after a step."""
    if not config.spectral_norm:
        return layers, state
    pairs = [
        nn.spectral_norm_train(vectors, layer.kernel)
        for vectors, layer in zip(state, layers, strict=True)
    ]
    kernels, state = zip(*pairs, strict=True)
    return _with_kernels(layers, kernels), state


def held(layers: tuple, state: tuple, config: Config) -> tuple:
    """The layers with kernels of spectral norm 1, by the singular vectors as they are."""
    if not config.spectral_norm:
        return layers
    kernels = (layer.kernel for layer in layers)
    return _with_kernels(layers, map(nn.spectral_norm_apply, state, kernels))


def _with_kernels(layers: tuple, kernels: Iterable[Array]) -> tuple:
    pairs = zip(layers, kernels, strict=True)
    return tuple(layer._replace(kernel=kernel) for layer, kernel in pairs)


def _with_spread(x: Array, axis_name: Hashable | None) -> Array:
    """The batch's standard deviation beside x; alone, an example is a batch of one."""
    if axis_name is not None:
        return nn.minibatch_stddev(x, axis_name=axis_name)
    one = partial(nn.minibatch_stddev, axis_name="alone")
    return jax.vmap(one, axis_name="alone")(x[None])[0]


def score(
    layers: tuple,
    x: Array,
    label: Array | None,
    config: Config,
    axis_name: Hashable | None = None,
) -> Array:
    """The discriminator's score, by kernels that are normalized already."""
    _check_layers("discriminate", layers, config)
    apply = nn.dense_apply
    if config.players == "mlp":
        x = x.reshape(-1)
    else:
        apply = partial(nn.conv_apply, stride=2)
    for layer in layers[:-1]:
        x = nn.leaky_relu(apply(layer, x), negative_slope=_SLOPE)
    x = x.reshape(-1)
    if config.minibatch_stddev:
        x = _with_spread(x, axis_name)
    scores = nn.dense_apply(layers[-1], x)
    return scores[0] if label is None else scores[jnp.clip(label, 0, len(scores) - 1)]
