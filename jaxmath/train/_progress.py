"""A bar with the loss and the rate, drawn by rich where it is installed."""

import time
import warnings
from typing import Any

__all__: list[str] = []


class Progress:
    """Draws at most ten times a second; without rich, one line of advice and then silence."""

    def __init__(self, total: int, done: int) -> None:
        self._bar: Any = None
        self._drawn = -1.0
        self._total = total
        try:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar
        except ImportError:
            warnings.warn('for a progress bar: pip install "jaxmath[scripts]"', stacklevel=3)
            return
        columns = (
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
        )
        self._bar = Bar(*columns, auto_refresh=False)
        self._task = self._bar.add_task("", total=total, completed=done, text="")
        self._bar.start()

    def due(self) -> bool:
        """Whether the next drawing may be now."""
        return self._bar is not None and time.monotonic() - self._drawn >= 0.1

    def update(self, epoch: float, text: str) -> None:
        """So many epochs are done; a part of one moves the bar, but not the count."""
        if self._bar is None or not (self.due() or epoch >= self._total):
            return
        self._drawn = time.monotonic()
        self._bar.update(self._task, completed=epoch, text=text, refresh=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
