"""How good the classifiers of ``scripts/train.py`` are with its default hyper-parameters.

    python benchmarks/train_accuracy.py --json benchmarks/results/train_accuracy_cpu.json

Each row is one call of the script: the stratified 80 : 20 split with seed 0, a tenth of the
training part held out, the test accuracy as the mean of the seeds with its standard error. The
defaults were chosen on validation parts of the training part.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import train

CASES = {
    "digits, mlp": ("mlp", "digits", 0.975),
    "digits, softmax": ("softmax", "digits", 0.955),
    "mnist_5k, mlp": ("mlp", "mnist_5k", 0.945),
}


def measure(model: str, dataset: str, arguments: Sequence[str]) -> dict:
    """The script's own figures."""
    with tempfile.TemporaryDirectory() as folder:
        code = train.main([
            model, "--dataset", dataset, "--out", folder, "--no-plots", *arguments
        ])  # fmt: skip
        if code:
            raise SystemExit(code)
        return json.loads((Path(folder) / "metrics.json").read_text())


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seeds", type=int, default=10, help="runs of each case")
    parser.add_argument("--epochs", type=int, help="instead of the default")
    parser.add_argument("--json", type=Path, help="write every figure as JSON")
    options = parser.parse_args(argv)
    arguments = ["--seeds", str(options.seeds)]
    arguments += ["--epochs", str(options.epochs)] if options.epochs else []
    figures: dict = {"cases": {}}
    for name in options.cases:
        model, dataset, asked = CASES[name]
        found = measure(model, dataset, arguments)
        figures["where"] = found["environment"]
        kept = ("settings", "examples", "test", "accuracy_of_averaged_probabilities", "seconds")
        figures["cases"][name] = {"asked": asked, **{key: found[key] for key in kept}}
    for name, row in figures["cases"].items():
        accuracy = row["test"]["accuracy"]
        spread = accuracy["standard_error_over_seeds"] or float("nan")
        print(
            f"{name:16} accuracy {accuracy['mean']:.4f} ± {spread:.4f} (asked {row['asked']}), "
            f"of the averaged probabilities {row['accuracy_of_averaged_probabilities']:.4f}, "
            f"calibration error {row['test']['calibration_error']['mean']:.4f}, "
            f"training {row['seconds']['training']:.1f} s"
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
