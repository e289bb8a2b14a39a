"""Text cut for training, and what a network is asked to write."""

import types

import jax
import numpy as np
import pytest

from jaxmath import train

TEXT = "the cat sat on the mat\n" * 40
GIVEN = {"length": 16, "hidden": [4]}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "book.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def _setup(name, validation=0.1, **given):
    recipe = train.RECIPES["rnn"]
    own = train.own_options({**GIVEN, **given}, "rnn", train.RECIPES)
    task = train.task_of(recipe, name)
    parts = task.parts(jax.random.key(0), name, validation, own)
    return task, recipe.make(parts.raw_test, **own), parts


def _text(parts, part):
    x, y = getattr(parts, part)
    known = parts.raw_test.class_names
    return "".join(known[i] for i in np.append(x.ravel(), y[-1, -1]))


def test_a_file_is_cut_from_front_to_back(book):
    task, model, parts = _setup(book)
    assert task is train.TEXT
    assert parts.raw_test.class_names == tuple(sorted(set(TEXT)))
    x, y = parts.training
    assert x.shape[1] == 16
    np.testing.assert_array_equal(x.ravel()[1:], y.ravel()[:-1])
    whole = len(TEXT)
    begun = {"training": 0, "validation": round(0.72 * whole), "test": round(0.8 * whole)}
    for part, start in begun.items():
        seen = _text(parts, part)
        assert TEXT[start:].startswith(seen)
    assert len(_text(parts, "test")) == whole - begun["test"]
    assert model.config.sizes == (11, 4, 11)
    assert _setup(book, validation=0.0)[2].validation is None


@pytest.mark.parametrize(("text", "size"), [("hello world", 1), ("abc", 1)])
def test_a_file_too_short_to_be_cut(tmp_path, text, size):
    """Not by the length that was asked for, which a part held out for a test does not have."""
    path = tmp_path / "tiny.txt"
    path.write_text(text, encoding="utf-8")
    validation = 0.1 if len(text) > 3 else 0.0
    with pytest.raises(ValueError, match=rf"^the text is too short: .* has {size} characters, and"):
        _setup(str(path), validation=validation, length=1)


def test_names_are_shuffled_and_apart():
    parts = _setup("surnames")[2]
    names = {part: _text(parts, part).split("\n")[1:-1] for part in ("training", "test")}
    assert not set(names["training"]) & set(names["test"])
    assert len(names["test"]) == pytest.approx(0.2 * 88799, rel=1e-2)
    assert len(parts.raw_test.class_names) == 27


def test_bits_are_those_of_the_characters(book):
    """A network that has learned nothing but the frequencies: their entropy."""
    model = _setup(book)[1]
    logits, targets = np.tile(np.log([0.5, 0.25, 0.25]), (4, 1)), np.array([0, 0, 1, 2])
    both = jax.jit(lambda z, y: (model.metrics["bits_per_character"](z, y), model.loss(z, y)))
    assert jax.device_get(both(logits, targets)) == pytest.approx((1.5, 1.5 * np.log(2)))


def test_a_sample_goes_on_from_the_prompt(book, tmp_path):
    task, model, parts = _setup(book)
    shown, path = [], tmp_path / "samples.txt"
    given = {"prompt": "the ", "sample": 12, "temperature": 0.0}
    write = train.make_writer(task, model, parts, given, path, 0, shown.append)
    params, _ = jax.jit(model.init)(jax.random.key(0))
    for epoch in (1, 2, 2):
        write(epoch, types.SimpleNamespace(params=params))
    first, second, again = shown
    assert first.startswith("--- after epoch 1 ---\nthe ")
    assert second == again
    assert len(first) == len("--- after epoch 1 ---\nthe \n") + 12
    assert path.read_text() == first + "\n" + second + "\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prompt": "the dog"}, "--prompt has 'd' at position 4, not one of the 11 characters"),
        ({"top_k": 12}, "--top-k 12 is more than the 11 characters of the text"),
    ],
)
def test_what_cannot_be_written_is_said_before_training(book, given, message):
    task, model, parts = _setup(book)
    with pytest.raises(ValueError, match=f"^{message}"):
        train.make_writer(task, model, parts, given, None, 0, None)


def test_mistakes(book, tmp_path):
    with pytest.raises(ValueError, match=r"^--directions 2 would see what it shall say"):
        _setup(book, directions=2)
    with pytest.raises(ValueError, match=r"^--length 5000 needs longer text than a part of 662"):
        _setup(book, length=5000)
    with pytest.raises(ValueError, match=r"^unknown dataset 'surname': did you mean 'surnames'"):
        _setup("surname")
    own = {name: option.default for name, option in train.RECIPES["clockwork"].options.items()}
    with pytest.raises(ValueError, match=r"argument `periods` must divide the 30 hidden units"):
        train.RECIPES["clockwork"].make(_setup(book)[2].raw_test, **{**own, "hidden": (30,)})
    empty = tmp_path / "empty.txt"
    empty.touch()
    with pytest.raises(ValueError, match=r"must have text, .*empty.txt' is empty"):
        _setup(str(empty))
