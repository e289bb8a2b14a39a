"""How to train generative models: adversarial games, and autoencoders."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmath import nn
from jaxmath.datasets import Dataset
from jaxmath.train.generative import CODES, GAMES
from jaxmath.train.options import Option
from jaxmath.train.recipe import Generative, Model, Recipe
from jaxmath.train.trainer import Trainer
from jaxmath.typing import Array, PyTree

__all__: list[str] = []


def _shape(dataset: Dataset) -> tuple[int, ...]:
    return dataset.image_shape or dataset.x.shape[1:]


def _latent(dataset: Dataset, latent: int | None, images: int) -> int:
    return latent or (images if dataset.image_shape else 2)


# Games.


def _game_trainer(
    config: Any, b1: float, b2: float, ratio: float, *, num_steps: int, learning_rate: float,
    weight_decay: float, compute_dtype: Any,
) -> Trainer:  # fmt: skip
    """Both players by AdamW, whose rates a cosine brings to 0; the discriminator's is larger."""
    from jaxmath.models import gan

    if compute_dtype is not None:
        raise ValueError("--precision bfloat16 is not for adversarial games")

    def optimizer(rate: float, steps: int) -> optax.GradientTransformation:
        schedule = optax.cosine_decay_schedule(rate, steps)
        return optax.adamw(schedule, b1, b2, weight_decay=weight_decay, mask=nn.decay_mask)

    both = (
        optimizer(learning_rate, num_steps),
        optimizer(ratio * learning_rate, num_steps * config.num_critic),
    )

    def start(seed: Any) -> PyTree:
        key = jax.random.key(seed)
        return gan.init_state(key, config, *both, dtype=jnp.float32)

    return Trainer(gan.gan_step(config, *both), None, start)


def _num_classes(dataset: Dataset, model: str) -> int:
    if not dataset.num_classes:
        raise ValueError(f"{model} makes examples of a class, and these have none")
    return dataset.num_classes


def _game(
    dataset: Dataset, latent: int | None, critic_steps: int, *, players: str,
    widths: tuple[int, ...], classes: int | None = None, b1: float = 0.5, b2: float = 0.99,
    ratio: float = 2.0, **rules: Any,
) -> Model:  # fmt: skip
    from jaxmath.models import gan

    config = gan.Config(
        _shape(dataset),
        _latent(dataset, latent, 64),
        players,
        widths,
        classes,
        output="sigmoid" if dataset.image_shape else "identity",
        num_critic=critic_steps,
        **rules,
    )

    def decode(state: PyTree, z: Array, label: Array) -> Array:
        params, statistics = state.ema
        chosen = label if classes else None
        return gan.generate(params, statistics, z, chosen, config=config)

    return Model(
        config,
        trainer=partial(_game_trainer, config, b1, b2, ratio),
        generative=Generative(config.latent_size, decode, classes or 0),
        modes=("scan", "map"),
    )


def _gan(
    dataset: Dataset, latent: int | None, image_size: int | None, hidden: tuple[int, ...],
    critic_steps: int,
) -> Model:  # fmt: skip
    return _game(dataset, latent, critic_steps, players="mlp", widths=hidden)


def _wgan(
    dataset: Dataset, latent: int | None, image_size: int | None, hidden: tuple[int, ...],
    critic_steps: int,
) -> Model:  # fmt: skip
    rules: Any = {"loss": "wasserstein", "clip": 0.1}
    return _game(dataset, latent, critic_steps, players="mlp", widths=hidden, **rules)


def _wgan_gp(
    dataset: Dataset, latent: int | None, image_size: int | None, hidden: tuple[int, ...],
    critic_steps: int, penalty_weight: float,
) -> Model:  # fmt: skip
    rules: Any = {"loss": "wasserstein", "penalty": "wgan_gp", "penalty_weight": penalty_weight}
    return _game(dataset, latent, critic_steps, players="mlp", widths=hidden, b2=0.9, **rules)


def _cgan(
    dataset: Dataset, latent: int | None, image_size: int | None, hidden: tuple[int, ...],
    critic_steps: int, penalty_weight: float,
) -> Model:  # fmt: skip
    rules: Any = {"penalty": "r1", "penalty_weight": penalty_weight}
    rules["classes"] = _num_classes(dataset, "cgan")
    return _game(dataset, latent, critic_steps, players="mlp", widths=hidden, **rules)


def _dcgan(
    dataset: Dataset, latent: int | None, image_size: int | None, critic_steps: int,
    penalty_weight: float, width: float,
) -> Model:  # fmt: skip
    from jaxmath.models._config import scaled

    if not dataset.image_shape:
        raise ValueError("dcgan is for images, and these examples are points")
    # One layer more while the smallest map stays 4×4 at least.
    size, halvings = dataset.image_shape[0], 0
    if size % 2:
        raise ValueError(f"dcgan halves its images, and {size} pixels are odd: choose --image-size")
    while size % 2 == 0 and size >= 8:
        size, halvings = size // 2, halvings + 1
    widths = tuple(scaled(32 * 2**i, width) for i in range(max(halvings, 1)))
    return _game(
        dataset, latent, critic_steps, players="dcgan", widths=widths, ratio=1.0,
        penalty="r1", penalty_weight=penalty_weight, ema=0.998,
    )  # fmt: skip


# Autoencoders.


def _coded(
    config: Any, init: Callable, outputs: Callable, known: Callable, loss: Callable,
    metrics: Mapping[str, Callable], generative: Generative,
) -> Model:  # fmt: skip
    """A model whose outputs, in training and for evaluation, are compared with the example.

    Each takes an example and its class, whether it looks at the latter or not.
    """

    def train_fn(key: Array, params: PyTree, model_state: PyTree, pair: Any, axis_name: str) -> Any:
        return outputs(key, params, *pair, axis_name), model_state

    return Model(
        config,
        init=lambda key: (init(key, config, dtype=jnp.float32), ()),
        train_fn=train_fn,
        apply_fn=lambda params, model_state, pair: known(params, *pair),
        loss=loss,
        metrics=metrics,
        generative=generative,
        modes=("scan", "map"),
        pair=lambda x, label: ((x, label), x),
    )


def _denoising(
    dataset: Dataset, latent: int | None, image_size: int | None, hidden: tuple[int, ...],
    noise: float,
) -> Model:  # fmt: skip
    from jaxmath.models import autoencoder

    shape = _shape(dataset)
    size = _latent(dataset, latent, 32)
    config = autoencoder.Config((math.prod(shape), *hidden, size), masking=noise)

    def outputs(key: Array, params: PyTree, x: Array, label: Array, axis_name: str) -> Any:
        return autoencoder.train(key, params, x.reshape(-1), config=config, axis_name=axis_name)

    def known(params: PyTree, x: Array, label: Array) -> Any:
        code = autoencoder.encode(params, x.reshape(-1), config=config)
        back = autoencoder.decode(params, code, config=config)
        return autoencoder.Outputs(back, code, jnp.zeros((), back.dtype))

    def error(outputs: Any, x: Array) -> Array:
        return jnp.mean(jnp.square(outputs.reconstruction - x.reshape(-1)))

    generative = Generative(
        size,
        lambda state, z, label: autoencoder.decode(state.params, z, config=config).reshape(shape),
        encode=lambda s, x, label: autoencoder.encode(s.params, x.reshape(-1), config=config),
        prior=False,
    )
    return _coded(
        config, autoencoder.init, outputs, known,
        lambda outputs, x: autoencoder.loss(outputs, x.reshape(-1)),
        {"mean_squared_error": error}, generative,
    )  # fmt: skip


def _autoencoder(
    dataset: Dataset, latent: int | None, image_size: int | None, hidden: tuple[int, ...]
) -> Model:
    return _denoising(dataset, latent, image_size, hidden, 0.0)


def _variational(
    dataset: Dataset, latent: int | None, hidden: tuple[int, ...], beta: float, classes: int
) -> Model:
    from jaxmath.models import vae

    likelihood = "bernoulli" if dataset.image_shape else "gaussian"
    # A small code leaves the class to be told by the label.
    size = _latent(dataset, latent, 8 if classes else 20)
    config = vae.Config(
        _shape(dataset), size, hidden, num_classes=classes, likelihood=likelihood, beta=beta
    )

    def given(label: Array) -> dict[str, Any]:
        return {"config": config, "label": label if classes else None}

    def outputs(key: Array, params: PyTree, x: Array, label: Array, axis_name: str) -> Any:
        return vae.train(key, params, x, **given(label))

    def known(params: PyTree, x: Array, label: Array) -> Any:
        # The same draw for an example each time, and another for another.
        bits = jax.lax.bitcast_convert_type(jnp.sum(x).astype(jnp.float32), jnp.uint32)
        return vae.train(jax.random.fold_in(jax.random.key(0), bits), params, x, **given(label))

    def encode(state: PyTree, x: Array, label: Array) -> Array:
        return vae.encode(state.params, x, **given(label))[0]

    def decode(state: PyTree, z: Array, label: Array) -> Array:
        return vae.expectation(vae.decode(state.params, z, **given(label)))

    def divergence(outputs: Any, x: Array) -> Array:
        return nn.standard_gaussian_kl(outputs.mean, outputs.log_variance)

    def bound(outputs: Any, x: Array) -> Array:
        return -vae.loss(outputs, x, config=dataclasses.replace(config, beta=1.0))

    return _coded(
        config, vae.init, outputs, known, partial(vae.loss, config=config),
        {"elbo": bound, "kl": divergence}, Generative(size, decode, classes, encode),
    )  # fmt: skip


def _vae(
    dataset: Dataset, latent: int | None, image_size: int | None, hidden: tuple[int, ...],
    beta: float,
) -> Model:  # fmt: skip
    return _variational(dataset, latent, hidden, beta, 0)


def _cvae(
    dataset: Dataset, latent: int | None, image_size: int | None, hidden: tuple[int, ...],
    beta: float,
) -> Model:  # fmt: skip
    return _variational(dataset, latent, hidden, beta, _num_classes(dataset, "cvae"))


def _options(hidden: tuple[int, ...] | None, **more: Option) -> dict[str, Option]:
    options = {
        "latent": Option(int, None, "size of a code; 2 for points of the plane", low=1),
        "image_size": Option(int, None, "resize the images to N×N", low=1),
    }
    if hidden:
        options["hidden"] = Option(int, hidden, "sizes of the hidden layers", low=1)
    return options | more


def _critic_steps(default: int) -> Option:
    return Option(int, default, "updates of the discriminator for one of the generator", low=1)


def _penalty(default: float) -> Option:
    return Option(float, default, "of the discriminator's slopes", low=0.0)


def _recipe(
    summary: str, make: Callable[..., Model], epochs: int, rate: float, batch_size: int,
    dataset: str, task: Any, options: Mapping[str, Option],
) -> Recipe:  # fmt: skip
    training = {"epochs": epochs, "learning_rate": rate, "weight_decay": 0.0}
    training["batch_size"] = batch_size
    return Recipe(summary, make, training, options, dataset, tasks=(task,))


_UNITS = (64, 64, 64)
_BETA = Option(float, 1.0, "weight of the divergence", low=0.0)

GENERATIVE_RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "gan": _recipe(
        "adversarial network, as first published", _gan, 120, 2e-3, 128,
        "gaussian_ring", GAMES, _options(_UNITS, critic_steps=_critic_steps(1)),
    ),
    "wgan": _recipe(
        "Wasserstein's, weights clipped", _wgan, 120, 5e-4, 640,
        "gaussian_ring", GAMES, _options(_UNITS, critic_steps=_critic_steps(5)),
    ),
    "wgan-gp": _recipe(
        "Wasserstein's, with gradient penalty", _wgan_gp,
        240, 2e-3, 384, "gaussian_ring", GAMES,
        _options((64, 64, 64, 64), critic_steps=_critic_steps(3), penalty_weight=_penalty(1.0)),
    ),
    "cgan": _recipe(
        "conditional adversarial network", _cgan, 60, 5e-4,
        64, "mnist_5k", GAMES,
        _options((256, 256), critic_steps=_critic_steps(1), penalty_weight=_penalty(1.0)),
    ),
    "dcgan": _recipe(
        "convolutional adversarial network", _dcgan, 70, 1e-3, 32, "mnist_5k", GAMES,
        _options(None, critic_steps=_critic_steps(1), penalty_weight=_penalty(1.0))
        | {"width": Option(
            float, 1.0, "factor of all channels and hidden units", low=0.0, open_low=True
        )},
    ),
    "ae": _recipe(
        "autoencoder", _autoencoder, 40, 1e-3, 128, "mnist_5k", CODES, _options((256,))
    ),
    "dae": _recipe(
        "denoising autoencoder", _denoising, 40, 1e-3, 128, "mnist_5k", CODES,
        _options((256,), noise=Option(
            float, 0.3, "share of the input's entries hidden in training", low=0.0, high=1.0
        )),
    ),
    "vae": _recipe(
        "variational autoencoder", _vae, 60, 1e-3, 128, "mnist_5k", CODES,
        _options((256,), beta=_BETA),
    ),
    "cvae": _recipe(
        "conditional variational autoencoder", _cvae, 150, 4e-3, 128, "mnist_5k", CODES,
        _options((256,), beta=_BETA),
    ),
})  # fmt: skip
