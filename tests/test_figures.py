"""Figures of a sweep: every setting is in them, what was left out is said, and nothing overlaps."""

import itertools
import re

import numpy as np
import pytest

import fnn
from fnn import figures, losses, optim, plot
from fnn.runs.results import Sweep
from tests.problems import blobs

SEEDS = 4
NAN = np.nan
DRAWINGS = {
    "curves": lambda sweep: figures.curves(sweep, "test_loss", settings=[0]),
    "distribution": lambda sweep: figures.distribution(sweep, "test_loss"),
    "heatmap": lambda sweep: figures.heatmap(sweep, "a", "b", "test_loss"),
    "scatter": lambda sweep: figures.scatter(sweep, "a", "b", "test_loss"),
}


def made_up(settings, histories, metric="test_loss"):
    """A sweep with this history of one metric, broadcast to (settings, seeds, epochs). A run ends
    with its last number and has diverged where that is infinite; a run of NaN alone diverged at
    once.
    """
    runs = (len(settings), SEEDS)
    history = np.broadcast_to(np.asarray(histories, float), (*runs, np.shape(histories)[-1])).copy()
    there = ~np.isnan(history)
    stopped = np.where(there, np.arange(history.shape[-1]), -1).max(axis=-1)
    diverged = np.isinf(np.take_along_axis(history, stopped[..., None], -1)[..., 0]) | ~there.any(
        axis=-1
    )
    return Sweep(
        settings=list(settings),
        seeds=list(range(SEEDS)),
        history={metric: np.where(np.isinf(history), NAN, history)},
        best_epoch=stopped,
        stopped_epoch=np.maximum(stopped, 0),
        diverged_step=np.where(diverged, 0, -1),
        finished=np.ones(runs, bool),
        outputs=[None] * len(settings),
    )


def per_setting(values):
    """(settings, 1 seed, 1 epoch), the same for every seed."""
    return np.asarray(values, float)[:, None, None]


def grid(**columns):
    return [
        dict(zip(columns, values, strict=True)) for values in itertools.product(*columns.values())
    ]


def points(n=30):
    """What ParameterSampler draws: rates over five decades, and numbers that are not short."""
    rng = np.random.default_rng(0)
    return [
        {"a": float(10 ** rng.uniform(-6, -1)), "b": float(rng.uniform(0.1, 0.5))} for _ in range(n)
    ]


def main_axis(figure):
    return figure.axes[0]


def texts_of(axis):
    return [text.get_text() for text in axis.texts]


def legend_of(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def ticks(axis):
    return [label for label in axis.get_ticklabels() if label.get_text()]


def assert_nothing_overlaps(figure, labels):
    """No two of these texts share room, and all are within the figure."""
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in labels]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0
        assert box.y1 <= figure.bbox.y1


@pytest.mark.slow
def test_figures_show_what_was_found():
    """Curves with a band, a field for each pair of values, a strip for each setting, of a sweep
    that was trained.
    """
    net, loss = fnn.mlp((3, 8, 3), activation="tanh"), losses.softmax_cross_entropy
    sweep = fnn.sweep(
        lambda hyper: (net, loss, optim.adam(hyper["learning_rate"])),
        blobs(),
        epochs=3,
        batch_size=10,
        seeds=range(3),
        hyper={"learning_rate": [1e-2, 1e38], "batch_size": [10, 21]},
        progress=False,
    )
    axis = main_axis(figures.curves(sweep, "validation_loss"))
    assert legend_of(axis) == [
        "learning_rate=0.01, batch_size=10",
        "learning_rate=0.01, batch_size=21",
        "learning_rate=1e38, batch_size=10: all diverged",
        "learning_rate=1e38, batch_size=21: all diverged",
    ]
    np.testing.assert_allclose(
        axis.lines[1].get_ydata(), np.median(sweep.history["validation_loss"][1], axis=0)
    )
    axis = main_axis(figures.heatmap(sweep, "batch_size", "learning_rate"))
    fields = axis.images[0].get_array()
    np.testing.assert_allclose(
        fields[0], sweep.at("validation_accuracy")[:2].mean(axis=1), rtol=1e-6
    )
    assert np.ma.getmaskarray(fields)[1].all()
    assert [tick.get_text() for tick in ticks(axis.yaxis)] == ["0.01", "1e38"]
    axis = main_axis(figures.distribution(sweep, "test_loss"))
    assert len(axis.get_yticklabels()) == 4
    with pytest.raises(ValueError, match="did you mean 'batch_size'"):
        figures.heatmap(sweep, "batchsize", "learning_rate")


def test_a_heatmap_of_points_is_refused_and_names_scatter():
    sweep = made_up(points(), per_setting(np.arange(1, 31)))
    with pytest.raises(
        ValueError,
        match=r"heatmap: got 30 of 900 .*expected at least half.*scatter\(sweep, 'a', 'b'",
    ):
        figures.heatmap(sweep, "a", "b")
    half = made_up([{"a": 1, "b": 1}, {"a": 2, "b": 2}], per_setting([1, 2]))
    assert main_axis(figures.heatmap(half, "a", "b")).images
    third = made_up([{"a": i, "b": i} for i in range(3)], per_setting([1, 2, 3]))
    with pytest.raises(ValueError, match="got 3 of 9"):
        figures.heatmap(third, "a", "b")


@pytest.mark.parametrize("draw", [figures.heatmap, lambda *arguments: figures.scatter(*arguments)])
def test_two_different_hyperparameters_are_asked_for(draw):
    sweep = made_up(grid(lr=[0.1, 0.2], width=[1, 2]), per_setting(np.arange(1, 5)))
    with pytest.raises(ValueError, match=r"got 'lr' twice, expected two different.*lr, width"):
        draw(sweep, "lr", "lr")


def test_numeric_axes_are_sorted_and_others_stay_in_order():
    settings = grid(a=[0.1, 1e-5, 0.003], f=["tanh", "relu"])
    sweep = made_up(settings, per_setting([1, 2, 3, 4, 5, 6]))
    axis = main_axis(figures.heatmap(sweep, "a", "f"))
    assert [tick.get_text() for tick in ticks(axis.xaxis)] == ["1e-5", "0.003", "0.1"]
    assert [tick.get_text() for tick in ticks(axis.yaxis)] == ["tanh", "relu"]
    np.testing.assert_array_equal(axis.images[0].get_array(), [[3, 5, 1], [4, 6, 2]])


def test_labels_are_as_short_as_they_can_be_told_apart():
    settings = grid(a=[0.123456789, 0.123499999, 1e-30], width=[100_000, 2])
    axis = main_axis(figures.heatmap(made_up(settings, per_setting(np.arange(1, 7))), "a", "width"))
    assert [tick.get_text() for tick in ticks(axis.xaxis)] == ["1e-30", "0.12346", "0.1235"]
    assert [tick.get_text() for tick in ticks(axis.yaxis)] == ["2", "100000"]


@pytest.mark.every(1)
@pytest.mark.parametrize("size", [2, 6, 9, 16, 40])
@pytest.mark.parametrize("names", [False, True])
def test_nothing_in_a_heatmap_overlaps(size, names):
    rng = np.random.default_rng(0)
    across = (
        [f"leaky_relu_{i}" for i in range(size)]
        if names
        else (10 ** rng.uniform(-6, -1, size)).tolist()
    )
    settings = grid(a=across, b=rng.uniform(0, 1, size).tolist())
    figure = figures.heatmap(
        made_up(settings, per_setting(-np.arange(1, size**2 + 1) / 7e5)), "a", "b"
    )
    axis = main_axis(figure)
    assert_nothing_overlaps(figure, [*ticks(axis.xaxis), *axis.texts])
    assert_nothing_overlaps(figure, [*ticks(axis.yaxis), figure._suptitle, axis.yaxis.label])


def test_a_heatmap_says_over_what_it_averages():
    settings = grid(a=[1, 2], b=[1, 2], noise=[0.0, 0.1], depth=[2])
    title = figures.heatmap(
        made_up(settings, per_setting(np.arange(1, 9))), "a", "b"
    ).get_suptitle()
    assert title == "test loss, mean over noise, 4 seeds\nepoch of lowest validation loss"
    sweep = made_up(grid(a=[1, 2], b=[1, 2]), per_setting(np.arange(1, 5)))
    title = figures.heatmap(sweep, "a", "b").get_suptitle()
    assert title == "test loss, mean over 4 seeds\nepoch of lowest validation loss"
    title = figures.heatmap(sweep, "a", "b", at="last").get_suptitle()
    assert title == "test loss, mean over 4 seeds\nlast trained epoch"


def test_a_heatmap_counts_what_it_leaves_out_and_marks_fields_where_nothing_is_left():
    histories = np.ones((4, SEEDS, 1)) * [[[1]], [[2]], [[3]], [[np.inf]]]
    histories[0, 0] = np.inf
    figure = figures.heatmap(made_up(grid(a=[1, 2], b=[1, 2]), histories), "a", "b")
    assert figure.get_suptitle().endswith("left out: 5 of 16 runs diverged (× all of a field)")
    axis = main_axis(figure)
    assert sorted(texts_of(axis)) == ["1", "2", "3", "×"]
    np.testing.assert_allclose(axis.images[0].get_array().compressed(), [1, 3, 2])


def dots(axis):
    return axis.collections[0]


def test_a_scatter_has_a_dot_for_each_setting():
    settings = points()
    sweep = made_up(settings, per_setting(np.arange(1, 31)), metric="test_accuracy")
    figure = figures.scatter(sweep, "a", "b")
    axis = main_axis(figure)
    np.testing.assert_allclose(dots(axis).get_offsets(), [(s["a"], s["b"]) for s in settings])
    np.testing.assert_allclose(dots(axis).get_array(), np.arange(1, 31))
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "linear")
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("a", "b")
    assert figure.axes[1].get_ylabel() == "test accuracy"
    assert (
        figure.get_suptitle() == "test accuracy, mean over 4 seeds\nepoch of lowest validation loss"
    )


def test_a_scatter_averages_over_seeds_and_marks_what_diverged():
    histories = np.tile(np.arange(1.0, SEEDS + 1)[:, None], (3, 1, 1))
    histories[0, 3] = np.inf
    histories[2] = np.inf
    settings = [
        {"a": 1.0, "b": 1.0, "c": 1},
        {"a": 2.0, "b": 2.0, "c": 2},
        {"a": 3.0, "b": 1e3, "c": 2},
    ]
    figure = figures.scatter(made_up(settings, histories), "a", "b")
    axis = main_axis(figure)
    np.testing.assert_allclose(dots(axis).get_array(), [2.0, 2.5])
    assert axis.lines[0].get_xydata().tolist() == [[3.0, 1e3]]
    assert axis.get_yscale() == "log"
    assert figure.get_suptitle().endswith(
        "\nepoch of lowest validation loss\nnot shown: c\nleft out: 5 of 12 runs diverged (× all "
        "of a setting)"
    )


def test_a_scatter_over_names_has_a_place_for_each():
    settings = [
        {"f": f, "wide": wide, "n": None} for f in ("tanh", "relu") for wide in (True, False)
    ]
    axis = main_axis(figures.scatter(made_up(settings, per_setting([1, 2, 3, 4])), "f", "wide"))
    np.testing.assert_array_equal(dots(axis).get_offsets(), [[0, 0], [0, 1], [1, 0], [1, 1]])
    assert [tick.get_text() for tick in ticks(axis.yaxis)] == ["True", "False"]


def test_long_names_do_not_overlap():
    names = [f"{letter}{'x' * 70}{letter}" for letter in "abcdef"]
    sweep = made_up(grid(a=names, b=names), per_setting(np.arange(1, 37)))
    for draw in (figures.scatter, figures.heatmap):
        figure = draw(sweep, "a", "b")
        for axis in (main_axis(figure).xaxis, main_axis(figure).yaxis):
            assert_nothing_overlaps(figure, ticks(axis))
            ends = [(label.get_text()[0], label.get_text()[-1]) for label in ticks(axis)]
            assert ends == [(letter, letter) for letter in "abcdef"]


def test_functions_are_known_by_their_names():
    sweep = made_up([{"f": np.tanh}, {"f": np.exp}], per_setting([1, 2]))
    assert figures.labels(sweep) == ["f=tanh", "f=exp"]


def test_curves_of_some_settings():
    sweep = made_up([{"a": i} for i in range(9)], per_setting(np.arange(1, 10)) * [1, 2])
    with pytest.raises(
        ValueError,
        match=r"curves: got 9 settings, expected at most 8; choose some.*settings=\[0, 1\]",
    ):
        figures.curves(sweep)
    axis = main_axis(figures.curves(sweep, settings=[7, np.int64(2)]))
    assert legend_of(axis) == ["a=7", "a=2"]
    np.testing.assert_array_equal([line.get_ydata() for line in axis.lines], [[8, 16], [3, 6]])
    for wrong in ([], [9], [-1], [True], ["a"], [0, 0], 3, "0"):
        with pytest.raises(
            ValueError, match=re.escape(f"settings: got {wrong!r}, expected") + ".*from 0 to 8"
        ):
            figures.curves(sweep, settings=wrong)
    with pytest.raises(ValueError, match="got 9 settings, expected at most 8"):
        figures.curves(sweep, settings=range(9))


def test_curves_of_one_epoch_are_seen():
    axis = main_axis(figures.curves(made_up([{"a": 1}], per_setting([1.0]))))
    assert axis.lines[0].get_marker() != "None"
    low, high = axis.get_xlim()
    assert [tick for tick in axis.get_xticks() if low <= tick <= high] == [1]


def test_a_run_that_stopped_early_keeps_its_last_value():
    """Three runs stop at 5, 4 and 3; the one that trains on falls to 1, but the median over all
    does not.
    """
    history = [[[5, NAN, NAN], [6, 4, NAN], [6, 3, NAN], [6, 2, 1]]]
    axis = main_axis(figures.curves(made_up([{}], history)))
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [6, 3.5, 3.5])
    assert "3 of 4 runs stopped early and keep their last value" in axis.get_xlabel()
    axis = main_axis(figures.curves(made_up([{}], [[[3, 2, 1]]])))
    assert axis.get_xlabel() == "epoch"
    diverged = np.array([[[5, np.inf, NAN], [6, 4, 3], [6, 3, 2], [6, 2, 1]]])
    axis = main_axis(figures.curves(made_up([{}], diverged)))
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [6, 3, 2])
    assert axis.get_xlabel() == "epoch"
    assert legend_of(axis) == ["4 seeds: 1 of 4 runs diverged"]


def some_diverged():
    histories = np.ones((3, SEEDS, 2)) * [0.5, 0.6]
    histories[1, :3] = NAN
    histories[2] = NAN
    return made_up(
        [{"learning_rate": rate} for rate in (1e-5, 0.5, 1e30)], histories, "test_accuracy"
    )


def test_settings_that_diverged_are_named():
    labels = legend_of(main_axis(figures.curves(some_diverged())))
    assert labels == [
        "learning_rate=1e-5",
        "learning_rate=0.5: 3 of 4 runs diverged",
        "learning_rate=1e30: all diverged",
    ]
    axis = main_axis(figures.distribution(some_diverged()))
    (text,) = axis.texts
    assert (text.get_text(), text.get_position()[1]) == ("all diverged", 2)
    assert [label.get_text() for label in ticks(axis.yaxis)] == [
        "learning_rate=1e-5",
        "learning_rate=0.5\n3 of 4 runs diverged",
        "learning_rate=1e30",
    ]


def test_settings_that_were_not_trained_are_not_called_diverged():
    sweep = some_diverged()
    sweep.finished[2] = False
    sweep.diverged_step[2] = -1
    assert legend_of(main_axis(figures.curves(sweep)))[2] == "learning_rate=1e30: all unfinished"
    sweep.finished[1, 0] = False
    label = legend_of(main_axis(figures.curves(sweep)))[1]
    assert " ".join(label.split()).endswith(": 2 of 4 runs diverged, 1 of 4 runs unfinished")


@pytest.mark.parametrize("name", DRAWINGS)
def test_where_everything_diverged_there_is_no_figure(name):
    sweep = made_up(grid(a=[1, 2], b=[1, 2]), np.full((1, 1, 3), NAN))
    with pytest.raises(
        ValueError,
        match=rf"{name}: got \d+ runs \(all diverged\), expected .*smaller learning rate",
    ):
        DRAWINGS[name](sweep)


@pytest.mark.parametrize("name", DRAWINGS)
def test_losses_that_are_not_finite_are_no_runs_to_draw(name):
    """A last step may leave finite parameters with an infinite loss, which is no divergence to the
    training.
    """
    sweep = made_up(grid(a=[1, 2], b=[1, 2]), per_setting([1, 2, 3, 4]))
    sweep.history["test_loss"][0, 1:], sweep.history["test_loss"][1] = np.inf, NAN
    DRAWINGS[name](sweep).draw_without_rendering()
    sweep.history["test_loss"][:] = np.inf
    with pytest.raises(ValueError, match="all diverged"):
        DRAWINGS[name](sweep)


def exploding(metric="test_loss", low=0.01):
    histories = per_setting([1, 1.5, 2, 1e6]) * [1, 0.1, low]
    return made_up(grid(a=[1, 2], b=[1, 2]), histories, metric)


def test_a_wide_loss_has_a_log_scale():
    assert main_axis(figures.curves(exploding())).get_yscale() == "log"
    assert main_axis(figures.distribution(exploding())).get_xscale() == "log"
    image = main_axis(figures.heatmap(exploding(), "a", "b")).images[0]
    dots_ = dots(main_axis(figures.scatter(exploding(), "a", "b")))
    for colored in (image, dots_):
        assert colored.norm(0.02) > 0.03  # not flattened onto the lowest color
        assert type(colored.norm).__name__ == "LogNorm"


def test_every_run_of_a_distribution_is_within_the_axes():
    rng = np.random.default_rng(0)
    finals = np.exp(0.1 * rng.normal(size=(4, SEEDS, 1))) * per_setting([0.01, 1, 30, 1e7])
    axis = main_axis(figures.distribution(made_up(grid(a=[1, 2], b=[1, 2]), finals)))
    axis.figure.draw_without_rendering()
    low, high = axis.get_xlim()
    assert low < finals.min() < finals.max() < high


def test_other_scales_stay_linear():
    narrow = made_up([{}], [[[1.0, 0.5, 0.02]]])
    for sweep, metric in ((narrow, "test_loss"), (exploding("test_accuracy"), "test_accuracy")):
        assert main_axis(figures.curves(sweep, metric)).get_yscale() == "linear"
    negative = exploding()
    negative.history["test_loss"][0, 0, 0] = -1.0
    assert main_axis(figures.curves(negative)).get_yscale() == "linear"


def test_a_loss_of_zero_is_seen_beside_one_that_explodes():
    axis = main_axis(figures.curves(exploding(low=0.0)))
    assert axis.get_yscale() == "symlog"
    assert axis.get_ylim()[0] <= 0
    assert (
        axis.transData.transform((1, 1e3))[1] - axis.transData.transform((1, 1))[1] > 50
    )  # pixels


def test_curves_are_told_apart_without_colors():
    """No two lines have the same color, nor, of the pairs that color-blind eyes take for one, the
    same dashes.
    """
    sweep = made_up([{"a": i} for i in range(8)], per_setting(np.arange(1, 9)) * [1, 2])
    lines = main_axis(figures.curves(sweep)).lines
    assert len({line.get_color() for line in lines}) == 8
    assert {line.get_linestyle() for line in lines} == {"-", "--"}


def test_a_notebook_shows_a_figure_without_pyplot():
    drawing, _ = plot.figure()
    assert drawing._repr_png_().startswith(b"\x89PNG")


def test_a_function_that_moved_says_where_it_is():
    with pytest.raises(
        AttributeError, match=r"fnn.plot.regions is now experiments.drawing.regions"
    ):
        _ = plot.regions
