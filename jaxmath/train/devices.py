"""Devices for data parallelism."""

from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import Mesh

from jaxmath.train._checks import as_count

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
      TypeError: neither devices nor a number of them.
      ValueError: no devices, or fewer than asked for.

    Example:
      >>> dict(data_mesh(1).shape)
      {'data': 1}
    """
    known = jax.devices()
    if devices is None:
        devices = known
    elif hasattr(devices, "__index__") and np.ndim(devices) == 0:  # all arrays have it
        count = as_count("data_mesh", "devices", devices)
        if count > len(known):
            raise ValueError(
                f"data_mesh: argument `devices` must be from 1 to {len(known)}, got {count}"
            )
        devices = known[:count]
    array = np.array(devices, object)
    if array.ndim != 1 or not all(isinstance(device, jax.Device) for device in array):
        raise TypeError(
            f"data_mesh: argument `devices` must be a list of devices, or how many, got {devices!r}"
        )
    if not array.size:
        raise ValueError("data_mesh: argument `devices` must have at least 1 device, got none")
    return Mesh(array, ("data",))
