"""What an image network sees: its first filters, what moves its decision, and where it looks.

The functions take the ``Config`` of any image network; ``image_networks.feature_maps`` belongs to
them. The plots write PNG files.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._compiled import compiled
from jaxmath._figures import save, subplots
from jaxmath.models._config import ImageConfig
from jaxmath.models._network import Evaluation, draft, image_shape
from jaxmath.models.image_networks import apply, feature_maps
from jaxmath.typing import Array, ArrayLike, PyTree, as_array

__all__ = [
    "first_filters",
    "grad_cam",
    "plot_attention",
    "plot_feature_maps",
    "plot_filters",
    "saliency",
]


def first_filters(params: dict[str, Any], *, config: ImageConfig) -> Array:
    """The filters of the first convolution, which are small images themselves.

    ::

        F_c = W[:, :, :, c],   W the kernel of the first convolution

    Args:
      params: the layers, as ``init`` makes them.
      config: the network.

    Returns:
      F, shape (C_out, h, w, C_in).

    Numerics:
      Exact: a kernel, transposed.

    Example:
      >>> from jaxmath.models import lenet
      >>> params, _ = lenet.init(jax.random.key(0), lenet.Config())
      >>> first_filters(params, config=lenet.Config()).shape
      (6, 5, 5, 1)

    References:
      A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep convolutional
      neural networks", 2012, figure 3.
    """
    first = draft(config, "first_filters")[0].name
    if first not in params:
        raise ValueError(
            f"first_filters: argument `params` has no layer {first}: it is not of this config"
        )
    return jnp.moveaxis(params[first].kernel, -1, 0)


def _as_class(caller: str, label: ArrayLike, config: ImageConfig) -> Array:
    """The class; a known one must be one of the network's."""
    label = as_array("label", label, ndim=0, kind="integer").astype(jnp.result_type(int))
    if not isinstance(label, jax.core.Tracer) and not 0 <= int(label) < config.num_classes:
        raise ValueError(
            f"{caller}: argument `label` must be from 0 to {config.num_classes - 1}, "
            f"got {int(label)}"
        )
    return jnp.clip(label, 0, config.num_classes - 1)


def saliency(
    params: dict[str, Any], model_state: PyTree, x: ArrayLike, label: ArrayLike, *,
    config: ImageConfig,
) -> Array:  # fmt: skip
    """How much the logit of a class depends on each pixel.

    ::

        M_p = max_c |∂z_label / ∂x[p, c]|,   c over the channels

    Args:
      params: the layers, as ``init`` makes them.
      model_state: the running statistics, as ``init`` makes them, or () where there are none.
      x: an image, shape (H, W, C), as the configuration says.
      label: the class, an integer; a traced one outside the range counts as the nearest.
      config: the network.

    Returns:
      M, shape (H, W), not negative.

    Numerics:
      One backward pass. Where the network is constant (all rectifiers off) M is 0.

    Example:
      >>> from jaxmath.models import lenet
      >>> params, state = lenet.init(jax.random.key(0), lenet.Config())
      >>> saliency(params, state, jnp.ones((28, 28, 1)), 3, config=lenet.Config()).shape
      (28, 28)

    References:
      K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks: visualising image
      classification models and saliency maps", 2014, section 3.1.
    """
    x = as_array("x", x, shape=image_shape(config))
    return _saliency(params, model_state, x, _as_class("saliency", label, config), config)


@compiled
def _saliency(
    params: dict[str, Any], model_state: PyTree, x: Array, label: Array, config: ImageConfig
) -> Array:
    logit = lambda x: apply(params, model_state, x, config=config)[label]
    return jnp.max(jnp.abs(jax.grad(logit)(x)), axis=-1)


def grad_cam(
    params: dict[str, Any], model_state: PyTree, x: ArrayLike, label: ArrayLike, *,
    config: ImageConfig, stage: str | None = None,
) -> Array:  # fmt: skip
    """Where in the image a network sees what speaks for a class: Grad-CAM.

    ::

        α_c = mean_p ∂z_label / ∂A[p, c],   L_p = max(Σ_c α_c A[p, c], 0)

    A the output of a stage.

    Args:
      params: the layers, as ``init`` makes them.
      model_state: the running statistics, as ``init`` makes them, or () where there are none.
      x: an image, shape (H, W, C), as the configuration says.
      label: the class, an integer; a traced one outside the range counts as the nearest.
      config: the network.
      stage: the name of the stage, as in ``feature_maps``; None takes the last one.

    Returns:
      L, shape (H_s, W_s), the size of the stage.

    Raises:
      ValueError: no stage has this name.

    Numerics:
      One forward and one backward pass. ``jax.image.resize`` brings L to the image's size.

    Example:
      >>> from jaxmath.models import lenet
      >>> params, state = lenet.init(jax.random.key(0), lenet.Config())
      >>> grad_cam(params, state, jnp.ones((28, 28, 1)), 3, config=lenet.Config()).shape
      (5, 5)

    References:
      R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra, "Grad-CAM: visual
      explanations from deep networks via gradient-based localization", 2017, equations (1), (2).
    """
    x = as_array("x", x, shape=image_shape(config))
    label = _as_class("grad_cam", label, config)
    shapes = jax.eval_shape(lambda x: _stages(params, model_state, x, config), x)
    names = list(_stage_names(params, model_state, x, config))
    name = names[-1] if stage is None else stage
    if name not in shapes:
        raise ValueError(
            f"grad_cam: argument `stage` must be one of {', '.join(names)}, got {stage!r}"
        )

    def logit(added: Array) -> tuple[Array, Array]:
        net = Evaluation("grad_cam", params, model_state, {name: added})
        z = config.forward(net, x)
        return z[label], net.maps[name]

    zero = jnp.zeros(shapes[name].shape, shapes[name].dtype)
    slope, maps = jax.grad(logit, has_aux=True)(zero)
    weights = jnp.mean(slope, axis=(0, 1))
    return jnp.maximum(jnp.sum(weights[None, None, :] * maps, axis=-1), 0.0)


def _stages(params: Any, model_state: Any, x: Array, config: ImageConfig) -> dict[str, Array]:
    return feature_maps(params, model_state, x, config=config)


def _stage_names(params: Any, model_state: Any, x: Array, config: ImageConfig) -> list[str]:
    """The stages in the order of the network, which a traced dictionary loses."""
    names: list[str] = []
    jax.eval_shape(lambda x: names.extend(_stages(params, model_state, x, config)), x)
    return names


def _scaled(image: Any) -> np.ndarray:
    """An array in [0, 1]."""
    image = np.asarray(image, float)
    low, high = np.min(image), np.max(image)
    return (image - low) / (high - low if high > low else 1.0)


def _grid(pictures: Any, titles: Any, path: str | Path, title: str, **how: Any) -> None:
    columns = min(len(pictures), 8)
    rows = -(-len(pictures) // columns)
    figure, axes = subplots(
        rows, columns, figsize=(1.3 * columns, 1.4 * rows + 0.4), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for panel in axes.flat:
        panel.set_axis_off()
    for panel, picture, text in zip(axes.flat, pictures, titles, strict=False):
        panel.imshow(picture, **how)
        panel.set_title(text, fontsize=7)
    figure.suptitle(title, fontsize=10)
    save(figure, path)


def plot_filters(filters: ArrayLike, path: str | Path, *, limit: int = 64) -> None:
    """The filters of the first convolution as images.

    Args:
      filters: shape (C_out, h, w, C_in), as ``first_filters`` gives them: in colour where C_in is
        3, else their first channel.
      path: the PNG file to write.
      limit: how many, at most.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> import pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "filters.png"
      >>> plot_filters(np.zeros((3, 5, 5, 1)), path)
      >>> path.stat().st_size > 1000
      True
    """
    filters = np.asarray(filters)
    if filters.shape[-1] == 3:
        pictures, how = [_scaled(f) for f in filters[:limit]], {}
    else:
        most = float(np.max(np.abs(filters[..., 0]))) or 1.0
        pictures = list(filters[:limit, :, :, 0])
        how = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
    title = f"{len(pictures)} of {len(filters)} filters of the first convolution"
    _grid(pictures, range(len(pictures)), path, title, **how)


def plot_feature_maps(maps: Mapping[str, ArrayLike], path: str | Path, *, limit: int = 8) -> None:
    """The first channels of every stage, a row a stage.

    Args:
      maps: stage → shape (H, W, C), as ``feature_maps`` gives them.
      path: the PNG file to write.
      limit: channels of a stage, at most.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> import pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "maps.png"
      >>> plot_feature_maps({"conv1": np.zeros((4, 4, 3)), "pool1": np.ones((2, 2, 3))}, path)
      >>> path.stat().st_size > 1000
      True
    """
    figure, axes = subplots(
        len(maps), limit, figsize=(1.2 * limit, 1.35 * len(maps) + 0.3), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for panel in axes.flat:
        panel.set_axis_off()
    for row, (name, stage) in zip(axes, maps.items(), strict=True):
        stage = np.asarray(stage, float)
        for c, panel in enumerate(row[: stage.shape[-1]]):
            panel.imshow(stage[:, :, c], cmap="viridis")
        h, w, channels = stage.shape
        row[0].set_title(f"{name}: {h}×{w}×{channels}", fontsize=8, loc="left")
    save(figure, path)


def plot_attention(
    image: ArrayLike, saliency: ArrayLike, cam: ArrayLike, path: str | Path, *, title: str = ""
) -> None:
    """An image, its saliency map, and Grad-CAM over it.

    Args:
      image: shape (H, W, C), C = 1 or 3 (of others the first channel is shown).
      saliency: shape (H, W), as ``saliency`` gives it.
      cam: shape (h, w), as ``grad_cam`` gives it; it is stretched over the image.
      path: the PNG file to write.
      title: a line above.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> import pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "attention.png"
      >>> plot_attention(np.ones((8, 8, 1)), np.ones((8, 8)), np.ones((2, 2)), path)
      >>> path.stat().st_size > 1000
      True
    """
    image, cam = np.asarray(image, float), np.asarray(cam, float)
    shown = _scaled(image) if image.shape[-1] == 3 else image[:, :, 0]
    h, w = image.shape[:2]
    figure, axes = subplots(1, 3, figsize=(9.0, 3.4), layout="constrained")
    pictures = {"image": None, "saliency": np.asarray(saliency, float), "Grad-CAM": cam}
    for panel, (name, picture) in zip(axes, pictures.items(), strict=True):
        panel.set_axis_off()
        panel.set_title(name, fontsize=10)
        if name != "saliency":
            panel.imshow(shown, cmap="gray_r", extent=(0, w, h, 0))
        if picture is not None:
            over = {"alpha": 0.5, "interpolation": "bilinear"} if name == "Grad-CAM" else {}
            panel.imshow(picture, cmap="inferno", extent=(0, w, h, 0), **over)
    figure.suptitle(title, fontsize=10)
    save(figure, path)
