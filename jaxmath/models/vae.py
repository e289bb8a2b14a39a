"""The variational autoencoder, of dense layers or of convolutions, with classes or without.

Bounds are in nats for one example; a mean over examples is the caller's. For the training engine::

    train_fn = lambda key, params, model_state, x, axis_name: (
        vae.train(key, params, x, config=config), model_state)
    step = supervised_step(train_fn, partial(vae.loss, config=config), optimizer)

with the images as inputs and as targets.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath import nn
from jaxmath._draws import normal, wide_dtype
from jaxmath.models._variational import (
    Config,
    Likelihood,
    Outputs,
    VAEParams,
    _as_config,
    class_code,
    dense_configs,
    init_half,
    output_shape,
    run_decoder,
    run_encoder,
)
from jaxmath.typing import Array, ArrayLike, as_array, as_key

__all__ = [
    "Config",
    "Likelihood",
    "Outputs",
    "VAEParams",
    "apply",
    "decode",
    "elbo",
    "encode",
    "expectation",
    "init",
    "iwae",
    "loss",
    "sample",
    "train",
]


def init(key: Array, config: Config, *, dtype: jax.typing.DTypeLike = float) -> VAEParams:
    """Random parameters of both halves.

    ::

        W ~ N(0, 2/fan_in) for a rectifier, as mlp.init for others,   b = 0,   log σ² = 0 if shared

    Args:
      key: a random key, used once.
      config: the shape of the network.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``VAEParams``: for each half its convolutions and its dense layers.

    Numerics:
      Dense layers as in ``mlp.init``, convolutions by ``he_normal``.

    Example:
      >>> params = init(jax.random.key(0), Config((8, 8, 1), 2, (16,), (4,)))
      >>> params.encoder.dense[0].kernel.shape, params.decoder.convolutions[0].kernel.shape
      ((64, 16), (4, 4, 1, 4))

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, appendix C.
    """
    key, config = as_key("key", key), _as_config("init", config)
    encoder_key, decoder_key = jax.random.split(key)
    into, back = dense_configs(config)
    down = (config.shape[-1], *config.widths) if config.widths else ()
    up = (*config.widths[::-1], output_shape(config)[-1]) if config.widths else ()
    shared = config.likelihood == "gaussian" and config.scale == "shared"
    return VAEParams(
        init_half(encoder_key, down, into, nn.conv_init, dtype),
        init_half(decoder_key, up, back, nn.transposed_conv_init, dtype),
        jnp.zeros((), dtype) if shared else (),
    )


def encode(
    params: VAEParams, x: ArrayLike, *, config: Config, label: ArrayLike | None = None
) -> tuple[Array, Array]:
    """The Gaussian over z that the encoder has for one example.

    ::

        q(z|x) = N(μ, diag e^s),   (μ, s) = f(x, y)

    Args:
      params: as ``init`` makes them.
      x: the example, of ``config.shape``.
      config: the shape of the network.
      label: its class y, an integer scalar, where the configuration has classes.

    Returns:
      The mean and the logarithmic variance, each of shape (latent,).

    Numerics:
      Products in the backend's default precision. A label out of range gives NaN.

    Example:
      >>> config = Config((4,), latent=2, hidden=(3,))
      >>> mean, log_variance = encode(init(jax.random.key(0), config), jnp.zeros(4), config=config)
      >>> mean.shape
      (2,)

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, equation (9).
    """
    config, x = _as_config("encode", config), as_array("x", x)
    x = as_array("x", x, shape=config.shape)
    code = class_code("encode", label, config)
    both = run_encoder("encode", params.encoder, x, code, config)
    return both[: config.latent], both[config.latent :]


def decode(
    params: VAEParams, z: ArrayLike, *, config: Config, label: ArrayLike | None = None
) -> Likelihood:
    """The distribution of x that the decoder has at a point of the latent space.

    ::

        p(x|z) = ∏ᵢ Bernoulli(xᵢ; σ(gᵢ(z, y)))   or   ∏ᵢ N(xᵢ; gᵢ(z, y), σᵢ²)

    Args:
      params: as ``init`` makes them.
      z: the point, shape (latent,).
      config: the shape of the network.
      label: the class y, an integer scalar, where the configuration has classes.

    Returns:
      ``Likelihood``: logits, or means and logarithmic variances.

    Numerics:
      As ``encode``. A predicted logarithmic variance has no floor: on values that are often equal
      (a black border) the density grows without bound, unless noise is added to them.

    Example:
      >>> config = Config((4,), latent=2, hidden=(3,), likelihood="gaussian", scale=0.5)
      >>> found = decode(init(jax.random.key(0), config), jnp.zeros(2), config=config)
      >>> f"{found.location.shape} {found.log_variance:.4f}"
      '(4,) -1.3863'

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, equations (11), (12).
    """
    config, z = _as_config("decode", config), as_array("z", z)
    z = as_array("z", z, shape=(config.latent,))
    code = class_code("decode", label, config)
    y = run_decoder("decode", params.decoder, z, code, config)
    if config.likelihood == "bernoulli":
        return Likelihood(y, ())
    if config.predicts_variance:
        return Likelihood(*jnp.split(y, 2, axis=-1))
    if isinstance(config.scale, str):
        shared: Any = params.log_variance
        return Likelihood(y, as_array("params.log_variance", shared, ndim=0))
    return Likelihood(y, jnp.asarray(2 * math.log(config.scale), y.dtype))


def expectation(likelihood: Likelihood) -> Array:
    """The mean of x under a decoder's distribution: the image that is shown.

    ::

        E[x|z] = σ(g(z))   or   g(z)

    Args:
      likelihood: as ``decode`` returns it.

    Returns:
      An array of the example's shape.

    Numerics:
      One sigmoid a value, or nothing.

    Example:
      >>> print(expectation(Likelihood(jnp.zeros(2), ())))
      [0.5 0.5]

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, appendix C.
    """
    if not isinstance(likelihood, Likelihood):
        raise TypeError(
            "expectation: argument `likelihood` must be a Likelihood, got "
            f"{type(likelihood).__name__}"
        )
    location, log_variance = likelihood
    return nn.sigmoid(location) if isinstance(log_variance, tuple) else location


def apply(
    params: VAEParams, x: ArrayLike, *, config: Config, label: ArrayLike | None = None
) -> Array:
    """The reconstruction of one example from the mean of its code.

    ::

        x̂ = E[x|z = μ(x)]

    Args:
      params: as ``init`` makes them.
      x: the example, of ``config.shape``.
      config: the shape of the network.
      label: its class, where the configuration has classes.

    Returns:
      x̂, of ``config.shape``.

    Numerics:
      As ``encode``; nothing is drawn.

    Example:
      >>> config = Config((4,), latent=2, hidden=(3,))
      >>> apply(init(jax.random.key(0), config), jnp.zeros(4), config=config).shape
      (4,)

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, section 2.3.
    """
    config, x = _as_config("apply", config), as_array("x", x)
    mean, _ = encode(params, as_array("x", x, shape=config.shape), config=config, label=label)
    return expectation(decode(params, mean, config=config, label=label))


def train(
    key: Array,
    params: VAEParams,
    x: ArrayLike,
    *,
    config: Config,
    label: ArrayLike | None = None,
) -> Outputs:
    """One example through a draw of its code, for the loss.

    ::

        z = μ(x) + e^{s(x)/2} ⊙ ε,   ε ~ N(0, I)

    Args:
      key: a random key for this example, used once.
      params: as ``init`` makes them.
      x: the example, of ``config.shape``.
      config: the shape of the network.
      label: its class, where the configuration has classes.

    Returns:
      ``Outputs``: p(x|z), μ and s.

    Numerics:
      As ``nn.reparameterize``.

    Example:
      >>> config = Config((4,), latent=2, hidden=(3,))
      >>> params = init(jax.random.key(0), config)
      >>> outputs = train(jax.random.key(1), params, jnp.zeros(4), config=config)
      >>> outputs.likelihood.location.shape, outputs.mean.shape
      ((4,), (2,))

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, section 2.4.
    """
    key, config, x = as_key("key", key), _as_config("train", config), as_array("x", x)
    x = as_array("x", x, shape=config.shape)
    mean, log_variance = encode(params, x, config=config, label=label)
    z = nn.reparameterize(key, mean, log_variance)
    return Outputs(decode(params, z, config=config, label=label), mean, log_variance)


def _log_likelihood(likelihood: Likelihood, x: Array) -> Array:
    location, log_variance = likelihood
    if isinstance(log_variance, tuple):
        return nn.bernoulli_log_likelihood(location, x)
    return nn.gaussian_log_likelihood(location, log_variance, x)


def _terms(outputs: Outputs, x: Array) -> nn.ELBOTerms:
    kl = nn.standard_gaussian_kl(outputs.mean, outputs.log_variance)
    return nn.ELBOTerms(_log_likelihood(outputs.likelihood, x), kl)


def loss(outputs: Outputs, x: ArrayLike, *, config: Config) -> Array:
    """The negative evidence lower bound of one example, with β as configured.

    ::

        L = −log p(x|z) + β KL(q(z|x)‖N(0, I))

    Args:
      outputs: as ``train`` returns them.
      x: the example, of ``config.shape``.
      config: the network, β = ``config.beta`` in it.

    Returns:
      The loss in nats, a scalar.

    Numerics:
      Sums over the dimensions of x and of z, never means: β = 1 is the bound.

    Example:
      >>> config = Config((2,), latent=1)
      >>> outputs = Outputs(Likelihood(jnp.zeros(2), ()), jnp.zeros(1), jnp.zeros(1))
      >>> f"{loss(outputs, jnp.ones(2), config=config):.4f}"
      '1.3863'

    References:
      I. Higgins and others, "β-VAE: learning basic visual concepts with a constrained variational
      framework", 2017, equation (4).
    """
    config, x = _as_config("loss", config), as_array("x", x)
    x = as_array("x", x, shape=config.shape)
    return -nn.elbo(_terms(outputs, x), beta=config.beta)


def elbo(
    key: Array,
    params: VAEParams,
    x: ArrayLike,
    *,
    config: Config,
    label: ArrayLike | None = None,
) -> nn.ELBOTerms:
    """The evidence lower bound of one example in its two terms, from one draw.

    ::

        log p(x) ≥ E [log p(x|z) − KL(q(z|x)‖N(0, I))],   z ~ q(z|x)

    Args:
      key: a random key, used once.
      params: as ``init`` makes them.
      x: the example, of ``config.shape``.
      config: the shape of the network; its β has no part in this.
      label: its class, where the configuration has classes.

    Returns:
      ``nn.ELBOTerms``; ``nn.elbo`` makes one number of them.

    Numerics:
      Unbiased. Over a test set, the mean of ``nn.elbo`` and its standard error over the examples
      (deviation/√n) tell the bound in nats.

    Example:
      >>> config = Config((4,), latent=2, hidden=(3,))
      >>> params = jax.tree.map(jnp.zeros_like, init(jax.random.key(0), config))
      >>> terms = elbo(jax.random.key(1), params, jnp.ones(4), config=config)
      >>> f"{nn.elbo(terms):.4f}"
      '-2.7726'

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, equation (10).
    """
    key, config, x = as_key("key", key), _as_config("elbo", config), as_array("x", x)
    x = as_array("x", x, shape=config.shape)
    return _terms(train(key, params, x, config=config, label=label), x)


def iwae(
    key: Array,
    params: VAEParams,
    x: ArrayLike,
    num_samples: int,
    *,
    config: Config,
    label: ArrayLike | None = None,
) -> Array:
    """The importance weighted bound on the evidence of one example.

    ::

        L_K = log (1/K) Σⱼ p(x|zⱼ) p(zⱼ)/q(zⱼ|x),   zⱼ ~ q(z|x);   ELBO ≤ E L_K ≤ log p(x)

    Args:
      key: a random key, used once.
      params: as ``init`` makes them.
      x: the example, of ``config.shape``.
      num_samples: the number K of draws, at least 1.
      config: the shape of the network.
      label: its class, where the configuration has classes.

    Returns:
      The bound in nats, a scalar; its gradient trains an importance weighted autoencoder.

    Numerics:
      As ``nn.importance_log_weights``. Cost: K decoders.

    Example:
      >>> config = Config((4,), latent=2, hidden=(3,))
      >>> params = jax.tree.map(jnp.zeros_like, init(jax.random.key(0), config))
      >>> f"{iwae(jax.random.key(1), params, jnp.ones(4), 5, config=config):.4f}"
      '-2.7726'

    References:
      Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted autoencoders", 2016, equation (8).
    """
    key, config, x = as_key("key", key), _as_config("iwae", config), as_array("x", x)
    x = as_array("x", x, shape=config.shape)
    mean, log_variance = encode(params, x, config=config, label=label)
    fn = lambda z: _log_likelihood(decode(params, z, config=config, label=label), x)
    return nn.iwae_bound(nn.importance_log_weights(key, fn, mean, log_variance, num_samples))


def sample(
    key: Array, params: VAEParams, *, config: Config, label: ArrayLike | None = None
) -> Array:
    """A new example from the model: a code from the prior, then values from the decoder.

    ::

        z ~ N(0, I),   x ~ p(x|z)

    Args:
      key: a random key, used once.
      params: as ``init`` makes them.
      config: the shape of the network.
      label: the class, where the configuration has classes.

    Returns:
      x, of ``config.shape``: 0 and 1, or real numbers. For the smooth picture that is usually
      shown, ``expectation(decode(params, z, config=config))`` at a z of one's own.

    Numerics:
      Differentiable for the Gaussian likelihood alone.

    Example:
      >>> config = Config((4,), latent=2, hidden=(3,))
      >>> print(sample(jax.random.key(1), init(jax.random.key(0), config), config=config).shape)
      (4,)

    References:
      D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", 2014, section 2.1.
    """
    key, config = as_key("key", key), _as_config("sample", config)
    code_key, value_key = jax.random.split(key)
    dtype = params.decoder.dense[0].kernel.dtype
    z = normal(code_key, (config.latent,), dtype)
    location, log_variance = decode(params, z, config=config, label=label)
    if isinstance(log_variance, tuple):
        wide = location.astype(wide_dtype(location.dtype))
        return jax.random.bernoulli(value_key, nn.sigmoid(wide)).astype(dtype)
    noise = normal(value_key, location.shape, dtype)
    return location + jnp.exp(0.5 * log_variance) * noise
