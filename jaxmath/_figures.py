"""Figures for files, without pyplot, whose backend and windows are the user's."""

from pathlib import Path
from typing import Any

__all__: list[str] = []


def subplots(
    rows: int = 1,
    columns: int = 1,
    *,
    figsize: tuple[float, float],
    layout: Any = None,
    **more: Any,
) -> Any:
    """A figure and its axes, as ``pyplot.subplots`` returns them; matplotlib is loaded here."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "jaxmath[scripts]"') from error
    figure = Figure(figsize=figsize, layout=layout)
    return figure, figure.subplots(rows, columns, **more)


def colours(name: str) -> Any:
    """The colours of a qualitative colour map."""
    from matplotlib import color_sequences

    return color_sequences[name]


def save(figure: Any, path: str | Path, dpi: int = 120) -> None:
    """The figure as a file; of a full disk the system does not say where."""
    try:
        figure.savefig(path, dpi=dpi)
    except OSError as error:
        raise OSError(f"{path} could not be written: {error.strerror or error}") from error
