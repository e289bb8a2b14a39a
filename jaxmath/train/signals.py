"""Ctrl-C that ends a run in order."""

import contextlib
import signal
from collections.abc import Callable, Iterator

__all__ = ["stop_signals"]


@contextlib.contextmanager
def stop_signals(say: Callable[[], object] | None = None) -> Iterator[Callable[..., bool]]:
    """The first Ctrl-C or SIGTERM asks for an end at the next boundary, the second ends at once.

    Args:
      say: called at the first signal, to tell who waits.

    Returns:
      A context manager; what it gives tells whether an end was asked for, whatever it is called
      with, as ``callback`` of ``fit`` for example. Only the main thread may enter it.

    Raises:
      KeyboardInterrupt: at the second signal.

    Example:
      >>> with stop_signals() as asked:
      ...     print(asked(3, {"loss": 0.5}))
      False
    """
    seen: list[int] = []

    def handle(number: int, frame: object) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        if say is not None:
            say()

    before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda *args: bool(seen)
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
