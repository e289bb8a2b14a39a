"""Annealing: Metropolis against its exact chain, cooling, multimodal lanes, permutations."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import simulated_annealing

KEY = jax.random.key(2)
ENERGY = np.array([0.0, 1.3, 0.4, 2.0])


def ring(key, i):
    """One of the two states beside i: symmetric."""
    return (i + jnp.where(jax.random.bernoulli(key), 1, 3).astype(i.dtype)) % 4


def transition(temperature):
    """P of the Metropolis chain on the ring, from its definition."""
    P = np.zeros((4, 4))
    for i in range(4):
        for j in ((i + 1) % 4, (i + 3) % 4):
            P[i, j] = 0.5 * min(1.0, np.exp(-(ENERGY[j] - ENERGY[i]) / temperature))
        P[i, i] = 1 - P[i].sum()
    return P


def test_the_chain_is_metropolis_s():
    """k steps are Pᵏ from any start, Pᵏ tends to exp(−E/T)/Z, and flows balance in pairs."""
    T, lanes = 0.8, 20_000
    P = transition(T)
    boltzmann = np.exp(-ENERGY / T) / np.exp(-ENERGY / T).sum()
    f = lambda i: jnp.asarray(ENERGY)[i]

    def walk(key):
        def step(state, key):
            after = optimize.simulated_annealing_step(
                key, f, state, schedule=lambda k: T, neighbor=ring
            )
            return after, after.x

        state = optimize.simulated_annealing_init(f, jnp.int32(1))
        return jax.lax.scan(step, state, jax.random.split(key, 25))[1]

    seen = np.asarray(jax.jit(jax.vmap(walk))(jax.random.split(KEY, lanes)))
    for k in (1, 2, 5, 25):
        want = np.linalg.matrix_power(P, k)[1]
        share = np.bincount(seen[:, k - 1], minlength=4) / lanes
        assert (np.abs(share - want) <= 5 * np.sqrt(want * (1 - want) / lanes)).all()
    np.testing.assert_allclose(np.linalg.matrix_power(P, 25)[1], boltzmann, atol=1e-3)
    flow = np.zeros((4, 4))
    np.add.at(flow, (seen[:, -2], seen[:, -1]), 1 / lanes)
    want = boltzmann[:, None] * P
    np.testing.assert_allclose(want, want.T)  # detailed balance of the definition
    assert (np.abs(flow - want) <= 5 * np.sqrt(want / lanes) + 1e-3).all()
    assert (np.abs(flow - flow.T) <= 5 * np.sqrt(2 * want / lanes) + 1e-3).all()


def test_acceptance_and_its_limits():
    keys = jax.random.split(KEY, 20_000)
    accept = jax.jit(jax.vmap(optimize.metropolis_accept, in_axes=(0, None, None)))
    for delta, temperature in ((0.7, 1.0), (3.0, 1.5), (1e-200, 1e-200)):
        p = np.exp(-delta / temperature)
        share = np.mean(accept(keys, delta, temperature))
        assert abs(share - p) <= 5 * np.sqrt(p * (1 - p) / 20_000)
    always = [(0.0, 0.0), (-1.0, 0.0), (-np.inf, 1.0), (0.0, 1.0), (5.0, np.inf), (-3.0, 1e-300)]
    never = [(1e-9, 0.0), (np.inf, 1.0), (np.nan, 1.0), (1.0, -1.0), (1.0, 1e-300)]
    for cases, want in ((always, 1.0), (never, 0.0)):
        for delta, temperature in cases:
            assert np.mean(accept(keys, delta, temperature)) == want, (delta, temperature)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_acceptance_of_what_is_rare(dtype):
    """Drawn in bfloat16, one number in 128 is 0, which is below any odds."""
    keys = jax.random.split(KEY, 200_000)
    share = lambda delta: float(jnp.mean(jax.vmap(
        lambda k: optimize.metropolis_accept(k, jnp.asarray(delta, dtype), jnp.asarray(1.0, dtype))
    )(keys)))  # fmt: skip
    assert abs(share(7.0) - np.exp(-7.0)) <= 5 * np.exp(-3.5) / len(keys) ** 0.5
    assert share(40.0) == 0.0


def test_a_draw_of_zero_accepts_no_rise():
    """Odds of 1e-13 would come true once in 2²³ draws of float32."""
    key = jax.random.key(780233)
    assert jax.random.uniform(key, (), jnp.float32) == 0.0
    assert not optimize.metropolis_accept(key, jnp.float32(30.0), jnp.float32(1.0))
    assert optimize.metropolis_accept(key, jnp.float32(0.0), jnp.float32(1.0))


def test_cooling_schedules():
    """The equations, what they share (T₀ first, never up), and what each is known for."""
    k = np.arange(5000)
    geometric, linear, logarithmic = (
        np.asarray(jax.vmap(schedule)(k))
        for schedule in (
            Partial(optimize.exponential_cooling, initial=3.0, rate=0.99),
            Partial(optimize.linear_cooling, initial=3.0, num_steps=4000),
            Partial(optimize.logarithmic_cooling, initial=3.0),
        )
    )
    np.testing.assert_allclose(geometric[1:] / geometric[:-1], 0.99, rtol=1e-12)
    np.testing.assert_allclose(linear, np.maximum(3.0 - 3.0 * k / 4000, 0.0), atol=1e-12)
    np.testing.assert_allclose(3.0 / logarithmic, np.log2(k + 2.0), rtol=1e-12)
    for T in (geometric, linear, logarithmic):
        assert T[0] == 3.0
        assert (np.diff(T) <= 0).all()
    for wrong in ({"rate": 0.0}, {"rate": 1.1}, {"initial": -1.0}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}`"):
            optimize.exponential_cooling(1, **wrong)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rastrigin(dtype):
    """From (4, 4), sixteen barriers away, into the global basin: no other minimum is below 0.99."""
    cool = Partial(optimize.exponential_cooling, initial=10.0, rate=0.998)
    solve = lambda key: simulated_annealing(
        key, optimize.rastrigin, jnp.full(2, 4.0, dtype), schedule=cool
    )
    with jax.numpy_dtype_promotion("strict"):
        s = jax.jit(jax.vmap(solve))(jax.random.split(KEY, 40))
    values = jax.vmap(optimize.rastrigin)(s.value)
    assert np.mean(values < 0.99) >= 0.95
    assert (s.status == Status.CONVERGED).all()
    assert s.value.dtype == s.error.dtype == dtype
    np.testing.assert_array_equal(s.num_fun, s.num_steps + 1)
    np.testing.assert_allclose(s.error, 10.0 * 0.998 ** (np.asarray(s.num_steps) - 1), rtol=1e-3)


def test_a_shortest_tour():
    """Permutations with reversals as neighbours: the optimum over all 7! tours."""
    places = np.random.default_rng(0).uniform(size=(7, 2))
    gaps = np.linalg.norm(places[:, None] - places[None, :], axis=-1)

    def length(tour, gaps):
        return jnp.sum(gaps[tour, jnp.roll(tour, 1)])

    def reversal(key, tour):
        i, j = jnp.sort(jax.random.randint(key, (2,), 0, 7))
        k = jnp.arange(7)
        return tour[jnp.where((k >= i) & (k <= j), i + j - k, k)]

    shortest = min(
        sum(gaps[t[i], t[i - 1]] for i in range(7)) for t in itertools.permutations(range(7))
    )
    solve = lambda key: simulated_annealing(
        key, length, jnp.arange(7), (gaps,), neighbor=reversal, patience=300, max_steps=3000,
        schedule=Partial(optimize.linear_cooling, initial=0.5, num_steps=2000),
    )  # fmt: skip
    s = jax.jit(jax.vmap(solve))(jax.random.split(KEY, 20))
    np.testing.assert_array_equal(np.sort(s.value, axis=1), np.arange(7)[None, :].repeat(20, 0))
    found = jax.vmap(lambda tour: length(tour, jnp.asarray(gaps)))(s.value)
    assert np.mean(found <= shortest + 1e-9) >= 0.9


def _lanes(key, kind, x0, patience, max_steps):
    kinds = [
        lambda x: jnp.sum(x**2),
        lambda x: 3.0 + 0.0 * x[0],
        lambda x: x[0] * jnp.nan,
        lambda x: jnp.where(x[0] < 0.5, jnp.nan, jnp.sum(x**2)),
        lambda x: jnp.where(x[0] < 0.5, -jnp.inf, 1.0),
        lambda x: jnp.where(x[0] < 0.5, jnp.inf, jnp.sum(x**2)),
    ]
    f = lambda x: jax.lax.switch(kind, kinds, x)
    return simulated_annealing(key, f, x0, patience=patience, max_steps=max_steps)


CASES = [
    # kind, start, patience, limit, status
    (0, 1.0, 20, 5000, Status.CONVERGED),
    (1, 1.0, 20, 300, Status.MAX_STEPS),
    (2, 1.0, 20, 300, Status.NON_FINITE),
    (3, 1.0, 20, 5000, Status.CONVERGED),
    (4, 1.0, 20, 5000, Status.UNBOUNDED),
    (5, 1.0, 20, 5000, Status.CONVERGED),
    (5, 0.0, 20, 300, Status.NON_FINITE),
    (0, np.nan, 20, 300, Status.INVALID_START),
    (0, np.inf, 20, 300, Status.INVALID_START),
    (0, 1.0, 20, 0, Status.MAX_STEPS),
    (0, 1.0, 10**6, 7, Status.MAX_STEPS),
]


def test_every_lane_ends_in_its_own_way():
    *columns, status = (np.array(column) for column in zip(*CASES, strict=True))
    kind, start, patience, limit = columns
    x0 = np.stack([start, np.ones(len(CASES))], axis=1)
    keys = jax.random.split(KEY, len(CASES))
    s = jax.jit(jax.vmap(_lanes))(keys, kind.astype(np.int32), x0, patience, limit)
    assert [Status(int(v)) for v in s.status] == [Status(int(v)) for v in status]
    assert (s.value[np.array([3, 5]), 0] >= 0.5).all()  # NaN and ∞ are never the best
    assert (s.num_steps[np.array([2, 6, 7, 8, 9])] == 0).all()
    assert s.num_steps[10] == 7
    for lane in (0, 3, 5, 10):
        assert jnp.sum(s.value[lane] ** 2) <= 2.0  # no worse than the start


def test_pytrees_and_refusals():
    f = lambda p, c: (p["a"] - c) ** 2 + jnp.sum(p["b"] ** 2)
    s = simulated_annealing(KEY, f, {"a": 3.0, "b": [1.0, 2.0]}, (2.0,), step_size=0.5)
    assert f(s.value, 2.0) < 0.1
    assert s.value["b"].shape == (2,)
    with pytest.raises(ValueError, match="`neighbor` must return a point like x"):
        simulated_annealing(KEY, jnp.sum, np.zeros(2), neighbor=lambda key, x: x[:1])
    for wrong in ({"patience": 0}, {"step_size": -1.0}, {"max_steps": -1}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}`"):
            simulated_annealing(KEY, jnp.sum, np.zeros(2), **wrong)


def test_integers_become_real_without_a_neighbor():
    f = lambda x: jnp.sum((x - 0.3) ** 2)
    s = optimize.simulated_annealing(jax.random.key(0), f, np.array([1, 1]))
    assert s.value.dtype == jnp.float64
    np.testing.assert_allclose(s.value, 0.3, atol=0.1)
    boolean = optimize.simulated_annealing(KEY, f, np.array([True, False]), max_steps=10)
    assert boolean.value.dtype == jnp.float64


@pytest.mark.parametrize("x0", ["abc", np.ones(2) * 1j, np.ones(0), None])
def test_what_is_no_start_is_named(x0):
    f = lambda x: jnp.sum(jnp.abs(x))
    with pytest.raises((TypeError, ValueError), match="`x0`"):
        simulated_annealing(KEY, f, x0)
    with pytest.raises((TypeError, ValueError), match="`x0`"):
        optimize.simulated_annealing_step(KEY, f, optimize.simulated_annealing_init(f, x0))


def test_a_step_from_any_state_needs_a_neighbor():
    f = lambda x: jnp.sum(x * 1.0)
    for x0 in (np.array([2, 1]), np.array([True, False])):
        state = optimize.simulated_annealing_init(f, x0)
        assert state.x.dtype == x0.dtype
        swapped = optimize.simulated_annealing_step(KEY, f, state, neighbor=lambda key, x: x[::-1])
        np.testing.assert_array_equal(swapped.x, x0[::-1])
        with pytest.raises(TypeError, match="`x0` must be of real numbers without a `neighbor`"):
            optimize.simulated_annealing_step(KEY, f, state)


@pytest.mark.parametrize("name", ["schedule", "neighbor"])
def test_what_is_no_function_is_named(name):
    message = f"argument `{name}` must be callable, got int"
    with pytest.raises(TypeError, match=message):
        simulated_annealing(KEY, jnp.sum, np.zeros(2), **{name: 3})
    state = optimize.simulated_annealing_init(jnp.sum, np.zeros(2))
    with pytest.raises(TypeError, match=message):
        optimize.simulated_annealing_step(KEY, jnp.sum, state, **{name: 3})
