"""The options of the command line: what texts stand for, and whose defaults are taken."""

import argparse

import pytest

from jaxmath import train
from jaxmath.train import RECIPES, Option

SHARE = Option(float, 0.1, "a share", low=0.0, high=1.0)


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        (SHARE, "0", 0.0),
        (Option(int, 1, "a size", low=1), "12", 12),
        (Option(int, None, "a number"), "-3", -3),
        (Option(str, "relu", "a name"), "tanh", "tanh"),
    ],
)
def test_what_a_text_stands_for(option, text, value):
    assert option.parse(text) == value
    assert type(option.parse(text)) is type(value)


@pytest.mark.parametrize(
    ("option", "text", "wanted"),
    [
        (SHARE, "1", "number at least 0 and below 1"),
        (SHARE, "x", "number at least 0 and below 1"),
        (SHARE, "nan", "number at least 0 and below 1"),
        (Option(int, 1, "a size", low=1), "0", "positive whole number"),
        (Option(int, 1, "a size", low=1), "2.5", "positive whole number"),
        (Option(int, 1, "a size", low=2), "1", "whole number at least 2"),
        (Option(float, 1.0, "a rate", low=0.0, open_low=True), "0", "number above 0"),
        (Option(float, 1.0, "a rate", low=0.0, open_low=True), "inf", "number above 0"),
        (Option(float, 1.0, "a cap", high=2.0), "2", "number below 2"),
        (Option(float, 1.0, "anything"), "two", "number"),
    ],
)
def test_what_no_value_is(option, text, wanted):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        option.parse(text)
    assert str(error.value) == f"'{text}' is not a {wanted}"


def test_recipes_differ_in_defaults_only():
    """One argument for the like-named options of several recipes, with each one's default."""
    make = lambda dataset, size, kind: None
    training = {"epochs": 5, "learning_rate": 0.5, "weight_decay": 0.0}
    size, kind = Option(int, (7, 8), "of it", low=1), Option(str, "a", "which", choices=("a", "b"))
    recipes = {
        "one": train.Recipe("first", make, training, {"size": size}),
        "two": train.Recipe("second", make, training | {"epochs": 6},
                            {"size": size._replace(default=(9,)), "image_kind": kind}, "iris"),
    }  # fmt: skip
    parser = argparse.ArgumentParser()
    train.add_options(parser, recipes)
    text = " ".join(parser.format_help().split())
    for default in ("digits for one; iris for two", "of it (default: 7 8 for one; 9 for two)",
                    "(default: 5 for one; 6 for two)", "--learning-rate R of AdamW",
                    "--image-kind {a,b} which (default: a)"):  # fmt: skip
        assert default in text
    args = parser.parse_args(["--size", "3", "4", "--image-kind", "b"])
    assert (args.size, args.image_kind, args.epochs, args.dataset) == ([3, 4], "b", None, None)
    # The registry keeps to it.
    seen: dict[str, Option] = {}
    for recipe in RECIPES.values():
        for name, option in recipe.options.items():
            assert option._replace(default=None) == seen.setdefault(
                name, option
            )._replace(default=None)  # fmt: skip


def test_defaults_are_filled_in():
    settle = lambda num, **given: train.settle_options(given, "mlp", RECIPES, num)
    assert settle(1000, dropout=None) == {
        "batch_size": 32, "epochs": 60, "learning_rate": 2e-3, "weight_decay": 1e-2,
        "hidden": [256, 256], "activation": "gelu", "dropout": 0.4,
    }  # fmt: skip
    assert settle(1000, dropout=0.0, epochs=3, other=1)["dropout"] == 0.0
    assert [settle(n)["batch_size"] for n in (5, 9, 320, 639, 640, 10**6)] == [
        5, 8, 16, 16, 32, 128
    ]  # fmt: skip
    with pytest.raises(ValueError, match="--batch-size 10 is larger than the 9 training examples"):
        settle(9, batch_size=10)
    with pytest.raises(ValueError, match="softmax takes no --dropout"):
        train.settle_options({"dropout": 0.1}, "softmax", RECIPES, 100)
