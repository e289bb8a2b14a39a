"""The parts of a data set for training."""

import jax
import numpy as np
import pytest

from jaxmath import datasets

KEY = jax.random.key(0)


def test_parts_by_hand():
    """Disjoint, with the shares asked for, standardized by what training alone knows."""
    iris = datasets.iris()
    parts = datasets.standardized_parts(KEY, iris)
    shares = [part[0] for part in (parts.training, parts.validation, parts.test)]
    assert [len(x) for x in shares] == [108, 12, 30]
    assert {x.dtype for x in shares} == {np.dtype("float32")}
    np.testing.assert_allclose(shares[0].mean(0), 0.0, atol=1e-5)
    np.testing.assert_allclose(shares[0].std(0), 1.0, rtol=1e-5)
    mean, scale = parts.standardization
    whole = np.concatenate(shares) * scale + mean
    order = lambda x: np.sort(np.round(x, 3), axis=0)
    np.testing.assert_allclose(order(whole), order(iris.x), atol=2e-3)
    np.testing.assert_allclose(shares[2] * scale + mean, parts.raw_test.x, atol=1e-5)
    np.testing.assert_array_equal(np.bincount(parts.test[1]), [10, 10, 10])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32])
def test_all_is_of_numpy(dtype):
    """Whatever the features are: standardized bytes were arrays of jax."""
    x = np.arange(80).reshape(20, 4)
    parts = datasets.standardized_parts(
        KEY, datasets.Dataset(x.astype(dtype), np.arange(20, dtype=np.float32))
    )
    for inputs, targets in (parts.training, parts.validation, parts.test):
        assert (type(inputs), inputs.dtype, type(targets)) == (np.ndarray, np.float32, np.ndarray)
    mean, scale = parts.standardization
    np.testing.assert_allclose(parts.test[0] * scale + mean, parts.raw_test.x, atol=1e-4)


def test_the_test_part_stays_and_images_have_one_scale():
    digits = datasets.digits()
    with_validation = datasets.standardized_parts(KEY, digits)
    parts = datasets.standardized_parts(KEY, digits, validation=0.0)
    assert parts.validation is None
    np.testing.assert_array_equal(parts.raw_test.x, with_validation.raw_test.x)
    assert np.shape(parts.standardization.mean) == ()
    assert np.std(parts.training[0]) == pytest.approx(1.0, rel=1e-5)


def test_shares_that_cannot_be():
    for options in ({"test": 0.0}, {"test": 1.0}, {"validation": 1.0}, {"validation": -0.1}):
        with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
            datasets.standardized_parts(KEY, datasets.iris(), **options)
    with pytest.raises(ValueError, match="leaves part 0 empty"):
        datasets.standardized_parts(KEY, datasets.iris(), validation=0.999)
