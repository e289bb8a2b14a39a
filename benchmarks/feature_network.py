#!/usr/bin/env python
"""The CNN in whose penultimate features samples are measured: trained once, kept in a folder.

    python benchmarks/feature_network.py --folder ~/.cache/jaxmath/feature_network

The recipe is ``image_accuracy.py``'s for ``cnn``: MNIST-5k split 4,000 : 1,000 with seed 0, 25
epochs of Adam on images turned and shifted, a few minutes on 2 cores. Asked: 98 % of the test part.
A kernel or Fréchet distance is a figure of these features: of another training they are others.
"""

import argparse
import functools
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import image_accuracy
from jaxmath import interop, train
from jaxmath.models import image_networks

CONFIG = image_accuracy.CASES["cnn"].config
FILE = "feature_network.safetensors"


class FeatureNetwork(NamedTuple):
    """A trained network, the scale of its inputs, and its accuracy on the test part."""

    params: Any
    model_state: Any
    mean: Any
    deviation: Any
    accuracy: Any


def learn(case: image_accuracy.Case, parts: Any, *, batch_size: int = 32) -> FeatureNetwork:
    """Train on the first part, in pixels, with seed 0, and measure on the second."""
    (X, y), (test, labels) = parts
    mean, deviation = X.mean(), X.std()
    scaled = lambda x: (x - mean) / deviation
    state, _ = image_accuracy.learn(case, scaled(X), y, case.epochs, batch_size, 0)
    found = image_accuracy.measure(case, state, (scaled(test), labels))
    scalars = (jnp.asarray(v, jnp.float32) for v in (mean, deviation, found["accuracy"]))
    return FeatureNetwork(state.params, state.model_state, *scalars)


def save(network: FeatureNetwork, folder: str | Path) -> Path:
    """Write the network into a folder, which is made where it is missing."""
    path = Path(folder) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    interop.save_safetensors(path, network._asdict())
    return path


def load(folder: str | Path, config: Any = CONFIG) -> FeatureNetwork:
    """Read the network that ``save`` wrote."""
    make = lambda key: image_networks.init(key, config, dtype=jnp.float32)
    number = jax.ShapeDtypeStruct((), jnp.float32)
    like = FeatureNetwork(*jax.eval_shape(make, jax.random.key(0)), number, number, number)
    read = interop.load_safetensors(Path(folder) / FILE, like=like._asdict())
    return FeatureNetwork(**read)


def load_or_learn(folder: str | Path) -> FeatureNetwork:
    """The network of the folder, trained and saved there if it is the first to be asked for."""
    if not (Path(folder) / FILE).is_file():
        save(learn(image_accuracy.CASES["cnn"], image_accuracy.pixels()), folder)
    return load(folder)


@functools.lru_cache(maxsize=8)
def _apply_fn(config: Any) -> Any:
    def apply_fn(params: Any, model_state: Any, x: Any) -> Any:
        network, mean, deviation = params
        scaled = (x - mean) / deviation
        return image_networks.features(network, model_state, scaled, config=config)

    return apply_fn


def features(
    network: FeatureNetwork, images: Any, *, config: Any = CONFIG, batch_size: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Penultimate features (n, d) and logits (n, k) of images (n, H, W, C), pixels in [0, 1]."""
    params = network.params, network.mean, network.deviation
    # Only parameters and model state are read of a state.
    state = train.TrainState(params, network.model_state, (), jnp.int32(0), jax.random.key(0))
    images = np.asarray(images, np.float32)
    return train.predict(_apply_fn(config), state, images, batch_size=batch_size)


def main(argv: list[str] | None = None) -> int:
    """Train, unless the folder has the network already, and print its accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where the weights are kept")
    args = parser.parse_args(argv)
    accuracy = float(load_or_learn(args.folder).accuracy)
    print(f"accuracy {accuracy:.4f} (asked 0.980): {args.folder / FILE}")
    return 0 if accuracy >= 0.98 else 1


if __name__ == "__main__":
    sys.exit(main())
