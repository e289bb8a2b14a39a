"""Texts cut for training: nothing is lost, doubled or out of order."""

import jax
import numpy as np
import pytest

from jaxmath import datasets

KEY = jax.random.key(5)
WORDS = tuple(f"w{i}" for i in range(100))


def test_split_is_a_partition():
    parts = datasets.split_texts(KEY, WORDS, (0.7, 0.2, 0.1))
    assert [len(part) for part in parts] == [70, 20, 10]
    assert sorted(sum(parts, ())) == sorted(WORDS)
    assert parts == datasets.split_texts(KEY, list(WORDS), (0.7, 0.2, 0.1))
    assert parts != datasets.split_texts(jax.random.key(6), WORDS, (0.7, 0.2, 0.1))
    assert list(parts[0]) != sorted(parts[0], key=WORDS.index)
    with pytest.raises(
        TypeError, match=r"^split_texts: argument `texts` must be a sequence of str"
    ):
        datasets.split_texts(KEY, "a text")
    with pytest.raises(
        ValueError, match=r"^split_texts: argument `texts` must have at least 1 text"
    ):
        datasets.split_texts(KEY, [])


def test_padded_by_hand():
    vocabulary = datasets.Vocabulary("cba|")
    ids, lengths = datasets.padded_texts(vocabulary, ["abc", "", "c"], boundary="|")
    assert (ids.dtype, lengths.dtype) == (np.int32, np.int32)
    assert ids.tolist() == [[3, 2, 1, 0, 3], [3, 3, 0, 0, 0], [3, 0, 3, 0, 0]]
    assert lengths.tolist() == [5, 2, 3]
    ids, lengths = datasets.padded_texts(vocabulary, ["a"], boundary="")
    assert (ids.tolist(), lengths.tolist()) == ([[2]], [1])
    with pytest.raises(ValueError, match=r"^padded_texts: argument `texts\[1\]`, 'abd': .* 'd' at"):
        datasets.padded_texts(vocabulary, ["a", "abd"], boundary="")
    with pytest.raises(ValueError, match=r"`texts\[0\]`, 'abd': .* has 'd' at position 2, not one"):
        datasets.padded_texts(vocabulary, ["abd"], boundary="|")
    for wrong in (None, 5):
        with pytest.raises(
            TypeError, match=r"^padded_texts: argument `texts\[1\]` must be a string"
        ):
            datasets.padded_texts(datasets.Vocabulary("\n5None"), ["N", wrong])
        with pytest.raises(TypeError, match=r"^padded_texts: argument `boundary` must be a string"):
            datasets.padded_texts(datasets.Vocabulary("\n5None"), ["N"], boundary=wrong)
    with pytest.raises(ValueError, match=r"`boundary`, '\\n': .* has '\\n' at position 0"):
        datasets.padded_texts(vocabulary, ["a"])
    with pytest.raises(ValueError, match=r"^padded_texts: argument `texts` must have at least 1"):
        datasets.padded_texts(vocabulary, [])


def test_padded_names_come_back():
    names = datasets.surnames()[:200]
    vocabulary = datasets.fit_vocabulary("\n" + "".join(names))
    ids, lengths = datasets.padded_texts(vocabulary, names)
    for name, row, length in zip(names, ids, lengths, strict=True):
        assert datasets.decode_text(vocabulary, row[:length]) == f"\n{name}\n"


@pytest.mark.parametrize(("size", "streams", "steps"), [(101, 4, 5), (100, 4, 5), (7, 2, 3),
                                                        (2, 1, 1), (50, 1, 7)])  # fmt: skip
def test_streams_go_on(size, streams, steps):
    ids = np.arange(size, dtype=np.int32)
    x, y = datasets.aligned_streams(ids, num_streams=streams, num_steps=steps)
    assert x.dtype == np.int32
    chunks = (size - 1) // (streams * steps)
    assert x.shape == y.shape == (chunks, streams, steps)
    np.testing.assert_array_equal(y, x + 1)  # of the numbers 0, 1, … the next one
    np.testing.assert_array_equal(x[1:, :, 0], y[:-1, :, -1])
    assert sorted(x.ravel().tolist()) == list(range(chunks * streams * steps))
    assert size - 1 - x.size < streams * steps


def test_streams_refuse():
    with pytest.raises(ValueError, match=r"^aligned_streams: .* at least 7 elements .* got 6"):
        datasets.aligned_streams(np.arange(6), num_streams=2, num_steps=3)
    with pytest.raises(ValueError, match=r"at least 2 elements .* got 0"):
        datasets.aligned_streams(np.arange(0), num_streams=1, num_steps=1)
    with pytest.raises(ValueError, match=r"argument `ids` must have rank 1"):
        datasets.aligned_streams(np.zeros((2, 9)), num_streams=1, num_steps=1)
    with pytest.raises(ValueError, match=r"argument `num_steps` must be at least 1"):
        datasets.aligned_streams(np.arange(6), num_streams=2, num_steps=0)
