"""AlexNet, VGG, Inception and ResNet of a few channels against Flax, and what is their own."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import interop, nn
from jaxmath.models import alexnet, image_networks, inception, resnet
from tests.models import tiny_networks
from tests.models.tiny_networks import TINY


def channel_by_channel(x):
    return x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)


def head(x, size):
    for name in ("fc6", "fc7"):
        x = linen.relu(linen.Dense(size, name=name)(x))
    return linen.Dense(3, name="fc8")(x)


class FlaxAlexNet(linen.Module):
    groups: int

    @linen.compact
    def __call__(self, x, training):
        def conv(x, i, c, k, groups=1, **more):
            layer = linen.Conv(c, (k, k), feature_group_count=groups, name=f"conv{i}", **more)
            return linen.relu(layer(x))

        def norm(x):
            if self.groups == 1:
                return x
            squares = jnp.pad(x**2, ((0, 0),) * 3 + ((2, 2),))
            total = sum(squares[..., i : i + x.shape[-1]] for i in range(5))
            return x / (2 + 1e-4 * total) ** 0.75

        c = {2: (2, 4, 6, 6, 4), 1: (1, 3, 6, 4, 4)}[self.groups]
        pool = lambda x: linen.max_pool(x, (3, 3), (2, 2))
        x = pool(norm(conv(x, 1, c[0], 11, strides=4, padding=2)))
        x = pool(norm(conv(x, 2, c[1], 5, self.groups)))
        x = conv(conv(x, 3, c[2], 3), 4, c[3], 3, self.groups)
        x = pool(conv(x, 5, c[4], 3, self.groups))
        return head(channel_by_channel(x), 64)


class FlaxVGG(linen.Module):
    @linen.compact
    def __call__(self, x, training):
        for s, (count, c) in enumerate(((1, 2), (2, 4)), 1):
            for i in range(1, count + 1):
                x = linen.relu(linen.Conv(c, (3, 3), name=f"conv{s}_{i}")(x))
            x = linen.max_pool(x, (2, 2), (2, 2))
        return head(channel_by_channel(x), 128)


class FlaxResNet(linen.Module):
    block: str

    @linen.compact
    def __call__(self, x, training):
        def conv(x, name, c, k, stride=1):
            layer = linen.Conv(c, (k, k), stride, k // 2, use_bias=False, name=name)
            place = name.replace("conv", "bn").replace("downsample.0", "downsample.1")
            norm = linen.BatchNorm(not training, momentum=0.9, epsilon=1e-5, name=place)
            return norm(layer(x))

        x = linen.relu(conv(x, "conv1", 4, 3))
        for s in (1, 2):
            c, at = 4 * s, f"layer{s}.0"
            if self.block == "basic":
                y = linen.relu(conv(x, f"{at}.conv1", c, 3, s))
                y, out = conv(y, f"{at}.conv2", c, 3), c
            else:
                y = linen.relu(conv(x, f"{at}.conv1", c, 1))
                y = linen.relu(conv(y, f"{at}.conv2", c, 3, s))
                y, out = conv(y, f"{at}.conv3", 4 * c, 1), 4 * c
            if s > 1 or x.shape[-1] != out:
                x = conv(x, f"{at}.downsample.0", out, 1, s)
            x = linen.relu(x + y)
        return linen.Dense(3, name="fc")(jnp.mean(x, (1, 2)))


class FlaxInception(linen.Module):
    """As published, with modules 3a and 4a."""

    @linen.compact
    def __call__(self, x, training):
        def conv(x, name, c, k, stride=1):
            c = max(round(c / 16), 1)
            layer = linen.Conv(c, (k, k), stride, k // 2, name=name)
            return linen.relu(layer(x))

        def norm(x):
            squares = jnp.pad(x**2, ((0, 0),) * 3 + ((2, 2),))
            total = sum(squares[..., i : i + x.shape[-1]] for i in range(5))
            return x / (1 + 1e-4 / 5 * total) ** 0.75

        pool = lambda x, s: linen.max_pool(x, (3, 3), (s, s), "SAME")
        x = norm(pool(conv(x, "conv1", 64, 7, 2), 2))
        x = pool(norm(conv(conv(x, "conv2", 64, 1), "conv3", 192, 3)), 2)
        for at, (a, b, c, d, e, f) in (
            ("inception3a", (64, 96, 128, 16, 32, 32)), ("inception4a", (192, 96, 208, 16, 48, 64)),
        ):  # fmt: skip
            x = pool(x, 2) if at == "inception4a" else x
            x = jnp.concatenate([
                conv(x, f"{at}.branch1", a, 1),
                conv(conv(x, f"{at}.branch2.0", b, 1), f"{at}.branch2.1", c, 3),
                conv(conv(x, f"{at}.branch3.0", d, 1), f"{at}.branch3.1", e, 5),
                conv(pool(x, 1), f"{at}.branch4.1", f, 1),
            ], -1)  # fmt: skip
        return linen.Dense(3, name="fc")(jnp.mean(x, (1, 2)))


NETWORKS = {
    "alexnet, 2 groups": (alexnet.Config(2, 63, 1, 3, 1 / 64), FlaxAlexNet(2)),
    "alexnet, 1 group": (alexnet.Config(1, 63, 1, 3, 1 / 64), FlaxAlexNet(1)),
    "vgg": (TINY["vgg"], FlaxVGG()),
    "resnet, basic": (TINY["resnet"], FlaxResNet("basic")),
    "resnet, bottleneck": (
        resnet.Config("bottleneck", (1, 1), 8, 1, 3, 1 / 16, "small"), FlaxResNet("bottleneck")
    ),
    "inception": (
        inception.Config("published", 32, 1, 3, 1 / 16, ("3a", "4a"), ()), FlaxInception()
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_agrees_with_flax(name):
    """In evaluation; a ResNet in training too, with the running statistics after it."""
    config, net = NETWORKS[name]
    rng = np.random.default_rng(0)
    params, state = tiny_networks.draw(rng, config)
    X = tiny_networks.images(rng, config, 3)

    @jax.jit
    def both(params, state, X):
        records = lambda tree: {name: record._asdict() for name, record in dict(tree).items()}
        variables = {"params": records(params), "batch_stats": records(state)}
        ours = jax.vmap(lambda x: image_networks.apply(params, state, x, config=config))(X)
        theirs = net.apply(variables, X, False)
        if not state:
            return (ours, {}), (theirs, {})
        one = lambda key, x: image_networks.train(
            key, params, state, x, config=config, axis_name="b"
        )
        batch = jax.vmap(one, out_axes=(0, None), axis_name="b")
        y, new = batch(jax.random.split(jax.random.key(0), 3), X)
        flax_y, flax_new = net.apply(variables, X, True, mutable="batch_stats")
        return (ours, y, records(new)), (theirs, flax_y, flax_new["batch_stats"])

    ours, theirs = both(params, state, X)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12), ours, theirs
    )


def test_two_groups_do_not_see_each_other():
    """The first half of the second convolution does not depend on the other half of the first."""
    config = TINY["alexnet"]
    params, _ = tiny_networks.draw(np.random.default_rng(0), config)
    x = tiny_networks.images(np.random.default_rng(1), config, 1)[0]
    look = jax.jit(lambda params: image_networks.feature_maps(params, (), x, config=config))
    first = params["conv1"]
    moved = {**params, "conv1": first._replace(bias=first.bias.at[1].add(1.0))}
    before, after = look(params)["conv2"], look(moved)["conv2"]
    assert jnp.any(before[..., 2:] != after[..., 2:])
    # But for the response norm, which sees both channels of the first; α is small.
    np.testing.assert_allclose(before[..., :2], after[..., :2], atol=2e-3)


def test_auxiliary_heads_exist_in_training_alone():
    config = TINY["inception"]
    rng = np.random.default_rng(0)
    params, state = tiny_networks.draw(rng, config)
    X = tiny_networks.images(rng, config, 2)
    one = lambda key, x: inception.train(key, params, state, x, config=config, axis_name="b")
    train = jax.vmap(one, out_axes=(0, None), axis_name="b")
    y, new = jax.eval_shape(train, jax.random.split(jax.random.key(0), 2), X)
    assert y.logits.shape == (2, 3)
    assert y.auxiliary.shape == (2, 1, 3)
    assert new.keys() == state.keys()
    without = {name: layer for name, layer in params.items() if not name.startswith("aux")}
    z = jax.eval_shape(lambda x: inception.apply(without, state, x, config=config), X[0])
    assert z.shape == (3,)


def test_auxiliary_losses_count_three_tenths():
    rng = np.random.default_rng(0)
    z = jnp.asarray(rng.standard_normal((3, 4)))
    outputs = inception.Outputs(z[0], z[1:])
    entropy = [nn.softmax_cross_entropy(row, 2) for row in z]
    want = entropy[0] + 0.3 * (entropy[1] + entropy[2])
    np.testing.assert_allclose(inception.loss(outputs, 2), want, rtol=1e-14)
    np.testing.assert_allclose(inception.loss(z[0], 2), entropy[0], rtol=1e-14)
    np.testing.assert_array_equal(inception.logits(outputs), z[0])
    np.testing.assert_array_equal(inception.logits(z[0]), z[0])


def test_means_of_parts():
    """14 places in 4 parts: 0–3, 3–6, 7–10, 10–13, as PyTorch's adaptive pooling cuts them."""
    x = np.random.default_rng(0).standard_normal((14, 3, 2))
    got = inception._mean_parts(jnp.asarray(x), 4)
    assert got.shape == (4, 4, 2)
    rows = [x[a:b].mean(0) for a, b in ((0, 4), (3, 7), (7, 11), (10, 14))]
    columns = ((0, 1), (0, 2), (1, 3), (2, 3))
    want = [[row[a:b].mean(0) for a, b in columns] for row in rows]
    np.testing.assert_allclose(got, want, rtol=1e-13)


@pytest.mark.parametrize("name", ["vgg", "resnet", "inception"])
def test_weights_come_back_from_pytorch(name):
    """Written as torchvision's state_dict and read again; a convolution has its layout there."""
    config = TINY[name]
    params, state = tiny_networks.draw(np.random.default_rng(0), config)
    names = image_networks.torch_names(config)
    entries = interop.to_torch_state_dict(params, state, names=names)
    first, module = {"vgg": ("conv1_1", "features.0"), "resnet": ("conv1", "conv1"),
                     "inception": ("conv1.conv", "conv1.conv")}[name]  # fmt: skip
    want = np.transpose(params[first].kernel, (3, 2, 0, 1))
    np.testing.assert_array_equal(entries[f"{module}.weight"], want)
    back = interop.load_torch_state_dict(entries, like=params, model_state=state, names=names)
    jax.tree.map(np.testing.assert_array_equal, back, (params, state))
