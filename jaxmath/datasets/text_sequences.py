"""Texts cut for training: parts by a key, short ones padded, a long one in aligned streams."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxmath.datasets.dataset import Dataset, _on_host
from jaxmath.datasets.splits import split
from jaxmath.datasets.text import Vocabulary, encode_text
from jaxmath.typing import Array, ArrayLike, check_number

__all__ = ["Sequences", "aligned_streams", "padded_texts", "split_texts"]


class Sequences(NamedTuple):
    """Sequences of ids of several lengths in one array: ids (n, T) and lengths (n,), int32.

    What lies at or beyond a sequence's length is padding.
    """

    ids: np.ndarray | Array
    lengths: np.ndarray | Array


def _check_texts(caller: str, texts: Sequence[str]) -> None:
    if isinstance(texts, str) or not isinstance(texts, Sequence):
        raise TypeError(
            f"{caller}: argument `texts` must be a sequence of strings, got {type(texts).__name__}"
        )
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(
                f"{caller}: argument `texts[{i}]` must be a string, got {type(text).__name__}"
            )
    if not texts:
        raise ValueError(f"{caller}: argument `texts` must have at least 1 text, got none")


def split_texts(
    key: Array, texts: Sequence[str], fractions: Sequence[float] = (0.8, 0.1, 0.1)
) -> tuple[tuple[str, ...], ...]:
    """Shuffle texts and cut them into disjoint parts.

    ::

        n_p = round(n (f₁ + … + f_p)) − round(n (f₁ + … + f_{p−1}))

    Args:
      key: a random key, used once: the same key gives the same parts.
      texts: n texts. Of equal ones each can come to another part: let them be distinct.
      fractions: share f_p of each part, positive, summing to 1, in the order of (train, validation,
        test), say.

    Returns:
      One tuple of texts a part, in random order.

    Raises:
      TypeError: no key, or texts that are no sequence of strings.
      ValueError: no text, or fractions that ``split`` refuses.

    Numerics:
      Exact: that of ``split`` without classes. A long text is better cut in contiguous parts,
      ``text[:m]`` and ``text[m:]``.

    Example:
      >>> import jax
      >>> [len(part) for part in split_texts(jax.random.key(0), [*"abcdefghij"])]
      [8, 1, 1]

    References:
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, section 7.2 (the three parts).
    """
    _check_texts("split_texts", texts)
    places = Dataset(np.arange(len(texts)), np.zeros(len(texts)))
    parts = split(key, places, fractions, stratify=False)
    return tuple(tuple(texts[i] for i in part.x) for part in parts)


def _encoded(vocabulary: Vocabulary, name: str, text: str) -> np.ndarray:
    try:
        return encode_text(vocabulary, text)
    except ValueError as error:
        raise ValueError(f"padded_texts: argument `{name}`, {text!r}: {error}") from None


def padded_texts(
    vocabulary: Vocabulary, texts: Sequence[str], *, boundary: str = "\n"
) -> Sequences:
    """Short texts as rows of one array, each between two boundaries, padded to the longest.

    ::

        ids_i = id(b c₁ … c_m b),  0, …, 0,   length_i = m + 2

    Args:
      vocabulary: the characters that have ids, the boundary among them.
      texts: n ≥ 1 texts.
      boundary: the character b that begins and ends a text; "" for none.

    Returns:
      ``ids`` of shape (n, T) and ``lengths`` of shape (n,), int32 in NumPy. A model that is given
      ``ids[:, :-1]`` and predicts ``ids[:, 1:]`` has length_i − 1 targets in row i: it learns how
      texts begin and when they end.

    Raises:
      TypeError: no vocabulary, texts that are no sequence of strings, or a boundary that is none.
      ValueError: no text, or a character that is not known, with its position.

    Numerics:
      Exact. The padding's id is 0, which means nothing: the length tells. Parts of a text are
      padded each to its own longest.

    Example:
      >>> sequences = padded_texts(Vocabulary("\\nab"), ["ab", "b"])
      >>> print(sequences.ids.tolist(), sequences.lengths)
      [[0, 1, 2, 0], [0, 2, 0, 0]] [4 3]

    References:
      S. F. Chen, J. Goodman, "An empirical study of smoothing techniques for language modeling",
      1999, section 2 (sentences between boundaries).
    """
    _check_texts("padded_texts", texts)
    if not isinstance(boundary, str):
        raise TypeError(
            f"padded_texts: argument `boundary` must be a string, got {type(boundary).__name__}"
        )
    rows, between = [], _encoded(vocabulary, "boundary", boundary)
    for i, text in enumerate(texts):
        row = _encoded(vocabulary, f"texts[{i}]", text)
        rows.append(np.concatenate((between, row, between)))
    lengths = np.array([len(row) for row in rows], np.int32)
    ids = np.zeros((len(rows), lengths.max()), np.int32)
    ids[np.arange(lengths.max()) < lengths[:, None]] = np.concatenate(rows)
    return Sequences(ids, lengths)


def aligned_streams(
    ids: ArrayLike, *, num_streams: int, num_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """A long sequence as parallel streams cut in chunks, each the continuation of the one before.

    ::

        x[c, s, t] = i_{s·L + c·T + t},   y[c, s, t] = i_{s·L + c·T + t + 1}
        L = T ⌊(N − 1)/(S T)⌋ of each stream

    Args:
      ids: the sequence, N ids, not traced.
      num_streams: S ≥ 1, the batch of truncated backpropagation through time.
      num_steps: T ≥ 1, the steps between two truncations.

    Returns:
      The inputs x and the targets y, one step on, both of shape (L/T, S, T) and of the dtype of
      ``ids``. Chunk c + 1 of stream s begins where chunk c ended, so that its carry goes on.

    Raises:
      TypeError: the ids are traced.
      ValueError: ids of another rank, or fewer than S·T + 1 of them.

    Numerics:
      Exact. The last N − 1 − S·L ids, fewer than S·T, are left out.

    Example:
      >>> x, y = aligned_streams(np.arange(14), num_streams=2, num_steps=3)
      >>> print(x.tolist())
      [[[0, 1, 2], [6, 7, 8]], [[3, 4, 5], [9, 10, 11]]]

    References:
      R. J. Williams, J. Peng, "An efficient gradient-based algorithm for on-line training of
      recurrent network trajectories", 1990 (the truncation).
    """
    sequence = _on_host("aligned_streams", "ids", ids)
    check_number("num_streams", num_streams, low=1, integer=True)
    check_number("num_steps", num_steps, low=1, integer=True)
    if sequence.ndim != 1:
        raise ValueError(
            f"aligned_streams: argument `ids` must have rank 1, got shape {sequence.shape}"
        )
    num_chunks = (len(sequence) - 1) // (num_streams * num_steps)
    if num_chunks < 1:
        raise ValueError(
            f"aligned_streams: argument `ids` must have at least {num_streams * num_steps + 1} "
            f"elements for {num_streams} streams of {num_steps} steps, got {len(sequence)}"
        )
    used = num_chunks * num_streams * num_steps
    cut = lambda part: part.reshape(num_streams, num_chunks, num_steps).swapaxes(0, 1)
    return cut(sequence[:used]), cut(sequence[1 : used + 1])
