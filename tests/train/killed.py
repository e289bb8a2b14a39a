"""What the checkpoint tests run in a process of its own: ``python -m tests.train.killed DIR WHEN``.

WHEN is a number of epochs, after which the process kills itself with SIGKILL, or "save": then it
does so in the middle of the second save, where the finished directory would get its name. Before
that, with "disk", a run fails for want of disk space, and says what it has.
"""

import os
import resource
import signal
import sys
import time

import jax

jax.config.update("jax_enable_x64", True)

from jaxmath import train  # noqa: E402
from tests.train import problems as p  # noqa: E402

OPTIONS = {
    "num_epochs": 8,
    "batch_size": 16,
    "eval_fn": p.EVAL,
    "validation": p.data(21, 1),
    "mode": "scan",
    "progress": False,
    "checkpoint_every": 0.0,
}


def run(directory, **kwargs):
    return train.fit(p.start(), p.STEP, p.data(50), checkpoint_dir=directory, **(OPTIONS | kwargs))


def _die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def full_disk(directory) -> None:
    """The limit on a file's size makes every larger write fail, as a full disk does."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256, hard))
    try:
        run(directory, num_epochs=3)
    except train.CheckpointError as error:
        print("FULL", error.result.epochs, int(error.result.state.step), "|", error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def main(directory: str, when: str, *rest: str) -> None:
    if "disk" in rest:
        full_disk(directory + "-full")
    sys.stdout.flush()

    def callback(epoch, row):
        if when != "save" and epoch == int(when):
            _die()
        if when == "save" and epoch == 2:
            while not os.path.exists(os.path.join(directory, "1")):
                time.sleep(0.01)
            # Every save ends by a rename; the second does not come to it.
            os.rename = os.replace = _die

    run(directory, callback=callback)
    print("ALIVE")


if __name__ == "__main__":
    main(*sys.argv[1:])
