"""Basin hopping: one hop in plain words, SciPy's example, multimodal lanes, and how it ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import basin_hopping

KEY = jax.random.key(3)


def test_hops_are_a_chain_over_local_minima():
    """The same draws with ``lbfgs`` by hand: points, best, idle hops and exact counts."""
    f = lambda x: jnp.sum(0.1 * x**2 + 1.0 - jnp.cos(3.0 * x))

    step = jax.jit(
        lambda key, state: optimize.basin_hopping_step(
            key, f, state, temperature=0.3, step_size=2.5
        )
    )
    state = jax.jit(lambda x: optimize.basin_hopping_init(f, x))(jnp.array([4.0, -2.0]))
    local = jax.jit(lambda x: optimize.lbfgs(f, x))
    keys = jax.random.split(KEY, 8)
    found = local(jnp.array([4.0, -2.0]))
    x, count, idle = found.value, found.num_fun + 1, 0
    best, taken = float(f(x)), []
    for key in keys:
        state = step(key, state)
        move, coin = jax.random.split(key)
        found = local(x + 2.5 * (2 * jax.random.uniform(move, (2,)) - 1))
        count += found.num_fun + 1
        rise = float(f(found.value) - f(x))
        take = rise <= 0 or jax.random.uniform(coin) < np.exp(-rise / 0.3)
        idle = 0 if f(found.value) < best - 1e-8 else idle + 1
        best = min(best, float(f(found.value)))
        x = found.value if take else x
        taken.append(take)
        np.testing.assert_allclose(state.current.x, x, atol=1e-8)
        np.testing.assert_allclose(state.best.value, best, atol=1e-12)
        assert (state.num_idle, state.num_fun) == (idle, count)
    assert any(taken)
    assert not all(taken)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rastrigin(dtype):
    """From (4, −3) to the global minimum, at the local minimizer's accuracy."""
    solve = lambda key: basin_hopping(
        key, optimize.rastrigin, jnp.array([4.0, -3.0], dtype), step_size=1.2, max_steps=200
    )
    with jax.numpy_dtype_promotion("strict"):
        s = jax.jit(jax.vmap(solve))(jax.random.split(KEY, 20))
    assert s.value.dtype == s.error.dtype == dtype
    found = np.all(np.abs(s.value) <= 1e-2 * np.sqrt(np.finfo(dtype).eps), axis=1)
    assert found.mean() >= 0.9
    assert (s.status == Status.CONVERGED).mean() >= 0.9
    assert (s.num_fun >= s.num_grad).all()


def _lanes(key, kind, x0, patience, max_steps):
    kinds = [
        lambda x: jnp.sum(x**2) + 1.0,
        lambda x: 3.0 + 0.0 * x[0],
        lambda x: x[0] * jnp.nan,
        lambda x: jnp.sum(x - jnp.log(x)),  # NaN below 0
        lambda x: x[0],
        lambda x: jnp.sum(jnp.where(x < 1.0, x**2, 2.0 - x**2)),  # a hop leads over the rim
    ]
    f = lambda x: jax.lax.switch(kind, kinds, x)
    return basin_hopping(
        key, f, x0, patience=patience, max_steps=max_steps, method="bfgs", step_size=2.0
    )


CASES = [
    # kind, start, patience, limit, status, hops
    (0, 1.0, 4, 50, Status.CONVERGED, 4),
    (1, 1.0, 4, 50, Status.CONVERGED, 4),
    (2, 1.0, 4, 50, Status.NON_FINITE, 0),
    (3, 0.5, 4, 50, Status.CONVERGED, 4),
    (4, 1.0, 4, 50, Status.UNBOUNDED, 0),
    (5, 0.5, 50, 50, Status.UNBOUNDED, None),
    (0, np.nan, 4, 50, Status.INVALID_START, 0),
    (0, 1.0, 4, 0, Status.MAX_STEPS, 0),
    (0, 1.0, 9, 3, Status.MAX_STEPS, 3),
]


def test_every_lane_ends_in_its_own_way():
    *columns, status, hops = (np.array(column) for column in zip(*CASES, strict=True))
    kind, start, patience, limit = columns
    keys, x0 = jax.random.split(KEY, len(CASES)), start[:, None] * np.ones(2)
    s = jax.jit(jax.vmap(_lanes))(keys, kind.astype(np.int32), x0, patience, limit)
    assert [Status(int(v)) for v in s.status] == [Status(int(v)) for v in status]
    known = np.array([h is not None for h in hops])
    np.testing.assert_array_equal(s.num_steps[known], hops[known].astype(int))
    assert 0 < s.num_steps[5] < 50
    np.testing.assert_allclose(s.value[3], 1.0, rtol=1e-6)
    np.testing.assert_allclose(s.value[0], 0.0, atol=1e-6)


def test_rounding_is_no_progress_and_no_lower_bound_is_an_end():
    """A minimum found again, lower by rounding, is an idle hop; UNBOUNDED counts at any value."""
    f = lambda x: 1.0 + jnp.sum(jnp.where(x < 1.0, x**2, 2.0 - x**2))
    step = jax.jit(lambda s, size: optimize.basin_hopping_step(KEY, f, s, step_size=size))
    state = jax.jit(lambda x: optimize.basin_hopping_init(f, x))(jnp.array([0.5]))
    at = lambda value: state._replace(best=state.best._replace(value=jnp.asarray(value)))
    found = step(at(1.0 + 1e-13), 0.1)
    assert found.best.value < 1.0 + 1e-13
    assert found.num_idle == 1
    assert step(at(1.1), 0.1).num_idle == 0
    over = next(k for k in range(99) if 2 * float(u(k)) - 1 > 0.1)
    lost = jax.jit(lambda s: optimize.basin_hopping_step(
        jax.random.key(over), f, s, step_size=30.0))(at(-1e300))  # fmt: skip
    assert lost.best.status == Status.UNBOUNDED


def u(seed):
    """The draw that moves the one coordinate of a hop."""
    return jax.random.uniform(jax.random.split(jax.random.key(seed))[0], (1,))[0]


def test_pytrees_and_refusals():
    f = lambda p, c: jnp.sum((p["a"] - c) ** 2 + 1.0 - jnp.cos(8.0 * (p["a"] - c)))
    s = basin_hopping(KEY, f, {"a": [2.0, 3.0]}, (0.5,), step_size=1.0, patience=30)
    np.testing.assert_allclose(s.value["a"], 0.5, atol=1e-6)
    for wrong in ({"method": "cg"}, {"temperature": -1.0}, {"step_size": -1.0}, {"patience": 0}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}`"):
            basin_hopping(KEY, f, {"a": [2.0, 3.0]}, (0.5,), **wrong)
