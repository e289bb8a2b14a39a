"""Parts are disjoint, keep the classes' shares, and follow from the key alone."""

import jax
import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from jaxmath import datasets
from jaxmath.datasets import Dataset, split
from jaxmath.datasets.splits import _parts

KEY = jax.random.key(0)


def numbered(counts) -> Dataset:
    """Examples that are their own numbers, sorted by class."""
    y = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    return Dataset(np.arange(len(y), dtype=np.float32)[:, None], y)


@pytest.mark.parametrize("fractions", [(0.8, 0.2), (0.6, 0.2, 0.2), (0.29, 0.71), (1.0,)])
@pytest.mark.parametrize("counts", [(178, 182, 177, 183), (5, 50, 100), (100,)])
def test_keeps_the_shares(fractions, counts):
    data = numbered(counts)
    n = data.num_examples
    parts = split(KEY, data, fractions)
    rows = np.concatenate([part.x[:, 0] for part in parts])
    np.testing.assert_array_equal(np.sort(rows), data.x[:, 0])
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(part.num_examples - n * fraction) < 1
        np.testing.assert_array_equal(part.y, data.y[part.x[:, 0].astype(int)])
        found = np.bincount(part.y, minlength=len(counts))
        share = part.num_examples / n * np.array(counts)
        assert np.all(np.abs(found - share) < (1 if len(fractions) <= 2 else 2))


def test_every_interval_of_places_has_its_share():
    """The claim in the docstring, by brute force: ⌊q m/n⌋ or ⌈q m/n⌉ of any q places in a row."""
    for n in range(2, 13):
        for m in range(1, n):
            chosen = np.cumsum(np.concatenate([[0], _parts((n - m, m)) == 1]))
            for q in range(1, n + 1):
                counts = chosen[q:] - chosen[:-q]
                assert q * m // n <= counts.min()
                assert counts.max() <= -(-q * m // n)


def test_digits_as_scikit_learn_counts_them():
    train, test = split(KEY, datasets.digits())
    _, _, _, y = train_test_split(*datasets.digits(), test_size=test.num_examples, stratify=(
        datasets.digits().y), random_state=0)  # fmt: skip
    assert (train.num_examples, test.num_examples) == (1438, 359)
    assert np.abs(np.bincount(test.y) - np.bincount(y)).max() <= 1
    assert train.image_shape == (8, 8, 1)
    # Shuffled: neither part is sorted by class.
    assert np.mean(np.diff(test.y) < 0) > 0.3


def test_the_key_alone_decides():
    data = numbered((20, 30))
    same, again = split(KEY, data), split(jax.random.key(0), data)
    other = split(jax.random.key(1), data)
    np.testing.assert_array_equal(same[1].x, again[1].x)
    assert not np.array_equal(same[1].x, other[1].x)


@pytest.mark.parametrize("stratify", [True, False])
def test_every_example_is_as_likely_in_every_part(stratify):
    data, draws = numbered((7, 13)), 200
    counts = np.zeros(20)
    for seed in range(draws):
        _, test = split(jax.random.key(seed), data, (0.75, 0.25), stratify=stratify)
        counts[test.x[:, 0].astype(int)] += 1
    share = np.bincount(test.y, minlength=2) / (7, 13) if stratify else np.full(2, 0.25)
    want = draws * share[data.y]
    assert np.all(np.abs(counts - want) < 5 * np.sqrt(draws / 4))


def test_a_label_a_step_is_no_class():
    data = datasets.parity(KEY, 50, 6)
    assert data.y.shape[1:] == (6,)
    train, test = split(KEY, data)
    whole, parts = (np.sort(np.packbits(np.asarray(x, bool)[..., 0], axis=1), axis=0)
                    for x in (data.x, np.concatenate([train.x, test.x])))  # fmt: skip
    np.testing.assert_array_equal(whole, parts)
    for part in (train, test):
        np.testing.assert_array_equal(np.cumsum(part.x[..., 0], axis=1) % 2, part.y)


def test_a_regression_is_split_at_random():
    data = datasets.diabetes()
    train, test = split(KEY, data)
    assert (train.num_examples, test.num_examples) == (354, 88)
    assert train.y.dtype == np.float32
    standard_error = data.y.std() / np.sqrt(88)
    assert abs(test.y.mean() - data.y.mean()) < 5 * standard_error


@pytest.mark.parametrize(
    ("data", "fractions", "error", "match"),
    [
        (numbered((5,)), 0.8, TypeError, "argument `fractions` must be a tuple"),
        (numbered((5,)), (), TypeError, "argument `fractions` must be a tuple"),
        (numbered((5,)), (0.8, 0.1), ValueError, "argument `fractions` must sum to 1, .* 0.9$"),
        (numbered((5,)), (1.2, -0.2), ValueError, r"argument `fractions\[0\]` must be"),
        (numbered((5,)), (1.0, 0.0), ValueError, r"argument `fractions\[1\]` must be above 0"),
        (numbered((9,)), (0.99, 0.01), ValueError, "leaves part 1 empty: a fraction of 0.01 of 9"),
        (numbered((9, 1)), (0.5, 0.5), ValueError, "has 1 of class 1, too few.*stratify=False"),
        (numbered((9, 2)), (0.4, 0.3, 0.3), ValueError, "has 2 of class 1, .* over 3 parts"),
    ],
)
def test_refuses(data, fractions, error, match):
    with pytest.raises(error, match=f"split: .*{match}"):
        split(KEY, data, fractions)


def test_refuses_what_cannot_be_trained_on():
    with pytest.raises(TypeError, match="argument `key`"):
        split(0, numbered((5,)))
    with pytest.raises(ValueError, match="not finite"):
        split(KEY, Dataset(np.array([[np.nan], [1.0]]), np.zeros(2)))
    named = Dataset(np.zeros((3, 1)), np.array([0, 0, 1]), class_names=("cat", "dog"))
    with pytest.raises(ValueError, match=r"has 1 of class 1 \(dog\)"):
        split(KEY, named)
    assert [part.num_examples for part in split(KEY, named, stratify=False)] == [2, 1]
