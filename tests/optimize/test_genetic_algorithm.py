"""The genetic algorithm: a generation from its operators, the elite, real and bit problems."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import genetic_algorithm

KEY = jax.random.key(5)


def sphere(x):
    return jnp.sum(x**2)


def test_a_generation_is_its_operators():
    """The same draws, one operator after another, for an odd population."""
    x = np.random.default_rng(0).normal(size=(7, 3))
    state = optimize.genetic_algorithm_init(sphere, x)
    after = optimize.genetic_algorithm_step(
        KEY, sphere, state, selection=optimize.rank_selection, crossover_rate=0.5, num_elites=2
    )
    choose, mate, cross, mutate = jax.random.split(KEY, 4)
    chosen = np.asarray(optimize.rank_selection(choose, state.values, 8))
    crossed = np.asarray(jax.random.bernoulli(mate, 0.5, (4, 1, 1))).ravel()
    children = []
    for pair, key in enumerate(jax.random.split(cross, 4)):
        a, b = x[chosen[2 * pair]], x[chosen[2 * pair + 1]]
        children += optimize.blend_crossover(key, a, b) if crossed[pair] else [a, b]
    keys = jax.random.split(mutate, 7)
    children = [optimize.gaussian_mutation(k, c) for k, c in zip(keys, children, strict=False)]
    children = np.stack(children)
    assert 0 < crossed.sum() < 4
    rows = [*x[np.argsort(np.sum(x**2, 1))[:2]], *children[np.argsort(np.sum(children**2, 1))[:5]]]
    order = lambda rows: np.asarray(sorted(map(tuple, rows)))
    np.testing.assert_allclose(order(np.asarray(after.population)), order(rows), rtol=1e-12)
    np.testing.assert_allclose(after.values, np.sum(np.asarray(after.population) ** 2, 1))
    assert after.num_fun == 14


@pytest.mark.parametrize("num_elites", [0, 1])
def test_the_elite_keeps_the_best(num_elites):
    x = jax.random.normal(KEY, (12, 4))

    def walk(key):
        def step(state, key):
            state = optimize.genetic_algorithm_step(key, sphere, state, num_elites=num_elites)
            return state, (state.values, state.best_value, sphere(state.best))

        state = optimize.genetic_algorithm_init(sphere, x)
        return jax.lax.scan(step, state, jax.random.split(key, 40))[1]

    values, best, check = (np.asarray(v) for v in jax.jit(walk)(KEY))
    least = values.min(axis=1)
    assert (np.diff(best) <= 0).all()
    np.testing.assert_allclose(best, check, rtol=1e-14)
    if num_elites:
        assert (np.diff(least) <= 0).all()
        np.testing.assert_array_equal(least, best)
    else:
        assert (np.diff(least) > 0).any()  # without an elite the best is lost at times


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rastrigin(dtype):
    """Into the global basin: no other minimum is below 0.99.

    Of 300 lanes 99 % get there with a population of 120, and with one of 60, which this test had in
    20 lanes, 86 % to 90 %, in either dtype.
    """

    def solve(key):
        first, rest = jax.random.split(key)
        x = jax.random.uniform(first, (120, 2), dtype, -5.12, 4.5)
        return genetic_algorithm(rest, optimize.rastrigin, x, num_elites=2)

    with jax.numpy_dtype_promotion("strict"):
        s = jax.jit(jax.vmap(solve))(jax.random.split(KEY, 100))
    assert s.value.dtype == s.error.dtype == dtype
    assert np.mean(jax.vmap(optimize.rastrigin)(s.value) < 0.99) >= 0.95
    assert (s.status == Status.CONVERGED).all()
    np.testing.assert_array_equal(s.num_fun, 120 * (s.num_steps + 1))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", [bool, np.int32])
def test_royal_road(dtype):
    """Bits in blocks of four that count when complete, from nothing; roulette on exp(−f)."""

    def f(x):
        return -jnp.sum(jnp.all(x.reshape(4, 4) == 1, axis=1)).astype(jnp.float32)

    roulette = lambda key, f, num: optimize.roulette_selection(key, jnp.exp(-f), num)
    solve = lambda key: genetic_algorithm(
        key, f, jnp.zeros((40, 16), dtype), selection=roulette, patience=100
    )
    s = jax.jit(jax.vmap(solve))(jax.random.split(KEY, 20))
    assert s.value.dtype == dtype
    assert np.mean(np.all(np.asarray(s.value) == 1, axis=1)) >= 0.9


def _lanes(key, kind, x, patience, max_steps):
    kinds = [
        sphere,
        lambda x: 3.0 + 0.0 * x[0],
        lambda x: x[0] * jnp.nan,
        lambda x: jnp.where(x[0] < 0, jnp.nan, sphere(x)),
        lambda x: jnp.where(x[0] < 0.5, -jnp.inf, 1.0),
    ]
    f = lambda x: jax.lax.switch(kind, kinds, x)
    return genetic_algorithm(key, f, x, patience=patience, max_steps=max_steps)


CASES = [
    # kind, a start's entry, patience, limit, status
    (0, 1.0, 20, 1000, Status.CONVERGED),
    (1, 1.0, 20, 1000, Status.CONVERGED),
    (2, 1.0, 20, 1000, Status.NON_FINITE),
    (3, 1.0, 20, 1000, Status.CONVERGED),
    (4, 1.0, 20, 1000, Status.UNBOUNDED),
    (0, np.nan, 20, 1000, Status.INVALID_START),
    (0, 1.0, 20, 0, Status.MAX_STEPS),
    (0, 1.0, 20, 3, Status.MAX_STEPS),
]


def test_every_lane_ends_in_its_own_way():
    *columns, status = (np.array(column) for column in zip(*CASES, strict=True))
    kind, entry, patience, limit = columns
    x = np.random.default_rng(1).normal(size=(len(CASES), 12, 2))
    x[:, 0, 0] = entry
    keys = jax.random.split(KEY, len(CASES))
    s = jax.jit(jax.vmap(_lanes))(keys, kind.astype(np.int32), x, patience, limit)
    assert [Status(int(v)) for v in s.status] == [Status(int(v)) for v in status]
    assert s.num_steps[1] == 20
    np.testing.assert_array_equal(s.num_steps[np.array([2, 5, 6, 7])], [0, 0, 0, 3])
    np.testing.assert_allclose(s.value[0], 0.0, atol=0.2)
    assert s.value[3, 0] >= 0


def test_refusals():
    x = np.zeros((4, 2))
    for wrong in ({"patience": 0}, {"num_elites": 5}, {"crossover_rate": 1.5}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}`"):
            genetic_algorithm(KEY, sphere, x, **wrong)
    with pytest.raises(ValueError, match="`population` must have shape"):
        genetic_algorithm(KEY, sphere, x[:1])
    for wrong in ("abc", None):
        with pytest.raises(TypeError, match="genetic_algorithm: argument `population` must be an"):
            genetic_algorithm(KEY, sphere, wrong)


def test_integers_that_are_no_bits():
    """Without a mutation of one's own they are no start; with one they are."""
    f = lambda x: jnp.sum((x - 3.0) ** 2)
    x = np.array([[0, 1], [1, 2], [0, 0]])
    assert genetic_algorithm(KEY, f, x).status == Status.INVALID_START
    assert genetic_algorithm(KEY, f, x - 1).status == Status.INVALID_START
    assert genetic_algorithm(KEY, f, np.minimum(x, 1)).converged
    walk = lambda key, u: u + jax.random.randint(key, u.shape, -1, 2)
    s = genetic_algorithm(KEY, f, x, mutation=walk)
    assert s.converged
    np.testing.assert_array_equal(s.value, 3)


def test_what_is_no_operator_is_named():
    x = np.zeros((4, 2))
    state = optimize.genetic_algorithm_init(sphere, x)
    for name in ("selection", "crossover", "mutation"):
        message = f"argument `{name}` must be callable, got int"
        with pytest.raises(TypeError, match=message):
            genetic_algorithm(KEY, sphere, x, **{name: 3})
        with pytest.raises(TypeError, match=message):
            optimize.genetic_algorithm_step(KEY, sphere, state, **{name: 3})


@pytest.mark.parametrize(
    ("name", "operator", "message"),
    [
        # One child of two genes is no two children, and so with one array of both.
        ("crossover", lambda key, a, b: a, r"must return 2 of shape \(2,\)"),
        ("crossover", lambda key, a, b: jnp.stack([a, b]), r"must return 2 of shape \(2,\)"),
        ("crossover", lambda key, a, b: (a, b, a), r"must return 2 of shape \(2,\)"),
        ("crossover", lambda key, a, b: (a, b[:1]), r"must return 2 of shape \(2,\)"),
        ("mutation", lambda key, u: u.astype("float32"), "must return 1 of .* dtype float64"),
        ("mutation", lambda key, u: None, "must return 1 of shape"),
        ("selection", lambda key, values, num: jnp.arange(3), r"must have shape \(4,\)"),
    ],
)
def test_what_an_operator_must_return(name, operator, message):
    with pytest.raises(ValueError, match=f"argument `{name}` {message}"):
        genetic_algorithm(KEY, sphere, np.zeros((4, 2)), **{name: operator})


def test_the_number_of_elites_is_static():
    def run(num_elites):
        return genetic_algorithm(KEY, sphere, np.ones((4, 2)), num_elites=num_elites).value

    for call in (run, jax.jit(run)):
        with pytest.raises(TypeError, match="argument `num_elites` must be a Python integer"):
            call(jnp.int32(1))
    np.testing.assert_array_equal(run(np.int64(2)), run(2))
