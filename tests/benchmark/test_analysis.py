"""The statistics, by hand on small arrays and against what they must be on average."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from jaxmath.benchmark import (
    Comparison,
    Standing,
    Summary,
    compare,
    diverged,
    leaderboard,
    scores,
    summarize,
    tuned_scores,
)


def lanes(
    best, *, start=100.0, final=None, non_finite=None, name="p", optimizer="o", tolerance=1e-3
):
    """A result whose lanes began at one gap and ended at ``best`` (settings, seeds)."""
    best = np.asarray(best, float)
    return SimpleNamespace(
        problem=SimpleNamespace(name=name, minimum=0.0, tolerance=tolerance),
        optimizer=optimizer,
        learning_rates=10.0 ** -np.arange(len(best), 0, -1),
        gaps=np.stack([np.full_like(best, start), best]),
        final=best if final is None else np.asarray(final, float),
        non_finite=np.zeros(best.shape, bool) if non_finite is None else np.asarray(non_finite),
    )


def test_diverged_lanes_count_as_unmoved():
    result = lanes([[1.0, 1.0, 1.0]], final=[[1.0, np.nan, 1e6]], non_finite=[[False, True, False]])
    assert diverged(result).tolist() == [[False, True, True]]
    assert scores(result).tolist() == [[0.0, 2.0, 2.0]]


def test_scores_stop_at_what_float32_resolves():
    assert np.allclose(scores(lanes([[0.0, 1e-30]])), np.log10(np.finfo(np.float32).eps))


def test_summary_by_hand():
    summary = summarize(lanes([[1.0, 1.0, 1.0], [1e-4, 1e-2, 1e-4], [10.0, 1e-5, 10.0]]))
    assert isinstance(summary, Summary)
    assert summary.learning_rate == 1e-2
    assert not summary.at_edge
    assert np.isclose(summary.median_gap, 1e-4)
    assert np.isclose(summary.success, 2 / 3)
    assert np.isclose(summary.success_any, 3 / 9)
    assert summary.low_gap <= summary.median_gap <= summary.high_gap
    assert (summary.diverged, summary.num_lanes) == (0, 9)
    assert summarize(lanes([[1e-4], [1.0]])).at_edge
    assert not summarize(lanes([[1e-4]])).at_edge


def test_success_of_a_diverged_lane_does_not_count():
    summary = summarize(lanes([[1e-9, 1e-9]], final=[[1e-9, np.inf]],
                              non_finite=[[False, True]]))  # fmt: skip
    assert summary.success == 0.5
    assert summary.diverged == 1


def test_interval_by_hand():
    rng = np.random.default_rng(0)
    a, b = 10.0 ** rng.normal(size=(1, 12)), 10.0 ** rng.normal(size=(1, 12))
    found = compare(lanes(a, optimizer="a"), lanes(b, optimizer="b"))
    assert isinstance(found, Comparison)
    d = np.log10(a / b)[0]
    oracle = stats.ttest_1samp(d, 0.0).confidence_interval(0.95)
    assert np.isclose(found.mean, d.mean())
    assert np.allclose([found.low, found.high], [oracle.low, oracle.high])
    assert compare(lanes(a / 1e4), lanes(a * (1 + 1e-3 * b))).verdict == "better"
    assert compare(lanes(a * 1e4, start=1e9), lanes(a * (1 + 1e-3 * b))).verdict == "worse"
    assert compare(lanes(a), lanes(a)).verdict == "even"
    one = compare(lanes([[1.0]]), lanes([[2.0]]))
    assert np.isnan(one.low)
    assert one.verdict == "even"
    with pytest.raises(ValueError, match="`baseline` must be of problem 'p' with 12 seeds"):
        compare(lanes(a), lanes([[1.0]]))


def test_cross_fitting_is_unbiased():
    """Ten settings of pure noise: the best on its own seeds flatters, the cross-fitted does not."""
    rng = np.random.default_rng(1)
    naive, fitted = [], []
    for _ in range(400):
        result = lanes(10.0 ** rng.normal(size=(10, 8)), start=1e9)
        score = scores(result)
        naive.append(np.median(score, axis=1).min())
        fitted.append(tuned_scores(result).mean())
    error = np.std(fitted) / np.sqrt(len(fitted))
    assert abs(np.mean(fitted)) <= 5 * error
    assert np.mean(naive) < -20 * error


def test_intervals_cover():
    """Two optimizers that are the same: about one interval in twenty excludes 0."""
    rng = np.random.default_rng(2)
    uneven = 0
    for _ in range(400):
        pair = [lanes(10.0 ** rng.normal(size=(3, 16)), start=1e9) for _ in range(2)]
        uneven += compare(*pair).verdict != "even"
    # Folds share their chosen settings, so the differences are not quite independent.
    assert uneven / 400 <= 0.05 + 5 * np.sqrt(0.05 * 0.95 / 400)


def test_leaderboard_by_hand():
    def summary(problem, optimizer, gap, success):
        return Summary(problem, optimizer, 0.1, False, gap, gap, gap, success, success, 1, 10)

    rows = [
        summary("p", "a", 1e-3, 1.0), summary("p", "b", 1e-2, 0.5), summary("p", "c", 1e-2, 0.0),
        summary("q", "a", 1.0, 0.0), summary("q", "b", 0.1, 1.0),
    ]  # fmt: skip
    versus = [Comparison("p", "a", "b", -1, -2, -0.5, 4), Comparison("q", "a", "b", 1, 0.5, 2, 4)]
    board = leaderboard(rows, versus)
    assert [isinstance(s, Standing) for s in board] == [True] * 3
    assert {s.optimizer: s.mean_rank for s in board} == {"a": 1.5, "b": 1.75, "c": 2.5}
    first = board[0]
    assert (first.optimizer, first.better, first.even, first.worse) == ("a", 1, 0, 1)
    assert (first.success, first.diverged, first.num_problems) == (0.5, 0.1, 2)
