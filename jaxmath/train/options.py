"""Options of a command line that trains: those of every recipe, and their defaults."""

import argparse
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Option", "add_options", "own_options", "settle_options"]


class Option(NamedTuple):
    """An option of the command line: ``--image-size`` for the name ``image_size``.

    Args:
      kind: int, float or str.
      default: its value where it is not given; of a tuple the option takes several. None leaves it
        to the data.
      help: what it is, in a few words.
      low: the least number.
      high: the number that all are below.
      open_low: leave out ``low`` too.
      choices: the only values, () for any.

    Raises:
      ArgumentTypeError: by ``parse``, of a text that is no such value.

    Example:
      >>> rate = Option(float, 0.5, "share of hidden units dropped", low=0.0, high=1.0)
      >>> rate.parse("0.25")
      0.25
      >>> rate.parse("1")
      Traceback (most recent call last):
      ...
      argparse.ArgumentTypeError: '1' is not a number at least 0 and below 1
    """

    kind: type
    default: Any
    help: str
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    choices: tuple = ()

    def parse(self, text: str) -> Any:
        """The value that a text on the command line stands for."""
        try:
            value = self.kind(text)
            if self.kind is str or self._within(value):
                return value
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"'{text}' is not a {self._wanted()}")

    def _within(self, value: float) -> bool:
        return self.low <= value < self.high and not (self.open_low and value == self.low)

    def _wanted(self) -> str:
        if self.kind is int and (self.low, self.high) == (1, math.inf):
            return "positive whole number"
        bounds = f" {'above' if self.open_low else 'at least'} {self.low:g}"
        bounds = bounds if self.low > -math.inf else ""
        below = f"{' and' if bounds else ''} below {self.high:g}" if self.high < math.inf else ""
        return f"{'whole ' if self.kind is int else ''}number{bounds}{below}"

    def add_to(self, parser: Any, name: str, text: str | None = None) -> None:
        """The argument of a parser or of its group.

        With a text about defaults that are not ``default``, None tells that it was not given.
        """
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=self.parse,
            default=self.default if text is None else None,
            nargs="+" if isinstance(self.default, tuple) else None,
            choices=self.choices or None,
            metavar=None if self.choices else {int: "N", float: "R"}.get(self.kind, "NAME"),
            help=f"{self.help} (default: {_spelled(self.default) if text is None else text})",
        )


def _spelled(value: Any) -> str:
    if value is None:
        return "that of the data"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _by_recipe(values: Mapping[str, Any]) -> str:
    """The default of each recipe, once where they agree."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(_spelled(value), []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{text} for {', '.join(takers)}" for text, takers in names.items())


_TRAINING = {
    "epochs": Option(int, None, "passes over the training part", low=1),
    "batch_size": Option(int, None, "examples of a step", low=1),
    "learning_rate": Option(
        float, None, "of AdamW at the start; a cosine brings it to 0", low=0.0, open_low=True
    ),
    "weight_decay": Option(float, None, "decoupled, of weights but not of biases", low=0.0),
}


def add_options(parser: Any, recipes: Mapping[str, Any]) -> None:
    """The data set, the options of training, and of every recipe its own.

    Args:
      parser: an ``argparse`` parser, or a group of its arguments.
      recipes: name → Recipe.

    Returns:
      None.

    Example:
      >>> from jaxmath.train import RECIPES
      >>> parser = argparse.ArgumentParser()
      >>> add_options(parser, RECIPES)
      >>> parser.parse_args(["--hidden", "8", "4"]).hidden
      [8, 4]
    """
    Option(str, None, "what to train on").add_to(
        parser, "dataset", _by_recipe({kind: recipe.dataset for kind, recipe in recipes.items()})
    )
    for name, option in _TRAINING.items():
        rule = "about a twentieth of the training part, a power of 2 from 8 to 128"
        if name == "batch_size":
            text = _by_recipe({k: recipe.training.get(name, rule) for k, recipe in recipes.items()})
        else:
            text = _by_recipe({kind: recipe.training[name] for kind, recipe in recipes.items()})
        option.add_to(parser, name, text)
    for name in dict.fromkeys(name for recipe in recipes.values() for name in recipe.options):
        takes = {k: r.options[name] for k, r in recipes.items() if name in r.options}
        text = _by_recipe({kind: option.default for kind, option in takes.items()})
        next(iter(takes.values())).add_to(parser, name, text)


def own_options(given: Mapping[str, Any], model: str, recipes: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipe's ``make`` takes beside the data, the defaults filled in.

    Args:
      given: name → value, None where it was not given.
      model: the recipe's name.
      recipes: name → Recipe.

    Returns:
      name → value, tuples where several are taken.

    Raises:
      ValueError: an option that the model has not.

    Example:
      >>> from jaxmath.train import RECIPES
      >>> own_options({"hidden": [5], "dropout": None}, "mlp", RECIPES)["hidden"]
      (5,)
      >>> own_options({"hidden": [5]}, "softmax", RECIPES)
      Traceback (most recent call last):
      ...
      ValueError: softmax takes no --hidden
    """
    own = recipes[model].options
    for name in (name for other in recipes.values() for name in other.options):
        if given.get(name) is not None and name not in own:
            raise ValueError(f"{model} takes no --{name.replace('_', '-')}")
    values = {
        name: option.default if given.get(name) is None else given[name]
        for name, option in own.items()
    }
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}


def settle_options(
    given: Mapping[str, Any], model: str, recipes: Mapping[str, Any], num_training: int
) -> dict[str, Any]:
    """The options of a model and of its training, the defaults filled in.

    Args:
      given: name → value, None where it was not given.
      model: the recipe's name.
      recipes: name → Recipe.
      num_training: examples of the training part.

    Returns:
      name → value, as JSON has it.

    Raises:
      ValueError: an option that the model has not, or a batch, where it was given, that is larger
        than the data.

    Example:
      >>> from jaxmath.train import RECIPES
      >>> settle_options({"epochs": 5}, "softmax", RECIPES, 100)["epochs"]
      5
    """
    own = own_options(given, model, recipes)
    power_of_2 = 1 << max(num_training // 20, 1).bit_length() - 1
    defaults = {"batch_size": min(max(power_of_2, 8), 128), **recipes[model].training}
    defaults["batch_size"] = max(min(defaults["batch_size"], num_training), 1)
    settings = {
        name: value if given.get(name) is None else given[name] for name, value in defaults.items()
    } | own
    if settings["batch_size"] > num_training:
        raise ValueError(
            f"--batch-size {settings['batch_size']} is larger than the {num_training} training "
            "examples"
        )
    return {name: list(v) if isinstance(v, tuple) else v for name, v in settings.items()}
