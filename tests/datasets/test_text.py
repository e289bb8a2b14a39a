"""Files, names and vocabularies: round trips, and what is refused says where."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import datasets
from jaxmath.datasets import Vocabulary, text


def test_reads_files(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffnaïve\r\n日本\rend\n".encode())
    assert datasets.text_file(path) == "naïve\n日本\nend\n"
    assert datasets.text_file(str(path)) == "naïve\n日本\nend\n"
    for data, line in (
        (b"", "argument `path` must have text, '.*text.txt' is empty"),
        (b"\xef\xbb\xbf", "argument `path` must have text"),
        (b"caf\xe9 noir", "argument `path` must be a file in UTF-8: .* 0xe9 at position 3"),
    ):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=rf"^text_file: {line}"):
            datasets.text_file(path)
    with pytest.raises(ValueError, match=r"^text_file: argument `path` must be a file, got"):
        datasets.text_file(tmp_path)


def test_surnames():
    names = datasets.surnames()
    assert len(names) == len(set(names)) == 88799
    assert names[:3] == ("smith", "johnson", "williams")
    assert names[-1] == "aalderink"
    assert set("".join(names)) == set("abcdefghijklmnopqrstuvwxyz")
    assert {len(name) for name in names} == set(range(2, 14))
    assert datasets.surnames() is names


def test_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "names", None)
    text._surnames.cache_clear()
    with pytest.raises(ImportError, match=r'^surnames: .*"jaxmath\[scripts\]"'):
        datasets.surnames()


def test_vocabulary_is_static():
    vocabulary = datasets.fit_vocabulary("to be\nor not")
    assert vocabulary == Vocabulary("\n benort")
    assert hash(vocabulary) == hash(Vocabulary("\n benort"))
    size = jax.jit(lambda v: jnp.zeros(len(v)).shape[0], static_argnums=0)
    assert size(vocabulary) == len(vocabulary) == 8
    with pytest.raises(AttributeError):
        vocabulary.characters = "x"


@pytest.mark.parametrize("message", ["", "a", "zebra\n", "naïve 日本 🎲\ud800", "aaa"])
def test_round_trip(message):
    vocabulary = Vocabulary("".join(dict.fromkeys("zyx\n" + message)))  # in no order
    ids = datasets.encode_text(vocabulary, message)
    assert (ids.dtype, ids.shape) == (np.int32, (len(message),))
    assert ids.tolist() == [vocabulary.characters.index(c) for c in message]
    assert datasets.decode_text(vocabulary, ids) == message
    assert datasets.decode_text(vocabulary, jnp.asarray(ids)) == message


def test_refuses():
    vocabulary, cases = Vocabulary("acb"), datasets.encode_text
    for unknown, character, place in (("abz", "'z'", 2), ("a\nb?", r"'\\n'", 1), ("ébz", "'é'", 0)):
        with pytest.raises(
            ValueError, match=rf"`text` has {character} at position {place}, not one"
        ):
            cases(vocabulary, unknown)
    with pytest.raises(
        TypeError, match=r"^encode_text: argument `text` must be a string, got bytes"
    ):
        cases(vocabulary, b"abc")
    with pytest.raises(
        TypeError, match=r"^encode_text: argument `vocabulary` must be a Vocabulary"
    ):
        cases("abc", "abc")
    with pytest.raises(
        ValueError, match=r"^decode_text: argument `ids` has 3 at position 1, outside"
    ):
        datasets.decode_text(vocabulary, [0, 3])
    with pytest.raises(ValueError, match=r"^decode_text: argument `ids` has -1 at position 0"):
        datasets.decode_text(vocabulary, np.array([-1]))
    with pytest.raises(ValueError, match=r"^decode_text: argument `ids` must have rank 1"):
        datasets.decode_text(vocabulary, [[0]])
    with pytest.raises(TypeError, match=r"^decode_text: argument `ids` must have an integer dtype"):
        datasets.decode_text(vocabulary, [0.0])
    for make in (Vocabulary, datasets.fit_vocabulary):
        with pytest.raises(ValueError, match=r"must have at least 1 character"):
            make("")
        with pytest.raises(TypeError, match=r"must be a string, got list"):
            make(["a"])
