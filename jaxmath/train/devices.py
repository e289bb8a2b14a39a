"""Devices for data parallelism."""

from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import Mesh

__all__ = ["data_mesh"]


def data_mesh(devices: Sequence[jax.Device] | int | None = None) -> Mesh:
    """A mesh with the one axis ``data``, over which ``fit`` spreads the batch, or the lanes.

    The state is on every device, each batch's examples are divided among them, and XLA adds up
    their gradients: the step is the same function, hence the batch's statistics are those of the
    whole batch. Under ``jax.distributed`` the mesh spans all processes, and each gives ``fit`` its
    own part of the data (of equal lengths, best).

    Of an ensemble it is the lanes that are divided: each device trains its own on all the data.

    Args:
      devices: the devices, or how many of them; None takes all.

    Returns:
      A mesh for ``fit(mesh=…)`` and ``evaluate(mesh=…)``.

    Raises:
      ValueError: there are fewer devices than asked for.

    Example:
      >>> dict(data_mesh(1).shape)
      {'data': 1}
    """
    if devices is None or isinstance(devices, int):
        known = jax.devices()
        count = len(known) if devices is None else devices
        if not 1 <= count <= len(known):
            raise ValueError(
                f"data_mesh: argument `devices` must be from 1 to {len(known)}, got {count}"
            )
        devices = known[:count]
    return Mesh(np.array(devices), ("data",))
