"""Rows of ``jaxmath.interop``: what moves weights and wraps models computes nothing of its own."""

from tests.contract.row import HostRow

MODULES = "tests/interop/test_flax_modules.py"
PARAMS = "tests/interop/test_flax_params.py"
TORCH = "tests/interop/test_torch_weights.py"
FILES = "tests/interop/test_safetensors_files.py"

_EVIDENCE = {
    "from_flax_params": (
        "relabels a tree, with the arrays as they are",
        f"{PARAMS}::test_round_trip_is_exact",
        f"{PARAMS}::test_gradients_go_there_and_back",
    ),
    "load_safetensors": (
        "reads a file",
        f"{FILES}::test_round_trip_is_exact",
        f"{FILES}::test_bad_files",
    ),
    "load_torch_state_dict": (
        "reads NumPy arrays on the host",
        f"{TORCH}::test_an_mlp_computes_what_pytorch_would",
        f"{TORCH}::test_running_variances_change_their_convention",
    ),
    "save_safetensors": (
        "writes a file",
        f"{FILES}::test_round_trip_is_exact",
        f"{FILES}::test_names_are_flax_paths",
    ),
    "to_flax_params": (
        "relabels a tree, with the arrays as they are",
        f"{PARAMS}::test_a_flax_network_takes_our_weights",
        f"{PARAMS}::test_round_trip_is_exact",
    ),
    "to_linen": (
        "makes a Flax module",
        f"{MODULES}::test_linen_trains_as_we_do",
        f"{MODULES}::test_each_call_and_each_example_has_its_own_key",
    ),
    "to_nnx": (
        "makes a Flax module",
        f"{MODULES}::test_nnx_trains_as_we_do",
        f"{MODULES}::test_each_call_and_each_example_has_its_own_key",
    ),
    "to_torch_state_dict": (
        "makes NumPy arrays on the host",
        f"{TORCH}::test_every_layer_goes_there_and_back",
        f"{TORCH}::test_running_variances_change_their_convention",
    ),
}

ROWS = [
    HostRow(f"interop.{name}", reason, tuple(evidence))
    for name, (reason, *evidence) in _EVIDENCE.items()
]
