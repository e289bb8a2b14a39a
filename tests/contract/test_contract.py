"""Every public function keeps its contract, with x64 on and, as users run it, with x64 off."""

import jax
import pytest

from tests.contract import checks, registry

ROWS = registry.function_rows()
IDS = [row.name for row in ROWS]


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
