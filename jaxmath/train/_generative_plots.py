"""Pictures of what the first seed's generative model makes, and of its codes."""

import io
import zlib
from pathlib import Path
from statistics import NormalDist
from typing import Any
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._figures import save, subplots
from jaxmath._files import write_whole
from jaxmath.train.recipe import Outcome
from jaxmath.typing import Array, PyTree

__all__: list[str] = []

_SHOWN, _SIDE, _STEPS = 100, 15, 10


def frames(path: Path) -> dict[int, np.ndarray]:
    """Epoch → examples drawn after it, as they lie in the file; of a damaged one there are none."""
    if not path.is_file():
        return {}
    try:
        with np.load(path) as held:
            return dict(zip(held["epochs"].tolist(), held["frames"], strict=True))
    except (BadZipFile, EOFError, KeyError, ValueError, zlib.error):
        return {}


def write_frames(path: Path, frames: dict[int, np.ndarray]) -> None:
    """What ``frames`` reads."""
    epochs, file = sorted(frames), io.BytesIO()
    np.savez_compressed(file, epochs=epochs, frames=np.stack([frames[e] for e in epochs]))
    write_whole(path, file.getvalue())


def _sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Images of shape (n, H, W, C) side by side, values from 0 to 1."""
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    images = np.concatenate([images, np.ones((rows * columns - n, height, width, channels))])
    sheet = images.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    sheet = np.clip(sheet.reshape(rows * height, columns * width, channels), 0.0, 1.0)
    return sheet[..., 0] if channels != 3 else sheet


def _show(panel: Any, x: np.ndarray, true: np.ndarray, columns: int = 10) -> None:
    """Images in rows, or points over the true ones, where they are not those themselves."""
    if x.ndim == 2:
        panel.plot(*true[:2000].T, ".", color="0.8", markersize=3, label="true")
        if x is not true:
            panel.plot(*x.T, ".", color="C0", markersize=3, label="made")
        low, high = true.min(axis=0), true.max(axis=0)
        edge = 0.2 * (high - low)
        panel.set_xlim(low[0] - edge[0], high[0] + edge[0])
        panel.set_ylim(low[1] - edge[1], high[1] + edge[1])
        panel.set_aspect("equal")
        panel.legend(loc="upper right", fontsize=8)
    else:
        panel.imshow(_sheet(x, columns), cmap="gray", vmin=0.0, vmax=1.0)
        panel.set_axis_off()


def _true(outcome: Outcome) -> np.ndarray:
    return np.asarray(outcome.parts.test[0])


def _classes(outcome: Outcome) -> Array:
    return jnp.asarray(outcome.parts.test[1])


def _figure(side: float = 5.0, columns: int = 1) -> tuple[Any, Any]:
    # Constrained, the layout leaves no room for the titles of axes whose aspect is fixed.
    return subplots(1, columns, figsize=(side * columns, side), layout="compressed")


def samples(outcome: Outcome, path: Path) -> None:
    """The examples that were drawn last."""
    last_epoch, last = max(frames(path.with_suffix(".npz")).items())
    figure, panel = _figure()
    _show(panel, last[:_SHOWN] if last.ndim == 4 else last, _true(outcome))
    panel.set_title(f"after epoch {last_epoch}")
    save(figure, path)


def animation(outcome: Outcome, path: Path) -> None:
    """The examples of the same codes, as training went on."""
    from matplotlib.animation import FuncAnimation, PillowWriter

    held = sorted(frames(path.with_suffix(".npz")).items())
    figure, panel = _figure(4.0)

    def draw(i: int) -> list:
        panel.clear()
        epoch, x = held[i]
        _show(panel, x[:_SHOWN] if x.ndim == 4 else x, _true(outcome))
        panel.set_title(f"after epoch {epoch}")
        return []

    FuncAnimation(figure, draw, frames=len(held)).save(path, writer=PillowWriter(fps=3), dpi=80)


def _first(outcome: Outcome) -> tuple[Any, PyTree]:
    generative = outcome.model.generative
    return generative, jax.tree.map(lambda a: a[0], outcome.states)


def _decoded(outcome: Outcome, codes: Array, labels: Array) -> np.ndarray:
    generative, state = _first(outcome)
    decode = jax.jit(jax.vmap(generative.decode, (None, 0, 0)))
    return np.asarray(decode(state, codes, labels))


def _encoded(outcome: Outcome, num: int) -> Any:
    generative, state = _first(outcome)
    encode = jax.jit(jax.vmap(generative.encode, (None, 0, 0)))
    return encode(state, jnp.asarray(_true(outcome)[:num]), _classes(outcome)[:num])


def _between(a: Array, b: Array, prior: bool) -> Array:
    """Codes on the way from a to b: on a great circle where codes are normal, else straight."""
    one = lambda t: (1 - t) * a + t * b
    if prior:
        # cos and sin of independent normal codes are normal codes again.
        one = lambda t: jnp.cos(t * jnp.pi / 2) * a + jnp.sin(t * jnp.pi / 2) * b
    return jax.vmap(one)(jnp.linspace(0.0, 1.0, _STEPS, dtype=a.dtype))


def latent(outcome: Outcome, path: Path) -> None:
    """The way between pairs of codes, and of plane codes the whole plane."""
    generative, _ = _first(outcome)
    size, classes = generative.latent_size, max(generative.num_classes, 1)
    rows = 8
    if generative.prior:
        ends = jax.random.normal(jax.random.key(1), (2, rows, size), jnp.float32)
    else:
        ends = _encoded(outcome, 2 * rows).reshape(2, rows, size)
    ways = jax.vmap(lambda a, b: _between(a, b, generative.prior))(*ends).reshape(-1, size)
    labels = jnp.repeat(jnp.arange(rows) % classes, _STEPS)
    plane = size == 2 and generative.prior
    figure, panels = _figure(5.0, 1 + plane)
    panel, *more = np.atleast_1d(panels)
    x = _decoded(outcome, ways, labels)
    _show(panel, x, _true(outcome), _STEPS)
    if x.ndim == 2:
        for way in x.reshape(rows, _STEPS, 2):
            panel.plot(*way.T, linewidth=1)
    panel.set_title("between two codes, a row each" if x.ndim == 4 else "between two codes")
    if more:
        quantiles = [NormalDist().inv_cdf((i + 0.5) / _SIDE) for i in range(_SIDE)]
        grid = np.stack(np.meshgrid(quantiles, quantiles, indexing="xy"), -1).reshape(-1, 2)
        grid = grid.astype(np.float32)
        x = _decoded(outcome, jnp.asarray(grid), jnp.zeros(len(grid), jnp.int32))
        _show(more[0], x, _true(outcome), _SIDE)
        of_class = f", class {outcome.parts.raw_test.class_names[0]}" if classes > 1 else ""
        more[0].set_title(f"quantiles of the codes{of_class}")
    save(figure, path)


def reconstructions(outcome: Outcome, path: Path) -> None:
    """Test examples, and what the model makes of their codes."""
    n = 200 if _true(outcome).ndim == 2 else 50
    back = _decoded(outcome, _encoded(outcome, n), _classes(outcome)[:n])
    true = _true(outcome)[:n]
    figure, panels = _figure(5.0, 2)
    for panel, x, title in zip(panels, (true, back), ("true", "from their codes"), strict=True):
        _show(panel, x, true)
        panel.set_title(title)
    save(figure, path)


def codes(outcome: Outcome, path: Path) -> None:
    """Codes of the test part by class: the plane itself, or their first principal components."""
    from jaxmath.linalg import pca

    found = _encoded(outcome, len(_true(outcome)))
    names = ("1", "2")
    if found.shape[1] > 2:
        found, names = pca(found, 2).scores, ("first principal component", "second")
    found, y = np.asarray(found), np.asarray(outcome.parts.test[1])
    figure, panel = _figure()
    for c, name in enumerate(outcome.parts.raw_test.class_names or sorted(set(y.tolist()))):
        panel.plot(*found[y == c][:, :2].T, ".", markersize=3, label=str(name))
    panel.legend(fontsize=8, markerscale=3)
    panel.set_xlabel(names[0])
    if found.shape[1] > 1:
        panel.set_ylabel(names[1])
    panel.set_title("codes of the test part")
    save(figure, path)
