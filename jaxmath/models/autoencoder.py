"""Autoencoders of dense layers: plain, linear, denoising, sparse and contractive.

One network, whose kinds are strengths of the configuration: noise on what the encoder sees
(denoising), a penalty on the code (sparse) or on the encoder's derivative (contractive); they may
be combined. With the activation "identity" the network is linear, and spans the principal
subspace. For the training engine::

    train_fn = lambda key, params, model_state, x, axis_name: (
        autoencoder.train(key, params, x, config=config, axis_name=axis_name), model_state)
    step = supervised_step(train_fn, autoencoder.loss, optimizer)

with the examples as inputs and as targets.
"""

from collections.abc import Hashable

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath import nn
from jaxmath._draws import normal
from jaxmath.models import mlp
from jaxmath.models._autoencoder_config import AutoencoderParams, Config, Outputs, _as_config
from jaxmath.numerics import safe_log
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = [
    "AutoencoderParams",
    "Config",
    "Outputs",
    "apply",
    "contractive_penalty",
    "corrupt",
    "decode",
    "encode",
    "init",
    "loss",
    "sparsity_penalty",
    "train",
]


def init(key: Array, config: Config, *, dtype: jax.typing.DTypeLike = float) -> AutoencoderParams:
    """Random parameters of both halves.

    ::

        encoder, decoder = mlp.init of sizes, and of sizes in reverse

    Args:
      key: a random key, used once.
      config: the shape of the network.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``AutoencoderParams``. The halves share no weights.

    Numerics:
      As ``mlp.init``.

    Example:
      >>> params = init(jax.random.key(0), Config((8, 4, 2)))
      >>> [layer.kernel.shape for layer in params.encoder + params.decoder]
      [(8, 4), (4, 2), (2, 4), (4, 8)]

    References:
      G. E. Hinton, R. R. Salakhutdinov, "Reducing the dimensionality of data with neural networks",
      2006.
    """
    key, config = as_key("key", key), _as_config("init", config)
    pairs = zip(jax.random.split(key), config.halves, strict=True)
    return AutoencoderParams(*(mlp.init(half_key, half, dtype=dtype) for half_key, half in pairs))


def encode(params: AutoencoderParams, x: ArrayLike, *, config: Config) -> Array:
    """The code of one example.

    ::

        h = s(a),   a the output of the encoder's layers at x

    Args:
      params: as ``init`` makes them.
      x: the example, shape (d,).
      config: the shape of the network.

    Returns:
      The code, shape (k,).

    Numerics:
      Products in the backend's default precision, as in ``nn.dense_apply``.

    Example:
      >>> config = Config((4, 2))
      >>> encode(init(jax.random.key(0), config), jnp.ones(4), config=config).shape
      (2,)

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 14.1.
    """
    config = _as_config("encode", config)
    a = mlp._forward("encode", params.encoder, x, config.halves[0], lambda layer, a: a)
    return mlp._ACTIVATIONS[config.code_activation](a)


def decode(params: AutoencoderParams, code: ArrayLike, *, config: Config) -> Array:
    """The example that belongs to a code.

    ::

        x̂ = the output of the decoder's layers at h, which is linear in the last ones

    Args:
      params: as ``init`` makes them.
      code: h, shape (k,).
      config: the shape of the network.

    Returns:
      x̂, shape (d,).

    Numerics:
      As ``encode``.

    Example:
      >>> config = Config((4, 2))
      >>> decode(init(jax.random.key(0), config), jnp.ones(2), config=config).shape
      (4,)

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 14.1.
    """
    config = _as_config("decode", config)
    code = as_array("code", code, shape=config.sizes[-1:])
    return mlp._forward("decode", params.decoder, code, config.halves[1], lambda layer, a: a)


def apply(params: AutoencoderParams, x: ArrayLike, *, config: Config) -> Array:
    """The reconstruction of one example.

    ::

        x̂ = decode(encode(x))

    Args:
      params: as ``init`` makes them.
      x: the example, shape (d,).
      config: the shape of the network.

    Returns:
      x̂, shape (d,).

    Numerics:
      As ``encode``; nothing is corrupted.

    Example:
      >>> config = Config((4, 2))
      >>> apply(init(jax.random.key(0), config), jnp.ones(4), config=config).shape
      (4,)

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 14.1.
    """
    config, x = _as_config("apply", config), as_array("x", x)
    x = as_array("x", x, shape=config.sizes[:1])
    return decode(params, encode(params, x, config=config), config=config)


def corrupt(key: Array, x: ArrayLike, *, noise: Scalar = 0.0, masking: Scalar = 0.0) -> Array:
    """An example with noise and with entries missing, as a denoising autoencoder sees it.

    ::

        x̃ᵢ = mᵢ (xᵢ + σ εᵢ),   ε ~ N(0, I),   mᵢ ~ Bernoulli(1 − p)

    Args:
      key: a random key, used once.
      x: the example, of any shape.
      noise: the deviation σ ≥ 0.
      masking: the probability p that an entry is set to 0, in [0, 1].

    Returns:
      x̃, of the shape and dtype of ``x``. What is left is not scaled up, unlike under dropout.

    Numerics:
      σ = 0 and p = 0 return x.

    Example:
      >>> x = corrupt(jax.random.key(0), jnp.ones(1000), masking=0.3)
      >>> print(jnp.unique(x), f"{x.mean():.1f}")
      [0. 1.] 0.7

    References:
      P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio, P.-A. Manzagol, "Stacked denoising
      autoencoders", 2010, section 3.3.
    """
    key, x = as_key("key", key), as_array("x", x)
    check_number("noise", noise, low=0.0)
    check_number("masking", masking, low=0.0, high=1.0)
    noise_key, mask_key = jax.random.split(key)
    x = x + jnp.asarray(noise, x.dtype) * normal(noise_key, x.shape, x.dtype)
    missing = jax.random.bernoulli(mask_key, jnp.asarray(masking, jnp.float32), x.shape)
    return jnp.where(missing, jnp.zeros_like(x), x)


def sparsity_penalty(mean_code: ArrayLike, target: Scalar) -> Array:
    """How far the mean activities of the code are from the one that is wanted.

    ::

        Σⱼ KL(ρ‖h̄ⱼ) = Σⱼ [ρ log(ρ/h̄ⱼ) + (1 − ρ) log((1 − ρ)/(1 − h̄ⱼ))]
        ∂/∂h̄ⱼ = (h̄ⱼ − ρ)/(h̄ⱼ (1 − h̄ⱼ))

    Args:
      mean_code: h̄, the mean of each unit over a batch, in (0, 1), shape (k,).
      target: ρ in (0, 1).

    Returns:
      The sum in nats, a scalar ≥ 0 of the dtype of ``mean_code``.

    Numerics:
      Rounding of about k·eps absolute near the minimum. Singular set {h̄ⱼ = 0 or 1}: ∞, without a
      share in the gradient of that unit from the logarithm that is infinite.

    Example:
      >>> f"{sparsity_penalty(jnp.array([0.05, 0.5]), 0.05):.4f}"
      '0.4946'

    References:
      A. Ng, "Sparse autoencoder", CS294A lecture notes, 2011, section 3.
    """
    mean_code = as_array("mean_code", mean_code, ndim=1)
    check_number("target", target, low=0.0, high=1.0, open_low=True, open_high=True)
    rho = jnp.asarray(target, mean_code.dtype)
    on = rho * (jnp.log(rho) - safe_log(mean_code))
    off = (1.0 - rho) * (jnp.log1p(-rho) - safe_log(1.0 - mean_code))
    return jnp.sum(on + off)


def contractive_penalty(params: AutoencoderParams, x: ArrayLike, *, config: Config) -> Array:
    """The squared Frobenius norm of the encoder's Jacobian at one example.

    ::

        ‖∂h/∂x‖²_F = Σⱼᵢ (∂hⱼ/∂xᵢ)²;   for one layer h = s(x W + b):   Σⱼ s'(aⱼ)² Σᵢ Wᵢⱼ²

    Args:
      params: as ``init`` makes them.
      x: the example, shape (d,).
      config: the shape of the network.

    Returns:
      A scalar ≥ 0.

    Numerics:
      The closed form for one layer, d·k multiply-adds; for more the Jacobian, at the cost of k
      backward passes. It is piecewise constant under rectifiers, whose second derivative is 0.

    Example:
      >>> layer = nn.Dense(jnp.eye(2), jnp.zeros(2))
      >>> params = AutoencoderParams((layer,), (layer,))
      >>> config = Config((2, 2), code_activation="sigmoid")
      >>> f"{contractive_penalty(params, jnp.zeros(2), config=config):.4f}"
      '0.1250'

    References:
      S. Rifai, P. Vincent, X. Muller, X. Glorot, Y. Bengio, "Contractive auto-encoders: explicit
      invariance during feature extraction", 2011, equations (1) and (9).
    """
    config, x = _as_config("contractive_penalty", config), as_array("x", x)
    x = as_array("x", x, shape=config.sizes[:1])
    if len(params.encoder) > 1:
        jacobian = jax.jacrev(lambda x: encode(params, x, config=config))(x)
        return jnp.sum(jnp.square(jacobian))
    (layer,), fn = params.encoder, mlp._ACTIVATIONS[config.code_activation]
    a = nn.dense_apply(layer, x)
    slope = jax.jvp(fn, (a,), (jnp.ones_like(a),))[1]
    return jnp.sum(jnp.square(slope) * jnp.sum(jnp.square(layer.kernel), axis=0))


def train(
    key: Array,
    params: AutoencoderParams,
    x: ArrayLike,
    *,
    config: Config,
    axis_name: Hashable | None = None,
) -> Outputs:
    """One example of a batch in training: corrupted, reconstructed, and its penalties.

    ::

        x̃ = corrupt(x),   h = encode(x̃),   x̂ = decode(h)
        Ω = λ₁ ‖h‖₁ + λ_s Σⱼ KL(ρ‖h̄ⱼ) + λ_c ‖∂h/∂x̃‖²_F,   h̄ the mean over the batch

    Args:
      key: a random key for this example, used once.
      params: as ``init`` makes them.
      x: the example, shape (d,).
      config: the network; a strength of 0 costs nothing.
      axis_name: the axis of ``vmap`` along which the batch lies, for the mean code; needed with a
        sparsity alone.

    Returns:
      ``Outputs``: x̂, h and Ω.

    Numerics:
      The divergence is one for the batch, and each example has it whole, so that the mean over the
      batch has it once; h̄ counts examples of weight 0 too.

    Example:
      >>> config = Config((4, 2), masking=0.5)
      >>> params = init(jax.random.key(0), config)
      >>> train(jax.random.key(1), params, jnp.ones(4), config=config).reconstruction.shape
      (4,)

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, sections 14.2 and 14.7.
    """
    key, config, x = as_key("key", key), _as_config("train", config), as_array("x", x)
    x = as_array("x", x, shape=config.sizes[:1])
    if config.sparsity and axis_name is None:
        raise ValueError("train: argument `axis_name` must name the batch's axis with a sparsity")
    if config.noise or config.masking:
        x = corrupt(key, x, noise=config.noise, masking=config.masking)
    code = encode(params, x, config=config)
    penalty = jnp.zeros((), code.dtype)
    if config.l1:
        penalty += config.l1 * nn.l1(code)
    if config.sparsity:
        penalty += config.sparsity * sparsity_penalty(lax.pmean(code, axis_name), config.target)
    if config.contraction:
        penalty += config.contraction * contractive_penalty(params, x, config=config)
    return Outputs(decode(params, code, config=config), code, penalty)


def loss(outputs: Outputs, x: ArrayLike) -> Array:
    """The squared error of one example's reconstruction, and the penalties.

    ::

        L = ½ ‖x̂ − x‖² + Ω

    Args:
      outputs: as ``train`` returns them.
      x: the example as it was before the corruption, shape (d,).

    Returns:
      The loss, a scalar.

    Numerics:
      As ``nn.squared_error``.

    Example:
      >>> f"{loss(Outputs(jnp.ones(2), jnp.zeros(1), jnp.array(0.5)), jnp.zeros(2)):.1f}"
      '1.5'

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, equation (14.2).
    """
    x = as_array("x", x, shape=outputs.reconstruction.shape)
    return nn.squared_error(outputs.reconstruction, x) + outputs.penalty
