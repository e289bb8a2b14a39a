"""The pictures of a training run, written to files; matplotlib is loaded on first use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmath import nn
from jaxmath._figures import colours, save, subplots
from jaxmath.datasets import Dataset
from jaxmath.typing import ArrayLike

__all__ = ["plot_confusion", "plot_curves", "plot_mistakes", "plot_reliability", "plot_series"]


def plot_curves(history: Mapping[str, ArrayLike], path: str | Path) -> None:
    """Loss and other measures against epochs, of the training part and of the validation part.

    Args:
      history: name → values, shape (epochs,) or (epochs, lanes), as ``FitResult.history`` has them:
        a panel a name, with its ``validation_`` sibling in it. Of an ensemble the mean is drawn,
        in a band from the lowest lane to the highest. Without an epoch the panels are empty.
      path: the PNG file to write.

    Returns:
      None.

    Raises:
      ValueError: the history has no measure of the training part.
      ImportError: matplotlib is not installed.

    Example:
      >>> import pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "curves.png"
      >>> plot_curves({"loss": [1.0, 0.5], "validation_loss": [1.1, 0.7]}, path)
      >>> path.stat().st_size > 1000
      True
    """
    names = [name for name in history if not name.startswith("validation_")]
    if not names:
        raise ValueError(
            "plot_curves: argument `history` must have a measure of the training part, got "
            f"{[*history]}"
        )
    names.sort(key=lambda name: (name != "loss", name))
    columns = min(len(names), 4 if len(names) % 3 else 3)
    rows = -(-len(names) // columns)
    figure, axes = subplots(
        rows, columns, figsize=(5.2 * columns, 3.9 * rows), squeeze=False, layout="constrained"
    )
    for panel in axes.flat[len(names) :]:
        panel.set_axis_off()
    for panel, name in zip(axes.flat, names, strict=False):
        parts, keys = {"training": name, "validation": f"validation_{name}"}, []
        for i, (part, key) in enumerate(parts.items()):
            if key not in history:
                continue
            keys.append(key)
            values = np.asarray(history[key], float)
            values = values.reshape(len(values), np.prod(values.shape[1:], dtype=int))
            rows = ~np.isnan(values).all(axis=1)  # no row where every lane had stopped
            epochs, values = np.arange(1, len(values) + 1)[rows], values[rows]
            marker = "o" if len(epochs) == 1 else ""
            panel.plot(epochs, np.nanmean(values, axis=1), color=f"C{i}", label=part, marker=marker)
            low, high = np.nanmin(values, axis=1), np.nanmax(values, axis=1)
            panel.fill_between(epochs, low, high, color=f"C{i}", alpha=0.2, linewidth=0)
        known = np.concatenate([np.ravel(history[key]) for key in keys])
        known = known[~np.isnan(known)]
        if name == "loss" and known.size and known.min() > 0:
            panel.set_yscale("log")
        panel.set_xlabel("epoch")
        panel.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        panel.set_ylabel(name)
        panel.grid(alpha=0.25, which="both")
        panel.legend()
    lanes = max(np.asarray(values)[..., None].shape[1] for values in history.values())
    if lanes > 1:
        figure.suptitle(f"Mean of {lanes} seeds; band: lowest to highest")
    save(figure, path)


def plot_confusion(
    confusion: ArrayLike, path: str | Path, *, class_names: tuple[str, ...] = ()
) -> None:
    """A confusion matrix as a heat map: counts, coloured by the share of the true class.

    Args:
      confusion: counts, shape (k, k), true classes in rows, as ``nn.confusion_matrix`` gives them.
      path: the PNG file to write.
      class_names: k names; () for the numbers.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> import pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "confusion.png"
      >>> plot_confusion([[9, 1], [0, 5]], path, class_names=("cat", "dog"))
      >>> path.stat().st_size > 1000
      True
    """
    counts = np.asarray(confusion)
    k = len(counts)
    names = [_plain(name) for name in class_names or map(str, range(k))]
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = float(np.clip(0.62 * k, 3.6, 14.0))
    figure, panel = subplots(figsize=(size + 1.2, size), layout="constrained")
    # The root, since of a good classifier all that is of interest is below a few per cent.
    picture = panel.imshow(np.sqrt(share), cmap="Blues", vmin=0.0, vmax=1.0)
    longest = max(map(len, names))
    panel.set_xticks(range(k), names, rotation=45 if longest > 4 else 0, fontsize=8,
                     ha="right" if longest > 4 else "center")  # fmt: skip
    panel.set_yticks(range(k), names, fontsize=8)
    panel.set_xlabel("predicted")
    panel.set_ylabel("true")
    bar = figure.colorbar(picture, shrink=0.8, label="share of the true class")
    ticks = np.array([0.0, 0.01, 0.1, 0.25, 0.5, 1.0])
    bar.set_ticks(np.sqrt(ticks), labels=[f"{tick:.0%}" for tick in ticks])
    right = np.trace(counts) / max(counts.sum(), 1)
    panel.set_title(f"{right:.1%} of {counts.sum():,} right", fontsize=10)
    if k <= 25:
        _write_counts(figure, panel, counts, share)
    save(figure, path)


def _write_counts(figure: Any, panel: Any, counts: np.ndarray, share: np.ndarray) -> None:
    """Each count in its cell, small enough to stay there."""
    figure.draw_without_rendering()  # the layout decides how large a cell is
    cell = 72 * panel.get_window_extent().width / figure.dpi / len(counts)
    digits = len(f"{counts.max():,}")
    size = min(8.0, 0.9 * cell / (0.7 * digits))  # a bold digit is 0.7 of its height
    for t, p in np.argwhere(counts > 0):
        dark = np.sqrt(share[t, p]) > 0.6
        panel.text(
            p, t, f"{counts[t, p]:,}", ha="center", va="center", fontsize=size,
            color="white" if dark else "black", fontweight="bold" if t == p else "normal",
        )  # fmt: skip


def plot_reliability(
    probabilities: ArrayLike, labels: ArrayLike, path: str | Path, *, num_bins: int = 15
) -> None:
    """The reliability diagram over a histogram of the confidences.

    Args:
      probabilities: a distribution a row, shape (n, k).
      labels: the true classes, integers of shape (n,).
      path: the PNG file to write.
      num_bins: number of equal bins of confidence.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.
      ValueError: shapes that do not fit.

    Example:
      >>> import pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "reliability.png"
      >>> plot_reliability([[0.9, 0.1], [0.7, 0.3]], np.array([0, 1]), path)
      >>> path.stat().st_size > 1000
      True
    """
    n = np.size(labels)
    # One program: step by step it would compile each operation.
    program = jax.jit(lambda p, y: nn.reliability(p, y, num_bins=num_bins))
    bins = jax.device_get(program(probabilities, labels))
    error = float(np.sum(bins.weight * np.abs(bins.accuracy - bins.confidence)))
    used = bins.weight > 0
    centers, width = (np.arange(num_bins) + 0.5) / num_bins, 0.94 / num_bins
    figure, (top, bottom) = subplots(
        2, 1, figsize=(5.0, 5.8), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    accuracy, confidence = bins.accuracy[used], bins.confidence[used]
    top.bar(centers[used], accuracy, width, color="C0", alpha=0.75, label="accuracy")
    top.bar(
        centers[used], confidence - accuracy, width, bottom=accuracy, color="none",
        edgecolor="C3", hatch="////", linewidth=0.8, label="gap to the confidence",
    )  # fmt: skip
    top.plot([0, 1], [0, 1], "--", color="black", linewidth=1, label="calibrated")
    top.set_ylim(0, 1.02)
    top.set_ylabel("share that is right")
    top.set_title(f"Expected calibration error {error:.3f}, {n:,} predictions",
                  fontsize=10)  # fmt: skip
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)  # a bar may be anywhere
    # Of a good classifier nearly all predictions are in the last bin.
    counts = np.round(bins.weight * n)
    bottom.bar(centers[used], counts[used], width, color="C0", alpha=0.75)
    bottom.set_ylabel("predictions")
    bottom.set_yscale("log")
    bottom.set_ylim(0.5, 2 * n)
    bottom.set_xlabel("confidence")
    bottom.set_xlim(0, 1)
    for panel in (top, bottom):
        panel.grid(alpha=0.25)
        panel.set_axisbelow(True)
    save(figure, path)


def plot_mistakes(
    dataset: Dataset, probabilities: ArrayLike, path: str | Path, *, limit: int = 24
) -> None:
    """The examples that a classifier takes for another class, the surest mistakes first.

    Images are shown as they are; other examples as points in the plane, or in that of the two
    principal components of the standardized features.

    Args:
      dataset: the examples, in their own units.
      probabilities: a distribution a row, shape (n, k); or of r seeds, shape (r, n, k), which are
        judged by the mean of their probabilities, as the title says.
      path: the PNG file to write.
      limit: how many images, at most.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> import pathlib, tempfile
      >>> from jaxmath import datasets
      >>> data = datasets.digits()
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "mistakes.png"
      >>> plot_mistakes(data, np.full((data.num_examples, 10), 0.1), path)
      >>> path.stat().st_size > 1000
      True
    """
    p, y = np.asarray(probabilities), np.asarray(dataset.y)
    seeds, p = (len(p), p.mean(axis=0)) if p.ndim == 3 else (1, p)
    predicted, confidence = p.argmax(axis=1), p.max(axis=1)
    wrong = np.flatnonzero(predicted != y)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    title = f"By the mean of {seeds} seeds:\n" if seeds > 1 else ""
    title += f"{len(wrong):,} of {len(y):,} are taken for another class"
    if dataset.image_shape:
        shown = wrong[:limit]
        title += f", the surest {len(shown):,} of them" if len(shown) < len(wrong) else ""
        _mistaken_images(dataset, predicted, confidence, shown, title, path)
    else:
        _mistaken_points(dataset, wrong, title, path)


def _plain(name: str) -> str:
    """What matplotlib writes as it is: between two dollars it would set mathematics."""
    return name.replace("$", r"\$")


def _short(name: str, limit: int = 20) -> str:
    return _plain(name if len(name) <= limit else f"{name[: limit - 1].rstrip()}…")


def _mistaken_images(
    dataset: Dataset, predicted: np.ndarray, confidence: np.ndarray, shown: np.ndarray,
    title: str, path: str | Path,
) -> None:  # fmt: skip
    columns = int(np.clip(len(shown), 3, 6))
    rows = max(1, -(-len(shown) // columns))
    names, images = [_short(name) for name in dataset.class_names], np.asarray(dataset.images)
    # Names stand side by side where the width of an image is enough, else below each other.
    beside = max(map(len, names), default=0) <= 8
    arrow, height, size = (" → ", 1.95, 9) if beside else ("\n→ ", 2.1, 8)
    figure, axes = subplots(
        rows, columns, figsize=(1.7 * columns, height * rows + 0.5), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for panel in axes.flat[len(shown) :]:
        panel.set_axis_off()
    for panel, i in zip(axes.flat, shown, strict=False):
        gray = images.shape[-1] == 1
        panel.imshow(images[i, :, :, 0] if gray else images[i], cmap="gray_r" if gray else None)
        label = f"{names[dataset.y[i]]}{arrow}{names[predicted[i]]}\n{confidence[i]:.0%}"
        panel.set_title(label, fontsize=size)
        panel.set_xticks([])
        panel.set_yticks([])
    figure.suptitle(f"{title} (true → predicted, confidence)", fontsize=10)
    save(figure, path)


def _plane(x: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """Two coordinates of each example, and their names."""
    if x.shape[1] <= 2:
        return np.hstack([x, np.zeros((len(x), 2 - x.shape[1]))]), ("x₁", "x₂")
    centred = x - x.mean(axis=0)
    spread = centred.std(axis=0)
    scaled = centred / np.where(spread > 0, spread, 1.0)
    axes = np.linalg.svd(scaled, full_matrices=False)[2][:2]
    return scaled @ axes.T, ("first principal component", "second principal component")


def _mistaken_points(dataset: Dataset, wrong: np.ndarray, title: str, path: str | Path) -> None:
    points, axes = _plane(np.asarray(dataset.x, float))
    y, names = np.asarray(dataset.y), [_short(name) for name in dataset.class_names]
    figure, panel = subplots(figsize=(7.4, 5.0), layout="constrained")
    if len(names) <= 10:
        for c, (name, colour) in enumerate(zip(names, colours("tab10"), strict=False)):
            panel.plot(*points[y == c].T, "o", color=colour, alpha=0.5, markersize=5, label=name,
                       markeredgewidth=0)  # fmt: skip
    else:  # more than a legend has room for, and than have colours of their own
        shown = panel.scatter(*points.T, c=y, cmap="turbo", vmin=0, vmax=len(names) - 1, s=25,
                              alpha=0.5, linewidths=0)  # fmt: skip
        bar = figure.colorbar(shown, label="class")
        ticks = range(0, len(names), -(-len(names) // 26))
        bar.set_ticks(ticks, labels=[names[c] for c in ticks], fontsize=8)
    panel.plot(*points[wrong].T, "o", color="none", markeredgecolor="black", markersize=11,
               label="mistaken")  # fmt: skip
    panel.set_xlabel(axes[0])
    panel.set_ylabel(axes[1])
    panel.set_title(title, fontsize=10)
    figure.legend(loc="outside right upper", fontsize=9)
    panel.grid(alpha=0.25)
    save(figure, path)


def plot_series(true: np.ndarray, predicted: np.ndarray, path: str | Path) -> None:
    """What was foretold of series, beside what came, and the error below.

    Args:
      true: shape (n, T).
      predicted: shape (n, T), each value from those before it.
      path: the PNG file to write.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> import pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "series.png"
      >>> plot_series(np.ones((1, 9)), np.zeros((1, 9)), path)
      >>> path.stat().st_size > 1000
      True
    """
    n = len(true)
    figure, axes = subplots(
        2, n, figsize=(4.6 * n, 4.4), sharex=True, squeeze=False, height_ratios=(3, 1),
        layout="constrained",
    )  # fmt: skip
    steps = np.arange(1, true.shape[1] + 1)
    for (top, bottom), y, foretold in zip(axes.T, true, predicted, strict=True):
        top.plot(steps, y, color="black", linewidth=1, label="true")
        top.plot(steps, foretold, "o", color="C1", markersize=3, label="predicted")
        bottom.plot(steps, foretold - y, color="C3", linewidth=1)
        bottom.axhline(0.0, color="black", linewidth=0.6)
        bottom.set_xlabel("step")
        for panel in (top, bottom):
            panel.grid(alpha=0.25)
    axes[0, 0].legend()
    axes[0, 0].set_ylabel("value")
    axes[1, 0].set_ylabel("error")
    figure.suptitle("One step ahead, of the test part", fontsize=10)
    save(figure, path)
