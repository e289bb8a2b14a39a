"""Rows of the recipes, reports and pictures of ``jaxmath.train``."""

from tests.contract.row import HostRow

RECIPES = "tests/train/test_recipes.py"
PLOTS = "tests/train/test_plots.py"
REPORT = "tests/train/test_report.py"
OPTIONS = "tests/train/test_options.py"
FOLDER = "tests/train/test_folder.py"
TEXT = "tests/train/test_text.py"
SERIES = "tests/train/test_series.py"
GENERATIVE = "tests/train/test_generative.py"
FEATURES = "tests/train/test_feature_space.py"
SCRIPT = "tests/scripts/test_train_script.py"

_EVIDENCE = {
    "CODES": ("a record", f"{GENERATIVE}::test_a_step_and_examples"),
    "GAMES": ("a record", f"{GENERATIVE}::test_a_step_and_examples"),
    "Generative": ("a record", f"{GENERATIVE}::test_a_step_and_examples"),
    "CLASSES": ("a table", f"{SCRIPT}::test_small_run"),
    "SAMPLING": ("options of a command line", f"{TEXT}::test_a_sample_goes_on_from_the_prompt"),
    "SERIES": ("a record", f"{SERIES}::test_parts"),
    "TEXT": ("a record", f"{TEXT}::test_a_file_is_cut_from_front_to_back"),
    "Task": ("a record", f"{SERIES}::test_parts"),
    "Model": ("a record", f"{RECIPES}::test_every_recipe_makes_a_model_of_the_data"),
    "RECIPES": ("a table", f"{RECIPES}::test_every_recipe_makes_a_model_of_the_data"),
    "Recipe": ("a record", f"{RECIPES}::test_options_are_what_make_takes"),
    "Option": ("an option of a command line", f"{OPTIONS}::test_what_a_text_stands_for"),
    "Outcome": ("a record", f"{FOLDER}::test_a_recipe_draws_pictures_of_its_own"),
    "Trainer": ("a record", f"{RECIPES}::test_the_trainer_is_the_classifiers_adamw"),
    "add_options": ("a command line", f"{OPTIONS}::test_recipes_differ_in_defaults_only"),
    "claim_folder": ("a folder", f"{FOLDER}::test_a_folder_holds_one_run"),
    "classifier_report": ("a report", f"{REPORT}::test_report_beside_scikit_learn"),
    "make_writer": ("writes files", f"{TEXT}::test_a_sample_goes_on_from_the_prompt"),
    "measured_in_features": ("reads files", f"{FEATURES}::test_the_report_is_of_the_runs_features"),
    "measures_report": ("a report", f"{REPORT}::test_measures_of_seeds"),
    "own_options": ("a command line", f"{SERIES}::test_parts"),
    "make_trainer": ("makes functions", f"{RECIPES}::test_the_trainer_is_the_classifiers_adamw"),
    "plot_confusion": ("a picture", f"{PLOTS}::test_confusion"),
    "plot_curves": ("a picture", f"{PLOTS}::test_curves"),
    "plot_mistakes": ("a picture", f"{PLOTS}::test_mistakes"),
    "plot_reliability": ("a picture", f"{PLOTS}::test_reliability"),
    "plot_series": ("a picture", f"{PLOTS}::test_series"),
    "report_tables": ("tables", f"{REPORT}::test_tables_say_what_the_report_says"),
    "settle_options": ("a command line", f"{OPTIONS}::test_defaults_are_filled_in"),
    "stop_signals": ("handles signals", f"{SCRIPT}::test_an_interrupted_run_goes_on_to_the_bit"),
    "task_of": ("a data set's name", f"{TEXT}::test_mistakes"),
    "write_figures": ("writes files", f"{FOLDER}::test_a_file_is_written_whole_or_not_at_all"),
    "write_plots": ("writes files", f"{FOLDER}::test_a_recipe_draws_pictures_of_its_own"),
}

ROWS = [
    HostRow(f"train.{name}", reason, (evidence,)) for name, (reason, evidence) in _EVIDENCE.items()
]
