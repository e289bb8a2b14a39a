"""Every test runs with x64 on and with implicit rank promotion refused."""

import gc
import importlib.util
import itertools
import os
import zlib
from collections import defaultdict
from pathlib import Path

import jax
import numpy as np
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")

# Most tests and notebooks compile for longer than they compute: without LLVM's passes for half the
# time, and without the MLIR emitters of fusions, which jax 0.12 cannot do without, for half of the
# rest.
QUICK_TO_COMPILE = "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
if jax.__version_info__ < (0, 11):
    QUICK_TO_COMPILE += " --xla_cpu_use_fusion_emitters=false"
SETTLED = ("tests/linalg/", "tests/optimize/", "tests/benchmark/", "tests/benchmarks/")


def pytest_configure(config):
    """By default XLA's CPU programs are compiled quickly.

    Under -m full, which sees every case, they are compiled as users run them; so they are in
    scripts/verify.py.
    """
    on_gpu = any(importlib.util.find_spec(f"jax_cuda{v}_plugin") for v in (12, 13))
    flags = os.environ.get("XLA_FLAGS", "")
    if config.option.markexpr == "not full" and not on_gpu and QUICK_TO_COMPILE not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {QUICK_TO_COMPILE}".strip()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Of a test marked ``sampled(k)`` one case in k runs by default, the others under -m full.

    So do two in three of what is left in the settled chapters: every name there has its contract
    row, which is never left out.

    Which ones is settled by a checksum of their names, so that no parameter is left out as a whole
    for the place it has in the product.
    """
    cases = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled"):
            cases[item.nodeid.partition("[")[0]].append(item)
    for group in cases.values():
        group.sort(key=lambda item: zlib.crc32(item.nodeid.encode()))
        (k,) = group[0].get_closest_marker("sampled").args
        for item in group[-(-len(group) // k) :]:
            item.add_marker(pytest.mark.full)
    for item in items:
        if item.nodeid.startswith(SETTLED) and zlib.crc32(item.nodeid.encode()) % 3 == 0:
            item.add_marker(pytest.mark.full)


def pytest_collection_finish():
    """What is loaded by now stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_runtest_setup(item):
    """A test's draws are its own, whichever tests its process ran before it."""
    for name in ("RNG", "rng"):
        generator = getattr(getattr(item, "module", None), name, None)
        if isinstance(generator, np.random.Generator):
            own = np.random.default_rng(zlib.crc32(item.nodeid.encode()))
            generator.bit_generator.state = own.bit_generator.state


MAPS = Path("/proc/self/maps")
MANY_MAPS = 30_000
_tests = itertools.count(1)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    """Compiled programs hold memory maps; beyond the 65,530 of a Linux process XLA aborts."""
    if next(_tests) % 25 or not MAPS.exists():
        return
    if MAPS.read_bytes().count(b"\n") > MANY_MAPS:
        jax.clear_caches()
        gc.collect()
