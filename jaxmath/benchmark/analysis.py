"""Statistics of the lanes: a summary, and an honest comparison with a baseline.

Nothing here runs an optimizer or draws a picture: arrays go in, records come out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from jaxmath.benchmark.run import PairResult
from jaxmath.benchmark.scores import _tuned, diverged, scores, tuned_scores

__all__ = [
    "Comparison",
    "Standing",
    "Summary",
    "compare",
    "leaderboard",
    "summarize",
]


@dataclass(frozen=True)
class Summary:
    """One optimizer on one problem, at its tuned learning rate.

    ::

        tuned = argmin over settings of the median over seeds of log₁₀ best gap

    Args:
      problem: the problem's name.
      optimizer: the optimizer's name.
      learning_rate: the tuned setting.
      at_edge: True where the tuned setting is the first or the last of several.
      median_gap: median over seeds of the best gap at that setting.
      low_gap: 10 % quantile over seeds.
      high_gap: 90 % quantile over seeds.
      success: fraction of seeds whose best gap meets the problem's tolerance there.
      success_any: fraction of all lanes that do.
      diverged: lanes that diverged, of all settings.
      num_lanes: lanes of all settings.

    Returns:
      A frozen record.

    Numerics:
      A diverged lane counts with the gap of its start, as if it had never moved.

    Example:
      >>> "success" in Summary.__dataclass_fields__
      True

    References:
      F. Schneider, L. Balles, P. Hennig, "DeepOBS: a deep learning optimizer benchmark suite",
      2019.
    """

    problem: str
    optimizer: str
    learning_rate: float
    at_edge: bool
    median_gap: float
    low_gap: float
    high_gap: float
    success: float
    success_any: float
    diverged: int
    num_lanes: int


@dataclass(frozen=True)
class Comparison:
    """A tuned optimizer against the tuned baseline, on the same starts and noise.

    ::

        dₛ = log₁₀ gapₛ(optimizer) − log₁₀ gapₛ(baseline),   d̄ ± t₀.₉₇₅ s/√n

    Args:
      problem: the problem's name.
      optimizer: the optimizer's name.
      baseline: the baseline's name.
      mean: d̄ in decades; negative is better than the baseline.
      low: lower end of the 95 % interval.
      high: upper end; NaN, like ``low``, with fewer than 2 seeds.
      num_seeds: n.

    Returns:
      A frozen record; ``verdict`` puts it in a word, ``text`` in figures.

    Numerics:
      Each half of the seeds is judged at the learning rate that the other half chose, so that
      tuning does not flatter the result.

    Example:
      >>> Comparison("p", "adam", "sgd", -1.0, -1.5, -0.5, 16).verdict
      'better'

    References:
      V. Chernozhukov et al., "Double/debiased machine learning", 2018: cross-fitting.
    """

    problem: str
    optimizer: str
    baseline: str
    mean: float
    low: float
    high: float
    num_seeds: int

    @property
    def verdict(self) -> str:
        """ "better" or "worse" where the interval excludes 0, else "even"."""
        if self.high < 0:
            return "better"
        return "worse" if self.low > 0 else "even"

    @property
    def text(self) -> str:
        """The mean and its interval; of one seed, which has none, a dash."""
        if self.num_seeds < 2:
            return "–"
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


@dataclass(frozen=True)
class Standing:
    """One line of the leaderboard.

    ::

        mean rank = average over problems of the rank by tuned median gap (ties share)

    Args:
      optimizer: the optimizer's name.
      mean_rank: 1 is best.
      success: mean over problems of the success fraction at the tuned learning rate.
      better: problems on which it is better than the baseline.
      even: problems on which the interval holds 0.
      worse: problems on which it is worse.
      diverged: fraction of all its lanes that diverged.
      num_problems: problems that it was run on.

    Returns:
      A frozen record.

    Numerics:
      Ranks are averaged over ties.

    Example:
      >>> "mean_rank" in Standing.__dataclass_fields__
      True

    References:
      J. Demšar, "Statistical comparisons of classifiers over multiple data sets", 2006.
    """

    optimizer: str
    mean_rank: float
    success: float
    better: int
    even: int
    worse: int
    diverged: float
    num_problems: int


def summarize(result: PairResult) -> Summary:
    """One optimizer on one problem, at its tuned learning rate.

    ::

        tuned = argmin over settings of the median over seeds of log₁₀ best gap

    Args:
      result: what the lanes saw.

    Returns:
      A ``Summary``.

    Numerics:
      Quantiles interpolate linearly in log₁₀ gap.

    Example:
      >>> from jaxmath.optimize import classical_problems
      >>> from jaxmath.benchmark import Plan, resolve_optimizer, run_group
      >>> plan = Plan(classical_problems()[2], (0.01, 0.05), num_seeds=3, num_steps=200)
      >>> summary = summarize(next(run_group(plan, [resolve_optimizer("sgd")])))
      >>> summary.learning_rate, summary.success
      (0.05, 1.0)

    References:
      F. Schneider, L. Balles, P. Hennig, "DeepOBS: a deep learning optimizer benchmark suite",
      2019.
    """
    score = scores(result)
    best = _tuned(score)
    lost = diverged(result)
    met = (result.gaps[-1] <= result.problem.tolerance) & ~lost
    low, median, high = 10.0 ** np.quantile(score[best], [0.1, 0.5, 0.9])
    return Summary(
        problem=result.problem.name,
        optimizer=result.optimizer,
        learning_rate=float(result.learning_rates[best]),
        at_edge=len(score) > 1 and best in (0, len(score) - 1),
        median_gap=float(median),
        low_gap=float(low),
        high_gap=float(high),
        success=float(met[best].mean()),
        success_any=float(met.mean()),
        diverged=int(lost.sum()),
        num_lanes=lost.size,
    )


def compare(result: PairResult, baseline: PairResult) -> Comparison:
    """A tuned optimizer against a tuned baseline, paired by seed, with a 95 % interval.

    ::

        dₛ = log₁₀ gapₛ(optimizer) − log₁₀ gapₛ(baseline),   d̄ ± t₀.₉₇₅,ₙ₋₁ s/√n

    Args:
      result: the optimizer's lanes.
      baseline: the baseline's lanes on the same problem and seeds.

    Returns:
      A ``Comparison``.

    Raises:
      ValueError: the two were run on different problems or numbers of seeds.

    Numerics:
      Student's interval on paired differences of cross-fitted scores. It is one interval of many:
      of 100 even pairs about 5 will look uneven.

    Example:
      >>> from jaxmath.optimize import classical_problems
      >>> from jaxmath.benchmark import Plan, resolve_optimizer, run_group
      >>> plan = Plan(classical_problems()[2], (0.01, 0.05), num_seeds=4, num_steps=50)
      >>> sgd = next(run_group(plan, [resolve_optimizer("sgd")]))
      >>> compare(sgd, sgd).verdict
      'even'

    References:
      Student, "The probable error of a mean", Biometrika 6, 1908.
    """
    if (
        result.problem.name != baseline.problem.name
        or result.gaps.shape[2] != baseline.gaps.shape[2]
    ):
        raise ValueError(
            f"compare: argument `baseline` must be of problem '{result.problem.name}' with "
            f"{result.gaps.shape[2]} seeds, got '{baseline.problem.name}' with "
            f"{baseline.gaps.shape[2]}"
        )
    difference = tuned_scores(result) - tuned_scores(baseline)
    n = len(difference)
    mean = float(difference.mean())
    half = np.nan
    if n > 1:
        half = float(stats.t.ppf(0.975, n - 1) * difference.std(ddof=1) / np.sqrt(n))
    return Comparison(
        problem=result.problem.name,
        optimizer=result.optimizer,
        baseline=baseline.optimizer,
        mean=mean,
        low=mean - half,
        high=mean + half,
        num_seeds=n,
    )


def leaderboard(
    summaries: Sequence[Summary], comparisons: Sequence[Comparison] = ()
) -> list[Standing]:
    """The optimizers in order of their mean rank over the problems.

    ::

        rank on a problem: by tuned median gap, ties averaged

    Args:
      summaries: one for each (problem, optimizer) pair that was run.
      comparisons: against the baseline, where it was run.

    Returns:
      Standings, the best first.

    Numerics:
      Ranks compare only optimizers that were run on the same problem.

    Example:
      >>> leaderboard([])
      []

    References:
      J. Demšar, "Statistical comparisons of classifiers over multiple data sets", 2006.
    """
    ranks: dict[str, list[float]] = {}
    for problem in dict.fromkeys(s.problem for s in summaries):
        rows = [s for s in summaries if s.problem == problem]
        placed = stats.rankdata([s.median_gap for s in rows])
        for row, rank in zip(rows, placed, strict=True):
            ranks.setdefault(row.optimizer, []).append(float(rank))
    board = []
    for optimizer, places in ranks.items():
        rows = [s for s in summaries if s.optimizer == optimizer]
        verdicts = [c.verdict for c in comparisons if c.optimizer == optimizer]
        board.append(
            Standing(
                optimizer=optimizer,
                mean_rank=float(np.mean(places)),
                success=float(np.mean([s.success for s in rows])),
                better=verdicts.count("better"),
                even=verdicts.count("even"),
                worse=verdicts.count("worse"),
                diverged=sum(s.diverged for s in rows) / sum(s.num_lanes for s in rows),
                num_problems=len(rows),
            )
        )
    return sorted(board, key=lambda standing: standing.mean_rank)
