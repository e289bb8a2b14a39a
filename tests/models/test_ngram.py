"""Interpolated n-grams: counts by hand, sums, the optimum's certificate, limiting identities."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from jaxmath import datasets
from jaxmath.iterate import Status
from jaxmath.models import ngram


@pytest.fixture(scope="module")
def fitted():
    """A trigram model of some names: its parts' counts, its solution."""
    names = datasets.surnames()[:3000]
    vocabulary = datasets.fit_vocabulary("\n" + "".join(names))
    parts = datasets.split_texts(jax.random.key(0), names)
    sequences = [datasets.padded_texts(vocabulary, part) for part in parts]
    counts = [ngram.count(*part, 27) for part in sequences]
    return parts, vocabulary, sequences, counts, ngram.fit(*counts[:2])


def test_counts_are_those_of_a_loop(fitted):
    parts, vocabulary, _, counts, _ = fitted
    found = Counter()
    for name in parts[0]:
        text = f"\n\n{name}\n"  # the boundary once more
        found.update(text[i : i + 3] for i in range(len(text) - 2))
    want = np.zeros((27, 27, 27), int)
    for window, n in found.items():
        want[tuple(datasets.encode_text(vocabulary, window))] = n
    np.testing.assert_array_equal(counts[0], want)
    lower = ngram.count(*fitted[2][0], 27, order=2)
    np.testing.assert_array_equal(lower, want.sum(axis=0))


def test_sums_to_one(fitted):
    params = fitted[4].value
    for table in params.frequencies:
        np.testing.assert_allclose(table.sum(axis=-1), 1, atol=1e-13)
    contexts = jnp.array([[0, 0], [3, 17], [26, 24]])  # the last one was never seen
    assert int(fitted[3][0][26, 24].sum()) == 0
    p = jax.vmap(ngram.predict_proba, (None, 0))(params, contexts)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-13)
    assert p.min() > 0
    np.testing.assert_array_equal(params.frequencies[2][26, 24], params.frequencies[1][24])


def test_likelihood_of_each_is_that_of_all(fitted):
    _, _, (_, _, test), (_, _, counts), solution = fitted
    each = jax.jit(jax.vmap(ngram.log_likelihood, (None, 0, 0)))(solution.value, *test)
    want = -float(each.sum()) / np.log(2) / (test.lengths - 1).sum()
    assert float(ngram.bits_per_character(solution.value, counts)) == pytest.approx(want, rel=1e-12)


def test_weights_are_the_best(fitted):
    """The gap bounds what BFGS gains, and the likelihood never falls on the way."""
    _, _, _, (_, held, _), solution = fitted
    params = solution.value
    assert int(solution.status) == Status.CONVERGED
    loss = jax.jit(lambda w: ngram.bits_per_character(params._replace(weights=w), held) * np.log(2))
    slope = jax.jit(jax.value_and_grad(lambda z: loss(jax.nn.softmax(z))))
    peer = minimize(slope, np.zeros(4), jac=True, method="BFGS", tol=1e-9)
    gain = peer.fun - float(loss(params.weights))
    assert -max(float(solution.error), 1e-9) < gain < 1e-6
    step = jax.jit(ngram.em_step)
    state, losses = params._replace(weights=jnp.ones(4) / 4), []
    for _ in range(10):
        losses.append(float(loss(state.weights)))
        state = step(state, held)
    assert (np.diff(losses) < 0).all()
    assert float(state.weights.sum()) == pytest.approx(1, abs=1e-13)


def test_context_helps(fitted):
    *_, counts, solution = fitted
    trigram = float(ngram.bits_per_character(solution.value, counts[2]))
    training, held, test = (c.sum(axis=(0, 1)) for c in counts)
    unigram = float(ngram.bits_per_character(ngram.fit(training, held).value, test))
    assert trigram < 0.9 * unigram < 0.9 * np.log2(27)


def test_limits():
    """Fitted to itself the highest order takes all; held-out noise leaves the uniform one."""
    counts = jnp.array([[0, 8], [6, 2]])
    params = ngram.fit(counts, counts).value
    np.testing.assert_allclose(params.weights, [0, 0, 1], atol=1e-8)
    entropy = -(8 * np.log2(1) + 6 * np.log2(0.75) + 2 * np.log2(0.25)) / 16
    assert float(ngram.bits_per_character(params, counts)) == pytest.approx(entropy, rel=1e-8)
    one = ngram.fit(jnp.array([9, 1]), jnp.array([4, 6])).value
    np.testing.assert_allclose(one.weights, [1, 0], atol=1e-8)
    assert ngram.predict_proba(one, jnp.zeros(0, int)).shape == (2,)


def test_edges():
    one = jnp.array([[1, 2, 0]])
    for length in (0, 1):  # the first symbol is not predicted
        assert int(ngram.count(one, jnp.array([length]), 3).sum()) == 0
    assert ngram.count(jnp.array([[1]]), jnp.array([1]), 3, order=1).shape == (3,)
    nothing = jnp.zeros((2, 2), int)
    assert int(ngram.fit(nothing, nothing).status) == Status.NON_FINITE
    params = ngram.fit(nothing, nothing + 1).value  # nothing seen: the uniform distribution
    np.testing.assert_allclose(ngram.predict_proba(params, jnp.array([1])), np.ones(2) / 2)
    assert np.isnan(ngram.predict_proba(params, jnp.array([-1]))).all()
    assert np.isnan(ngram.predict_proba(params, jnp.array([2]))).all()
    likelihood = lambda ids, n: float(ngram.log_likelihood(params, jnp.array(ids), n))
    assert likelihood([0, 9, -4], 1) == 0
    assert likelihood([0, 1, -4], 2) == pytest.approx(-np.log(2))
    assert np.isnan(likelihood([0, 1, -4], 3))
    with pytest.raises(ValueError, match=r"^count: argument `ids` must lie in 0 … 1, got 2"):
        ngram.count(one, jnp.array([3]), 2)
    with pytest.raises(ValueError, match=r"^count: argument `lengths` must lie in 0 … 3, got 4"):
        ngram.count(one, jnp.array([4]), 3)
    with pytest.raises(ValueError, match=r"argument `lengths` must have shape \(1,\)"):
        ngram.count(one, jnp.array([3, 3]), 3)
    with pytest.raises(ValueError, match=r"argument `order` must be at least 1"):
        ngram.count(one, jnp.array([3]), 3, order=0)
    dropped = jax.jit(lambda ids: ngram.count(ids, jnp.array([3]), 2, order=1))(one)
    assert dropped.tolist() == [1, 0]  # traced: what is out of range is not counted
