"""Images as the recipes have them: of another size, moved at random, and the engine's mode."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import datasets, train
from jaxmath.models import image_networks
from jaxmath.train._image_recipes import _mode
from jaxmath.train._images import augmentation, resized


def _options(name, **given):
    return train.own_options(given, name, train.RECIPES)


def test_resized_images_keep_means_and_planes():
    """Linear interpolation: a plane stays one inside, and half the size is nearly its means."""
    rows, columns = np.mgrid[:8, :8]
    plane = (2.0 * rows + columns).astype(np.float32)
    data = datasets.Dataset(
        plane.reshape(1, 64), np.zeros(1, np.int32), class_names=("a",), image_shape=(8, 8, 1)
    )
    small, large = resized(data, 4), resized(data, 16)
    assert small.image_shape == (4, 4, 1)
    assert small.x.shape == (1, 16)
    middle = large.images[0, 2:-2, 2:-2, 0]
    np.testing.assert_allclose(np.diff(middle, axis=0), 1.0, rtol=1e-4)
    np.testing.assert_allclose(np.diff(middle, axis=1), 0.5, rtol=1e-4)
    assert abs(small.x.mean() - plane.mean()) < 1e-4
    assert resized(data, 8) is data
    with pytest.raises(ValueError, match=r"^--image-size is for images"):
        resized(datasets.iris(), 4)


def test_augmentation_moves_the_image_and_fills_with_its_darkest_value():
    image = jnp.full((28, 28, 1), -0.4).at[14, 10, 0].set(2.8)
    keys = jax.random.split(jax.random.key(0), 64)
    change = lambda kind: jax.jit(jax.vmap(augmentation(kind, 28), in_axes=(0, None)))(keys, image)
    shifted = np.asarray(change("shift"))
    places = np.array([np.unravel_index(np.argmax(x), x.shape)[:2] for x in shifted])
    assert set(places[:, 0] - 14) == set(places[:, 1] - 10) == {-2, -1, 0, 1, 2}
    np.testing.assert_allclose(np.sort(shifted.reshape(64, -1), axis=1)[:, :-1], -0.4, rtol=1e-5)
    flipped = np.asarray(change("flip"))
    columns = {np.unravel_index(np.argmax(x), x.shape)[1] for x in flipped}
    assert columns == {8, 9, 10, 11, 12, 15, 16, 17, 18, 19}
    assert augmentation("none", 28)(keys[0], image) is image


def test_an_image_too_small_says_which_stage():
    data = datasets.Dataset(
        np.zeros((4, 9)), np.zeros(4, np.int32), class_names=("a", "b"), image_shape=(3, 3, 1)
    )
    with pytest.raises(
        ValueError, match=r"^images of 3×3 .* --image-size: stage pool2 gets 1×1, less"
    ):
        train.RECIPES["cnn"].make(data, **_options("cnn"))
    with pytest.raises(ValueError, match=r"^lenet5 takes square images, and these examples are no"):
        train.RECIPES["lenet5"].make(datasets.iris(), **_options("lenet5"))


def test_mode_is_static():
    """The small networks train in a compiled loop; a layer beyond the limit asks for the other."""
    model = train.RECIPES["cnn"].make(datasets.digits(), **_options("cnn", width=0.5))
    assert model.modes == ("scan", "map")
    assert model.config.widths == (16, 32)
    layers = image_networks.summary(model.config)
    expected = "loop" if jax.default_backend() == "cpu" else "scan"
    assert _mode([layers[0]._replace(shape=(224, 224, 64), parameters=36928)]) == expected
