"""Augmentation by its distribution, and each draw against NumPy and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, stats

from jaxmath import nn

KEYS = jax.random.split(jax.random.key(0), 900)
IMAGE = 1.0 + np.arange(40.0).reshape(4, 5, 2)
cut_all = jax.jit(jax.vmap(nn.cutout, in_axes=(0, None, None)))


def draws(fn):
    return np.asarray(jax.jit(jax.vmap(fn))(KEYS))


def test_flips():
    y = draws(lambda key: nn.random_flip(key, IMAGE))
    same, mirrored = (np.all(y == z, (1, 2, 3)) for z in (IMAGE, IMAGE[:, ::-1]))
    assert np.all(same ^ mirrored)
    assert abs(np.mean(same) - 0.5) < 5 * 0.5 / np.sqrt(len(KEYS))


def test_rotation_is_that_of_scipy():
    """The angle is read off a ramp: its slope along the rows is −sin θ, along the columns cos θ."""
    size, most = (9, 8), 0.7
    ramp = np.broadcast_to(np.arange(8.0), size)
    image = np.stack([ramp, np.random.default_rng(0).standard_normal(size)], -1)
    y = draws(lambda key: nn.random_rotation(key, image, most))
    angles = np.arctan2(y[:, 4, 4, 0] - y[:, 5, 4, 0], y[:, 4, 5, 0] - y[:, 4, 4, 0])
    for angle, turned in list(zip(angles, y, strict=True))[:20]:
        want = ndimage.rotate(image, np.degrees(angle), reshape=False, order=1,
                              mode="grid-constant")  # fmt: skip
        np.testing.assert_allclose(turned, want, atol=1e-12)
    assert stats.kstest(angles, stats.uniform(-most, 2 * most).cdf).pvalue > 1e-6


def test_no_rotation_and_one_pixel_are_exact():
    still = jax.jit(nn.random_rotation)(KEYS[0], IMAGE, 0.0)
    np.testing.assert_array_equal(still, IMAGE)
    one = jax.jit(nn.random_rotation)(KEYS[0], jnp.ones((1, 1, 3), jnp.bfloat16), 3.0)
    np.testing.assert_array_equal(one, np.ones((1, 1, 3)))


@pytest.mark.parametrize(
    ("fn", "padding", "size"),
    [
        (lambda key: nn.random_shift(key, IMAGE, 2), 2, (4, 5)),
        (lambda key: nn.random_crop(key, IMAGE, (2, 4)), 0, (2, 4)),
        (lambda key: nn.random_crop(key, IMAGE, (6, 3), padding=1), 1, (6, 3)),
    ],
    ids=["shift", "crop", "padded"],
)
def test_shifts_and_crops_are_uniform_windows(fn, padding, size):
    padded = np.pad(IMAGE, ((padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (*size, 2)).reshape(-1, *size, 2)
    found = np.all(draws(fn)[:, None] == windows, (2, 3, 4))
    np.testing.assert_array_equal(found.sum(1), 1)
    assert stats.chisquare(found.sum(0)).pvalue > 1e-6


def test_noise():
    noisy = jax.jit(jax.vmap(nn.gaussian_noise, in_axes=(0, None, None)))
    z = np.asarray(noisy(KEYS, IMAGE, 0.5)) - IMAGE
    assert stats.kstest(z.ravel() / 0.5, stats.norm.cdf).pvalue > 1e-6
    np.testing.assert_array_equal(noisy(KEYS, IMAGE, 0.0)[0], IMAGE)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_cutout(size):
    y = np.asarray(cut_all(KEYS, IMAGE, size))
    holes = []
    for i in range(4):
        for j in range(5):
            hole = np.array(IMAGE)
            top, left = i - size // 2, j - size // 2
            hole[max(top, 0) : top + size, max(left, 0) : left + size] = 0
            holes.append(hole)
    found = np.all(y[:, None] == np.stack(holes), (2, 3, 4))
    np.testing.assert_array_equal(found.sum(1), 1)
    assert stats.chisquare(found.sum(0)).pvalue > 1e-6


def test_cutout_ends_and_a_bad_pixel():
    np.testing.assert_array_equal(cut_all(KEYS, IMAGE, 0)[0], IMAGE)
    np.testing.assert_array_equal(cut_all(KEYS, np.full(IMAGE.shape, np.nan), 10), 0)


def test_a_crop_of_a_pair_in_an_array():
    for pair in (np.array([2, 3]), (np.int32(2), jnp.int32(3))):
        np.testing.assert_array_equal(
            nn.random_crop(KEYS[0], IMAGE, pair), nn.random_crop(KEYS[0], IMAGE, (2, 3))
        )
    with pytest.raises(TypeError, match="`size` must be a pair of integers, got 2"):
        nn.random_crop(KEYS[0], IMAGE, np.array(2))
    with pytest.raises(TypeError, match="random_crop: argument `size` must be of integers known"):
        jax.jit(lambda size: nn.random_crop(KEYS[0], IMAGE, size))(np.array([2, 3]))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool", "float16"])
def test_what_moves_pixels_keeps_their_dtype(dtype):
    image = (IMAGE % 2).astype(dtype) if dtype == "bool" else (6 * IMAGE).astype(dtype)
    moves = (
        nn.random_flip,
        lambda key, x: nn.random_shift(key, x, 1),
        lambda key, x: nn.random_crop(key, x, (3, 3)),
        lambda key, x: nn.cutout(key, x, 2),
    )
    for move in moves:
        y, wide = (move(KEYS[0], x) for x in (image, image.astype(float)))
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, wide)
