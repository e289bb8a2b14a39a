"""Series drawn from a key, each step with the next one to predict."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._draws import normal, uniform, wide_dtype
from jaxmath.datasets.dataset import Dataset
from jaxmath.datasets.sequence_tasks import _start
from jaxmath.typing import Array, Scalar, check_number

__all__ = ["mackey_glass", "sine_series"]

DType = jax.typing.DTypeLike


def _with_next(series: Array) -> Dataset:
    """Of (n, T + 1) values the first T, and each one's successor."""
    return Dataset(series[:, :-1, None], series[:, 1:, None])


def sine_series(
    key: Array,
    n: int,
    num_steps: int,
    *,
    period: Scalar = 25.0,
    noise: Scalar = 0.0,
    dtype: DType = float,
) -> Dataset:
    """Sines of one period and random phases, with the next value to predict.

    ::

        s_t = sin(2π (t/period + φ)) + noise·ε_t,   φ ~ U(0, 1),   x_t = s_t,   y_t = s_{t+1}

    Args:
      key: a random key, used once.
      n: number of series.
      num_steps: length T of each, at least 1.
      period: in steps, above 0.
      noise: standard deviation of each value, at least 0; ε is standard normal.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` and ``y``, both of shape (n, T, 1) and floating.

    Numerics:
      Without noise s_{t+1} = 2 cos(2π/period) s_t − s_{t−1}: two steps tell the next. With noise no
      prediction has a mean squared error below noise². An error of a few eps at any t below 2²⁴,
      for the period in the dtype; half precisions are computed in float32 and rounded once.
      Differentiable in ``period`` and ``noise``.

    Example:
      >>> x, y = sine_series(jax.random.key(0), 1, 5, period=4.0)
      >>> f"{jnp.max(jnp.abs(x[0, 2:] + x[0, :-2])):.1f} {bool(jnp.all(x[0, 1:] == y[0, :-1]))}"
      '0.0 True'

    References:
      G. U. Yule, "On a method of investigating periodicities in disturbed series", 1927, equation
      (1), for the recurrence.
    """
    check_number("num_steps", num_steps, low=1, integer=True)
    check_number("period", period, low=0.0, open_low=True)
    check_number("noise", noise, low=0.0)
    key, dtype = _start("sine_series", key, n, dtype)
    phase_key, noise_key = jax.random.split(key)
    wide = wide_dtype(dtype)
    period = jnp.asarray(period, wide)
    # Whole turns are taken off first, without rounding, or their digits would be the phase's.
    turns = jnp.fmod(jnp.arange(num_steps + 1, dtype=wide), period) / period
    angles = 2 * math.pi * (turns[None] + uniform(phase_key, (n, 1), wide))
    draws = normal(noise_key, (n, num_steps + 1), wide)
    return _with_next((jnp.sin(angles) + jnp.asarray(noise, wide) * draws).astype(dtype))


def _slope(x: Array, delayed: Array) -> Array:
    return 0.2 * delayed / (1 + delayed**10) - 0.1 * x


def _runge_kutta(h: float, x: Array, delayed: tuple[Array, Array, Array]) -> tuple:
    """A step of h; the next value, beside the value in the middle of the step.

    The delayed values are those at the step's start, middle and end. The middle is that of the
    cubic through both ends with their slopes, of an error in h⁴ as the step's.
    """
    start, middle, end = delayed
    k1 = _slope(x, start)
    k2 = _slope(x + 0.5 * h * k1, middle)
    k3 = _slope(x + 0.5 * h * k2, middle)
    k4 = _slope(x + h * k3, end)
    new = x + h / 6 * (k1 + 2 * (k2 + k3) + k4)
    between = 0.5 * (x + new) + h / 8 * (k1 - _slope(new, end))
    return new, (new, between)


def _one_delay(h: float, state: tuple[Array, Array], _: Any) -> tuple:
    """The method of steps: over one delay the delayed values are known.

    The state: the values at the ends of the steps of the last delay, with the one before them in
    front, and those in their middles.
    """
    ends, middles = state
    delayed = (ends[:-1], middles, ends[1:])
    step: Any = partial(_runge_kutta, h)
    _, (new, between) = lax.scan(step, ends[-1], delayed)
    return (jnp.concatenate([ends[-1:], new]), between), new


# Compiled once: a scan outside jit would be so at each call.
@partial(jax.jit, static_argnums=(1, 2, 3))
def _units(start: Array, delay: int, resolution: int, rounds: int) -> Array:
    """The values at the times 0, 1, …, rounds·delay, one row a time."""
    steps, n = delay * resolution, start.size
    history = (jnp.broadcast_to(start, (steps + 1, n)), jnp.broadcast_to(start, (steps, n)))
    delay_on: Any = partial(_one_delay, 1 / resolution)
    _, ends = lax.scan(delay_on, history, None, length=rounds)
    return jnp.concatenate([start[None], ends.reshape(-1, n)[resolution - 1 :: resolution]])


def mackey_glass(
    key: Array,
    n: int,
    num_steps: int,
    *,
    delay: int = 17,
    resolution: int = 10,
    washout: int = 500,
    dtype: DType = float,
) -> Dataset:
    """The equation of Mackey and Glass, once a unit of time, with the next value to predict.

    ::

        s'(t) = 0.2 s(t − τ) / (1 + s(t − τ)¹⁰) − 0.1 s(t)
        s(t) = s₀ for t ≤ 0,   s₀ ~ U(0.5, 1.5)
        x_t = s(washout + t),   y_t = s(washout + t + 1)

    Args:
      key: a random key, used once.
      n: number of series, each with an s₀ of its own.
      num_steps: length T of each, at least 1.
      delay: τ, an integer of at least 1. Up to 4 the series comes to rest at 1, up to 16 to a
        cycle; at 17 it is mildly chaotic, at 30 more so.
      resolution: steps of integration a unit of time, at least 1.
      washout: units of time before the first value, at least 0.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` and ``y``, both of shape (n, T, 1) and floating: 0.4 < s < 1.35 at the default delay.

    Numerics:
      The method of steps with the classical Runge–Kutta method; delayed values in the middle of a
      step by cubic interpolation: of order 4, with an error below 1e-9 after 100 units of time at
      the default. Chaotic: errors grow by e each 140 units or so at τ = 17, so that in the long run
      a series is one of the right kind, not the one of this s₀, and float32 and float64 part.
      Half precisions are computed in float32 and rounded once. Cost: 5 evaluations of
      the slope a step, one after another.

    Example:
      >>> x, y = mackey_glass(jax.random.key(0), 2, 50, delay=4, washout=1000)
      >>> f"{jnp.min(x):.3f} {jnp.max(x):.3f}"
      '1.000 1.000'

    References:
      M. C. Mackey, L. Glass, "Oscillation and chaos in physiological control systems", 1977.
      J. D. Farmer, "Chaotic attractors of an infinite-dimensional dynamical system", 1982, section
      3 (τ = 17, and the exponents).
      H. Jaeger, H. Haas, "Harnessing nonlinearity: predicting chaotic systems and saving energy in
      wireless communication", 2004, for the task.
    """
    for name, value, least in (("num_steps", num_steps, 1), ("delay", delay, 1),
                               ("resolution", resolution, 1), ("washout", washout, 0)):  # fmt: skip
        check_number(name, value, low=least, integer=True)
    key, dtype = _start("mackey_glass", key, n, dtype)
    start = uniform(key, (n,), wide_dtype(dtype), 0.5, 1.5)
    units = _units(start, delay, resolution, -(-(washout + num_steps) // delay))
    return _with_next(units[washout : washout + num_steps + 1].T.astype(dtype))
