"""What the pictures draw: the numbers in the axes, read back before the figure is closed."""

import numpy as np
import pytest

from jaxmath import datasets, train
from jaxmath.train import plots


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """The figures, and a path to write them to."""
    figures = []
    real = plots._save
    monkeypatch.setattr(plots, "_save", lambda f, path: figures.append(f) or real(f, path))
    return figures, tmp_path / "picture.png"


def _texts(panel):
    return [text.get_text() for text in panel.texts]


def test_curves(drawn):
    figures, path = drawn
    losses = np.array([[2.0, 4.0], [1.0, np.nan], [np.nan, np.nan]])  # lanes that stop
    train.plot_curves({"accuracy": losses / 9, "loss": losses, "validation_loss": losses}, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    loss, accuracy = figures[0].axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), [1, 2])
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), [3.0, 1.0])
    assert "2 seeds" in figures[0].get_suptitle()
    assert len(accuracy.lines) == 1


def test_series(drawn):
    """True and predicted above each other, the error below, a column a series."""
    figures, path = drawn
    true, predicted = np.array([[1.0, 2.0, 4.0], [0.0, 1.0, 0.0]]), np.ones((2, 3))
    train.plot_series(true, predicted, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    above, beside, below, _ = figures[0].axes
    np.testing.assert_array_equal(above.lines[0].get_ydata(), true[0])
    np.testing.assert_array_equal(beside.lines[1].get_ydata(), predicted[1])
    np.testing.assert_array_equal(below.lines[0].get_ydata(), predicted[0] - true[0])


def test_confusion(drawn):
    figures, path = drawn
    train.plot_confusion(np.array([[8, 2], [0, 0]]), path, class_names=("cat", "dog"))
    panel = figures[0].axes[0]
    assert _texts(panel) == ["8", "2"]
    np.testing.assert_allclose(
        np.asarray(panel.images[0].get_array()) ** 2, [[0.8, 0.2], [0.0, 0.0]], rtol=1e-6
    )
    assert panel.get_title() == "80.0% of 10 right"
    assert [label.get_text() for label in panel.get_yticklabels()] == ["cat", "dog"]


def test_reliability(drawn):
    figures, path = drawn
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.55, 0.45]])
    train.plot_reliability(probabilities, np.array([0, 0, 1, 0]), path, num_bins=2)
    top, bottom = figures[0].axes
    accuracy, gap = top.patches
    assert accuracy.get_height() == 0.75
    assert gap.get_y() == 0.75
    assert gap.get_height() == pytest.approx((0.9 + 0.8 + 0.7 + 0.55) / 4 - 0.75)
    assert [bar.get_height() for bar in bottom.patches] == [4.0]


def test_mistakes(drawn):
    figures, path = drawn
    data = datasets.digits()
    data = datasets.Dataset(data.x[:6], data.y[:6], (), data.class_names, data.image_shape)
    p = np.eye(10)[data.y]
    p[2] = 0.6 * np.eye(10)[5] + 0.4 * np.eye(10)[2]
    p[4] = 0.8 * np.eye(10)[9] + 0.2 * np.eye(10)[4]
    train.plot_mistakes(data, p, path)
    titles = [panel.get_title() for panel in figures[0].axes]
    assert titles[:2] == ["4 → 9\n80%", "2 → 5\n60%"]
    np.testing.assert_array_equal(figures[0].axes[0].images[0].get_array(), data.images[4, :, :, 0])
    assert figures[0].get_suptitle().startswith("2 of 6 are taken")
    train.plot_mistakes(data, np.eye(10)[data.y], path)
    assert figures[1].get_suptitle().startswith("0 of 6")


def test_mistakes_among_points(drawn):
    figures, path = drawn
    data = datasets.iris()
    p = np.eye(3)[np.where(np.arange(150) == 7, 2, data.y)]
    train.plot_mistakes(data, p, path)
    *classes, wrong = figures[0].axes[0].lines
    assert [line.get_label() for line in classes] == list(data.class_names)
    np.testing.assert_array_equal(wrong.get_xydata(), classes[0].get_xydata()[7:8])
