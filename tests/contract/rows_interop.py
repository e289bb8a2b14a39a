"""Rows of ``jaxmath.interop``: what moves weights and wraps models computes nothing of its own."""

from tests.contract.row import HostRow

MODULES = "tests/interop/test_flax_modules.py"
PARAMS = "tests/interop/test_flax_params.py"

_EVIDENCE = {
    "from_flax_params": (
        "relabels a tree, with the arrays as they are",
        f"{PARAMS}::test_round_trip_is_exact",
        f"{PARAMS}::test_gradients_go_there_and_back",
    ),
    "to_flax_params": (
        "relabels a tree, with the arrays as they are",
        f"{PARAMS}::test_a_flax_network_takes_our_weights",
        f"{PARAMS}::test_round_trip_is_exact",
    ),
    "to_linen": (
        "makes a Flax module",
        f"{MODULES}::test_linen_trains_as_we_do",
        f"{MODULES}::test_dropout_draws_from_flax_keys",
    ),
    "to_nnx": (
        "makes a Flax module",
        f"{MODULES}::test_nnx_trains_as_we_do",
        f"{MODULES}::test_dropout_draws_from_flax_keys",
    ),
}

ROWS = [
    HostRow(f"interop.{name}", reason, tuple(evidence))
    for name, (reason, *evidence) in _EVIDENCE.items()
]
