"""The report beside NumPy and scikit-learn."""

import io
import json

import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console
from sklearn import metrics

from jaxmath import datasets
from jaxmath.train import classifier_report, measures_report, report_tables


def test_report_beside_scikit_learn():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 40)
    logits = rng.normal(size=(4, 40, 3)) + 1.5 * np.eye(3)[y]
    report = classifier_report(logits, y, ("a", "b", "c"))
    p = report.pop("probabilities")
    assert json.loads(json.dumps(report)) == report
    np.testing.assert_allclose(
        p, np.exp(logits) / np.exp(logits).sum(-1, keepdims=True), rtol=1e-12
    )
    rows = report["test"]
    accuracies = [metrics.accuracy_score(y, z.argmax(1)) for z in logits]
    np.testing.assert_allclose(rows["accuracy"]["seeds"], accuracies)
    np.testing.assert_allclose(rows["loss"]["seeds"], [metrics.log_loss(y, q) for q in p])
    mean, error = np.mean(accuracies), np.std(accuracies, ddof=1) / 2
    assert rows["accuracy"]["mean"] == pytest.approx(mean)
    assert rows["accuracy"]["standard_error_over_seeds"] == pytest.approx(error)
    sample = rows["accuracy"]["standard_error_of_test_sample"]
    assert sample == pytest.approx(np.sqrt(mean * (1 - mean) / 40))
    matrices = [metrics.confusion_matrix(y, z.argmax(1)) for z in logits]
    np.testing.assert_array_equal(report["confusion"], sum(matrices))
    scores = [metrics.precision_recall_fscore_support(y, z.argmax(1)) for z in logits]
    for i, name in enumerate(("precision", "recall", "f1", "support")):
        np.testing.assert_allclose(
            [row[name] for row in report["classes"]], np.mean([s[i] for s in scores], axis=0),
            rtol=1e-6,
        )  # fmt: skip
    averaged = metrics.accuracy_score(y, p.mean(0).argmax(1))
    assert report["accuracy_of_averaged_probabilities"] == pytest.approx(averaged)
    with pytest.raises(ValueError, match="`logits`"):
        classifier_report(logits, y, ("a", "b"))
    with pytest.raises(ValueError, match="`labels`"):
        classifier_report(logits, y[1:], ("a", "b", "c"))


def test_one_seed_has_no_error_over_seeds():
    report = classifier_report(np.eye(2)[None], np.array([0, 0]), ("a", "b"))
    row = report["test"]["accuracy"]
    assert row["standard_error_over_seeds"] is None
    assert (row["mean"], row["seeds"]) == (0.5, [0.5])


def test_tables_say_what_the_report_says():
    accuracy = {"mean": 5 / 6, "standard_error_over_seeds": 1 / 6, "seeds": [2 / 3, 1.0],
                "standard_error_of_test_sample": 0.2152}  # fmt: skip
    loss = {"mean": 0.5, "standard_error_over_seeds": None, "seeds": [0.25, 0.75]}
    row = {"precision": 0.875, "recall": 0.75, "f1": 0.8}
    classes = [{"class": "cat", **row, "support": 1}, {"class": "dog", **row, "support": 2}]
    report = {"test": {"accuracy": accuracy, "loss": loss}, "classes": classes,
              "accuracy_of_averaged_probabilities": 1.0}  # fmt: skip
    board, table = report_tables(report)
    cells = lambda table: [list(map(str, column.cells)) for column in table.columns]
    assert board.title == "Test part, 3 examples: mean ± standard error of 2 seeds"
    assert cells(board)[1] == ["83.33 ± 16.67 %", "± 21.52 %", "0.5000", "100.00 %"]
    assert cells(board)[0][1::2] == [
        "  standard error from 3 examples", "accuracy of the averaged probabilities"
    ]  # fmt: skip
    assert table.title == "Classes: means over seeds"
    assert [column[1] for column in cells(table)] == ["dog", "87.5 %", "75.0 %", "80.0 %", "2"]


def test_names_are_printed_as_they_are():
    """Though rich would take them for markup, and end with an error or say less."""
    name = "a [b] [/c] :cat:"
    measure = {"mean": 0.5, "standard_error_over_seeds": None, "seeds": [0.5],
               "references": {name: 0.25}}  # fmt: skip
    shares = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2}
    report = {"test": {name: measure}, "classes": [{"class": name, **shares}], "measured_in": name}
    with io.StringIO() as file:
        Console(file=file, width=100).print(*report_tables(report))
        assert file.getvalue().count(name) == 4


def test_measures_of_seeds():
    """Each seed's mean over five examples (the last batch has one), their mean and its error."""
    x = np.arange(5.0)
    eval_fn = lambda state, batch: {"loss": state * batch.x, "one": jnp.ones_like(batch.x)}
    seeds = jnp.array([1.0, 2.0, 6.0])
    report = measures_report(eval_fn, seeds, (x, x), batch_size=2)
    assert json.loads(json.dumps(report)) == report
    assert report["test_examples"] == 5
    loss = report["test"]["loss"]
    np.testing.assert_allclose(loss["seeds"], [2.0, 4.0, 12.0])
    assert loss["mean"] == pytest.approx(6.0)
    assert loss["standard_error_over_seeds"] == pytest.approx(np.sqrt(28 / 3))
    assert report["test"]["one"]["mean"] == 1.0


def test_measures_of_trees_and_data_sets():
    """The examples are counted, not the parts of a tree."""
    x = np.arange(5.0)
    tree = lambda state, batch: {"loss": state * (batch.y["a"] - batch.x[0])}
    report = measures_report(tree, jnp.ones(2), ((x, x), {"a": 3 * x, "b": x, "c": x}))
    assert (report["test_examples"], report["test"]["loss"]["mean"]) == (5, 4.0)
    first = lambda state, batch: {"loss": state * batch.x[:, 0]}
    report = measures_report(first, jnp.ones(2), datasets.Dataset(x[:, None], x))
    assert (report["test_examples"], report["test"]["loss"]["mean"]) == (5, 2.0)


@pytest.mark.parametrize("labels", [[0, 5], [-1, 0]])
def test_labels_must_be_classes(labels):
    with pytest.raises(ValueError, match=r"`labels` must lie in 0 … 2"):
        classifier_report(np.zeros((1, 2, 3)), np.array(labels), ("a", "b", "c"))
