"""Differential evolution: distinct indices, one generation from the paper, and how it ends."""

import importlib
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import _swarm, differential_evolution

de = importlib.import_module("jaxmath.optimize.differential_evolution")
KEY = jax.random.key(0)


def sphere(x):
    return jnp.sum(x**2)


def test_indices_are_distinct_and_every_choice_is_as_likely():
    """All 5·4·3 ordered choices other than i, within 5 standard errors."""
    draws = jax.vmap(lambda k: de._distinct(k, 6, 3))(jax.random.split(KEY, 4000))
    for i in range(6):
        own = np.asarray(draws[:, i])
        choices = list(itertools.permutations([j for j in range(6) if j != i], 3))
        counts = [np.sum(np.all(own == c, axis=1)) for c in choices]
        assert sum(counts) == 4000  # no other choice occurs
        p = 1 / len(choices)
        assert np.max(np.abs(np.array(counts) / 4000 - p)) < 5 * np.sqrt(p * (1 - p) / 4000)
    np.testing.assert_array_equal(np.sort(de._distinct(KEY, 4, 3), axis=1)[0], [1, 2, 3])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("strategy", ["best1bin", "rand1bin"])
def test_one_generation_is_the_paper_s(strategy):
    """The same draws, in loops: mutation, crossing, entries outside drawn anew, selection."""
    # On plateaus, so that some trials tie with their parents, and replace them.
    low, high = np.array([-1.0, -2.0, 0.0]), np.array([1.0, 2.0, 3.0])
    f = lambda x: jnp.floor(jnp.sum((x - 0.9) ** 2) / 3)
    first, second = jax.random.split(KEY)

    @jax.jit
    def run(first, second):
        state = optimize.differential_evolution_init(first, f, low, high, population_size=12)
        return state, optimize.differential_evolution_step(
            second, f, state, strategy=strategy, mutation=(0.8, 1.9), recombination=0.4
        )

    state, after = run(first, second)
    keys = jax.random.split(second, 5)
    r = np.asarray(de._distinct(keys[0], 12, 3 if strategy == "rand1bin" else 2))
    F = 0.8 + 1.1 * float(jax.random.uniform(keys[1]))
    cross = np.asarray(jax.random.uniform(keys[2], (12, 3)))
    sure = np.asarray(jax.random.randint(keys[3], (12, 1), 0, 3, jnp.int32))
    anew = low + (high - low) * np.asarray(jax.random.uniform(keys[4], (12, 3)))
    x, values = np.asarray(state.population), np.asarray(state.values)
    moved, outside, ties = 0, 0, 0
    for i in range(12):
        base = x[np.argmin(values)] if strategy == "best1bin" else x[r[i, 2]]
        trial = x[i].copy()
        for j in range(3):
            if cross[i, j] < 0.4 or j == sure[i, 0]:
                trial[j] = base[j] + F * (x[r[i, 0], j] - x[r[i, 1], j])
            if not low[j] <= trial[j] <= high[j]:
                trial[j], outside = anew[i, j], outside + 1
        value = np.floor(np.sum((trial - 0.9) ** 2) / 3)
        better, ties = value <= values[i], ties + (value == values[i])
        moved += better
        np.testing.assert_allclose(after.population[i], trial if better else x[i], rtol=1e-13)
    assert moved > 0
    assert outside > 0
    assert ties > 0
    assert after.num_fun == 24


def test_the_first_population_is_a_latin_hypercube():
    low, high = np.array([-3.0, 0.0]), np.array([1.0, 1e-3])
    x = np.asarray(_swarm.latin_hypercube(KEY, 50, jnp.asarray(low), jnp.asarray(high)))
    slices = np.floor((x - low) / (high - low) * 50).astype(int)
    np.testing.assert_array_equal(np.sort(slices, axis=0), np.arange(50)[:, None] * [1, 1])
    assert (slices[:, 0] != slices[:, 1]).any()
    t = jax.random.uniform(KEY, (1000, 1))  # 0.1 t + 0.1 (1 − t) is not always 0.1
    assert (_swarm.between(t, jnp.array([0.1]), jnp.array([0.1])) == 0.1).all()
    assert np.isfinite(_swarm.between(t, jnp.array([-1e308]), jnp.array([1e308]))).all()


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("strategy", "dtype", "share"), [
    ("best1bin", np.float32, 0.7), ("rand1bin", np.float64, 0.95),
])  # fmt: skip
def test_rastrigin(strategy, dtype, share):
    """The global one of about 100 minima, in most of 40 lanes; exact to what the dtype can hold."""
    low, high = np.full(2, -5.12, dtype), np.full(2, 4.5, dtype)
    solve = lambda key: differential_evolution(
        key, optimize.rastrigin, low, high, strategy=strategy
    )
    with jax.numpy_dtype_promotion("strict"):
        s = jax.jit(jax.vmap(solve))(jax.random.split(KEY, 40))
    assert s.value.dtype == s.error.dtype == dtype
    found = np.all(np.abs(s.value) <= 8 * np.finfo(dtype).eps, axis=1)
    assert found.mean() >= share
    assert np.isin(s.status, [Status.CONVERGED, Status.STAGNATED]).all()
    assert (s.num_fun == 30 * (s.num_steps + 1)).all()


def test_a_minimum_on_the_boundary_and_the_box():
    """f is NaN outside the box: no member ever leaves it."""

    def f(x):
        inside = jnp.all((x >= 0.1) & (x <= jnp.array([1.0, 2.0])))
        return jnp.where(inside, jnp.sum((x - 3.0) ** 2), jnp.nan)

    first, rest = jax.random.split(KEY)
    low, high = jnp.full(2, 0.1), jnp.array([1.0, 2.0])
    state = jax.jit(lambda k: optimize.differential_evolution_init(k, f, low, high))(first)
    step = jax.jit(lambda k, s: optimize.differential_evolution_step(k, f, s, mutation=1.5))
    for key in jax.random.split(rest, 20):
        state = step(key, state)
        assert np.isfinite(state.values).all()
    best = state.population[np.argmin(state.values)]
    np.testing.assert_allclose(best, high, rtol=0.05)


def _lanes(key, kind, low, high, scale):
    kinds = [
        sphere,
        lambda x: 3.0 + 0.0 * x[0],
        lambda x: x[0] * jnp.nan,
        lambda x: jnp.where(x[0] < 0, jnp.nan, sphere(x)),
        lambda x: jnp.where(x[0] < 0.5, -jnp.inf, 1.0),
        lambda x: 1.0 + sphere(x),
    ]
    f = lambda x: scale * jax.lax.switch(kind, kinds, x)
    return differential_evolution(key, f, low, high, max_steps=300)


CASES = [
    # kind, lower, upper, scale, status
    (5, -1.0, 1.0, 1.0, Status.CONVERGED),
    (5, -1.0, 1.0, 1e-200, Status.CONVERGED),
    (5, -1.0, 1.0, 1e200, Status.CONVERGED),
    (0, -1e-30, 1e-30, 1.0, Status.STAGNATED),
    (0, -1e100, 1e100, 1.0, Status.STAGNATED),
    (1, -1.0, 1.0, 1.0, Status.CONVERGED),
    (2, -1.0, 1.0, 1.0, Status.NON_FINITE),
    (3, -1.0, 1.0, 1.0, Status.STAGNATED),
    (4, -1.0, 1.0, 1.0, Status.UNBOUNDED),
    (0, 1.0, -1.0, 1.0, Status.INFEASIBLE),
    (0, -np.inf, 1.0, 1.0, Status.INVALID_START),
    (0, np.nan, 1.0, 1.0, Status.INVALID_START),
    (5, 0.5, 0.5, 1.0, Status.CONVERGED),
]


def test_every_lane_ends_in_its_own_way():
    kind, low, high, scale = (np.array(column) for column in list(zip(*CASES, strict=True))[:4])
    keys = jax.random.split(KEY, len(CASES))
    box = (b[:, None] * np.ones(2) for b in (low, high))
    s = jax.jit(jax.vmap(_lanes))(keys, kind.astype(np.int32), *box, scale)
    assert [Status(int(v)) for v in s.status] == [case[4] for case in CASES]
    lost = np.isin(s.status, [Status.NON_FINITE, Status.INFEASIBLE, Status.INVALID_START])
    assert (s.num_steps[lost] == 0).all()
    np.testing.assert_allclose(s.value[:3], 0.0, atol=1e-4)
    np.testing.assert_array_equal(s.value[12], 0.5)


def test_steps_pytrees_arguments_and_refusals():
    f = lambda p, c: jnp.sum((p["a"] - c) ** 2) + 1.0
    box = {"a": jnp.zeros(1)}, {"a": jnp.ones(1)}
    solve = lambda tol, atol, limit: differential_evolution(
        KEY, f, *box, (0.3,), tol=tol, atol=atol, max_steps=limit, mutation=0.7
    )
    cases = np.array([1e-9, 0.0, 0.0]), np.array([0.0, 0.0, 1e-2]), np.array([0, 500, 500])
    s = jax.jit(jax.vmap(solve))(*cases)
    assert (s.status[0], s.num_steps[0], s.num_fun[0]) == (Status.MAX_STEPS, 0, 15)
    assert s.value["a"].shape == (3, 1)
    np.testing.assert_allclose(s.value["a"][1], 0.3, atol=1e-7)
    assert s.status[1] in (Status.CONVERGED, Status.STAGNATED)  # tol = 0 ends at rounding
    assert s.status[2] == Status.CONVERGED
    assert 1e-6 < s.error[2] <= 1e-2
    for wrong in (
        {"strategy": "best2"}, {"mutation": (0.5, 2.5)}, {"recombination": 1.5},
        {"population_size": 3}, {"atol": -1.0}, {"tol": -1.0}, {"max_steps": -1},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}`"):
            differential_evolution(KEY, f, *box, (0.3,), **wrong)
    for mutation in (np.array([0.5, 1.0]), (0.5,), (0.5, 0.7, 1.0), [0.5, 1.0]):
        with pytest.raises(ValueError, match="`mutation` must be a number or a pair"):
            differential_evolution(KEY, f, *box, (0.3,), mutation=mutation)
    with pytest.raises(TypeError, match="`upper` must have the dtype of `lower`"):
        differential_evolution(KEY, sphere, jnp.zeros(2, jnp.float32), jnp.ones(2))


@pytest.mark.parametrize("method", ["differential_evolution", "particle_swarm", "multistart"])
def test_an_upper_corner_that_is_not_like_the_lower_is_refused(method):
    """As many numbers, in another order, under other names, in another shape."""
    f = lambda x: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(x))
    lower = {"a": jnp.zeros(2), "b": jnp.zeros(())}
    for upper in ({"a": 1.0, "b": jnp.ones(2)}, {"a": jnp.ones(2), "c": 1.0}, jnp.ones(3)):
        with pytest.raises(ValueError, match=r"`upper` must have shape .* like `lower`"):
            getattr(optimize, method)(KEY, f, lower, upper)
