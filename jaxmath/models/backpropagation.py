"""Backpropagation by hand for the multilayer perceptron: what ``jax.grad`` of ``mlp.apply`` does.

With a₀ = x, z_l = a_{l−1} W_l + b_l, a_l = f(z_l) for l < L and the output z = z_L, the errors
δ_l = ∂loss/∂z_l are found backward by four equations, in this layout (W_l of shape (d_{l−1}, d_l)):

    (BP1)  δ_L = ∂loss/∂z                        softmax(z) − e_y, or z − y: the caller gives it
    (BP2)  δ_l = (W_{l+1} δ_{l+1}) ⊙ f'(z_l)     for l = L − 1, …, 1
    (BP3)  ∂loss/∂b_l = δ_l
    (BP4)  ∂loss/∂W_l = a_{l−1} δ_lᵀ
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath import nn
from jaxmath.models.mlp import _ACTIVATIONS, Config, _as_config, _check_layers
from jaxmath.numerics import safe_norm
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["Cache", "backward", "forward", "gradient_norms", "layer_errors"]

Params = tuple[nn.Dense, ...]


class Cache(NamedTuple):
    """What the forward pass leaves for the backward pass.

    ::

        inputs = (a₀, …, a_{L−1}),   pre_activations = (z₁, …, z_L)

    Args:
      inputs: the input of each layer; the first is x.
      pre_activations: what each layer puts out before its activation; the last is the output z.

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> Cache(inputs=(jnp.zeros(2),), pre_activations=(jnp.ones(3),)).pre_activations[-1].shape
      (3,)

    References:
      M. A. Nielsen, "Neural Networks and Deep Learning", 2015, chapter 2.
    """

    inputs: tuple[Array, ...]
    pre_activations: tuple[Array, ...]


def forward(params: Params, x: ArrayLike, *, config: Config) -> Cache:
    """The forward pass of the perceptron, with all that it went through.

    ::

        z_l = a_{l−1} W_l + b_l,   a_l = f(z_l),   a₀ = x

    Args:
      params: one ``Dense`` for each layer, as ``mlp.init`` makes them.
      x: input, shape (d,).
      config: the shape of the network.

    Returns:
      Inputs and pre-activations of each layer; ``pre_activations[-1]`` is ``mlp.apply``'s output.

    Numerics:
      As ``mlp.apply``. Memory: two numbers a unit.

    Example:
      >>> from jaxmath.models import mlp
      >>> config = mlp.Config((2, 3, 1))
      >>> cache = forward(mlp.init(jax.random.key(0), config), jnp.zeros(2), config=config)
      >>> [z.shape for z in cache.pre_activations]
      [(3,), (1,)]

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equations (5.48), (5.49).
    """
    config = _as_config("forward", config)
    a = as_array("x", x, shape=config.sizes[:1])
    _check_layers("forward", params, config)
    activation = _ACTIVATIONS[config.activation]
    inputs, pre_activations = [a], []
    for layer in params:
        pre_activations.append(nn.dense_apply(layer, inputs[-1]))
        inputs.append(activation(pre_activations[-1]))
    return Cache(tuple(inputs[:-1]), tuple(pre_activations))


def layer_errors(
    params: Params, cache: Cache, output_error: ArrayLike, *, config: Config
) -> tuple[Array, ...]:
    """The error of every layer, from the output's back to the first: the second equation.

    ::

        δ_L = ∂loss/∂z,   δ_l = (W_{l+1} δ_{l+1}) ⊙ f'(z_l),   that is δ_l = ∂loss/∂z_l

    Args:
      params: one ``Dense`` for each layer.
      cache: the forward pass, from ``forward`` with the same parameters.
      output_error: ∂loss/∂z, shape (k,): softmax(z) − e_y for ``nn.softmax_cross_entropy``, z − y
        for ``nn.squared_error``.
      config: the shape of the network.

    Returns:
      (δ₁, …, δ_L).

    Numerics:
      f' is ``nn.derivative``'s, with the kinks of ``jaxmath.nn``; products in the backend's default
      precision. Cost: as many multiply-adds as the forward pass without its first layer.

    Example:
      >>> from jaxmath.models import mlp
      >>> config = mlp.Config((2, 3, 1), "identity")
      >>> first, last = (nn.Dense(jnp.ones((a, b)), jnp.zeros(b)) for a, b in ((2, 3), (3, 1)))
      >>> params = (first, last)
      >>> cache = forward(params, jnp.array([1.0, 2.0]), config=config)
      >>> print(layer_errors(params, cache, jnp.array([2.0]), config=config)[0])
      [2. 2. 2.]

    References:
      M. A. Nielsen, "Neural Networks and Deep Learning", 2015, equations (BP1), (BP2).
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equations (5.54), (5.56).
    """
    config = _as_config("layer_errors", config)
    error = as_array("output_error", output_error, shape=config.sizes[-1:])
    _check_layers("layer_errors", params, config)
    slope = nn.derivative(_ACTIVATIONS[config.activation])
    errors = [error]
    for layer, z in zip(params[:0:-1], cache.pre_activations[-2::-1], strict=True):
        errors.append(jnp.dot(layer.kernel, errors[-1]) * slope(z))  # (BP2)
    return tuple(errors[::-1])


def backward(params: Params, cache: Cache, output_error: ArrayLike, *, config: Config) -> Params:
    """The gradient with respect to all parameters, by the four equations of backpropagation.

    ::

        ∂loss/∂W_l = a_{l−1} δ_lᵀ,   ∂loss/∂b_l = δ_l,   δ_l as ``layer_errors`` finds it

    Args:
      params: one ``Dense`` for each layer.
      cache: the forward pass, from ``forward`` with the same parameters.
      output_error: ∂loss/∂z, shape (k,).
      config: the shape of the network.

    Returns:
      One ``Dense`` of gradients for each layer, the pytree that ``jax.grad`` gives.

    Numerics:
      Equal to ``jax.grad`` of the loss of ``mlp.apply`` within rounding. Cost: about twice the
      forward pass, whatever the number of parameters.

    Example:
      >>> from jaxmath.models import mlp
      >>> config, y = mlp.Config((2, 1)), 1.0
      >>> params = (nn.Dense(jnp.ones((2, 1)), jnp.zeros(1)),)
      >>> cache = forward(params, jnp.array([1.0, 2.0]), config=config)
      >>> (gradient,) = backward(params, cache, cache.pre_activations[-1] - y, config=config)
      >>> print(gradient.kernel.ravel(), gradient.bias)
      [2. 4.] [2.]

    References:
      D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating
      errors", 1986, equations (4) to (7).
      M. A. Nielsen, "Neural Networks and Deep Learning", 2015, equations (BP3), (BP4).
    """
    errors = layer_errors(params, cache, output_error, config=config)
    return tuple(
        nn.Dense(kernel=jnp.outer(a, delta), bias=delta)
        for a, delta in zip(cache.inputs, errors, strict=True)
    )


def gradient_norms(
    params: Params, x: ArrayLike, output_error: ArrayLike, *, config: Config
) -> Array:
    """How large the gradient is at every depth: whether it vanishes or explodes on its way back.

    ::

        g_l = ‖∂loss/∂a_l‖ = ‖W_{l+1} δ_{l+1}‖ for l < L,   g_L = ‖δ_L‖
        E g²_{l−1} = (h v/2) E g²_l    for relu, kernels of variance v, widths h, biases 0

    Args:
      params: one ``Dense`` for each layer.
      x: input, shape (d,).
      output_error: ∂loss/∂z, shape (k,); with a fixed vector the network is looked at without a
        loss.
      config: the shape of the network.

    Returns:
      (g₀, …, g_L), shape (L + 1,): from the input to the output.

    Numerics:
      The second equation is exact for kernels symmetric about 0, whatever the depth: He's
      v = 2/fan_in keeps E g² the same at all depths, and a smaller or larger v makes the gradient
      vanish or explode exponentially. The output layer, with no rectifier, gives
      E g²_{L−1} = h v g²_L. A vanished gradient of 0 has the derivative 0.

    Example:
      >>> from jaxmath.models import mlp
      >>> config = mlp.Config((2, 2, 2), "identity")
      >>> params = 2 * (nn.Dense(3 * jnp.eye(2), jnp.zeros(2)),)
      >>> print(gradient_norms(params, jnp.ones(2), jnp.array([0.0, 1.0]), config=config))
      [9. 3. 1.]

    References:
      X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
      networks", 2010, equations (6) and (14).
      K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
      performance on ImageNet classification", 2015, equations (13), (14).
    """
    config = _as_config("gradient_norms", config)
    output_error = as_array("output_error", output_error, shape=config.sizes[-1:])
    cache = forward(params, x, config=config)
    errors = layer_errors(params, cache, output_error, config=config)
    gradients = [jnp.dot(layer.kernel, delta) for layer, delta in zip(params, errors, strict=True)]
    return jnp.stack([safe_norm(gradient) for gradient in (*gradients, output_error)])
