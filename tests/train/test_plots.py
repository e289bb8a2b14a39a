"""What the pictures draw: the numbers in the axes, read back before the figure is closed."""

import itertools

import numpy as np
import pytest

from jaxmath import datasets, train
from jaxmath.train import plots


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """The figures, and a path to write them to."""
    figures = []
    real = plots.save
    monkeypatch.setattr(plots, "save", lambda f, path: figures.append(f) or real(f, path))
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


def test_one_epoch_has_one_tick(drawn):
    figures, path = drawn
    train.plot_curves({"loss": [1.0]}, path)
    (panel,) = figures[0].axes
    low, high = panel.get_xlim()
    assert [tick for tick in panel.get_xticks() if low <= tick <= high] == [1.0]


@pytest.mark.parametrize("empty", [[], np.zeros((0, 3)), [np.nan], np.full((2, 3), np.nan)])
def test_curves_of_no_epoch(drawn, empty):
    """A run whose first epoch has a bad step."""
    figures, path = drawn
    train.plot_curves({"loss": empty, "validation_loss": empty}, path)
    (panel,) = figures[0].axes
    assert [len(line.get_xdata()) for line in panel.lines] == [0, 0]
    for history in ({}, {"validation_loss": empty}):
        with pytest.raises(ValueError, match=r"^plot_curves: argument `history` must have a measu"):
            train.plot_curves(history, path)


def test_a_full_disk_is_named(tmp_path):
    """/dev/full is one; what it says does not tell where."""
    path = tmp_path / "curves.png"
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"curves\.png could not be written: No space left on device"):
        train.plot_curves({"loss": [1.0]}, path)


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


@pytest.mark.parametrize("k", [3, 10, 25])
def test_large_counts_stay_in_their_cells(drawn, k):
    figures, path = drawn
    train.plot_confusion(np.full((k, k), 8_888_888), path)
    panel = figures[0].axes[0]
    cell = panel.get_window_extent().width / k
    assert max(text.get_window_extent().width for text in panel.texts) < cell


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
    (legend,) = figures[0].legends  # below the axes, where no bar is
    assert legend.get_window_extent().y1 < bottom.get_window_extent().y0


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
    train.plot_mistakes(data, np.eye(10)[(data.y + 1) % 10], path, limit=6)
    assert "surest" not in figures[2].get_suptitle()
    train.plot_mistakes(data, np.stack([p, p, np.eye(10)[data.y]]), path)
    assert figures[3].get_suptitle().startswith("By the mean of 3 seeds:\n1 of 6 are taken")


def test_fewer_mistakes_than_there_are(drawn):
    """2 of 12, though there is a 2 in 12."""
    figures, path = drawn
    data = datasets.digits()
    data = datasets.Dataset(data.x[:12], data.y[:12], (), data.class_names, data.image_shape)
    train.plot_mistakes(data, np.eye(10)[(data.y + 1) % 10], path, limit=2)
    start = "12 of 12 are taken for another class, the surest 2 of them (true"
    assert figures[0].get_suptitle().startswith(start)


def test_mistakes_among_points(drawn):
    figures, path = drawn
    data = datasets.iris()
    p = np.eye(3)[np.where(np.arange(150) == 7, 2, data.y)]
    train.plot_mistakes(data, p, path)
    *classes, wrong = figures[0].axes[0].lines
    assert [line.get_label() for line in classes] == list(data.class_names)
    np.testing.assert_array_equal(wrong.get_xydata(), classes[0].get_xydata()[7:8])
    _assert_legend_beside(figures[0])


def _assert_legend_beside(figure):
    (legend,) = figure.legends
    extent = legend.get_window_extent()
    assert extent.x0 > max(panel.get_window_extent().x1 for panel in figure.axes)
    assert 0 < extent.y0 < extent.y1 <= figure.bbox.y1


def test_mistakes_among_points_of_many_classes(drawn):
    """A colour each, and beside the points a bar of them, not a legend of 26 rows."""
    figures, path = drawn
    names = tuple(f"class {c}" for c in range(25))
    y = np.tile(np.arange(25), 4)
    x = np.stack([y // 5, y % 5], axis=1).astype(np.float32)
    data = datasets.Dataset(x, y, (), names, ())
    train.plot_mistakes(data, np.eye(25)[np.where(np.arange(100) == 7, 2, y)], path)
    panel, bar = figures[0].axes
    assert len({tuple(colour) for colour in panel.collections[0].get_facecolors()}) == 25
    np.testing.assert_array_equal(panel.lines[0].get_xydata(), x[7:8])
    assert [label.get_text() for label in bar.get_yticklabels()] == list(names)
    assert panel.get_window_extent().width > 0.5 * figures[0].bbox.width
    _assert_legend_beside(figures[0])


def test_mistakes_with_long_names_are_apart(drawn):
    figures, path = drawn
    digits = datasets.digits()
    names = ("golden retriever", "German shepherd dog", *8 * ["Wirehaired Pointing Griffon"])
    data = datasets.Dataset(digits.x[:9], digits.y[:9] % 3, (), names, digits.image_shape)
    train.plot_mistakes(data, np.eye(10)[(data.y + 1) % 3], path)
    panels = figures[0].axes[:9]
    assert panels[0].get_title() == "golden retriever\n→ German shepherd dog\n100%"
    assert panels[1].get_title().endswith("\n→ Wirehaired Pointing…\n100%")
    extents = [panel.title.get_window_extent() for panel in panels]
    for left, right in itertools.pairwise(extents[:6]):
        assert left.x1 < right.x0
    assert all(0 <= extent.x0 < extent.x1 <= figures[0].bbox.x1 for extent in extents)


def test_names_are_no_mathematics(tmp_path):
    """Between two dollars matplotlib would set a formula, and refuse what is none."""
    train.plot_confusion(np.eye(2, dtype=int), tmp_path / "c.png", class_names=("$5_$", "b"))
    assert (tmp_path / "c.png").stat().st_size > 1000
