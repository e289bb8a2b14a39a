"""What one lane of a benchmark is worth: whether it diverged, its score, its tuned score.

Nothing here runs an optimizer or draws a picture: arrays go in, arrays come out.
"""

import numpy as np

from jaxmath.benchmark.run import PairResult

__all__ = ["diverged", "scores", "tuned_scores"]


def diverged(result: PairResult) -> np.ndarray:
    """Which lanes diverged: not finite on the way, or stopped far above their start.

    ::

        diverged = non-finite, or f(x_T) − f* > 10³ (f(x₀) − f*)

    Args:
      result: what the lanes saw.

    Returns:
      Booleans, shape (settings, seeds).

    Example:
      >>> import numpy as np
      >>> from types import SimpleNamespace
      >>> lanes = SimpleNamespace(
      ...     non_finite=np.array([[False, False]]),
      ...     final=np.array([[0.1, 1e6]]),
      ...     gaps=np.ones((1, 1, 2)),
      ... )
      >>> diverged(lanes).tolist()
      [[False, True]]
    """
    with np.errstate(invalid="ignore"):
        return result.non_finite | ~(result.final <= 1e3 * result.gaps[0])


def scores(result: PairResult) -> np.ndarray:
    """Decades of the best gap, lane by lane.

    ::

        score = log₁₀ max(gap, floor),   floor = eps₃₂ · max(1, |f*|)

    Args:
      result: what the lanes saw.

    Returns:
      Scores, shape (settings, seeds); less is better.

    Numerics:
      The floor is what float32 resolves: below it, differences are noise. A diverged lane counts
      with the gap of its start.

    Example:
      >>> import numpy as np
      >>> from types import SimpleNamespace
      >>> lanes = SimpleNamespace(
      ...     non_finite=np.array([[False, True]]), final=np.array([[0.1, np.nan]]),
      ...     gaps=np.array([[[10.0, 10.0]], [[0.1, 0.1]]]), problem=SimpleNamespace(minimum=0.0),
      ... )
      >>> scores(lanes).tolist()
      [[-1.0, 1.0]]

    References:
      N. Hansen et al., "COCO: a platform for comparing continuous optimizers in a black-box
      setting", 2021.
    """
    floor = float(np.finfo(np.float32).eps) * max(1.0, abs(result.problem.minimum))
    gaps = np.where(diverged(result), result.gaps[0], result.gaps[-1])
    return np.log10(np.maximum(gaps, floor))


def _tuned(score: np.ndarray) -> int:
    """The setting with the least median score; of equals, the one with the least mean."""
    medians, means = np.median(score, axis=1), np.mean(score, axis=1)
    return int(np.lexsort((means, medians))[0])


def tuned_scores(result: PairResult) -> np.ndarray:
    """Each seed's score at the learning rate that the other half of the seeds chose.

    ::

        scoreₛ = score[argmin_η median_{r ∉ fold(s)} score[η, r], s],   fold(s) = s mod 2

    Args:
      result: what the lanes saw.

    Returns:
      Scores, shape (seeds,); with one seed, its own best.

    Numerics:
      Choosing the best of several settings on the same seeds that judge it would be biased
      downwards; this is not.

    Example:
      >>> import numpy as np
      >>> from types import SimpleNamespace
      >>> lanes = SimpleNamespace(
      ...     non_finite=np.zeros((2, 2), bool), final=np.zeros((2, 2)),
      ...     gaps=np.array([[[10.0, 10.0]] * 2, [[1.0, 0.1], [0.1, 1.0]]]),
      ...     problem=SimpleNamespace(minimum=0.0),
      ... )
      >>> tuned_scores(lanes).tolist()
      [0.0, 0.0]

    References:
      V. Chernozhukov et al., "Double/debiased machine learning", 2018: cross-fitting.
    """
    score = scores(result)
    num_seeds = score.shape[1]
    if num_seeds == 1:
        return score[_tuned(score)]
    fold = np.arange(num_seeds) % 2
    chosen = [_tuned(score[:, fold != half]) for half in (0, 1)]
    return np.array([score[chosen[half], seed] for seed, half in enumerate(fold)])
