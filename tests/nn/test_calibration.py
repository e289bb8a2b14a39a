"""Calibration: bins by hand, a calibrated classifier and a bragging one, a proper score."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from jaxmath import nn

brier_score = jax.jit(nn.brier_score)
expected_calibration_error = jax.jit(nn.expected_calibration_error, static_argnames="num_bins")
reliability = jax.jit(nn.reliability, static_argnames="num_bins")


def binary(confidence) -> np.ndarray:
    """Distributions over two classes of which the first has the confidence."""
    c = np.asarray(confidence, float)
    return np.stack([c, 1 - c], axis=1)


def test_bins():
    """Edges belong to the bin below: 0.6 to (0.4, 0.6], as Guo et al. have it."""
    p = binary([0.6, 0.6, 0.75, 1.0, 0.5])
    bins = reliability(p, jnp.array([0, 1, 0, 0, 1]), num_bins=5)
    np.testing.assert_allclose(bins.confidence, [0, 0, 1.7 / 3, 0.75, 1.0])
    np.testing.assert_allclose(bins.accuracy, [0, 0, 1 / 3, 1, 1])
    np.testing.assert_allclose(bins.weight, [0, 0, 0.6, 0.2, 0.2])
    found = expected_calibration_error(p, jnp.array([0, 1, 0, 0, 1]), num_bins=5)
    assert found == pytest.approx(0.6 * 0.7 / 3 + 0.2 * 0.25)


def test_reliability_is_scikit_learn_s_curve():
    rng = np.random.default_rng(0)
    c = rng.uniform(0.5, 1, 500)
    labels = (rng.random(500) > c**2).astype(int)
    bins = reliability(binary(c), labels, num_bins=20)
    accuracy, confidence = calibration_curve(1 - labels, c, n_bins=20)
    filled = np.asarray(bins.weight) > 0
    np.testing.assert_allclose(np.asarray(bins.accuracy)[filled], accuracy, rtol=1e-12)
    np.testing.assert_allclose(np.asarray(bins.confidence)[filled], confidence, rtol=1e-12)
    assert filled.sum() == 10


def test_calibrated_and_overconfident():
    """Labels drawn from the probabilities: ECE is noise. Sharpened ones: the gap in closed form."""
    rng = np.random.default_rng(1)
    n = 20_000
    p = np.tile([0.7, 0.2, 0.1], (n, 1))
    labels = rng.choice(3, n, p=p[0])
    five = 5 * np.sqrt(0.7 * 0.3 / n)
    assert expected_calibration_error(p, labels) < five
    sharp = np.tile([0.95, 0.04, 0.01], (n, 1))
    assert abs(expected_calibration_error(sharp, labels) - 0.25) < five


def test_a_gap_of_0_has_derivative_0():
    """An example that is right and sure, beside one whose bin has a gap."""
    slope = jax.grad(nn.expected_calibration_error)(binary([1.0, 0.8]), jnp.array([0, 0]))
    np.testing.assert_array_equal(slope, [[0.0, 0.0], [-0.5, 0.0]])


def test_brier_is_proper():
    """E B(q) = Σ q² − 2 Σ p q + 1 is least at q = p, by gradient on the simplex."""
    p = np.array([0.5, 0.3, 0.2])

    def expected(q):
        scores = [brier_score(q[None], jnp.array([y])) for y in range(3)]
        return sum(p[y] * scores[y] for y in range(3))

    value, gradient = jax.value_and_grad(expected)(jnp.asarray(p))
    assert value == pytest.approx(1 - np.sum(p**2))
    np.testing.assert_allclose(gradient, np.zeros(3), atol=1e-15)


def test_limits_of_the_brier_score():
    labels = jnp.array([0, 1])
    assert brier_score(jnp.eye(2), labels) == 0.0
    assert brier_score(jnp.eye(2), 1 - labels) == 2.0
    assert brier_score(jnp.full((2, 4), 0.25), labels) == pytest.approx(0.75)


@pytest.mark.parametrize("fn", [brier_score, expected_calibration_error])
def test_what_is_unknown_is_nan(fn):
    p = binary([0.6, 0.8])
    for labels in ([0, 2], [-1, 0]):
        assert np.isnan(fn(p, jnp.array(labels)))
    p[1, 0] = np.nan
    assert np.isnan(fn(p, jnp.array([0, 1])))


def test_confidence_at_and_beyond_the_ends():
    bins = reliability(np.array([[0.0], [1.0 + 1e-9]]), jnp.array([0, 0]), num_bins=4)
    np.testing.assert_allclose(bins.weight, [0.5, 0, 0, 0.5])
    with pytest.raises(ValueError, match="reliability: argument `num_bins` must be at least 1"):
        reliability(np.ones((1, 1)), jnp.array([0]), num_bins=0)


@pytest.mark.parametrize("n", [41, 47, 49])
def test_a_full_bin_weighs_one(n):
    bins = reliability(np.full((n, 2), 0.5, np.float32), jnp.zeros(n, jnp.int32), num_bins=2)
    np.testing.assert_array_equal(bins.weight, [1, 0])


def test_a_symbolic_number_of_examples():
    (n,) = jax.export.symbolic_shape("n")
    p, labels = jax.ShapeDtypeStruct((n, 2), jnp.float32), jax.ShapeDtypeStruct((n,), jnp.int32)
    call = jax.export.export(jax.jit(lambda *data: nn.reliability(*data, num_bins=5)))(p, labels)
    data = binary([0.6, 0.75, 1.0]).astype(np.float32), np.array([0, 1, 0], np.int32)
    for got, want in zip(call.call(*data), reliability(*data, num_bins=5), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)
