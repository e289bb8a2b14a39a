"""Metrics against scikit-learn on a sample with rare classes; ties, padding, NaN."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as peers

from jaxmath import nn

accuracy = jax.jit(nn.accuracy)
confusion_matrix = jax.jit(nn.confusion_matrix, static_argnames="num_classes")
top_k_accuracy = jax.jit(nn.top_k_accuracy, static_argnames="k")
RNG = np.random.default_rng(0)
SCORES = RNG.standard_normal((300, 6))
LABELS = RNG.choice(5, 300, p=[0.5, 0.3, 0.15, 0.04, 0.01])  # class 5 does not occur
PREDICTIONS = np.where(RNG.random(300) < 0.7, LABELS, RNG.choice([0, 1, 2, 5], 300))


def test_class_scores():
    """Class 5 has no example and classes 3, 4 few: 0/0 among the scores."""
    predictions = np.where(np.isin(PREDICTIONS, [4]), 0, PREDICTIONS)  # class 4 is not predicted
    confusion = confusion_matrix(predictions, LABELS, num_classes=6)
    np.testing.assert_array_equal(
        confusion, peers.confusion_matrix(LABELS, predictions, labels=np.arange(6))
    )
    want = peers.precision_recall_fscore_support(
        LABELS, predictions, labels=np.arange(6), zero_division=0
    )
    for got, expected in zip(jax.jit(nn.class_scores)(confusion), want, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-15)


def test_zero_over_zero_is_zero_with_gradient_zero():
    C = jnp.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    total = lambda C: (sum(jnp.sum(v) for v in nn.class_scores(C)[:3]), nn.class_scores(C))
    gradient, scores = jax.jit(jax.grad(total, has_aux=True))(C)
    assert [float(v[2]) for v in scores] == [0.0, 0.0, 0.0, 0.0]
    assert np.all(np.isfinite(gradient))


def test_micro_average_is_the_accuracy():
    one_hot = np.eye(6)[PREDICTIONS]
    confusion = confusion_matrix(PREDICTIONS, LABELS, num_classes=6)
    assert accuracy(one_hot, LABELS) == pytest.approx(np.trace(confusion) / 300, rel=1e-15)


@pytest.mark.parametrize("k", [1, 2, 5, 6, 9])
def test_top_k(k):
    found = top_k_accuracy(SCORES, LABELS, k=k)
    places = np.argsort(-SCORES, axis=1)[:, :k]
    assert found == pytest.approx(np.mean(np.any(places == LABELS[:, None], axis=1)), rel=1e-15)
    assert k < 6 or found == 1.0


@pytest.mark.parametrize("n", [41, 47, 55])
def test_all_that_are_right_are_1(n):
    """Of 41 · (1/41) comes 0.99999994."""
    scores, labels = jnp.zeros((n, 3), jnp.float32), jnp.zeros(n, int)
    assert accuracy(scores, labels) == 1
    assert top_k_accuracy(scores, labels, k=2) == 1


def test_ties_go_to_the_first_class():
    level, every = jnp.ones((4, 4)), jnp.arange(4)
    for k in range(1, 5):
        assert top_k_accuracy(level, every, k=k) == k / 4
    flat = jnp.array([[0.0, 2.0, 2.0], [-jnp.inf, -jnp.inf, -jnp.inf], [jnp.inf, 0.0, jnp.inf]])
    np.testing.assert_array_equal(
        [accuracy(flat[i : i + 1], flat[i : i + 1].argmax(axis=1)) for i in range(3)], np.ones(3)
    )


def test_what_is_unknown_is_nan():
    s = jnp.array([[3.0, 1.0], [0.0, 2.0]])
    assert accuracy(s, jnp.array([0, 1])) == 1.0
    for wrong in (-1, 2):
        assert np.isnan(accuracy(s, jnp.array([0, wrong])))
    assert np.isnan(accuracy(s.at[0, 1].set(jnp.nan), jnp.array([0, 1])))


def test_padding_counts_nowhere_and_batches_add_up():
    batches = [slice(0, 128), slice(128, 256), slice(256, 300)]
    total = np.zeros((6, 6), int)
    for batch in batches:
        pad = (0, 128 - len(LABELS[batch]))
        labels = np.pad(LABELS[batch], pad, constant_values=-1)
        predictions = np.pad(PREDICTIONS[batch], pad)
        total += np.asarray(confusion_matrix(predictions, labels, num_classes=6))
    np.testing.assert_array_equal(total, confusion_matrix(PREDICTIONS, LABELS, num_classes=6))
    assert total.sum() == 300
    assert confusion_matrix(jnp.array([7, -3]), jnp.array([0, 1]), num_classes=2).sum() == 0


def test_bfloat16_counts_in_float32():
    """In bfloat16 a sum of ones stops at 256."""
    scores, labels = jnp.tile(jnp.eye(2, dtype=jnp.bfloat16), (500, 1)), jnp.zeros(1000, int)
    found = accuracy(scores, labels)
    assert (found.dtype, found) == (jnp.bfloat16, 0.5)


def test_refuses():
    with pytest.raises(ValueError, match="top_k_accuracy: argument `k` must be at least 1"):
        nn.top_k_accuracy(SCORES, LABELS, k=0)
    with pytest.raises(TypeError, match=r"confusion_matrix: argument `predictions` .*integer"):
        nn.confusion_matrix(SCORES[:, 0], LABELS, num_classes=6)
    with pytest.raises(ValueError, match=r"confusion_matrix: argument `num_classes` .* at least 1"):
        nn.confusion_matrix(PREDICTIONS, LABELS, num_classes=0)
    with pytest.raises(ValueError, match="confusion_matrix: argument `labels` must have shape"):
        nn.confusion_matrix(PREDICTIONS, LABELS[1:], num_classes=6)
