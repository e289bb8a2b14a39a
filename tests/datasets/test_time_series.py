"""Mackey and Glass against SciPy and the published behaviour; sines against their recurrence."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp

from jaxmath import datasets

KEY = jax.random.key(2)


def by_scipy(start: float, delay: int, steps: int) -> np.ndarray:
    """The method of steps with DOP853 and its dense output, to twelve digits."""
    values, before = [start], lambda t: start
    for first in range(0, steps, delay):
        span = (first, first + delay)
        slope = lambda t, s, lag=before: 0.2 * lag(t) / (1 + lag(t) ** 10) - 0.1 * s
        found = solve_ivp(slope, span, values[-1:], method="DOP853", rtol=1e-12, atol=1e-13,
                          dense_output=True)  # fmt: skip
        before = lambda t, sol=found.sol: sol(t - delay)[0]
        values += [float(found.sol(t)[0]) for t in range(first + 1, first + delay + 1)]
    return np.array(values[: steps + 1])


def series(data: datasets.Dataset) -> np.ndarray:
    data = jax.tree.map(np.asarray, data)
    return np.concatenate([data.x[:, :1, 0], data.y[:, :, 0]], axis=1)


@pytest.mark.parametrize("delay", [17, 3])
def test_is_that_of_scipy(delay):
    """Of order 4: an error a 16th at twice the resolution (at the first 100 units of time)."""
    errors = []
    for resolution in (2, 4, 8):
        draw = partial(datasets.mackey_glass, n=1, num_steps=100, washout=0, delay=delay)
        (found,) = series(jax.jit(partial(draw, resolution=resolution))(KEY))
        errors.append(np.abs(found - by_scipy(found[0], delay, 100)).max())
    assert 0.5 <= found[0] <= 1.5
    orders = np.log2(errors[:-1]) - np.log2(errors[1:])
    assert (orders > 3.7).all(), errors
    assert errors[-1] < 2e-8


@pytest.mark.parametrize(("delay", "low", "high"), [(4, 0.999, 1.001), (10, 0.6, 1.25),
                                                    (17, 0.4, 1.35)])  # fmt: skip
def test_published_behaviour(delay, low, high):
    """At rest, on a limit cycle, chaotic; and all starts come to the same set."""
    draw = partial(datasets.mackey_glass, n=3, num_steps=500, washout=2000, resolution=2)
    found = series(jax.jit(partial(draw, delay=delay))(KEY))
    assert low < found.min() <= found.max() < high
    np.testing.assert_allclose(found.min(axis=1), found.min(), atol=0.05)
    inner = found[:, 1:-1]
    peaks = inner[(inner > found[:, :-2]) & (inner >= found[:, 2:])]
    if delay == 10:  # every cycle is the last one again
        assert np.ptp(peaks) < 0.02
    if delay == 17:
        assert np.ptp(peaks) > 0.2


def test_washout_and_next_values():
    draw = jax.jit(
        partial(datasets.mackey_glass, n=2, resolution=2), static_argnames=("num_steps", "washout")
    )
    whole, late = draw(KEY, num_steps=40, washout=0), draw(KEY, num_steps=30, washout=10)
    np.testing.assert_array_equal(series(late), series(whole)[:, 10:])
    assert (late.x.shape, late.y.shape) == ((2, 30, 1), (2, 30, 1))
    np.testing.assert_array_equal(late.x[:, 1:], late.y[:, :-1])
    assert not np.array_equal(late.x[0], late.x[1])
    for name in ("delay", "resolution"):
        with pytest.raises(
            ValueError, match=rf"^mackey_glass: argument `{name}` must be at least 1"
        ):
            datasets.mackey_glass(KEY, 1, 2, **{name: 0})


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("draw", [
    partial(datasets.sine_series, period=7.3, noise=0.1),
    partial(datasets.mackey_glass, washout=50, resolution=2),
])  # fmt: skip
def test_half_precisions_are_those_of_float32_rounded(draw, dtype):
    half, single = (draw(KEY, 2, 300, dtype=d) for d in (dtype, jnp.float32))
    assert half.x.dtype == half.y.dtype == dtype
    np.testing.assert_array_equal(half.x, single.x.astype(dtype))
    np.testing.assert_array_equal(half.y, single.y.astype(dtype))


def test_long_sines_in_single_precision():
    """The recurrence to a few eps at the 100 000th step, and the slope in the period."""
    draw = jax.jit(lambda p: datasets.sine_series(KEY, 1, 100_000, period=p, dtype=jnp.float32).x)
    period = np.float32(25.3)
    s = np.asarray(draw(period)[0, :, 0], float)
    next_one = 2 * np.cos(2 * np.pi / float(period)) * s[1:-1] - s[:-2]
    assert np.abs(s[2:] - next_one).max() < 20 * np.finfo(np.float32).eps
    t = np.arange(9)
    double = lambda p: datasets.sine_series(KEY, 1, 9, period=p).x[0, :, 0]
    s, slope = jax.jvp(double, (2.3,), (1.0,))
    assert np.abs(slope) @ t > 1
    np.testing.assert_allclose(slope**2, (1 - s**2) * (2 * np.pi * t / 2.3**2) ** 2, rtol=1e-9)


def test_sines():
    n, steps = 500, 9
    draw = jax.jit(lambda noise: datasets.sine_series(KEY, n, steps, period=7.0, noise=noise))
    clean, noisy = (series(draw(noise)) for noise in (0.0, 0.5))
    np.testing.assert_allclose(
        clean[:, 2:], 2 * np.cos(2 * np.pi / 7) * clean[:, 1:-1] - clean[:, :-2], atol=1e-13
    )
    np.testing.assert_allclose(clean[:, 7:], clean[:, :-7], atol=1e-13)
    phases = np.arctan2(clean[:, 0], (clean[:, 1] - clean[:, 0] * np.cos(2 * np.pi / 7)))
    assert stats.kstest(np.abs(clean[:, 0]), lambda v: 2 * np.arcsin(v) / np.pi).pvalue > 1e-6
    assert (phases > 0).any()
    assert (phases < 0).any()
    assert stats.kstest((noisy - clean).ravel() / 0.5, stats.norm.cdf).pvalue > 1e-6
    with pytest.raises(ValueError, match=r"^sine_series: argument `period` must be above 0"):
        datasets.sine_series(KEY, 1, 2, period=0.0)
    with pytest.raises(TypeError, match=r"^sine_series: argument `dtype` must be a real floating"):
        datasets.sine_series(KEY, 1, 2, dtype=int)
    shapes = jax.eval_shape(lambda: datasets.sine_series(KEY, 1, 2, dtype=jnp.float32))
    assert shapes.y.dtype == jnp.float32
