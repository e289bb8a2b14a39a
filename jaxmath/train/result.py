"""What a training run ends with."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxmath.typing import PyTree

__all__ = ["FitResult"]


class FitResult(NamedTuple):
    """What ``fit`` returns; of an ensemble with a leading axis, the lanes, in the states.

    Args:
      state: the state at the end; where a step was not finite, as it was before that step.
      best: the state as evaluated (averaged parameters, with ``ema``) at the best validation loss;
        without validation, at the end.
      history: name → values of each epoch done, shape (epochs,), of an ensemble (epochs, lanes),
        NaN where a lane had stopped; the validation's names begin with ``validation_``.
      epochs: whole epochs done, those before a resumption included.
      best_epoch: how many epochs were done at ``best``; 0 where no validation loss was finite.
      bad_step: the first step that was not finite, counted from 0; −1 for none.
      mode: the program that ran.
      message: why the run ended early, else empty.
      checkpoint: the newest whole checkpoint's directory, or None.

    Example:
      >>> FitResult._fields[:3]
      ('state', 'best', 'history')
    """

    state: PyTree
    best: PyTree
    history: dict[str, np.ndarray]
    epochs: int
    best_epoch: int | np.ndarray
    bad_step: int | np.ndarray
    mode: str
    message: str
    checkpoint: Path | None
