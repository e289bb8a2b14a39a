"""Generative adversarial networks: of dense layers or convolutions, conditional, Wasserstein.

Two networks play: the generator makes examples of noise, the discriminator scores examples, high
where it takes them for real. ``gan_step`` is one pure function, the whole game's state in and out,
so that ``train.fit`` compiles it into its epochs, saves it and resumes it, and a ``vmap`` of
``init_state`` over keys plays many games at once.
"""

from typing import NamedTuple

import jax

from jaxmath.models._gan_config import Config, as_config
from jaxmath.models._gan_players import (
    Generator,
    as_label,
    generated,
    held,
    init_discriminator,
    init_generator,
    score,
)
from jaxmath.models._gan_step import GANState, Player, gan_step, init_state
from jaxmath.typing import Array, ArrayLike, PyTree, as_array, as_key

__all__ = [
    "Config",
    "GANState",
    "Player",
    "Players",
    "discriminate",
    "gan_step",
    "generate",
    "init",
    "init_state",
]


class Players(NamedTuple):
    """What each of the two players has: parameters, or model states."""

    generator: PyTree
    discriminator: PyTree


def init(
    key: Array, config: Config, *, dtype: jax.typing.DTypeLike = float
) -> tuple[Players, Players]:
    """Random parameters of both players.

    ::

        W ~ N(0, 2/fan_in)   of "mlp",   W ~ N(0, 0.02²)   of "dcgan";   b = 0

    Args:
      key: a random key, used once.
      config: the game.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      The players' parameters and their model states: of the generator the running statistics of
      its batch norms, of the discriminator the vectors of its spectral norms, or () for none.

    Numerics:
      The discriminator's last layer of "mlp" is drawn with 1/fan_in, for no rectifier follows it.

    Example:
      >>> params, model_state = init(jax.random.key(0), Config((8, 8, 1), 16, "dcgan", (4, 6)))
      >>> [layer.kernel.shape for layer in params.generator.layers]
      [(16, 24), (4, 4, 4, 6), (4, 4, 1, 4)]
      >>> [layer.kernel.shape for layer in params.discriminator]
      [(4, 4, 1, 4), (4, 4, 4, 6), (24, 1)]

    References:
      K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
      performance on ImageNet classification", 2015, equation (10).
      A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
      convolutional generative adversarial networks", 2016, section 4.
    """
    key, config = as_key("key", key), as_config("init", config)
    generator_key, discriminator_key = jax.random.split(key)
    generator, statistics = init_generator(generator_key, config, dtype)
    discriminator, vectors = init_discriminator(discriminator_key, config, dtype)
    return Players(generator, discriminator), Players(statistics, vectors)


def generate(
    params: Generator,
    model_state: PyTree,
    z: ArrayLike,
    label: ArrayLike | None = None,
    *,
    config: Config,
) -> Array:
    """An example that the generator makes of noise.

    ::

        x = output(net(z, e_label; θ, statistics)),   z ~ N(0, I)

    Args:
      params: the generator's, or their running mean: ``generate(*state.ema, z, config=config)``.
      model_state: the running statistics of its batch norms, () for none.
      z: a point of the latent space, shape (latent_size,).
      label: of a conditional GAN, an integer in {0, …, num_classes − 1}.
      config: the game.

    Returns:
      x, of shape ``config.shape``.

    Raises:
      ValueError: z is of another size, a label is missing or too much, or the parameters are of
        another network.

    Numerics:
      Products in the backend's default precision. A label outside its range counts as a zero
      vector.

    Example:
      >>> config = Config((2,), 3, widths=(4,))
      >>> params, model_state = init(jax.random.key(0), config)
      >>> z = jax.numpy.zeros(3)
      >>> x = generate(params.generator, model_state.generator, z, config=config)
      >>> print([f"{v:.1f}" for v in x])
      ['0.0', '0.0']

    References:
      I. Goodfellow et al., "Generative adversarial nets", 2014, section 3.
    """
    config = as_config("generate", config)
    z = as_array("z", z, shape=(config.latent_size,))
    return generated(params, model_state, z, as_label("generate", label, config), config)[0]


def discriminate(
    params: tuple,
    model_state: PyTree,
    x: ArrayLike,
    label: ArrayLike | None = None,
    *,
    config: Config,
) -> Array:
    """The discriminator's score of an example; high is real.

    ::

        D(x) = net(x; θ)_label

    Args:
      params: the discriminator's layers.
      model_state: the vectors of its spectral norms, () for none.
      x: an example, of shape ``config.shape``.
      label: of a conditional GAN, an integer in {0, …, num_classes − 1}.
      config: the game.

    Returns:
      The score, a scalar: of the minimax and the non-saturating loss the logit of being real, of
      the others as their equations say.

    Raises:
      ValueError: x is of another shape, a label is missing or too much, or the parameters are of
        another network.

    Numerics:
      Products in the backend's default precision. A label outside its range gives the nearest
      class's score. With minibatch_stddev x is taken for a batch of its own, of deviation 0.

    Example:
      >>> config = Config((2,), 3, widths=(4,))
      >>> params, model_state = init(jax.random.key(0), config)
      >>> x = jax.numpy.zeros(2)
      >>> score = discriminate(params.discriminator, model_state.discriminator, x, config=config)
      >>> f"{score:.1f}"
      '0.0'

    References:
      I. Goodfellow et al., "Generative adversarial nets", 2014, section 3; L. Mescheder, A. Geiger,
      S. Nowozin, "Which training methods for GANs do actually converge?", 2018, appendix (a score
      for each class).
    """
    config = as_config("discriminate", config)
    x = as_array("x", x, shape=config.shape)
    layers = held(params, model_state, config)
    return score(layers, x, as_label("discriminate", label, config), config)
