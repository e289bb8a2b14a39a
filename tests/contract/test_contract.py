"""Every public function keeps its contract, with x64 on and, as users run it, with x64 off."""

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec

from tests.contract import checks, registry

ROWS = registry.function_rows()
IDS = [row.name for row in ROWS]
# Means over a vmapped axis: jax itself traces them neither in shard_map nor for a symbolic size.
OVER_THE_BATCH = {"nn.batch_norm_train", "nn.minibatch_stddev", "models.image_networks.train"}
BATCHED = [row for row in ROWS if row.vmap and row.name not in OVER_THE_BATCH]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_contract(row):
    """Values in float32 and the transforms are the next test's; all of them under -m full."""
    outcomes = checks.run(row, skip="float32", transforms=False)
    failed = [f"{column}: {o.detail}" for column, o in outcomes.items() if o.ok is False]
    assert not failed, "\n".join(failed)
    assert not checks.check_key_first(row)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_first_dtype_as_users_run_it(row):
    """jit ≡ eager and vmap ≡ loop too; float32 with x64 off."""
    dtype = row.dtypes[0]
    with jax.enable_x64(dtype != "float32"):
        outcomes = dict(checks.check_value(row, dtype))
    failed = [f"{column}: {o.detail}" for column, o in outcomes.items() if o.ok is False]
    assert not failed, "\n".join(failed)


@pytest.mark.full
@pytest.mark.parametrize("row", [r for r in ROWS if "float32" in r.dtypes], ids=lambda r: r.name)
def test_float32_with_x64_on(row):
    outcomes = dict(checks.check_value(row, "float32"))
    failed = [f"{column}: {o.detail}" for column, o in outcomes.items() if o.ok is False]
    assert not failed, "\n".join(failed)


@pytest.mark.sampled(16)
@pytest.mark.parametrize("row", BATCHED, ids=lambda row: row.name)
def test_a_batch_is_traced_in_shard_map_and_with_a_symbolic_size(row):
    made = [row.make(np.random.default_rng(seed), np.dtype(row.dtypes[0])) for seed in range(2)]
    args = jax.tree.map(lambda *a: jax.numpy.stack([jax.numpy.asarray(x) for x in a]), *made)
    call = jax.vmap(row.call or checks.resolve(row.name))
    mesh, rows = jax.make_mesh((1,), ("d",), axis_types=(AxisType.Auto,)), PartitionSpec("d")
    jax.eval_shape(jax.shard_map(call, mesh=mesh, in_specs=rows, out_specs=rows), *args)
    (n,) = jax.export.symbolic_shape("n")
    some = jax.tree.map(lambda a: jax.ShapeDtypeStruct((n, *a.shape[1:]), a.dtype), args)
    jax.export.export(jax.jit(call))(*some)
