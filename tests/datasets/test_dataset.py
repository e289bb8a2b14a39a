"""The record is a pytree with static names; what cannot be trained on is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.datasets import Dataset, check_dataset

GOOD = Dataset(
    np.arange(12.0).reshape(2, 6), np.array([0, 1], np.int32), tuple("abcdef"), ("no", "yes")
)


def changed(**fields) -> Dataset:
    return dataclasses.replace(GOOD, **fields)


def test_record_is_a_pytree():
    check_dataset(GOOD)
    assert len(jax.tree.leaves(GOOD)) == 2
    doubled = jax.jit(lambda data: jax.tree.map(lambda leaf: 2 * leaf, data))(GOOD)
    assert (doubled.class_names, doubled.feature_names) == (("no", "yes"), tuple("abcdef"))
    np.testing.assert_array_equal(doubled.x, 2 * GOOD.x)
    x, y = GOOD
    assert x is GOOD.x
    assert y is GOOD.y
    assert (GOOD.num_examples, GOOD.num_classes) == (2, 2)


def test_images_are_the_rows_folded():
    data = changed(image_shape=(1, 2, 3))
    check_dataset(data)
    assert data.images.shape == (2, 1, 2, 3)
    assert data.images[1, 0, 1].tolist() == [9.0, 10.0, 11.0]
    with pytest.raises(ValueError, match="no images"):
        _ = GOOD.images


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        ((GOOD.x, GOOD.y), TypeError, "must be a Dataset, got tuple"),
        (Dataset(np.zeros((0, 2)), np.zeros(0)), ValueError, r"n ≥ 1 inputs, got `x` .*\(0, 2\)"),
        (Dataset(np.zeros(()), np.zeros(())), ValueError, "n ≥ 1 inputs"),
        (changed(y=GOOD.y[:1]), ValueError, r"`y` of shape \(1,\)"),
        (changed(x=np.array([["a"], ["b"]])), TypeError, "numbers in `x`, got dtype <U1"),
        (changed(x=np.where(GOOD.x == 8, np.nan, GOOD.x)), ValueError, r"x\[1, 2\] is nan, .* 1$"),
        (changed(x=-np.inf * (GOOD.x + 1)), ValueError, r"x\[0, 0\] is -inf, the first of 12$"),
        (Dataset(GOOD.x, np.array([1.0, np.nan])), ValueError, r"y\[1\] is nan"),
        (changed(y=np.array([0, 2])), ValueError, r"outside 0 … 1: y\[1\] is 2, and 1 of 2"),
        (changed(y=np.array([-1, 0])), ValueError, r"outside 0 … 1: y\[0\] is -1"),
        (changed(y=np.array([0.0, 1.0])), TypeError, "`y` must have an integer dtype"),
        (changed(feature_names=("a",)), ValueError, "1 feature names for `x` of shape"),
        (changed(image_shape=(2, 2, 1)), ValueError, r"images of shape \(2, 2, 1\)"),
    ],
)
def test_refuses(data, error, match):
    with pytest.raises(error, match=f"check_dataset: argument `dataset` .*{match}") as caught:
        check_dataset(data)
    assert "\n" not in str(caught.value)


def test_takes_device_arrays_and_bfloat16():
    check_dataset(changed(x=jnp.asarray(GOOD.x, jnp.bfloat16)))
    with pytest.raises(ValueError, match=r"x\[0, 1\] is inf"):
        check_dataset(changed(x=jnp.asarray(GOOD.x, jnp.bfloat16).at[0, 1].set(jnp.inf)))


def test_refuses_tracers():
    with pytest.raises(
        TypeError, match=r"check_dataset: argument `dataset` is traced: call .* jit"
    ):
        jax.jit(lambda data: check_dataset(data))(GOOD)
