"""The game's state, and one step of it: some updates of the discriminator, one of the generator."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxmath import nn
from jaxmath._draws import normal, uniform, widened
from jaxmath._loops import scan
from jaxmath.models._gan_config import Config, as_config
from jaxmath.models._gan_players import (
    generated,
    held,
    init_discriminator,
    init_generator,
    normalized,
    score,
)
from jaxmath.numerics import safe_divide
from jaxmath.typing import Array, PyTree, as_array, as_key

__all__ = ["GANState", "Player", "gan_step", "init_state"]

Metrics = dict[str, Array]
_AXIS = "examples"


class Player(NamedTuple):
    """A player: its parameters, what its network carries beside them, its optimizer's state."""

    params: PyTree
    model_state: PyTree
    opt_state: PyTree


class GANState(NamedTuple):
    """The state of the game; a pytree, hence vmapped, saved and donated as one.

    Args:
      generator: the player that makes examples.
      discriminator: the player that scores them.
      ema: running mean of the generator's parameters and model state, a pair for ``generate``;
        at least float32, as steps far below a half precision's last place add up.
      step: updates of the generator made so far, int32.

    Example:
      >>> GANState._fields
      ('generator', 'discriminator', 'ema', 'step')
    """

    generator: Player
    discriminator: Player
    ema: tuple[PyTree, PyTree]
    step: Array


def _check_optimizer(caller: str, name: str, optimizer: Any) -> None:
    if not hasattr(optimizer, "update"):
        raise TypeError(
            f"{caller}: argument `{name}` must be an optax transformation, got "
            f"{type(optimizer).__name__}"
        )


def init_state(
    key: Array,
    config: Config,
    tx_generator: optax.GradientTransformation,
    tx_discriminator: optax.GradientTransformation,
    *,
    dtype: jax.typing.DTypeLike = float,
) -> GANState:
    """The game before its first step.

    ::

        θ_G, θ_D ~ init(key),   ema = θ_G,   step = 0

    Args:
      key: a random key, used once.
      config: the game.
      tx_generator: the generator's optimizer, any optax transformation.
      tx_discriminator: the discriminator's.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      A GANState. It has no key: give ``train.fit`` one.

    Numerics:
      That of ``init``. Under ``jax.vmap`` over keys it makes an ensemble.

    Example:
      >>> tx = optax.adam(1e-3)
      >>> state = init_state(jax.random.key(0), Config((2,), 2), tx, tx)
      >>> int(state.step), len(state.generator.params.layers)
      (0, 3)

    References:
      I. Goodfellow et al., "Generative adversarial nets", 2014, algorithm 1.
    """
    key, config = as_key("key", key), as_config("init_state", config)
    _check_optimizer("init_state", "tx_generator", tx_generator)
    _check_optimizer("init_state", "tx_discriminator", tx_discriminator)
    generator_key, discriminator_key = jax.random.split(key)
    params, model_state = init_generator(generator_key, config, dtype)
    generator = Player(params, model_state, tx_generator.init(params))
    critic, critic_state = init_discriminator(discriminator_key, config, dtype)
    discriminator = Player(critic, critic_state, tx_discriminator.init(critic))
    ema = widened((params, model_state))
    return GANState(generator, discriminator, ema, jnp.zeros((), jnp.int32))


def _updated(
    player: Player, gradient: PyTree, model_state: PyTree, tx: optax.GradientTransformation
) -> Player:
    updates, opt_state = tx.update(gradient, player.opt_state, player.params)
    return Player(optax.apply_updates(player.params, updates), model_state, opt_state)


def _fakes(
    config: Config, params: PyTree, model_state: PyTree, key: Array, labels: Any, num: int
) -> tuple[Array, PyTree]:
    """A batch from the generator in training, and its running statistics after."""
    dtype = params.layers[0].kernel.dtype
    z = normal(key, (num, config.latent_size), dtype)
    one = lambda z, label: generated(params, model_state, z, label, config, _AXIS)
    return jax.vmap(one, out_axes=(0, None), axis_name=_AXIS)(z, labels)


def _scores(config: Config, layers: tuple, X: Array, labels: Any) -> Array:
    one = lambda x, label: score(layers, x, label, config, _AXIS)
    return jax.vmap(one, axis_name=_AXIS)(X, labels)


def _penalties(
    config: Config, layers: tuple, key: Array, real: Array, fake: Array, labels: Any
) -> Array:
    """The penalty at each example, by its weight."""
    critic = lambda label: lambda x: score(layers, x, label, config)
    total = jnp.zeros(len(real), real.dtype)
    if config.penalty == "wgan_gp":
        between = lambda x, fake, t, label: nn.gradient_penalty(critic(label), x, fake, t)
        total = jax.vmap(between)(real, fake, uniform(key, total.shape, real.dtype), labels)
    for X in {"r1": (real,), "r2": (fake,), "r1+r2": (real, fake)}.get(config.penalty, ()):
        total += jax.vmap(lambda x, label: nn.zero_centered_penalty(critic(label), x))(X, labels)
    return config.penalty_weight * total


def _discriminator_turn(
    config: Config,
    tx: optax.GradientTransformation,
    generator: Player,
    player: Player,
    part: tuple,
) -> tuple[Player, Metrics]:
    """One update of the discriminator."""
    key, real, labels, weight = part
    fake_key, penalty_key = jax.random.split(key)
    fake, _ = _fakes(config, *generator[:2], fake_key, labels, len(weight))
    mean = lambda values: jnp.sum(
        safe_divide(weight, jnp.sum(weight)).astype(values.dtype) * values
    )

    def objective(params: PyTree) -> tuple[Array, tuple]:
        layers, model_state = normalized(params, player.model_state, config)
        scores = [_scores(config, layers, X, labels) for X in (real, fake)]
        game = mean(jax.vmap(nn.GAN_LOSSES[config.loss].discriminator)(*scores))
        penalty = mean(_penalties(config, layers, penalty_key, real, fake, labels))
        metrics = {
            "discriminator_loss": game,
            "penalty": penalty,
            "score_real": mean(scores[0]),
            "score_fake": mean(scores[1]),
        }
        return game + penalty, (model_state, metrics)

    gradient, (model_state, metrics) = jax.grad(objective, has_aux=True)(player.params)
    player = _updated(player, gradient, model_state, tx)
    if config.clip is not None:
        player = player._replace(params=nn.clip_weights(player.params, config.clip))
    return player, metrics


def _generator_turn(
    config: Config,
    tx: optax.GradientTransformation,
    discriminator: Player,
    player: Player,
    part: tuple,
) -> tuple[Player, Array]:
    """One update of the generator."""
    key, _, labels, weight = part
    weight = safe_divide(weight, jnp.sum(weight))
    layers = held(*discriminator[:2], config)

    def objective(params: PyTree) -> tuple[Array, PyTree]:
        fake, model_state = _fakes(config, params, player.model_state, key, labels, len(weight))
        scores = _scores(config, layers, fake, labels)
        losses = jax.vmap(nn.GAN_LOSSES[config.loss].generator)(scores)
        return jnp.sum(weight.astype(losses.dtype) * losses), model_state

    (loss, model_state), gradient = jax.value_and_grad(objective, has_aux=True)(player.params)
    return _updated(player, gradient, model_state, tx), loss


def _ema(config: Config, state: GANState, generator: Player) -> tuple[PyTree, PyTree]:
    """m ← β m + (1 − β) θ, with a β that comes up from 1/10, so that the start is forgotten."""
    t = state.step.astype(float)
    beta = jnp.minimum(config.ema, (1 + t) / (10 + t))
    mix = lambda m, a: m + (1 - beta).astype(m.dtype) * (a.astype(m.dtype) - m)
    return jax.tree.map(mix, state.ema, tuple(generator[:2]))


def _watched(config: Config, metrics: Metrics) -> Array:
    """The sum of the losses, and NaN where one of them is not finite or too large."""
    parts = [metrics[name] for name in ("discriminator_loss", "generator_loss", "penalty")]
    sound = jnp.array(True)
    for value in metrics.values():
        sound &= jnp.isfinite(value)
    for value in parts:
        sound &= jnp.abs(value) <= config.max_loss
    return jnp.where(sound, sum(parts), jnp.nan)


def _parts(config: Config, batch: Any) -> tuple[Array, Any, Array]:
    """(x, labels, weight) cut in ``num_critic`` parts; part j has the rows j, j + num_critic, …

    so that the rows which fill a batch up, its last ones, are spread over all parts.
    """
    x, y, weight = batch
    x = as_array("batch.x", x, shape=(None, *config.shape))
    weight = as_array("batch.weight", weight, shape=x.shape[:1])
    num = config.num_critic
    if len(x) % num:
        raise ValueError(
            f"gan_step: a batch must have a multiple of num_critic = {num} examples, got {len(x)}"
        )
    labels = None
    if config.num_classes is not None:
        labels = as_array("batch.y", y, shape=x.shape[:1], kind="integer")
        labels = labels.astype(jnp.result_type(int))
    cut = lambda a: jnp.swapaxes(a.reshape(len(a) // num, num, *a.shape[1:]), 0, 1)
    return jax.tree.map(cut, (x, labels, weight))


def gan_step(
    config: Config,
    tx_generator: optax.GradientTransformation,
    tx_discriminator: optax.GradientTransformation,
) -> Callable[[GANState, Any, Array], tuple[GANState, Metrics]]:
    """The game's step for the training engine: the discriminator's updates, then the generator's.

    ::

        for each of num_critic parts x of the batch, with z ~ N(0, I), x' = G(z):
            θ_D ← θ_D + update(∇ Σᵢ wᵢ [ℓ_D(D(xᵢ), D(x'ᵢ)) + penaltyᵢ] / Σᵢ wᵢ)
        θ_G ← θ_G + update(∇ Σᵢ wᵢ ℓ_G(D(G(zᵢ))) / Σᵢ wᵢ)
        m ← β m + (1 − β) θ_G,   β = min(ema, (1 + t)/(10 + t)) after t steps

    Args:
      config: the game.
      tx_generator: the generator's optimizer, as in ``init_state``.
      tx_discriminator: the discriminator's.

    Returns:
      ``step(state, batch, key) -> (state, metrics)`` for a GANState and a batch (x, y, weight) of
      num_critic·B examples; y are the labels of a conditional GAN, else not looked at. The metrics
      are ``discriminator_loss`` and ``penalty`` apart, ``score_real`` and ``score_fake``, all means
      over the parts, ``generator_loss``, and their sum ``loss``, NaN where one of them is not
      finite or above ``max_loss``.

    Numerics:
      The generator's batch has B examples; its labels and weights are those of the first part. An
      example of weight 0 counts nowhere, but must be finite, and conditional batch norms see its
      label; a part of weight 0 gives the gradient 0. In each turn the generator's batch norms take
      the statistics of their batch; running ones move in its own turn. D's are read after its turn.

    Example:
      >>> config, tx = Config((2,), 2, widths=(8,), num_critic=2), optax.adam(1e-3)
      >>> state = init_state(jax.random.key(0), config, tx, tx)
      >>> batch = (jnp.ones((6, 2)), jnp.zeros(6), jnp.ones(6))
      >>> state, metrics = gan_step(config, tx, tx)(state, batch, jax.random.key(1))
      >>> int(state.step), sorted(metrics)[:3]
      (1, ['discriminator_loss', 'generator_loss', 'loss'])

    References:
      I. Goodfellow et al., "Generative adversarial nets", 2014, algorithm 1; I. Gulrajani et al.,
      "Improved training of Wasserstein GANs", 2017, algorithm 1; T. Karras et al., "Progressive
      growing of GANs", 2018, section 6.1 (the mean of the generator).
    """
    config = as_config("gan_step", config)
    _check_optimizer("gan_step", "tx_generator", tx_generator)
    _check_optimizer("gan_step", "tx_discriminator", tx_discriminator)

    def step(state: GANState, batch: Any, key: Array) -> tuple[GANState, Metrics]:
        parts = _parts(config, batch)
        keys = jax.random.split(key, config.num_critic + 1)
        turn = partial(_discriminator_turn, config, tx_discriminator, state.generator)
        discriminator, each = scan(turn, state.discriminator, (keys[1:], *parts))
        share = safe_divide(*jnp.broadcast_arrays(jnp.sum(parts[2], 1), jnp.sum(parts[2])))
        metrics = {name: jnp.sum(share.astype(v.dtype) * v) for name, v in each.items()}
        first = jax.tree.map(lambda a: a[0], parts)
        generator, metrics["generator_loss"] = _generator_turn(
            config, tx_generator, discriminator, state.generator, (keys[0], *first)
        )
        ema = _ema(config, state, generator)
        metrics["loss"] = _watched(config, metrics)
        return GANState(generator, discriminator, ema, state.step + 1), metrics

    return step
