"""Learning rates adapted to each parameter by its past gradients: AdaGrad, AdaDelta, RMSProp.

Every hyper-parameter may be a traced scalar, so a sweep of learning rates is one ``jax.vmap`` over
a function that builds the optimizer; a number outside the range that the docstring gives is refused
with a ValueError. ``update`` returns what ``optax.apply_updates`` adds.
"""

import jax
import jax.numpy as jnp
import optax

from jaxmath.numerics import safe_divide, safe_sqrt
from jaxmath.optimize._elementwise import Arrays, Slot, Step, abs_squared, elementwise
from jaxmath.typing import Array, Scalar, check_number

__all__ = ["adadelta", "adagrad", "rmsprop"]


def _over_root(g: Array, v: Array, eps: Array, eps_in_sqrt: bool) -> Array:
    """g / √(v + ε) or g / (√v + ε), and 0 where that is 0/0."""
    if not eps_in_sqrt:
        return safe_divide(g, safe_sqrt(v) + eps)
    # A maximum in the place of two selects: measured 2 to 8% of a whole update on XLA's CPU.
    return g * jax.lax.rsqrt(jnp.maximum(v + eps, float(jnp.finfo(v.dtype).tiny)))


def _variance(
    g: Array, v: Array, mu: Array, decay: Array, before: Array, after: Array
) -> tuple[Array, Array, Array]:
    """The running variance of g, and the accumulators; a sum of terms ≥ 0.

    ``before`` and ``after`` are the total weights of the gradients, without g and with it; the
    variance is v / after, and the mean mu / after. The deviation is from the new mean: with the old
    one, of the same value, XLA's CPU backend computes v twice, in 1.45 times the time.
    """
    mu = decay * mu + (1 - decay) * g
    deviation = g - mu / after
    v = decay * v + safe_divide((1 - decay) * after, decay * before) * abs_squared(deviation)
    return v / after, v, mu


def adagrad(
    learning_rate: optax.ScalarOrSchedule,
    initial_accumulator_value: Scalar = 0.1,
    eps: Scalar = 1e-7,
    *,
    eps_in_sqrt: bool = True,
) -> optax.GradientTransformation:
    """AdaGrad: every parameter's step shrinks with the sum of its squared gradients.

    ::

        sₜ = sₜ₋₁ + gₜ²,   s₀ = initial_accumulator_value
        θₜ₊₁ = θₜ − αₜ gₜ / √(sₜ + ε)

    Departures from the paper, whose step is α gₜ / (δ + √Σg²): the sum starts at 0.1 and ε is
    under the root, as in optax. ``initial_accumulator_value=0.0, eps_in_sqrt=False`` is the
    paper's form with δ = ``eps``.

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      initial_accumulator_value: s₀ ≥ 0, in squared units of the gradient.
      eps: ε ≥ 0, in squared units of the gradient under the root, in its units outside it.
      eps_in_sqrt: √(s + ε) if True, √s + ε if False.

    Returns:
      The optimizer; its state holds s as ``slots["sum_of_squares"]``.

    Numerics:
      A bfloat16 or float16 leaf is summed in float32, where s stops growing at about 10⁷ gₜ²; in
      bfloat16, as optax keeps it, at about 256 gₜ². Singular set {s + ε = 0}: update 0. Cost: one
      accumulator.

    Example:
      >>> optimizer = adagrad(0.1, 0.0)
      >>> params = jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params))
      >>> " ".join(f"{u:.4f}" for u in updates)
      '-0.1000 0.1000'

    References:
      Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
      Optimization", 2011 (diagonal matrices).
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("initial_accumulator_value", initial_accumulator_value, low=0.0)
    check_number("eps", eps, low=0.0)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (s,), (learning_rate, eps) = slots, hyper
        s = s + abs_squared(g)
        return -learning_rate * _over_root(g, s, eps, eps_in_sqrt), (s,)

    hyper = {"learning_rate": learning_rate, "eps": eps}
    slots = {"sum_of_squares": Slot(init=initial_accumulator_value, real=True)}
    return elementwise(rule, hyper, slots)


def adadelta(
    learning_rate: optax.ScalarOrSchedule = 1.0,
    rho: Scalar = 0.9,
    eps: Scalar = 1e-6,
) -> optax.GradientTransformation:
    """AdaDelta: the step has the units of the parameter, from an average of past steps.

    ::

        E[g²]ₜ = ρ E[g²]ₜ₋₁ + (1 − ρ) gₜ²
        Δₜ = √((E[Δ²]ₜ₋₁ + ε) / (E[g²]ₜ + ε)) · gₜ
        E[Δ²]ₜ = ρ E[Δ²]ₜ₋₁ + (1 − ρ) Δₜ²
        θₜ₊₁ = θₜ − αₜ Δₜ

    With α = 1, the default, the algorithm of the paper. Departures: α is optax's addition. Its
    own default, ``learning_rate=None``, leaves the sign of the update unchanged, so that it
    ascends; None is refused here.

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      rho: ρ in [0, 1).
      eps: ε ≥ 0, in squared units of both the gradient and the step; 0 never moves.

    Returns:
      The optimizer; its state holds E[g²] as ``slots["e_g"]`` and E[Δ²] as ``slots["e_x"]``.
      Weight decay is ``optax.chain(optax.add_decayed_weights(λ), adadelta(…))``.

    Raises:
      TypeError: the learning rate is None.

    Numerics:
      A bfloat16 or float16 leaf has float32 averages, and its update is rounded once at the end.
      Singular set {ε = 0 and E[g²] = 0}: update 0. Cost: two accumulators.

    Example:
      >>> optimizer, params = adadelta(), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params))
      >>> " ".join(f"{u:.6f}" for u in updates)
      '-0.003162 0.003162'

    References:
      Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, Algorithm 1.
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("rho", rho, low=0.0, high=1.0, open_high=True)
    check_number("eps", eps, low=0.0)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        (e_g, e_x), (learning_rate, rho, eps) = slots, hyper
        e_g = rho * e_g + (1 - rho) * abs_squared(g)
        ratio = safe_divide(e_x + eps, e_g + eps)
        e_x = rho * e_x + (1 - rho) * ratio * abs_squared(g)  # Δ², without its root
        return -learning_rate * safe_sqrt(ratio) * g, (e_g, e_x)

    hyper = {"learning_rate": learning_rate, "rho": rho, "eps": eps}
    return elementwise(rule, hyper, {"e_g": Slot(real=True), "e_x": Slot(real=True)})


def rmsprop(
    learning_rate: optax.ScalarOrSchedule,
    decay: Scalar = 0.9,
    eps: Scalar = 1e-8,
    initial_scale: Scalar = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: Scalar | None = None,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> optax.GradientTransformation:
    """RMSProp: the gradient over the root of its running mean square, or standard deviation.

    ::

        vₜ = ρ vₜ₋₁ + (1 − ρ) gₜ²,   v₀ = initial_scale
        θₜ₊₁ = θₜ − αₜ gₜ / √(vₜ + ε)

    and centred, with the variance σₜ² = vₜ − μₜ² in the place of vₜ::

        μₜ = ρ μₜ₋₁ + (1 − ρ) gₜ
        σₜ² = ρ σₜ₋₁² + (1 − ρ)/ρ (gₜ − μₜ)²,   σ₀² = initial_scale

    With ``momentum`` = m the step −αₜ gₜ / √… =: sₜ is traced: uₜ = m uₜ₋₁ + sₜ, θₜ₊₁ = θₜ + uₜ,
    or θₜ₊₁ = θₜ + m uₜ + sₜ with ``nesterov``. With ``bias_correction``, v and μ are divided by
    1 − ρᵗ before they are used.

    Hinton's lecture has no ε and no v₀; optax puts ε under the root, and so does Graves, whose
    form is ``decay=0.95, eps=1e-4, centered=True, momentum=0.9``. Departure from optax: it
    subtracts μ² from v, and where rounding makes that negative its update is NaN (a constant
    float32 gradient is enough). The recursion for σ² is the same number, never below 0.

    Args:
      learning_rate: α ≥ 0, a number, a traced scalar, or an optax schedule of the 0-based count.
      decay: ρ in [0, 1).
      eps: ε ≥ 0, in squared units of the gradient under the root, in its units outside it.
      initial_scale: v₀ ≥ 0, in squared units of the gradient.
      eps_in_sqrt: √(v + ε) if True, √v + ε if False.
      centered: divide by the standard deviation.
      momentum: m in [0, 1), or None for no trace of the steps.
      nesterov: the trace looks ahead.
      bias_correction: divide the averages by 1 − ρᵗ.

    Returns:
      The optimizer; its state holds v as ``slots["nu"]`` (σ² where centred), μ as ``slots["mu"]``
      and u as ``slots["trace"]``, those that it needs.

    Numerics:
      A bfloat16 or float16 leaf has float32 averages, and its update is rounded once at the end.
      σ² is a sum of terms ≥ 0 with an error of (eps·g)², where v − μ² has eps·g²; with
      ``bias_correction`` it is 0 at t = 1, so that the first step is αₜ g₁ / √ε. Singular set
      {v + ε = 0}: step 0. Cost: one to three accumulators.

    Example:
      >>> optimizer, params = rmsprop(0.1), jnp.array([1.0, -2.0])
      >>> updates, state = optimizer.update(params, optimizer.init(params))
      >>> " ".join(f"{u:.4f}" for u in updates)
      '-0.3162 0.3162'

    References:
      Tieleman and Hinton, "Lecture 6.5 - rmsprop", Neural Networks for Machine Learning, 2012.
      Graves, "Generating Sequences With Recurrent Neural Networks", 2013, equations 38 to 41.
      Finch, "Incremental calculation of weighted mean and variance", 2009 (the recursion of σ²).
    """
    check_number("learning_rate", learning_rate, low=0.0)
    check_number("decay", decay, low=0.0, high=1.0, open_high=True)
    check_number("eps", eps, low=0.0)
    check_number("initial_scale", initial_scale, low=0.0)
    if momentum is not None:
        check_number("momentum", momentum, low=0.0, high=1.0, open_high=True)

    def rule(t: Array, g: Array, theta: Array | None, slots: Arrays, hyper: Arrays) -> Step:
        learning_rate, decay, eps, *trace_decay = hyper
        one = jnp.ones_like(decay)
        before, after = (1 - decay ** (t - 1), 1 - decay**t) if bias_correction else (one, one)
        if centered:
            scale, *averages = _variance(g, slots[0], slots[1], decay, before, after)
        else:
            averages = [decay * slots[0] + (1 - decay) * abs_squared(g)]
            scale = averages[0] / after
        step = -learning_rate * _over_root(g, scale, eps, eps_in_sqrt)
        if not trace_decay:
            return step, tuple(averages)
        u = trace_decay[0] * slots[-1] + step
        return trace_decay[0] * u + step if nesterov else u, (*averages, u)

    hyper = {"learning_rate": learning_rate, "decay": decay, "eps": eps}
    slots = {"nu": Slot(init=initial_scale, real=True)}
    if centered:
        slots["mu"] = Slot()
    if momentum is not None:
        hyper["momentum"] = momentum
        slots["trace"] = Slot()
    return elementwise(rule, hyper, slots, uses_step=bias_correction)
