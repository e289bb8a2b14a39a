"""Rows of the recipes, reports and pictures of ``jaxmath.train``."""

from tests.contract.row import HostRow

RECIPES = "tests/train/test_recipes.py"
PLOTS = "tests/train/test_plots.py"
REPORT = "tests/train/test_report.py"

_EVIDENCE = {
    "Model": ("a record", f"{RECIPES}::test_every_recipe_makes_a_model_of_the_data"),
    "RECIPES": ("a table", f"{RECIPES}::test_every_recipe_makes_a_model_of_the_data"),
    "Recipe": ("a record", f"{RECIPES}::test_options_are_what_make_takes"),
    "classifier_report": ("a report", f"{REPORT}::test_report_beside_scikit_learn"),
    "plot_confusion": ("a picture", f"{PLOTS}::test_confusion"),
    "plot_curves": ("a picture", f"{PLOTS}::test_curves"),
    "plot_mistakes": ("a picture", f"{PLOTS}::test_mistakes"),
    "plot_reliability": ("a picture", f"{PLOTS}::test_reliability"),
}

ROWS = [
    HostRow(f"train.{name}", reason, (evidence,)) for name, (reason, evidence) in _EVIDENCE.items()
]
