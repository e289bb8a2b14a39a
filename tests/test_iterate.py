"""The bounded loop: how it ends, what it counts, and that lanes do not disturb each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath._limits import as_limit
from jaxmath.iterate import Solution, Status, iterate


def halve(x):
    return 0.5 * x


def small(x):
    bad = ~jnp.isfinite(x)
    done = jnp.where(x < 1.0, Status.CONVERGED, Status.RUNNING)
    return jnp.where(bad, Status.NON_FINITE, done)


def test_every_status_has_a_sentence():
    assert all(status.sentence.endswith(".") for status in Status)
    assert Status.CONVERGED == 0
    assert Status.RUNNING < 0


def test_solution_is_a_pytree():
    solution = Solution(jnp.ones(2), jnp.int32(Status.STAGNATED), jnp.float32(0.1), jnp.int32(3))
    batched = jax.vmap(lambda _: solution)(jnp.arange(4))
    assert batched.value.shape == (4, 2)
    assert not batched.converged.any()


def test_counts_steps_and_stops_at_the_limit():
    x, status, num_steps = iterate(halve, jnp.float32(8.0), small, max_steps=10)
    assert (float(x), int(status), int(num_steps)) == (0.5, Status.CONVERGED, 4)
    x, status, num_steps = iterate(halve, jnp.float32(8.0), small, max_steps=2)
    assert (float(x), int(status), int(num_steps)) == (2.0, Status.MAX_STEPS, 2)


def test_zero_steps_and_an_ended_start():
    _, status, num_steps = iterate(halve, jnp.float32(8.0), small, max_steps=0)
    assert (int(status), int(num_steps)) == (Status.MAX_STEPS, 0)
    _, status, num_steps = iterate(halve, jnp.float32(0.1), small, max_steps=5)
    assert (int(status), int(num_steps)) == (Status.CONVERGED, 0)


def test_negative_limit_is_refused():
    with pytest.raises(ValueError, match="`max_steps` must be at least 0, got -1"):
        iterate(halve, jnp.float32(1.0), small, max_steps=-1)
    with pytest.raises(TypeError, match="`max_steps` must be an integer, got dtype float64"):
        iterate(halve, jnp.float32(1.0), small, max_steps=np.array(2.5))


@pytest.mark.parametrize("most", [2**31 - 1, 2**31, 10**30, np.int64(2**40), np.uint32(2**32 - 1)])
def test_more_steps_than_can_be_counted_are_no_limit(most):
    assert int(iterate(halve, jnp.float32(8.0), small, max_steps=most)[2]) == 4
    assert int(jax.jit(as_limit)(jnp.asarray(min(most, 2**40)))) == 2**31 - 1
    assert int(as_limit(jnp.int8(7))) == 7


def test_lanes_end_apart():
    starts = jnp.array([0.5, 8.0, jnp.nan, 1e30], jnp.float32)
    solo = [iterate(halve, x, small, max_steps=20) for x in starts]
    x, status, num_steps = jax.vmap(lambda x: iterate(halve, x, small, max_steps=20))(starts)
    assert status.tolist() == [
        Status.CONVERGED, Status.CONVERGED, Status.NON_FINITE, Status.MAX_STEPS
    ]  # fmt: skip
    assert num_steps.tolist() == [int(s[2]) for s in solo] == [0, 4, 0, 20]
    assert jnp.array_equal(x, jnp.stack([s[0] for s in solo]), equal_nan=True)


def test_forward_mode_through_the_loop():
    root = lambda a: iterate(
        lambda x: 0.5 * (x + a / x), jnp.ones_like(a),
        lambda x: jnp.where(jnp.abs(x * x - a) < 1e-12, Status.CONVERGED, Status.RUNNING),
        max_steps=30,
    )[0]  # fmt: skip
    value, tangent = jax.jvp(root, (jnp.float64(2.0),), (jnp.float64(1.0),))
    assert abs(value - 2**0.5) < 1e-12
    assert abs(tangent - 0.5 / 2**0.5) < 1e-6
