"""Pictures of what the first seed's image network has learned, and of what it sees in an image."""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmath.train.recipe import Outcome
from jaxmath.typing import Array

__all__: list[str] = []

_STAGES = 8


def _network(outcome: Outcome) -> tuple[Any, Any, np.ndarray]:
    """Parameters, running statistics, and the first test image as the network takes it."""
    states, parts = outcome.states, outcome.parts
    params, state = jax.tree.map(lambda a: a[0], (states.params, states.model_state))
    return params, state, np.asarray(parts.test[0][0]).reshape(parts.raw_test.image_shape)


def filters(outcome: Outcome, path: Path) -> None:
    """The first convolution's."""
    from jaxmath.models import visualization

    kernels = visualization.first_filters(_network(outcome)[0], config=outcome.model.config)
    visualization.plot_filters(kernels, path)


def feature_maps(outcome: Outcome, path: Path) -> None:
    """Those of some stages, from the first to the last."""
    from jaxmath.models import image_networks, visualization

    names: list[str] = []

    @jax.jit
    def see(params: Any, state: Any, x: Array) -> dict[str, Array]:
        maps = image_networks.feature_maps(params, state, x, config=outcome.model.config)
        names.extend(maps)  # in the network's order, which the program's output forgets
        return maps

    maps = jax.device_get(see(*_network(outcome)))
    places = np.unique(np.linspace(0, len(names) - 1, _STAGES).round().astype(int))
    visualization.plot_feature_maps({names[i]: maps[names[i]] for i in places}, path)


def attention(outcome: Outcome, path: Path) -> None:
    """What speaks for the class that the network takes the image for."""
    from jaxmath.models import visualization

    test, config = outcome.parts.raw_test, outcome.model.config
    label = int(outcome.report["probabilities"][0, 0].argmax())
    one = lambda look: jax.jit(partial(look, config=config))(*_network(outcome), label)
    saliency, cam = (one(look) for look in (visualization.saliency, visualization.grad_cam))
    true, seen = test.class_names[test.y[0]], test.class_names[label]
    visualization.plot_attention(
        test.images[0], saliency, cam, path, title=f"{true}, taken for {seen}"
    )
