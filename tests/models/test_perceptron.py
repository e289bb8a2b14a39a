import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.iterate import Status
from jaxmath.models import neuron, perceptron
from jaxmath.models.linear_regression import LinearParams

SQUARE = np.array(list(itertools.product((0.0, 1.0), repeat=2)))


def status(solution):
    return Status(int(solution.status))


def test_truth_tables():
    tables = {
        "and_gate": [0, 0, 0, 1],
        "or_gate": [0, 1, 1, 1],
        "nand_gate": [1, 1, 1, 0],
        "nor_gate": [1, 0, 0, 0],
        "xor_gate": [0, 1, 1, 0],
    }
    for name, table in tables.items():
        np.testing.assert_array_equal(jax.vmap(getattr(neuron, name))(SQUARE), table)
    np.testing.assert_array_equal(jax.vmap(neuron.not_gate)(np.array([0.0, 1.0])), [1, 0])
    five = np.array(list(itertools.product((0.0, 1.0), repeat=5)))
    np.testing.assert_array_equal(jax.vmap(neuron.and_gate)(five), five.all(1))
    np.testing.assert_array_equal(jax.vmap(neuron.nor_gate)(five), ~five.any(1))


def test_one_neuron_makes_fourteen_of_sixteen_functions():
    """All but XOR and its complement: by small integers, and by learning."""
    numbers = np.arange(-2.5, 3.0)
    z = [SQUARE @ w[:2] >= w[2] for w in itertools.product(numbers, repeat=3)]
    made = {tuple(table) for table in np.array(z).astype(int)}
    tables = set(itertools.product((0, 1), repeat=4))
    assert tables - made == {(0, 1, 1, 0), (1, 0, 0, 1)}
    labels = np.array(sorted(tables))
    learned = jax.jit(jax.vmap(lambda y: perceptron.fit(SQUARE, y, max_steps=100)))(labels)
    for y, ended, w, b in zip(labels, learned.status, *learned.value, strict=True):
        assert Status(int(ended)) is (Status.CONVERGED if tuple(y) in made else Status.MAX_STEPS)
        right = np.all((SQUARE @ w + b >= 0) == y)
        assert right == (tuple(y) in made)


def separable(rng, n, d, margin):
    """Random data around a random hyperplane, none nearer than the margin."""
    w, b = rng.normal(size=d), rng.normal()
    b, w = b / np.linalg.norm(w), w / np.linalg.norm(w)
    X = rng.normal(size=(n, d)) * rng.uniform(0.5, 2.0)
    y = rng.integers(0, 2, n)
    distance = (2 * y - 1) * (margin + rng.exponential(size=n))
    return X + np.outer(distance - X @ w - b, w), y, LinearParams(w, np.float64(b))


def test_mistakes_stay_below_the_bound():
    rng = np.random.default_rng(0)
    cases = [separable(rng, 40, 3, m) for m in (0.02, 0.1, 0.5) for _ in range(20)]
    X, y = np.array([c[0] for c in cases]), np.array([c[1] for c in cases])
    truth = LinearParams(np.array([c[2].coef for c in cases]), np.array([c[2][1] for c in cases]))
    found = jax.jit(jax.vmap(lambda X, y: perceptron.fit(X, y, max_steps=10**5)))(X, y)
    assert np.all(found.converged)
    bound = jax.jit(jax.vmap(perceptron.mistake_bound))
    for hyperplane in (truth, found.value):
        limit = bound(hyperplane, X, y)
        assert np.all(np.isfinite(limit))
        assert np.all(found.num_grad <= limit)
    np.testing.assert_array_equal(found.num_fun, found.num_steps * 40)
    z = np.einsum("cnd,cd->cn", X, found.value.coef) + np.asarray(found.value.intercept)[:, None]
    np.testing.assert_array_equal(z > 0, y == 1)
    # One mistake exactly where the bound says so: R²/γ² = 1.
    one = perceptron.fit(np.zeros((1, 1)), np.array([1]))
    assert (int(one.num_grad), status(one)) == (1, Status.CONVERGED)
    exact = perceptron.mistake_bound(
        LinearParams(jnp.zeros(1), 1.0), np.zeros((1, 1)), np.array([1])
    )
    assert exact == 1.0


def test_weights_are_a_sum_of_examples_and_units_cancel():
    rng = np.random.default_rng(1)
    X, y, _ = separable(rng, 12, 2, 0.3)
    params = LinearParams(jnp.zeros(2), jnp.zeros(()))
    for _ in range(50):
        for example in zip(X, y, strict=True):
            params = perceptron.update(params, *example)
    fitted = perceptron.fit(X, y).value
    np.testing.assert_allclose(params.coef, fitted.coef, 1e-12)
    np.testing.assert_allclose(params.intercept, fitted.intercept)


def test_status_tells_the_truth():
    X, y, _ = separable(np.random.default_rng(2), 40, 3, 0.1)
    lost = X.copy()
    lost[3, 1] = np.nan
    assert status(perceptron.fit(lost, y)) is Status.NON_FINITE
    jitted = jax.jit(perceptron.fit)
    assert status(jitted(X, y)) is Status.CONVERGED
    assert status(jitted(X, np.where(y == 1, 2, y))) is Status.NON_FINITE
    same = perceptron.fit(X, np.ones(40, int))
    assert status(same) is Status.CONVERGED
    both = np.concatenate([X, X[:1]]), np.append(y, 1 - y[0])
    never = perceptron.fit(*both, max_steps=50)
    assert status(never) is Status.MAX_STEPS
    assert never.error > 0
    wrong = LinearParams(jnp.zeros(3), 1.0)
    assert np.isinf(perceptron.mistake_bound(wrong, X, y))
    assert np.isinf(perceptron.mistake_bound(same.value, lost, y))
    slope = jax.grad(lambda X: perceptron.mistake_bound(wrong, X, y))(X)
    np.testing.assert_array_equal(slope, 0.0)
    with pytest.raises(ValueError, match="fit: argument `y` must hold labels from 0 to 1, got 2"):
        perceptron.fit(X, 2 * y)
    assert perceptron.fit(X.astype(np.float32), y).value.coef.dtype == jnp.float32
    assert np.isnan(neuron.and_gate(np.array([np.nan, 1.0])))
