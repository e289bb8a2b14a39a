"""Text, a character after another: its parts, how well it is foretold, what a network writes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax

from jaxmath import datasets
from jaxmath._files import write_whole
from jaxmath.datasets import Dataset, Parts
from jaxmath.train.recipe import Model, Task, plain_parts
from jaxmath.train.report import measures_report
from jaxmath.train.sampling import SAMPLING
from jaxmath.typing import Array, PyTree

__all__ = ["TEXT"]

# Pieces that are only read are longer, for each begins without memory.
_READ = 1024


def _takes(name: str) -> bool:
    return name == "surnames" or Path(name).is_file()


def _texts(key: Array, name: str, test: float, validation: float) -> tuple[str, str, str]:
    """Training, validation and test part: of the names at random, of a file from front to back."""
    shares = ((1 - test) * (1 - validation), (1 - test) * validation, test)
    if name == "surnames":
        # No share may be 0 there.
        parts = datasets.split_texts(key, datasets.surnames(), [s for s in shares if s])
        lines = ["\n".join(("", *part)) for part in parts]
        return lines[0], lines[1] if validation else "", lines[-1]
    text = datasets.text_file(name)
    first, second = (round(len(text) * share) for share in (shares[0], shares[0] + shares[1]))
    return text[:first], text[first:second], text[second:]


def _pieces(vocabulary: datasets.Vocabulary, text: str, length: int) -> tuple[Any, Any]:
    """Pieces of so many characters, with the next one of each to foretell."""
    ids = datasets.encode_text(vocabulary, text)
    if len(ids) <= length:
        raise ValueError(f"--length {length} needs longer text than a part of {len(ids)}")
    x, y = datasets.aligned_streams(ids, num_streams=1, num_steps=length)
    return x[:, 0], y[:, 0]


def _held(vocabulary: datasets.Vocabulary, text: str) -> tuple[Any, Any]:
    steps = len(text) - 1
    if steps < 1:
        raise ValueError(
            "the text is too short: of what is held out for the validation or the test a part has "
            f"{len(text)} characters, and needs 2"
        )
    return _pieces(vocabulary, text, steps // -(-steps // _READ))


def _parts(key: Array, name: str, validation: float, options: Mapping[str, Any]) -> Parts:
    training, held, test = _texts(key, name, 0.2, validation)
    vocabulary = datasets.fit_vocabulary(training + held + test)
    return plain_parts(
        _pieces(vocabulary, training, options["length"]),
        _held(vocabulary, held) if held else None,
        Dataset(*_held(vocabulary, test), class_names=tuple(vocabulary.characters)),
    )


def _report(
    model: Model, eval_fn: Callable, states: PyTree, parts: Parts, compute_dtype: Any
) -> dict[str, Any]:
    return measures_report(eval_fn, states, parts.test, batch_size=32)


def _sampler(model: Model, parts: Parts, given: Mapping[str, Any]) -> Callable:
    """``sample(key, params) -> text``: the prompt, and what the network writes after it."""
    from jaxmath.models import generation

    asked = {
        name: option.default if given.get(name) is None else given[name]
        for name, option in SAMPLING.items()
    }
    known, prompt, top_k = parts.raw_test.class_names, asked["prompt"], asked["top_k"]
    for i, character in enumerate(prompt):
        if character not in known:
            raise ValueError(
                f"--prompt has {character!r} at position {i}, not one of the {len(known)} "
                "characters of the text"
            )
    if top_k is not None and top_k > len(known):
        raise ValueError(f"--top-k {top_k} is more than the {len(known)} characters of the text")
    # A prompt begins a line; a text without lines is begun by one of its characters.
    first = "\n" if "\n" in known else "" if prompt else known[int(parts.test[0][0, 0])]
    vocabulary, begun = datasets.Vocabulary("".join(known)), first + prompt
    tokens = datasets.encode_text(vocabulary, begun)

    @jax.jit
    def draw(key: Array, params: PyTree) -> Array:
        return generation.generate(
            key, params, tokens, asked["sample"], config=model.config,
            temperature=asked["temperature"], top_k=top_k,
        )  # fmt: skip

    return lambda key, params: (
        begun.removeprefix("\n") + datasets.decode_text(vocabulary, draw(key, params))
    )


def _writer(
    model: Model, parts: Parts, given: Mapping[str, Any], path: Path, seed: int,
    show: Callable[[str], Any],
) -> Callable[[int, PyTree], None]:  # fmt: skip
    sample = _sampler(model, parts, given)

    def write(epoch: int, state: PyTree) -> None:
        text = sample(jax.random.fold_in(jax.random.key(seed), epoch), state.params)
        _write_sample(path, epoch, text)
        show(f"--- after epoch {epoch} ---\n{text}\n")

    return write


def _write_sample(path: Path, epoch: int, text: str) -> None:
    """Add a sample to the file; that of an epoch that was there takes the old one's place."""
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    heading = f"--- after epoch {epoch} ---\n"
    before = before[: before.index(heading)] if heading in before else before
    write_whole(path, f"{before}{heading}{text}\n\n")


TEXT = Task(
    takes=_takes, parts=_parts, report=_report, plots={}, unit="pieces of text, {} characters",
    writer=_writer, written="samples.txt", sampling=tuple(SAMPLING),
)  # fmt: skip
