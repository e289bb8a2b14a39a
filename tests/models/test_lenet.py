"""LeNet-5 against the paper's numbers and table, and against Flax."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.models import lenet
from tests.models import tiny_networks

# Table I of the paper, a line a map of S2, a column a map of C3.
TABLE = [
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
]


def test_parameters_as_published():
    """Section II.B: C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164, all 60,000."""
    table = {layer.name: layer for layer in lenet.summary(lenet.Config("published"))}
    sizes = {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164}
    assert {name: layer.parameters for name, layer in table.items()} == sizes
    assert sum(sizes.values()) == 60_000
    shapes = ((28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (120,), (84,))
    assert tuple(layer.shape for layer in table.values()) == shapes
    of_32 = lenet.summary(lenet.Config("published", image_size=32, padding=0))
    assert [layer[:3] for layer in of_32] == [layer[:3] for layer in table.values()]


def test_parameters_of_the_modern_variant():
    assert sum(layer.parameters for layer in lenet.summary(lenet.Config())) == 61_706


def test_third_layer_sees_what_table_one_says():
    seen = [[o in column for column in lenet.TABLE] for o in range(6)]
    assert ["".join("X" if s else "." for s in row) for row in seen] == TABLE
    config = lenet.Config("published", image_size=12, num_classes=3)
    params, _ = tiny_networks.draw(np.random.default_rng(0), config)
    ones = params["c3"]._replace(kernel=jnp.ones((5, 5, 60)), bias=jnp.zeros(16))
    # A map of S2 that is c alone makes 25 c of all maps of C3 that see it.
    net = lambda x: lenet._partial(Probe(ones), "c3", x)
    reached = jax.vmap(net)(jnp.eye(6)[:, None, None, :] * jnp.ones((1, 5, 5, 1)))
    np.testing.assert_array_equal(reached[:, 0, 0] > 0, np.array(seen))


class Probe:
    """A pass of one layer."""

    def __init__(self, params):
        self.params = params
        self.fits = self.note = lambda *args: None
        self.layer = lambda *args: self.params
        self.stage = lambda name, x: x


def test_codes_are_far_apart():
    codes = lenet._codes(10)
    assert codes.shape == (10, 84)
    assert set(np.unique(codes)) == {-1, 1}
    differences = np.sum(codes[:, None] != codes[None], axis=-1)[np.triu_indices(10, 1)]
    assert differences.min() == 40
    assert len(np.unique(lenet._codes(127), axis=0)) == 127


def test_first_weights_are_small_in_the_fan_in():
    make = jax.jit(lenet.init, static_argnums=1)
    params, _ = make(jax.random.key(0), lenet.Config("published"))
    for name, fan_in in (("c1", 25), ("c5", 400), ("f6", 120)):
        bound = float(jnp.max(jnp.abs(params[name].kernel))) * fan_in
        assert 2.2 < bound <= 2.4, name
    inputs = np.array([len(lenet.TABLE[o]) for o in lenet._connections()[1]])
    for seen in (3, 4, 6):
        bound = float(jnp.max(jnp.abs(params["c3"].kernel[:, :, inputs == seen]))) * 25 * seen
        assert 2.3 < bound <= 2.4, seen


class FlaxLeNet(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.relu(linen.Conv(6, (5, 5), padding=2)(x))
        x = linen.max_pool(x, (2, 2), (2, 2))
        x = linen.relu(linen.Conv(16, (5, 5), padding="VALID")(x))
        x = linen.max_pool(x, (2, 2), (2, 2)).transpose(0, 3, 1, 2)
        x = linen.relu(linen.Dense(120)(x.reshape(x.shape[0], -1)))
        x = linen.relu(linen.Dense(84)(x))
        return linen.Dense(3)(x)


def test_modern_agrees_with_flax():
    config, rng = tiny_networks.TINY["lenet"], np.random.default_rng(0)
    params, _ = tiny_networks.draw(rng, config)
    X = tiny_networks.images(rng, config, 4)
    names = {"Conv_0": "conv1", "Conv_1": "conv2", "Dense_0": "fc3", "Dense_1": "fc4",
             "Dense_2": "fc5"}  # fmt: skip
    variables = {"params": {theirs: params[ours]._asdict() for theirs, ours in names.items()}}

    @jax.jit
    def both(params, variables, X):
        ours = jax.vmap(lambda x: lenet.apply(params, (), x, config=config))(X)
        return ours, FlaxLeNet().apply(variables, X)

    ours, theirs = both(params, variables, X)
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)
