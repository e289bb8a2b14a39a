"""Rows of ``jaxmath.nn``'s measures of generated samples."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.linalg
from scipy import special
from sklearn.neighbors import NearestNeighbors

from jaxmath import nn
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

DTYPES = ("float32", "bfloat16", "float64")
FLAT = NotDifferentiable("piecewise constant: the derivative is 0")
FRECHET = "tests/nn/test_frechet.py"
KERNEL = "tests/nn/test_kernel_distance.py"
NEIGHBOURS = "tests/nn/test_nearest_neighbours.py"
MODES = "tests/nn/test_mode_coverage.py"
MEASURES = "tests/nn/test_sample_measures.py"


def make(n: int, m: int, d: int) -> Any:
    """Quarters, which bfloat16 holds, in two samples."""

    def args(rng: np.random.Generator, dtype: Any) -> tuple:
        draw = lambda rows, mean: np.round(4 * (rng.standard_normal((rows, d)) + mean)) / 4
        return jnp.asarray(draw(n, 0.0), dtype), jnp.asarray(draw(m, 1.0), dtype)

    return args


def make_three(rng: np.random.Generator, dtype: Any) -> tuple:
    return (*make(5, 7, 3)(rng, dtype), jnp.asarray(rng.integers(-8, 8, (3, 3)) / 4 + 0.125, dtype))


def make_scale(rng: np.random.Generator, dtype: Any) -> tuple:
    """Off the borders, which rounding would move."""
    centers = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 8.0]])
    noise = rng.choice([-0.25, 0.25, 1.5, -1.5], (9, 2))
    return tuple(jnp.asarray(a, dtype) for a in (centers[np.arange(9) % 3] + noise, centers, 0.5))


def frechet_oracle(X: np.ndarray, Y: np.ndarray) -> float:
    S, T = np.cov(X.T), np.cov(Y.T)
    root = scipy.linalg.sqrtm(S @ T).real
    return np.sum((X.mean(0) - Y.mean(0)) ** 2) + np.trace(S + T - 2 * root)


def kernel_oracle(X: np.ndarray, Y: np.ndarray) -> tuple[float, float]:
    """The estimate from its sums, and the standard error from its terms, all as loops."""
    k = lambda a, b: (np.dot(a, b) / len(a) + 1) ** 3
    pairs = {"xx": (X, X), "yy": (Y, Y), "xy": (X, Y), "yx": (Y, X)}
    mean, noise = {}, {}
    for name, (A, B) in pairs.items():
        own = name in ("xx", "yy")
        K = np.array([[k(a, b) for b in B] for a in A])
        live = ~np.eye(len(A), dtype=bool) if own else np.ones(K.shape, bool)
        rows = np.sum(K * live, 1) / np.sum(live, 1)
        columns = np.sum(K * live, 0) / np.sum(live, 0)
        mean[name] = rows
        centred = (K - rows[:, None] - columns[None] + rows.mean()) * live
        noise[name] = np.sum(centred**2) / np.sum(live) ** 2
    f, g = mean["xx"] - mean["xy"], mean["yy"] - mean["yx"]
    second = 2 * noise["xx"] + 2 * noise["yy"] + 4 * noise["xy"]
    first = 4 * f.var(ddof=1) / len(X) + 4 * g.var(ddof=1) / len(Y)
    return f.mean() + g.mean(), np.sqrt(max(first - 2 * second, 0) + second)


def neighbours(X: np.ndarray, Y: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(Y).kneighbors(X)


def memorization_oracle(samples: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    near = [np.median(neighbours(S, train, 1)[0]) for S in (samples, test)]
    return near[0] / near[1]


def manifold_oracle(samples: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    def share(X: np.ndarray, Y: np.ndarray) -> float:
        radius = neighbours(Y, Y, 4)[0][:, -1]
        distance = np.array([[np.sqrt(np.sum((x - y) ** 2)) for y in Y] for x in X])
        return np.mean(np.any(distance <= radius[None], axis=1))

    return share(samples, real), share(real, samples)


def coverage_oracle(X: np.ndarray, centers: np.ndarray, scale: float) -> tuple:
    counts = np.zeros(3, int)
    for x in X:
        distance = [np.hypot(*(x - c)) for c in centers]
        counts[np.argmin(distance)] += min(distance) <= 3 * scale
    return counts.sum() / len(X), np.sum(counts >= 2), counts


def balance_oracle(z: np.ndarray) -> tuple:
    shares = np.bincount(z.argmax(1), minlength=z.shape[1]) / len(z)
    confidence = np.mean([special.softmax(row).max() for row in z])
    return shares, confidence, sum(not 0.04 <= s <= 0.2 for s in shares)


def make_measured(rng: np.random.Generator, dtype: Any) -> tuple:
    samples, train, test = make_three(rng, dtype)
    return samples, samples[:, :2] * 0.5, train, jnp.concatenate([test, train[:2] + 0.25])


def measures_oracle(S: np.ndarray, z: np.ndarray, train: np.ndarray, test: np.ndarray) -> tuple:
    return (
        kernel_oracle(S, test),
        frechet_oracle(S, test),
        manifold_oracle(S, test),
        balance_oracle(z),
        memorization_oracle(S, train, test),
    )


def bad(first: str, second: str, rows: int) -> tuple[Bad, ...]:
    fine, few = np.ones((5, 2)), np.ones((rows - 1, 2))
    least = f"`{{}}` must have at least {rows} rows"
    return (
        Bad((np.ones(5), fine), f"argument `{first}` must have rank 2"),
        Bad((few, fine), least.format(first)),
        Bad((fine, few), least.format(second)),
        Bad((fine, np.ones((5, 3))), f"`{second}` must have 2 features"),
        Bad((np.ones((5, 0)), np.ones((5, 0))), f"`{first}` must have at least 1 elements"),
    )


RECORDS = {
    "ClassBalance": f"{MODES}::test_class_balance_bounds",
    "KernelDistance": f"{KERNEL}::test_unbiased_and_standard_error",
    "ManifoldScores": f"{NEIGHBOURS}::test_known_overlap",
    "ModeCoverage": f"{MODES}::test_exact_sampler",
    "SampleMeasures": f"{MEASURES}::test_copies_and_missing_classes",
    "NearestNeighbours": f"{NEIGHBOURS}::test_blocks_and_many_neighbours",
}

ROWS = [
    *(HostRow(f"nn.{name}", "a record", (test,)) for name, test in RECORDS.items()),
    Row("nn.frechet_distance", make(6, 5, 3), frechet_oracle, diff=(0, 1),
        bad=bad("X", "Y", 2), dtypes=DTYPES, tol=256),
    Row("nn.kernel_distance", make(5, 4, 3), kernel_oracle, diff=(0, 1),
        bad=bad("X", "Y", 3), dtypes=DTYPES, tol=256),
    Row("nn.nearest_neighbours", make(4, 6, 3), lambda X, Y: neighbours(X + 0.0625, Y, 1),
        diff=(0, 1), call=lambda X, Y: nn.nearest_neighbours(X + 0.0625, Y),  # no two equally near
        bad=bad("X", "Y", 1), dtypes=DTYPES),
    Row("nn.memorization_ratio", make_three, memorization_oracle, diff=(0, 1, 2),
        bad=tuple(Bad((*b.args, np.ones((2, 2))), b.match) for b in bad("samples", "train", 1)),
        dtypes=DTYPES),
    Row("nn.manifold_precision_recall", make(7, 6, 3), manifold_oracle, diff=FLAT,
        bad=bad("samples", "real", 1), dtypes=DTYPES),
    Row("nn.sample_measures", make_measured, measures_oracle, diff=(0, 1), dtypes=DTYPES,
        tol=256, bad=tuple(
            Bad(tuple(np.ones(shape) for shape in shapes), match) for shapes, match in (
                (((3, 2), (3, 2), (5, 2), (5, 2)), "`features` must have at least 4 rows"),
                (((5, 2), (5,), (5, 2), (5, 2)), "`logits` must have rank 2"),
                (((5, 2), (4, 2), (5, 2), (5, 2)), "`logits` must have 5 rows, as the features"),
                (((5, 2), (5, 3), (5, 3), (5, 2)), "`train` must have 2 features"),
                (((5, 2), (5, 3), (0, 2), (5, 2)), "`train` must have at least 1 rows"),
                (((5, 2), (5, 3), (5, 2), (3, 2)), "`test` must have at least 4 rows"),
            )
        )),
    Row("nn.mode_coverage", make_scale, coverage_oracle, diff=FLAT, dtypes=DTYPES,
        bad=(*(Bad((*b.args, 1.0), b.match) for b in bad("samples", "centers", 1)),
             Bad((np.ones((5, 2)), np.ones((5, 2)), 0.0), "`scale` must be above 0")),
        call=lambda X, centers, scale: nn.mode_coverage(X, centers, scale, least=2)),
    Row("nn.class_balance",
        lambda rng, dtype: (jnp.asarray(rng.permuted(np.tile([1.0, 2.0, 4.0], (6, 1)), axis=1),
                                        dtype),),
        balance_oracle, dtypes=DTYPES,
        bad=(Bad((np.ones(3),), "argument `logits` must have rank 2"),
             Bad((np.ones((0, 3)),), "`logits` must have at least 1 rows"))),
]  # fmt: skip
