"""Saliency and Grad-CAM against finite differences and a linear network; the pictures."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn
from jaxmath.models import cnn, image_networks, visualization
from tests.models import tiny_networks
from tests.models.tiny_networks import TINY

CONFIG = TINY["cnn"]
PARAMS, STATE = tiny_networks.draw(np.random.default_rng(0), CONFIG)
X = tiny_networks.images(np.random.default_rng(1), CONFIG, 1)[0]


@functools.cache
def looked():
    """All that is looked at, in one program; and the logits around the image."""

    @jax.jit
    def look(params, state, x):
        shift = 1e-6 * jnp.eye(64).reshape(64, 8, 8, 1)
        run = jax.vmap(lambda x: cnn.apply(params, state, x, config=CONFIG)[1])
        see = functools.partial(visualization.grad_cam, params, state, x, 1, config=CONFIG)
        maps = image_networks.feature_maps(params, state, x, config=CONFIG)
        slopes = (run(x[None] + shift) - run(x[None] - shift)) / 2e-6
        saliency = visualization.saliency(params, state, x, 1, config=CONFIG)
        return maps, slopes.reshape(8, 8), saliency, see(), see(stage="pool2"), see(stage="conv1")

    return look(PARAMS, STATE, X)


def test_saliency_is_the_size_of_the_slopes():
    _, slopes, saliency, *_ = looked()
    np.testing.assert_allclose(saliency, np.abs(slopes), rtol=1e-6, atol=1e-8)


def test_grad_cam_of_the_last_stage_by_hand():
    """After pool2 come two dense layers: ∂z/∂A is their product over the rectifiers that are on."""
    maps, _, _, last, named, first = looked()
    np.testing.assert_array_equal(last, named)
    assert first.shape == (8, 8)
    A = np.asarray(maps["pool2"])
    hidden = np.moveaxis(A, -1, 0).ravel() @ PARAMS["hidden"].kernel + PARAMS["hidden"].bias
    slope = PARAMS["hidden"].kernel @ ((hidden > 0) * PARAMS["output"].kernel[:, 1])
    weights = np.asarray(slope).reshape(6, 2, 2).mean((1, 2))
    np.testing.assert_allclose(last, np.maximum(A @ weights, 0), rtol=1e-10, atol=1e-14)


def test_filters_are_the_first_kernel():
    filters = visualization.first_filters(PARAMS, config=CONFIG)
    y = nn.convolve(X, jnp.moveaxis(filters, 0, -1))
    np.testing.assert_array_equal(filters[2, :, :, 0], PARAMS["conv1"].kernel[:, :, 0, 2])
    assert y.shape == (8, 8, 4)


def test_refusals():
    with pytest.raises(ValueError, match="grad_cam: argument `stage` must be one of conv1, pool1"):
        visualization.grad_cam(PARAMS, STATE, X, 1, config=CONFIG, stage="conv9")
    with pytest.raises(ValueError, match=r"saliency: argument `x` must have shape \(8, 8, 1\)"):
        visualization.saliency(PARAMS, STATE, X[0], 1, config=CONFIG)
    with pytest.raises(TypeError, match="saliency: argument `label`"):
        visualization.saliency(PARAMS, STATE, X, 1.0, config=CONFIG)
    with pytest.raises(ValueError, match="first_filters: argument `params` has no layer conv1"):
        visualization.first_filters({}, config=CONFIG)


def test_pictures_are_written(tmp_path):
    maps, _, saliency, cam, *_ = looked()
    visualization.plot_feature_maps(maps, tmp_path / "maps.png", limit=2)
    visualization.plot_attention(X, saliency, cam, tmp_path / "attention.png", title="class 1")
    rng = np.random.default_rng(0)
    visualization.plot_filters(rng.standard_normal((5, 3, 3, 3)), tmp_path / "colour.png")
    visualization.plot_filters(rng.standard_normal((70, 3, 3, 1)), tmp_path / "gray.png", limit=9)
    for path in tmp_path.iterdir():
        assert path.read_bytes()[:4] == b"\x89PNG"
    assert len(list(tmp_path.iterdir())) == 4
