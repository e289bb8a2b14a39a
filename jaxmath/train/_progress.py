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

    def update(self, epoch: int, text: str) -> None:
        now = time.monotonic()
        if self._bar is None or (now - self._drawn < 0.1 and epoch < self._total):
            return
        self._drawn = now
        self._bar.update(self._task, completed=epoch, text=text, refresh=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
