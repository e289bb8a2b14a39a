"""Rows of the image networks, at tiny configurations; the full sizes are in tests/models."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import signal, special

from jaxmath.models import (
    alexnet,
    cnn,
    image_networks,
    inception,
    lenet,
    resnet,
    vgg,
    visualization,
)
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, key
from tests.models import tiny_networks

LENET = lenet.Config("published", image_size=12, num_classes=3)
# One window to pool: where a maximum passes to a neighbour, differences see a kink.
CNN = cnn.Config(image_size=2, num_classes=3, widths=(3,), hidden=4, dropout=0.3)
ALEXNET = alexnet.Config(2, 63, 1, 2, width=1 / 256, dropout=0.1)
VGG = vgg.Config((1, 1), 4, 1, 3, width=1 / 64, dropout=0.1)
INCEPTION = inception.Config(
    "published", 4, 1, 3, width=1 / 64, modules=("3a",), auxiliary=(), dropout=0.1
)
RESNET = resnet.Config("bottleneck", (1, 1), 4, 1, 3, width=1 / 32, stem="small")
TESTS = "tests/models/test_image_networks.py"
FLAX = "tests/models/test_large_networks.py::test_agrees_with_flax"


def lenet_oracle(params: Any, state: Any, x: np.ndarray) -> np.ndarray:
    """LeNet-5 as published, from its equations."""
    squash = lambda a: 1.7159 * np.tanh(2 * a / 3)
    see = lambda image, kernel: signal.correlate2d(image, kernel, "valid")
    pool = lambda layer, image: squash(
        layer.scale * sum(image[i::2, j::2] for i in (0, 1) for j in (0, 1)) + layer.bias
    )
    padded = np.pad(x[:, :, 0], 2)
    c1 = np.stack([see(padded, params["c1"].kernel[:, :, 0, o]) for o in range(6)], -1)
    s2 = pool(params["s2"], squash(c1 + params["c1"].bias))
    kernels = iter(np.moveaxis(params["c3"].kernel, -1, 0))
    c3 = np.stack([sum(see(s2[:, :, i], next(kernels)) for i in seen) for seen in lenet.TABLE], -1)
    s4 = pool(params["s4"], squash(c3 + params["c3"].bias))
    c5 = squash(np.moveaxis(s4, -1, 0).ravel() @ params["c5"].kernel + params["c5"].bias)
    f6 = squash(c5 @ params["f6"].kernel + params["f6"].bias)
    code = lambda c: np.array([(-1) ** bin((c + 1) & j).count("1") for j in range(84)])
    return -np.array([np.sum((f6 - code(c)) ** 2) for c in range(3)])


def loss_oracle(outputs: Any, label: np.ndarray) -> np.ndarray:
    entropy = lambda z: special.logsumexp(z) - z[label]
    return entropy(outputs.logits) + 0.3 * sum(entropy(z) for z in outputs.auxiliary)


def make(config: Any, random: bool = False, bias: float = 0.0) -> Any:
    def args(rng: np.random.Generator, dtype: Any) -> tuple:
        keys = (key(rng),) if random else ()
        params, state = tiny_networks.draw(rng, config, dtype, bias)
        X = tiny_networks.images(rng, config, 2 if random else 1, dtype)
        return *keys, params, state, X if random else X[0]

    return args


def train(config: Any) -> Any:
    """A batch of two, as one call."""

    def call(key: Any, params: Any, state: Any, X: Any) -> Any:
        one = lambda key, x: image_networks.train(
            key, params, state, x, config=config, axis_name="inner"
        )
        batch = jax.vmap(one, out_axes=(0, None), axis_name="inner")
        return batch(jax.random.split(key, 2), X)

    return call


def network_rows(
    name: str, config: Any, evidence: str = "", oracle: Any = None, bias: float = 4.0
) -> list[Row | HostRow]:
    """The rows of one network's module."""
    shared = "a function that all image networks share: its row is models.image_networks."
    table = f"{TESTS}::test_the_table_is_of_what_is_made"
    evidence = evidence or f"tests/models/test_{name}.py::test_agrees_with_flax"
    return [
        HostRow(f"models.{name}.Config", "a frozen dataclass, static in jit",
                (f"{TESTS}::test_config_refuses",)),
        HostRow(f"models.{name}.init", f"{shared}init", (table,)),
        HostRow(f"models.{name}.summary", f"{shared}summary", (table,)),
        Row(
            f"models.{name}.apply", make(config, bias=bias), oracle, diff=(0, 2),
            bad=(Bad(({}, (), np.zeros((2, 2, 1))), "config", TypeError),),
            call=lambda params, state, x: image_networks.apply(params, state, x, config=config),
            evidence="" if oracle else evidence,
        ),
        HostRow(f"models.{name}.train", f"{shared}train",
                (f"{TESTS}::test_the_gradient_reaches_every_parameter",)),
    ]  # fmt: skip


ROWS = [
    Row(
        "models.image_networks.init",
        lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        diff=NotDifferentiable("a random draw: no argument is real"),
        bad=(
            Bad((0, CNN), "argument `key`", TypeError),
            Bad((jax.random.key(0), (4, 5)), "argument `config`", TypeError),
        ),
        call=lambda key, like: image_networks.init(key, CNN, dtype=like.dtype),
        evidence=f"{TESTS}::test_a_layer_more_leaves_the_others_as_they_were",
        note="the second argument carries the dtype",
    ),
    HostRow("models.image_networks.summary", "a table, made on the host",
            (f"{TESTS}::test_the_table_is_of_what_is_made",)),
    HostRow("models.image_networks.apply", "of any network: the rows of models.lenet.apply, …",
            (f"{TESTS}::test_refusals",)),
    Row(
        "models.image_networks.train", make(CNN, random=True, bias=4.0), diff=(1, 3),
        bad=(Bad((0, {}, (), np.zeros((2, 2, 1))), "config", TypeError),),
        call=train(CNN), evidence="tests/models/test_cnn.py::test_agrees_with_flax",
    ),
    HostRow("models.image_networks.feature_maps", "apply, with what it went through",
            (f"{TESTS}::test_feature_maps_are_the_stages",)),
    Row(
        "models.image_networks.features", make(LENET), diff=(0, 2),
        bad=(
            Bad(({}, (), np.zeros((2, 2, 1))), "config", TypeError),
        ),
        call=lambda params, state, x: image_networks.features(params, state, x, config=LENET),
        evidence=f"{TESTS}::test_features_are_what_the_output_layer_reads",
    ),
    *network_rows("lenet", LENET, "tests/models/test_lenet.py::test_modern_agrees_with_flax",
                  oracle=lenet_oracle, bias=0.0),
    *network_rows("cnn", CNN),
    *network_rows("alexnet", ALEXNET, FLAX),
    *network_rows("vgg", VGG, FLAX),
    *network_rows("inception", INCEPTION, FLAX),
    *network_rows("resnet", RESNET, FLAX),
    *(
        HostRow(f"models.visualization.{name}", "a picture, written to a file",
                ("tests/models/test_visualization.py::test_pictures_are_written",))
        for name in ("plot_attention", "plot_feature_maps", "plot_filters")
    ),
    HostRow("models.visualization.first_filters", "a kernel, transposed",
            ("tests/models/test_visualization.py::test_filters_are_the_first_kernel",)),
    Row(
        "models.visualization.saliency", make(LENET), diff=NotDifferentiable("a maximum"),
        bad=(Bad(({}, (), np.zeros((2, 2, 1)), 0), "config", TypeError),),
        call=lambda params, state, x: visualization.saliency(params, state, x, 1, config=LENET),
        evidence="tests/models/test_visualization.py::test_saliency_is_the_size_of_the_slopes",
    ),
    Row(
        "models.visualization.grad_cam", make(LENET), diff=NotDifferentiable("to be looked at"),
        bad=(Bad(({}, (), np.zeros((2, 2, 1)), 0), "config", TypeError),),
        call=lambda params, state, x: visualization.grad_cam(params, state, x, 1, config=LENET),
        evidence="tests/models/test_visualization.py::test_grad_cam_of_the_last_stage_by_hand",
    ),
    *(
        HostRow(f"models.{name}.torch_names", "names of modules, made on the host",
                ("tests/models/test_published_networks.py::test_torch_names",))
        for name in ("alexnet", "image_networks", "inception", "resnet", "vgg")
    ),
    HostRow("models.inception.Outputs", "a record of two arrays",
            ("tests/models/test_large_networks.py::test_auxiliary_heads_exist_in_training_alone",)),
    HostRow("models.inception.logits", "a field, or the argument itself",
            ("tests/models/test_large_networks.py::test_auxiliary_losses_count_three_tenths",)),
    Row(
        "models.inception.loss",
        lambda rng, dtype: (
            inception.Outputs(*(jnp.asarray(rng.standard_normal(s), dtype) for s in (3, (2, 3)))),
            jnp.int32(rng.integers(3)),
        ),
        loss_oracle,
        bad=(Bad((np.zeros((2, 3)), 1), "`outputs` must have rank 1"),),
        dtypes=("float32", "bfloat16", "float64"),
    ),
]  # fmt: skip
