"""Adversarial examples: the small change of an input that raises the loss the most.

``loss_fn(x)`` is the loss of one example as a function of its input alone; it closes over the
label and the parameters. Training on what these return is adversarial training.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._draws import uniform, wide_dtype
from jaxmath._loops import fori_loop
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = ["fgsm", "pgd"]

Loss = Callable[[Array], Array]


def _checked(
    caller: str, loss_fn: Loss, x: ArrayLike, epsilon: Scalar, lower: Scalar, upper: Scalar
) -> tuple[Array, Array, Array, Array]:
    """x, ε and the bounds in the dtype of x."""
    if not callable(loss_fn):
        raise TypeError(
            f"{caller}: argument `loss_fn` must be a function, got {type(loss_fn).__name__}"
        )
    x = as_array("x", x)
    check_number("epsilon", epsilon, low=0.0)
    check_number("lower", lower)
    check_number("upper", upper)
    lower, upper = (jnp.asarray(value, x.dtype) for value in (lower, upper))
    return x, jnp.asarray(epsilon, wide_dtype(x.dtype)), lower, upper


def _in_ball(z: Array, x: Array, epsilon: Array) -> Array:
    """z clipped to |z − x| ≤ ε, which in half precision the rounding of x ± ε must not exceed."""
    narrow = epsilon.astype(x.dtype)
    z = jnp.clip(z, x - narrow, x + narrow)
    at, centre, epsilon = lax.stop_gradient((z, x.astype(epsilon.dtype), epsilon))
    low, high = centre - epsilon, centre + epsilon
    least, most = low.astype(x.dtype), high.astype(x.dtype)
    least = jnp.where(least.astype(low.dtype) < low, jnp.nextafter(least, most), least)
    most = jnp.where(most.astype(high.dtype) > high, jnp.nextafter(most, least), most)
    return z + (jnp.clip(at, least, most) - at)  # exact, of neighbours


def _ascent(loss_fn: Loss, x: Array, step: Array) -> Array:
    # jnp.sign keeps 0 and NaN.
    return x + step * jnp.sign(jax.grad(loss_fn)(x))


def fgsm(
    loss_fn: Loss, x: ArrayLike, epsilon: Scalar, *, lower: Scalar = 0.0, upper: Scalar = 1.0
) -> Array:
    """The fast gradient sign method: one step to a corner of the ∞-ball.

    ::

        x' = clip(x + ε sign ∇L(x), lower, upper)

    the maximizer of the loss over ‖x' − x‖∞ ≤ ε, to first order.

    Args:
      loss_fn: L, from the input to a scalar.
      x: the input, of any shape.
      epsilon: ε, in the units of ``x``.
      lower: the least value of an input; −∞ for no bound.
      upper: the greatest value of an input; ∞ for no bound.

    Returns:
      The adversarial example, of the shape and dtype of ``x``.

    Numerics:
      sign 0 = 0: an entry without influence stays. A NaN gradient gives NaN there, not x. The
      derivative in x is that of the clipping, since that of the sign is 0. Cost: one gradient.

    Example:
      >>> print(fgsm(lambda x: jnp.dot(x, jnp.array([1.0, -2.0, 0.0])), jnp.array([0.5, 0.2, 0.9]),
      ...            0.25))
      [0.75 0.   0.9 ]

    References:
      I. J. Goodfellow, J. Shlens, C. Szegedy, "Explaining and harnessing adversarial examples",
      2015, section 4.
    """
    x, epsilon, lower, upper = _checked("fgsm", loss_fn, x, epsilon, lower, upper)
    step = epsilon.astype(x.dtype)
    return jnp.clip(_in_ball(_ascent(loss_fn, x, step), x, epsilon), lower, upper)


@compiled
def _climb(
    key: Array,
    loss_fn: Loss,
    x: Array,
    epsilon: Array,
    step: Array,
    num_steps: int,
    lower: Array,
    upper: Array,
) -> Array:
    """``pgd``, its arguments checked: outside jit one program a loss, known by identity."""
    project = lambda z: jnp.clip(_in_ball(z, x, epsilon), lower, upper)
    noise = uniform(key, x.shape, x.dtype, -1.0)
    start = project(x + epsilon.astype(x.dtype) * noise)
    return fori_loop(0, num_steps, lambda _, z: project(_ascent(loss_fn, z, step)), start)


def pgd(
    key: Array,
    loss_fn: Loss,
    x: ArrayLike,
    epsilon: Scalar,
    step_size: Scalar,
    num_steps: int,
    *,
    lower: Scalar = 0.0,
    upper: Scalar = 1.0,
) -> Array:
    """Projected gradient ascent in the ∞-ball, from a random start.

    ::

        x⁰ = P(x + u),   uᵢ ~ U(−ε, ε);   xᵗ⁺¹ = P(xᵗ + α sign ∇L(xᵗ))
        P: onto ‖x' − x‖∞ ≤ ε, then onto [lower, upper]

    Args:
      key: a random key, used once.
      loss_fn: L, from the input to a scalar.
      x: the input, of any shape, within the bounds.
      epsilon: ε, in the units of ``x``.
      step_size: α; num_steps·α ≥ 2ε reaches every corner from every start.
      num_steps: number of steps, static.
      lower: the least value of an input; −∞ for no bound.
      upper: the greatest value of an input; ∞ for no bound.

    Returns:
      The last iterate, of the shape and dtype of ``x``.

    Numerics:
      sign 0 = 0. A NaN gradient gives NaN, there and in what depends on it. The loss need not rise
      at every step, and nothing but a local maximum is found. Outside jit the program is kept for
      the function object ``loss_fn``, with what that closes over. Cost: ``num_steps`` gradients in
      one compiled loop.

    Example:
      >>> loss = lambda x: jnp.dot(x, jnp.array([1.0, -2.0]))
      >>> print(pgd(jax.random.key(0), loss, jnp.array([0.5, 0.125]), 0.25, 0.125, 5))
      [0.75 0.  ]

    References:
      A. Madry, A. Makelov, L. Schmidt, D. Tsipras, A. Vladu, "Towards deep learning models
      resistant to adversarial attacks", 2018, section 2.1.
    """
    key = as_key("key", key)
    x, epsilon, lower, upper = _checked("pgd", loss_fn, x, epsilon, lower, upper)
    check_number("step_size", step_size, low=0.0)
    check_number("num_steps", num_steps, low=1, integer=True)
    step = jnp.asarray(step_size, x.dtype)
    return _climb(key, loss_fn, x, epsilon, step, num_steps, lower, upper)
