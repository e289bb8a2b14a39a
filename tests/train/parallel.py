"""What the device tests run in processes of their own: ``python -m tests.train.parallel …``.

``eight`` trains on eight forced host devices and on one, and ``map`` lanes on them in another mode;
``two PORT INDEX FILE`` is one of two processes with half of the data each.
"""

import sys
import tempfile

import jax
import numpy as np
import optax

from jaxmath import nn, train
from tests.train import problems as p

KNOWN = {"num_epochs": 3, "batch_size": 16, "mode": "scan", "progress": False}


def _train_fn(key, params, model_state, x, axis_name):
    """With statistics of the batch, which must be those of the whole batch."""
    mean = jax.lax.pmean(x, axis_name)
    return (x - mean) @ params, 0.9 * model_state + 0.1 * mean


def _apply_fn(params, model_state, x):
    return (x - model_state) @ params


OPTIMIZER = optax.sgd(0.5, momentum=0.9)
STEP = train.supervised_step(_train_fn, nn.softmax_cross_entropy, OPTIMIZER)
EVAL = train.supervised_eval(_apply_fn, nn.softmax_cross_entropy)


def run(data, validation, mesh=None, **kwargs):
    zeros = lambda *shape: jax.numpy.zeros(shape, jax.numpy.float32)
    state = train.init_state(jax.random.key(0), zeros(4, 3), zeros(4), optimizer=OPTIMIZER)
    return train.fit(
        state, STEP, data, eval_fn=EVAL, validation=validation, mesh=mesh, **(KNOWN | kwargs)
    )


def arrays(result: train.FitResult) -> list[np.ndarray]:
    state = result.best._replace(step=result.state.step)
    return [*p.leaves(state), *(result.history[k] for k in sorted(result.history))]


def eight() -> None:
    mesh = train.data_mesh()
    assert mesh.size == 8
    many = run(p.data(50), p.data(21, 1), mesh)
    assert len(jax.tree.leaves(many.state.params)[0].sharding.device_set) == 8
    for a, b in zip(arrays(many), arrays(run(p.data(50), p.data(21, 1))), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    try:
        run(p.data(50), p.data(21, 1), mesh, batch_size=12)
    except ValueError as error:
        print(error)
    lanes(mesh)


def lanes(mesh, mode: str = "vmap") -> None:
    """Sixteen lanes, two a device, stopped after an epoch and resumed: each is as a run alone."""
    zeros = lambda *shape: jax.numpy.zeros(shape, jax.numpy.float32)
    start = lambda key: train.init_state(key, zeros(4, 3), zeros(4), optimizer=OPTIMIZER)
    keys = jax.random.split(jax.random.key(1), 16)
    states = jax.jit(jax.vmap(start))(keys)
    data = {"data": p.data(50), "eval_fn": EVAL, "validation": p.data(21, 1)}
    with tempfile.TemporaryDirectory() as folder:
        options = {"ensemble": True, "mode": mode, "mesh": mesh, "checkpoint_dir": folder}
        options = KNOWN | data | options
        train.fit(states, STEP, **options, callback=lambda epoch, row: True)
        many = train.fit(states, STEP, **options, resume=True)
    kernel = many.state.params
    assert {shard.data.shape for shard in kernel.addressable_shards} == {(2, 4, 3)}
    assert len({shard.device for shard in kernel.addressable_shards}) == 8
    assert len(np.unique(kernel, axis=0)) == 16  # no lane stands for another
    for i in (0, 9):
        one = train.fit(start(keys[i]), STEP, **(KNOWN | data))
        lane = jax.tree.map(lambda a, i=i: a[i], many.best)
        for a, b in zip(p.leaves(lane), p.leaves(one.best), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
        for name, values in one.history.items():
            np.testing.assert_allclose(many.history[name][:, i], values, rtol=2e-5, atol=2e-6)
    try:
        train.fit(jax.tree.map(lambda a: a[:12], states), STEP, **(options | {"mode": "auto"}))
    except ValueError as error:
        print(error)


TRAINING, VALIDATION = p.data(48), p.data(21, 1)


def two(port: str, index: str, file: str) -> None:
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=int(index))
    part = lambda data: tuple(a[int(index) :: 2] for a in data)
    mesh = train.data_mesh()
    assert mesh.size == 2
    options = {"mode": "auto", "checkpoint_dir": file + ".checkpoints", "checkpoint_every": 0.0}
    result = run(part(TRAINING), part(VALIDATION), mesh, **options)
    again = run(part(TRAINING), part(VALIDATION), mesh, **options, resume=True)
    p.assert_same(arrays(again), arrays(result))
    if index == "0":
        np.savez(file, *arrays(result))


def by_one() -> list[np.ndarray]:
    """The same rows in the same order: those of process 0, then those of process 1."""
    both = lambda data: tuple(np.concatenate([a[0::2], a[1::2]]) for a in data)
    return arrays(run(both(TRAINING), both(VALIDATION)))


if __name__ == "__main__":
    mapped = lambda: lanes(train.data_mesh(), "map")
    {"eight": eight, "map": mapped, "two": two}[sys.argv[1]](*sys.argv[2:])
