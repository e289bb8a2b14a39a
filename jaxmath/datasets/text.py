"""Text as sequences of characters: files, names, and the numbers that stand for characters."""

import dataclasses
import functools
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from jaxmath.datasets.bundled import _needed
from jaxmath.datasets.dataset import _on_host
from jaxmath.typing import ArrayLike

__all__ = ["Vocabulary", "decode_text", "encode_text", "fit_vocabulary", "surnames", "text_file"]


def text_file(path: str | PathLike[str]) -> str:
    """The text of a UTF-8 file.

    Args:
      path: the file.

    Returns:
      Its characters, without a byte-order mark, the ends of lines as "\\n".

    Raises:
      ValueError: no such file, a file that is empty, or one that is not UTF-8.

    Example:
      >>> text_file("no such file")
      Traceback (most recent call last):
      ...
      ValueError: text_file: argument `path` must be a file, got 'no such file'

    References:
      The Unicode Standard, section 3.9, table 3-7 (well-formed UTF-8).
    """
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"text_file: argument `path` must be a file, got {str(path)!r}")
    data = file.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"text_file: argument `path` must be a file in UTF-8: {str(path)!r} has the byte "
            f"0x{data[error.start]:02x} at position {error.start}"
        ) from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        raise ValueError(f"text_file: argument `path` must have text, {str(path)!r} is empty")
    return text


def surnames() -> tuple[str, ...]:
    """The 88,799 surnames of the United States census of 1990, the most frequent first.

    Args:
      None.

    Returns:
      The names, distinct and in lower case, of the letters a to z only and of 2 to 13 of them.
      Read once, then cached.

    Raises:
      ImportError: the package ``names`` is not installed.

    Numerics:
      The file has a line for each name: the name in capitals, its share of the population in
      percent, the running sum of the shares, and its rank. Spaces, hyphens and apostrophes were
      taken out by the bureau. ``name.title()`` is the form for display. Licence: public domain (the
      data), MIT (the package).

    Example:
      >>> print(len(surnames()), *surnames()[:3])
      88799 smith johnson williams

    References:
      U.S. Census Bureau, "Frequently occurring surnames from the 1990 census", 1995, file
      dist.all.last (copied by the package ``names``).
    """
    return _surnames()


@functools.cache
def _surnames() -> tuple[str, ...]:
    package = _needed("names", "names", "surnames")
    lines = text_file(Path(str(package.__file__)).parent / "dist.all.last").splitlines()
    return tuple(dict.fromkeys(line.split()[0].lower() for line in lines))


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The characters that a model knows: the id of a character is its place.

    ::

        id: characters → {0, …, k − 1}

    Args:
      characters: the k characters as one string, k ≥ 1, no two the same.

    Returns:
      A frozen and hashable record, static in jit; ``len`` is k.

    Raises:
      TypeError: the characters are no string.
      ValueError: there is none, or one stands twice.

    Numerics:
      Nothing is computed.

    Example:
      >>> len(Vocabulary("abc"))
      3
      >>> Vocabulary("abca")
      Traceback (most recent call last):
      ...
      ValueError: Vocabulary: argument `characters` has 'a' twice, at positions 0 and 3

    References:
      D. Jurafsky, J. H. Martin, "Speech and Language Processing", 3rd edition draft, section 2.1.
    """

    characters: str

    def __post_init__(self) -> None:
        _check_text("Vocabulary", "characters", self.characters, empty=False)
        for i, character in enumerate(self.characters):
            first = self.characters.index(character)
            if first < i:
                raise ValueError(
                    f"Vocabulary: argument `characters` has {character!r} twice, at positions "
                    f"{first} and {i}"
                )

    def __len__(self) -> int:
        return len(self.characters)


def _check_text(caller: str, name: str, text: str, *, empty: bool = True) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{caller}: argument `{name}` must be a string, got {type(text).__name__}")
    if not (empty or text):
        raise ValueError(f"{caller}: argument `{name}` must have at least 1 character, got ''")


def _check_vocabulary(caller: str, vocabulary: Vocabulary) -> None:
    if not isinstance(vocabulary, Vocabulary):
        raise TypeError(
            f"{caller}: argument `vocabulary` must be a Vocabulary, got {type(vocabulary).__name__}"
        )


def fit_vocabulary(text: str) -> Vocabulary:
    """The vocabulary of a text: its distinct characters in the order of their code points.

    Args:
      text: the text, not empty.

    Returns:
      A Vocabulary, with "\\n" (where the text has it) before the letters.

    Raises:
      TypeError: the text is no string.
      ValueError: it is empty.

    Numerics:
      Characters are code points: "é" as one and "é" as two of them are different, and
      ``unicodedata.normalize`` makes them one.

    Example:
      >>> fit_vocabulary("banana\\n")
      Vocabulary(characters='\\nabn')

    References:
      The Unicode Standard, section 2.4.
    """
    _check_text("fit_vocabulary", "text", text, empty=False)
    return Vocabulary("".join(sorted(set(text))))


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def encode_text(vocabulary: Vocabulary, text: str) -> np.ndarray:
    """The ids of the characters of a text.

    ::

        i_t = id(c_t)

    Args:
      vocabulary: the characters that have ids.
      text: the text, of t characters.

    Returns:
      The ids in NumPy, shape (t,), int32.

    Raises:
      TypeError: no vocabulary, or no string.
      ValueError: a character that the vocabulary does not have: the first, with its position.

    Numerics:
      Exact. Cost: a binary search for each character.

    Example:
      >>> print(encode_text(Vocabulary("abn"), "banana"))
      [1 0 2 0 2 0]
      >>> encode_text(Vocabulary("abn"), "bandana")
      Traceback (most recent call last):
      ...
      ValueError: encode_text: argument `text` has 'd' at position 3, not one of the 3 known ones

    References:
      The inverse of ``decode_text``.
    """
    _check_vocabulary("encode_text", vocabulary)
    _check_text("encode_text", "text", text)
    known, codes = _codes(vocabulary.characters), _codes(text)
    order = np.argsort(known)
    places = np.searchsorted(known, codes, sorter=order).clip(max=len(known) - 1)
    ids = order[places].astype(np.int32)
    unknown = known[ids] != codes
    if unknown.any():
        i = int(np.argmax(unknown))
        raise ValueError(
            f"encode_text: argument `text` has {text[i]!r} at position {i}, not one of the "
            f"{len(known)} known ones"
        )
    return ids


def decode_text(vocabulary: Vocabulary, ids: ArrayLike | Sequence[int]) -> str:
    """The text that ids stand for.

    ::

        c_t = id⁻¹(i_t)

    Args:
      vocabulary: the characters that have ids.
      ids: integers in {0, …, k − 1}, shape (t,), not traced.

    Returns:
      The text, of t characters.

    Raises:
      TypeError: no vocabulary, or ids that are no integers or traced.
      ValueError: ids of another rank, or one out of range: the first, with its position.

    Numerics:
      Exact.

    Example:
      >>> decode_text(Vocabulary("abn"), [1, 0, 2, 0, 2, 0])
      'banana'

    References:
      The inverse of ``encode_text``.
    """
    _check_vocabulary("decode_text", vocabulary)
    numbers = _on_host("decode_text", "ids", ids)  # type: ignore[arg-type]
    if numbers.ndim != 1:
        raise ValueError(f"decode_text: argument `ids` must have rank 1, got {numbers.shape}")
    if numbers.size and not np.issubdtype(numbers.dtype, np.integer):
        raise TypeError(
            f"decode_text: argument `ids` must have an integer dtype, got {numbers.dtype}"
        )
    wrong = (numbers < 0) | (numbers >= len(vocabulary))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"decode_text: argument `ids` has {numbers[i]} at position {i}, outside 0 … "
            f"{len(vocabulary) - 1}"
        )
    return "".join(vocabulary.characters[i] for i in numbers.tolist())
