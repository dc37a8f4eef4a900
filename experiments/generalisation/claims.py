"""The claims about generalisation, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import numpy as np

from experiments.claims import (
    Interval,
    claim,
    depends_on,
    every,
    holds_if,
    mean_interval,
    named,
    share_interval,
)
from experiments.generalisation import training_loop
from experiments.generalisation.curves import SecondDescent, second_descent, valley
from experiments.generalisation.double_descent import PUBLISHED_ERRORS, RIGHT, WRONG

# double_descent


@claim(
    "1.32",
    "double_descent",
    "Beyond the overfitting regime, more parameters or more epochs lower the error on new data "
    "once more.",
    code="train",
)
def below_the_first_minimum(results):
    error = 100 * results["test_error"]
    loss = results["test_loss"]
    descents = descents_of(error, "error") | descents_of(loss, "loss")
    noisy = descents["error over widths with wrong labels"]
    clean = descents["error over widths with right labels"]
    epochs = descents["error over epochs with wrong labels"]
    seeds = error.shape[2]
    mean_error = error[..., -1].mean(axis=-1)
    cpu_minutes = results["cpu_seconds"] / 60 / seeds
    published = ", then ".join(f"{value:g} at h = {width}" for width, value in PUBLISHED_ERRORS)
    path = path_of(noisy, mean_error[WRONG], results["widths"])
    wrong = 100 * results["wrong"][WRONG]
    widths = f"Test error in %, {seeds} seeds, {wrong:.1f}% wrong labels: {path} (published: "
    gains = f"The second minimum lies lower by {noisy.gain} points, by {clean.gain} with right "
    over_epochs = f"labels, and over the epochs of the widest network by {epochs.gain}."
    return depends_on(
        {f"the {name}": descent.lower for name, descent in descents.items()},
        f"{widths}{published}). {gains}{over_epochs}",
        **{name.replace(" ", "_"): descent._asdict() for name, descent in descents.items()},
        widths=results["widths"],
        mean_error_with_right_and_wrong_labels=mean_error,
        mean_loss_with_right_and_wrong_labels=loss[..., -1].mean(axis=-1),
        wall_seconds=results["wall_seconds"],
        cpu_minutes_a_seed=cpu_minutes,
    )


def descents_of(curves: np.ndarray, name: str) -> dict[str, SecondDescent]:
    """Find the second descents over widths, and over the epochs of the widest network.

    curves  (noise, widths, seeds, epochs)
    """
    by_width = curves[..., -1]
    return {
        f"{name} over widths with wrong labels": second_descent(by_width[WRONG].T),
        f"{name} over widths with right labels": second_descent(by_width[RIGHT].T),
        f"{name} over epochs with wrong labels": second_descent(curves[WRONG, -1]),
    }


def path_of(descent: SecondDescent, curve: np.ndarray, widths: np.ndarray) -> str:
    """Return first minimum, peak and second minimum of a curve with their widths as text."""
    positions = (descent.first, descent.peak, descent.second)
    return ", then ".join(f"{curve[i]:.4g} at h = {widths[i]}" for i in positions)


# grid_search


def chosen(validation: np.ndarray) -> tuple[int, int]:
    """Return the setting and the epoch with the highest mean validation accuracy.

    A seed that diverged counts as nothing right.

    validation  (settings, seeds, epochs)
    """
    means = np.nan_to_num(validation).mean(axis=1)
    row, epoch = np.unravel_index(means.argmax(), means.shape)
    return int(row), int(epoch)


@claim(
    "1.14",
    "grid_search",
    "Weights and biases are learned. Architecture, batch size, learning rate, epochs and "
    "optimiser are set from outside, for instance by a grid search.",
    code="search",
)
def outside(results):
    parameters, values, names = results["parameters"], results["values"], list(results["names"])
    leaves = [name.split()[0] for name in parameters]
    are_weights_and_biases = all(leaf.endswith((".W", ".b")) for leaf in leaves)
    are_learned = bool(np.array_equal(parameters, results["derivatives"]))
    architecture = values[:, [names.index("hidden_layers"), names.index("neurons")]]
    architectures = len(np.unique(architecture, axis=0))
    pairs = np.column_stack([architecture, results["starts"]])
    decides_start = len(np.unique(pairs, axis=0)) == architectures
    row, epoch = chosen(results["validation_accuracy"])
    accuracy = 100 * np.nan_to_num(results["test_accuracy"])
    best = accuracy[row, :, epoch]
    gain = mean_interval(best - accuracy[:, :, -1].mean(axis=0))
    setting = ", ".join(f"{name} {value}" for name, value in zip(names, values[row], strict=True))
    tree = f"The parameters have the leaves {', '.join(parameters)}."
    starts = f"Of {len(values)} settings, {architectures} architectures differ in their start."
    search = (
        f"Chosen by validation: {setting}, {epoch + 1} epochs. Test accuracy {best.mean():.1f}%"
    )
    return holds_if(
        every(are_weights_and_biases, are_learned, decides_start, gain.above(0)),
        f"{tree} {starts} {search}, {gain} points above the average setting.",
        leaves=len(parameters),
        leaves_of_gradient=len(results["derivatives"]),
        settings=len(values),
        starts=len(np.unique(results["starts"])),
        test_accuracy=best.mean() / 100,
        gain=gain,
    )


# learning_curves


@claim(
    "1.30",
    "learning_curves",
    "The training loss starts high and falls to a plateau. What the network does elsewhere needs "
    "other data.",
)
def plateau(results):
    train, validation = results["train_loss"], results["validation_loss"]
    first, last = train[:, 0], train[:, -1]
    half = train[:, train.shape[1] // 2]
    left = mean_interval(last / first)
    fall = first - last
    late = mean_interval(100 * (half - last) / fall)
    gap = mean_interval(validation[:, -1] - last)
    one, other = results["weights"]
    changed = np.count_nonzero(one != other)
    loss, other_loss = results["losses_of_two_validations"]
    has_no_part = changed == 0 and loss != other_loss
    curve = f"Mean training loss of {len(train)} seeds: {first.mean():.3g} in the first epoch, "
    plateau = f"{last.mean():.2g} in the last; {late}% of the fall is in the second half."
    above = f"The validation loss ends {gap} above it. Other validation rows, with a loss of "
    rows = f"{other_loss:.3g} and not {loss:.3g}, change {changed} of {one.size} weights."
    return holds_if(
        every(left.below(0.5), late.below(5), gap.above(0), bool(has_no_part)),
        f"{curve}{plateau} {above}{rows}",
        start=first.mean(),
        end=last.mean(),
        percent_of_fall_in_second_half=late,
        gap=gap,
        weights_changed_by_validation=changed,
    )


# polynomial_degree


@claim(
    "4.12",
    "polynomial_degree",
    "A function that fits the training points very well may fail on new ones, and one too simple "
    "fails on both. Simpler functions and regularisation help, and only a validation set shows it.",
    code="fitted",
)
def validate(results):
    (train, validation, test), (ridge_train, ridge_validation, _) = results["errors"]
    degrees = results["degrees"]
    low = valley(np.log10(validation))
    falls = bool((np.diff(train.mean(axis=0)) < 0).all())
    gap = validation[:, -1] - train[:, -1]
    ridge_gap = ridge_validation[:, -1] - ridge_train[:, -1]
    narrower = share_interval(ridge_gap < gap)
    ratio = error_at_lowest(test, train) / error_at_lowest(test, validation)
    worse = mean_interval(np.log10(ratio))
    is_minimum = bool(results["slope_at_ridge"] < 1e-9)
    train_median = np.median(train, axis=0)
    median = np.median(validation, axis=0)
    best, last = degrees[low.bottom], degrees[-1]
    lowest = f"Median validation error of {len(train)} sets: {median[0]:.3f} at degree 1, "
    ends = f"{median[low.bottom]:.3f} at {best} and {median[-1]:.3g} at {last}, where training has "
    ridge = f"{train_median[-1]:.3f}. Ridge narrows the gap of degree {last} in {narrower} of sets."
    choice = f"The degree of least training error has {10**worse.middle:.3g} times the test error "
    return holds_if(
        every(low.interior, falls, narrower.above(0.5), worse.above(0), is_minimum),
        f"{lowest}{ends}{ridge} {choice}of the one of least validation error.",
        validation_ends_above_lowest_log10=[low.first, low.last],
        degrees=degrees,
        median_training_error=train_median,
        median_validation_error=median,
        median_gap_without_and_with_ridge=[np.median(gap), np.median(ridge_gap)],
        ridge_narrows_gap=narrower,
        training_choice_over_validation_choice_log10=worse,
    )


def error_at_lowest(test: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return each set's test error at the degree where its other errors are lowest, (seeds,).

    test, errors  (seeds, degrees)
    """
    degree = errors.argmin(axis=1)
    return test[np.arange(len(test)), degree]


# training_loop


@claim(
    "4.26",
    "training_loop",
    "Each epoch goes through all batches, validates, and saves the model if it is the best so far.",
    code="count_visits",
)
def procedure(results):
    visits, updates = results["visits"], int(results["updates"])
    epochs = training_loop.EPOCHS
    loss = results["validation_loss"]
    batches = visits.size // training_loop.BATCH
    visits_all = bool((visits == epochs).all() and updates == epochs * batches)
    keeps_best = results["best_epoch"] == loss.argmin(axis=1)
    error = np.abs(results["restored_loss"] / loss.min(axis=1) - 1).max()
    is_same = bool(results["resumed_same"])
    visited = f"In {epochs} epochs each example was visited {visits.min():g} to {visits.max():g} "
    kept = (
        f"The epoch of lowest validation loss was kept in {keeps_best.sum()} of {len(loss)} seeds"
    )
    ends = "ends bit for bit as" if is_same else "ends elsewhere than"
    resumed = f"A run cut off after epoch {results['cut_at']} and resumed {ends} the whole one."
    return holds_if(
        every(visits_all, bool(keeps_best.all()), bool(error < 1e-5), is_same),
        f"{visited}times, in {updates} updates. {kept}, to {error:.0e}. {resumed}",
        visits=[visits.min(), visits.max()],
        updates=updates,
        restored_error=error,
        resumed_same=is_same,
    )


# under_and_overfitting


FIT_LINE = (
    "A fit to the training data is a loss below the lowest mean test loss of all networks, and a "
    "fit to new data one at most a tenth above it."
)


def fits(results, width: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each seed's network fits training data, and whether it fits new data.

    width, epoch  positions in the results
    """
    train = results["train_loss"][width, :, epoch]
    test = results["test_loss"][width, :, epoch]
    lowest = results["test_loss"].mean(axis=1).min()
    return train < lowest, test < 1.1 * lowest


@claim(
    "1.31",
    "under_and_overfitting",
    "Both losses high and close is underfitting, too few epochs or parameters. A low training and "
    "a high validation loss is overfitting, too many. The optimum lies between.",
    code="train",
)
def between(results):
    train, validation, widths = results["train_loss"], results["validation_loss"], results["widths"]
    by_width = valley(validation[:, :, -1].T)
    by_epoch = valley(validation[-1])
    lowest = validation.mean(axis=1).min()
    is_close = np.abs(validation - train) < train - lowest
    is_apart = (train < lowest) & (validation > 1.1 * lowest)
    shares = {
        "too narrow": share_interval(is_close[0, :, -1]),
        "trained too short": share_interval(is_close[-1, :, 0]),
        "too wide": share_interval(is_apart[-1, :, -1]),
    }
    optimum_is_between = every(by_width.interior, by_epoch.interior)
    signs_are_seen = every(*(share.above(0.5) for share in shares.values()))
    few = mean_losses(train[0, :, -1], validation[0, :, -1])
    many = mean_losses(train[-1, :, -1], validation[-1, :, -1])
    best, best_loss = widths[by_width.bottom], validation[by_width.bottom, :, -1].mean()
    ends = f"Mean training and validation loss: {few} of {widths[0]} unit, {many} of {widths[-1]}."
    optimum = f"The lowest validation loss at the end is {best_loss:.3g}, of {best} units."
    signs = f"Shares of seeds whose losses show it: {named(shares)}."
    return holds_if(
        every(optimum_is_between, signs_are_seen),
        f"{ends} {optimum} {signs}",
        ends_over_widths_above_lowest=[by_width.first, by_width.last],
        ends_over_epochs_above_lowest=[by_epoch.first, by_epoch.last],
        signs_seen=shares,
        lowest_validation_loss=lowest,
    )


def mean_losses(train: np.ndarray, new: np.ndarray) -> str:
    """Return the means of two losses over seeds as text."""
    return f"{train.mean():.2g} and {new.mean():.3g}"


@claim(
    "4.23",
    "under_and_overfitting",
    "Overfitting is a good fit to the training data with bad predictions for new data.",
    code="train",
)
def overfitting(results):
    is_fit, predicts = fits(results, -1, -1)
    share = share_interval(is_fit & ~predicts)
    losses = mean_losses(results["train_loss"][-1, :, -1], results["test_loss"][-1, :, -1])
    return holds_if(
        share.above(0.5),
        f"The widest networks, trained longest, have mean losses of {losses} on training and test "
        f"rows. A good fit with bad predictions is seen in {share} of them. {FIT_LINE}",
        too_wide_and_trained_too_long=share,
    )


@claim(
    "4.24",
    "under_and_overfitting",
    "Underfitting is a bad fit to the training data, with bad predictions for new data as well.",
    code="train",
)
def underfitting(results):
    narrow, narrow_losses = underfit_share(results, 0, -1)
    short, short_losses = underfit_share(results, -1, 0)
    are_seen = every(narrow.above(0.5), short.above(0.5))
    losses = "mean losses on training and test rows of"
    too_narrow = f"The narrowest networks have {losses} {narrow_losses}, and {narrow} underfit."
    too_short = f"The widest after one epoch have {short_losses}, and {short} underfit."
    return holds_if(
        are_seen,
        f"{too_narrow} {too_short} {FIT_LINE}",
        too_narrow=narrow,
        trained_too_short=short,
    )


def underfit_share(results, width: int, epoch: int) -> tuple[Interval, str]:
    """Return the share of seeds that fit neither data, and the mean losses as text."""
    is_fit, predicts = fits(results, width, epoch)
    train = results["train_loss"][width, :, epoch]
    test = results["test_loss"][width, :, epoch]
    return share_interval(~is_fit & ~predicts), mean_losses(train, test)
