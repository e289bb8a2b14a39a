"""Pictures of what an image network has learned: its first filters, and what its stages see."""

from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from jaxmath._figures import subplots
from jaxmath.train.recipe import Outcome
from jaxmath.typing import ArrayLike

__all__ = ["plot_feature_maps", "plot_filters"]

_STAGES, _CHANNELS, _FILTERS = 6, 8, 96


def plot_filters(kernel: ArrayLike, path: str | Path, *, title: str = "") -> None:
    """The filters of a convolution of images: gray ones with 0 in the middle, or colours.

    Args:
      kernel: shape (h, w, C, n), C = 1 or 3; of other C the mean of the channels is drawn.
      path: the PNG file to write.
      title: over them.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "filters.png"
      >>> plot_filters(np.ones((3, 3, 1, 8)), path)
      >>> path.stat().st_size > 1000
      True
    """
    filters = np.moveaxis(np.asarray(kernel, float), -1, 0)[:_FILTERS]
    colour = filters.shape[-1] == 3
    filters = filters if colour else filters.mean(axis=-1)
    largest = np.abs(filters).max() or 1.0
    columns = min(8 if len(filters) <= 32 else 12, len(filters))
    rows = -(-len(filters) // columns)
    figure, axes = subplots(
        rows, columns, figsize=(0.75 * columns, 0.75 * rows + 0.4), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for panel in axes.flat:
        panel.set_axis_off()
    for panel, image in zip(axes.flat, filters, strict=False):
        panel.imshow(0.5 + 0.5 * image / largest, cmap="gray", vmin=0.0, vmax=1.0)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=120)


def plot_feature_maps(image: ArrayLike, maps: Mapping[str, ArrayLike], path: str | Path) -> None:
    """An image and what the stages of a network make of it, some channels of some stages.

    Args:
      image: shape (H, W, C), in [0, 1].
      maps: name of the stage → its output, shape (H', W', C'), as ``image_networks.feature_maps``.
      path: the PNG file to write.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "maps.png"
      >>> plot_feature_maps(np.ones((6, 6, 1)), {"conv1": np.ones((6, 6, 4))}, path)
      >>> path.stat().st_size > 1000
      True
    """
    places = np.unique(np.linspace(0, len(maps) - 1, _STAGES).round().astype(int))
    names = [list(maps)[i] for i in places]
    figure, axes = subplots(
        len(names), 1 + _CHANNELS, figsize=(1.05 * (1 + _CHANNELS), 1.12 * len(names) + 0.3),
        squeeze=False, layout="constrained",
    )  # fmt: skip
    for panel in axes.flat:
        panel.set_axis_off()
    shown = np.asarray(image, float)
    gray = shown.shape[-1] != 3
    axes[0, 0].imshow(shown[..., 0] if gray else shown, cmap="gray_r" if gray else None)
    for row, name in zip(axes, names, strict=True):
        stage = np.asarray(maps[name], float)
        # The channels with most contrast: dead ones say nothing.
        best = np.argsort(-stage.std(axis=(0, 1)), kind="stable")[:_CHANNELS]
        for panel, channel in zip(row[1:], best, strict=False):
            panel.imshow(stage[..., channel], cmap="viridis")
        height, width, count = stage.shape
        row[1].set_title(f"{name}  {height}×{width}×{count}", fontsize=8, loc="left")
    figure.suptitle("What the stages see: the channels with most contrast", fontsize=10)
    figure.savefig(path, dpi=120)


def first_filters(outcome: Outcome, path: Path) -> None:
    """Those of the first seed's first convolution."""
    from jaxmath.models import image_networks

    params = outcome.states.params
    for layer in image_networks.summary(outcome.model.config):
        kernel = getattr(params.get(layer.name), "kernel", None)
        if kernel is not None and kernel.ndim == 5:  # the seeds' axis, and the kernel's four
            plot_filters(kernel[0], path, title=f"Filters of {layer.name}")
            return


def first_maps(outcome: Outcome, path: Path) -> None:
    """Those of the first test image in the first seed's network."""
    from jaxmath.models import image_networks

    config, parts = outcome.model.config, outcome.parts
    params, state = (
        jax.tree.map(lambda a: a[0], tree)
        for tree in (outcome.states.params, outcome.states.model_state)
    )
    x = np.asarray(parts.test[0][0]).reshape(parts.raw_test.image_shape)
    stages: list[str] = []

    @jax.jit
    def see(x: jax.Array) -> dict[str, jax.Array]:
        maps = image_networks.feature_maps(params, state, x, config=config)
        stages.extend(maps)  # in the network's order, which the program's output forgets
        return maps

    maps = jax.device_get(see(x))
    image = np.asarray(parts.raw_test.images[0], float)
    low, high = image.min(), image.max()
    plot_feature_maps(
        (image - low) / (high - low or 1.0), {name: maps[name] for name in stages}, path
    )
