"""The tasks are what their equations say, entry by entry, and their baselines are right."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmath import datasets

KEY, N = jax.random.key(3), 1000


def drawn(name: str, *args: int, **options: Any) -> datasets.Dataset:
    """N sequences, as one program."""
    make = partial(getattr(datasets, name), **options)
    return jax.tree.map(np.asarray, jax.jit(lambda key: make(key, N, *args))(KEY))


def assert_equal_counts(sample: np.ndarray, k: int) -> None:
    assert stats.chisquare(np.bincount(sample.ravel(), minlength=k)).pvalue > 1e-6


def test_adding_problem():
    steps = 7  # odd: the halves are of 3 and of 4 steps
    x, y = drawn("adding_problem", steps)
    assert (x.shape, y.shape) == ((N, steps, 2), (N,))
    marks = x[:, :, 1]
    assert set(np.unique(marks)) == {0, 1}
    np.testing.assert_array_equal(marks[:, :3].sum(axis=1), 1)
    np.testing.assert_array_equal(marks[:, 3:].sum(axis=1), 1)
    assert_equal_counts(marks[:, :3].argmax(axis=1), 3)
    assert_equal_counts(marks[:, 3:].argmax(axis=1), 4)
    assert stats.kstest(x[:, :, 0].ravel(), stats.uniform.cdf).pvalue > 1e-6
    for i in range(20):
        assert y[i] == pytest.approx(
            sum(x[i, t, 0] for t in range(steps) if marks[i, t]), abs=1e-15
        )
    # The baseline: the squared error of the constant 1, which is 1/6 with a standard error of
    # √((E[(y − 1)⁴] − 1/36)/n), E[(y − 1)⁴] = 1/15.
    error = np.mean((y - 1) ** 2)
    assert abs(error - 1 / 6) < 5 * np.sqrt((1 / 15 - 1 / 36) / N)


def test_copy_memory():
    data = drawn("copy_memory", 4, num_symbols=3, length=2)
    x, y = data
    assert (x.shape, x.dtype, y.dtype) == ((N, 8), np.int32, np.int32)
    assert data.class_names == ("0", "1", "2", "blank", "mark")
    assert_equal_counts(x[:, :2], 3)
    for i in range(10):
        symbols = x[i, :2].tolist()
        assert x[i].tolist() == [*symbols, 3, 3, 3, 4, 3, 3]
        assert y[i].tolist() == [3, 3, 3, 3, 3, 3, *symbols]
    datasets.check_dataset(data)
    x, y = drawn("copy_memory", 1, num_symbols=1, length=1)
    assert (x[0].tolist(), y[0].tolist()) == ([0, 2, 1], [1, 1, 0])


def test_parity():
    data = drawn("parity", 5)
    x, y = data
    assert (x.shape, y.shape, y.dtype) == ((N, 5, 1), (N, 5), np.int32)
    for i in range(20):
        assert y[i].tolist() == [int(x[i, : t + 1, 0].sum()) % 2 for t in range(5)]
    assert_equal_counts(x.astype(int) @ [1] @ [16, 8, 4, 2, 1], 32)
    datasets.check_dataset(data)


def test_two_time_scales():
    x, y = drawn("two_time_scales", 7, period=3)
    assert (x.shape, y.shape) == ((N, 7, 1), (N, 7, 1))
    assert_equal_counts((x[:, :, 0] > 0) @ (2 ** np.arange(7)), 128)
    for i, t in np.ndindex(10, 7):
        before = x[i, t - 1, 0] if t else 0
        assert y[i, t, 0] == (before + x[i, 3 * (t // 3), 0]) / 2


def test_dtypes_and_refusals():
    for name in ("adding_problem", "parity", "two_time_scales"):
        fn = getattr(datasets, name)
        shapes = jax.eval_shape(lambda key, fn=fn: fn(key, 1, 2, dtype=jnp.float32), KEY)
        assert shapes.x.dtype == jnp.float32
        with pytest.raises(TypeError, match=rf"^{name}: argument `dtype` must be a real floating"):
            fn(KEY, 1, 2, dtype=int)
    with pytest.raises(
        ValueError, match=r"^adding_problem: argument `num_steps` must be at least 2"
    ):
        datasets.adding_problem(KEY, 1, 1)
    with pytest.raises(
        ValueError, match=r"^copy_memory: argument `num_symbols` must be at least 1"
    ):
        datasets.copy_memory(KEY, 1, 1, num_symbols=0)
    with pytest.raises(ValueError, match=r"^two_time_scales: argument `period` must be at least 1"):
        datasets.two_time_scales(KEY, 1, 2, period=0)
    with pytest.raises(ValueError, match=r"^copy_memory: argument `length` must be at least 1"):
        datasets.copy_memory(KEY, 1, 1, length=0)
