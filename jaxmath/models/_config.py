"""The checks of configurations' fields, and the base of the image networks'."""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from jaxmath.typing import Array

__all__: list[str] = []


class ImageConfig(ABC):
    """A frozen dataclass with ``image_size``, ``channels``, ``num_classes`` and ``forward``."""

    image_size: int
    channels: int
    num_classes: int

    @abstractmethod
    def forward(self, net: Any, x: Array) -> Any:
        """The network, written once for every kind of pass ``net`` (``models/_network.py``)."""

    def torch_name(self, layer: str) -> str:
        """The module of torchvision's network that is this layer."""
        return layer

    def check(self, *integers: str) -> None:
        """Refuse what is no positive integer among the common fields and those named."""
        for name in ("image_size", "channels", "num_classes", *integers):
            check_size(name, getattr(self, name))


def check_size(name: str, value: Any, least: int = 1) -> None:
    """An integer, and a positive one by default."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"Config: argument `{name}` must be an integer, got {type(value).__name__}")
    if value < least:
        raise ValueError(f"Config: argument `{name}` must be at least {least}, got {value}")


def check_sizes(name: str, values: Any, least: int = 1) -> None:
    """A tuple of positive integers, so many of them at least."""
    if not isinstance(values, tuple):
        raise TypeError(f"Config: argument `{name}` must be a tuple, got {type(values).__name__}")
    for i, value in enumerate(values):
        check_size(f"{name}[{i}]", value)
    if len(values) < least:
        raise ValueError(
            f"Config: argument `{name}` must hold at least {least} positive integers, got {values}"
        )


def check_choice(name: str, value: Any, known: Iterable[Any]) -> None:
    """One of a few."""
    known = tuple(known)
    if value not in known:
        near = difflib.get_close_matches(str(value), map(str, known), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        names = ", ".join(map(str, known))
        raise ValueError(f"Config: argument `{name}` must be one of {names}, got {value!r}{hint}")


def check_real(
    name: str, value: Any, low: float, high: float = float("inf"), *, open_low: bool = False
) -> None:
    """A Python number (an array would not hash) in [low, high), or in (low, high)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(
            f"Config: argument `{name}` must be a Python number, got {type(value).__name__}"
        )
    if not (low < value if open_low else low <= value) or not value < high:
        at_least = f"above {low}" if open_low else f"at least {low}"
        raise ValueError(
            f"Config: argument `{name}` must be {at_least} and below {high}, got {value}"
        )


def scaled(size: int, width: float, multiple: int = 1) -> int:
    """``width`` times the size, rounded to a multiple, one at least."""
    return max(round(size * width / multiple), 1) * multiple
