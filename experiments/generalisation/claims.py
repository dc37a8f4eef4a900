"""The claims about generalisation, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import numpy as np

from experiments.claims import (
    Verdict,
    claim,
    depends_on,
    every,
    holds_if,
    mean_interval,
    share_interval,
)
from experiments.generalisation import double_descent, training_loop
from experiments.generalisation.curves import SecondDescent, second_descent, valley

# double_descent


@claim(
    "1.32",
    "double_descent",
    "Beyond the overfitting regime, more parameters or more epochs lower the error on new data "
    "once more.",
)
def below_the_first_minimum(results):
    widths, error, loss = results["widths"], 100 * results["test_error"], results["test_loss"]
    descents = {}
    for name, curves in (("error", error), ("loss", loss)):
        descents[f"{name} over widths with wrong labels"] = second_descent(curves[1, :, :, -1].T)
        descents[f"{name} over widths with right labels"] = second_descent(curves[0, :, :, -1].T)
        descents[f"{name} over epochs with wrong labels"] = second_descent(curves[1, -1])
    noisy, clean, epochs, loss_noisy, *_ = descents.values()
    mean_error, mean_loss = error[..., -1].mean(-1), loss[..., -1].mean(-1)
    minutes = results["cpu_seconds"] / 60 / error.shape[2]
    return depends_on(
        {f"the {name}": found.lower for name, found in descents.items()},
        f"Test errors in %, means over {error.shape[2]} seeds, with "
        f"{100 * results['wrong'][1]:.1f}% wrong labels: "
        f"{path(noisy, mean_error[1], widths)}, the second minimum lower by {noisy.gain} points "
        f"(published, "
        f"one seed: "
        f"{' → '.join(f'{value:g} at h = {h}' for h, value in double_descent.PUBLISHED_ERRORS)}). "
        f"With "
        f"right labels it is "
        f"lower by {clean.gain} points after a rise of {clean.rise}, and over the epochs of the "
        f"widest network with "
        f"wrong ones by {epochs.gain} after a rise of {epochs.rise}. The loss with wrong labels "
        f"goes "
        f"{path(loss_noisy, mean_loss[1], widths)}. What counts is a rise, and a fall below the "
        f"first minimum. All "
        f"this took {results['wall_seconds']:.0f} s and {minutes:.2g} CPU minutes for each seed; "
        f"the "
        "published run took 94 for its one.",
        **{name.replace(" ", "_"): found._asdict() for name, found in descents.items()},
        widths=widths,
        mean_error_with_right_and_wrong_labels=mean_error,
        wall_seconds=results["wall_seconds"],
        cpu_minutes_a_seed=minutes,
    )


def path(found: SecondDescent, curve: np.ndarray, widths: np.ndarray) -> str:
    """First minimum, peak and second minimum with their widths."""
    return " → ".join(
        f"{curve[i]:.4g} at h = {widths[i]}" for i in (found.first, found.peak, found.second)
    )


# grid_search


def chosen(validation: np.ndarray) -> tuple[int, int]:
    """The setting and epoch with the highest mean validation accuracy; a seed that diverged counts
    as nothing right.
    """
    means = np.nan_to_num(validation).mean(axis=1)
    row, epoch = np.unravel_index(means.argmax(), means.shape)
    return int(row), int(epoch)


@claim(
    "1.14",
    "grid_search",
    "Weights and biases are learned; architecture, batch size, learning rate, epochs and "
    "optimiser are set from "
    "outside, for instance by a grid search.",
)
def outside(results):
    parameters, values, names = results["parameters"], results["values"], list(results["names"])
    weights_and_biases = all(name.split()[0].endswith((".W", ".b")) for name in parameters)
    learned = bool(np.array_equal(parameters, results["derivatives"]))
    shape = values[:, [names.index("hidden_layers"), names.index("neurons")]]
    architectures = len(np.unique(shape, axis=0))
    pairs = np.column_stack([shape, results["starts"]])
    alike = len(np.unique(pairs, axis=0)) == architectures
    row, epoch = chosen(results["validation_accuracy"])
    test = np.nan_to_num(results["test_accuracy"])
    gain = mean_interval(100 * (test[row, :, epoch] - test[:, :, -1].mean(axis=0)))
    return holds_if(
        every(weights_and_biases, learned, alike, gain.above(0)),
        f"The parameter tree of the deepest network has the leaves {', '.join(parameters)}, and "
        f"the gradient has "
        f"{'the same ones' if learned else 'others'}; over {len(values)} settings there are as "
        f"many starts as "
        f"architectures, {len(np.unique(results['starts']))} to {architectures}. The grid search "
        f"chose "
        f"{', '.join(f'{n} {v}' for n, v in zip(names, values[row], strict=True))} and "
        f"{epoch + 1} epochs by "
        f"validation: test accuracy {100 * test[row, :, epoch].mean():.1f}%, {gain} points above "
        f"the average setting.",
        parameters=parameters,
        settings=len(values),
        test_accuracy=test[row, :, epoch].mean(),
        gain=gain,
    )


# learning_curves


@claim(
    "1.30",
    "learning_curves",
    "The training loss starts high and falls to a plateau; what the network does elsewhere needs "
    "other data.",
)
def plateau(results):
    train, validation = results["train_loss"], results["validation_loss"]
    half = train.shape[1] // 2
    late = mean_interval(100 * (train[:, half] - train[:, -1]) / (train[:, 0] - train[:, -1]))
    left = mean_interval(train[:, -1] / train[:, 0])
    gap = mean_interval(validation[:, -1] - train[:, -1])
    one, other = results["weights"]
    judged = results["losses_of_two_validations"]
    return holds_if(
        every(
            left.below(0.5),
            late.below(5),
            gap.above(0),
            bool((one == other).all() and judged[0] != judged[1]),
        ),
        f"Mean training loss of {len(train)} seeds: {train[:, 0].mean():.3g} in the first epoch, "
        f"{train[:, -1].mean():.2g} in the last; {late}% of the fall is in the second half, a "
        f"plateau. The validation "
        f"loss ends {gap} above it. With other validation rows, whose loss is {judged[1]:.3g} and "
        f"not "
        f"{judged[0]:.3g}, {np.count_nonzero(one != other)} of {one.size} weights end differently.",
        start=train[:, 0].mean(),
        end=train[:, -1].mean(),
        percent_of_fall_in_second_half=late,
        gap=gap,
        weights_changed_by_validation=np.count_nonzero(one != other),
    )


# polynomial_degree


@claim(
    "4.12",
    "polynomial_degree",
    "A function that fits the training points very well may fail on new ones, and one too simple "
    "fails on both; "
    "simpler functions and regularisation help, and only a validation set shows it.",
)
def validate(results):
    (train, validation, test), ridge = results["errors"][0], results["errors"][1]
    low, degrees = valley(np.log10(validation)), results["degrees"]
    falls = bool((np.diff(train.mean(axis=0)) < 0).all())
    gap, ridge_gap = validation[:, -1] - train[:, -1], ridge[1, :, -1] - ridge[0, :, -1]
    narrower = share_interval(ridge_gap < gap)
    by_training, by_validation = (
        np.take_along_axis(test, by.argmin(axis=1)[:, None], axis=1)[:, 0]
        for by in (train, validation)
    )
    better = mean_interval(np.log10(by_training / by_validation))
    middle = {
        name: np.median(each, axis=0)
        for name, each in (("train", train), ("validation", validation))
    }
    same = bool(results["slope_at_ridge"] < 1e-9)
    return holds_if(
        every(low.interior, falls, narrower.above(0.5), better.above(0), same),
        f"Median mean squared errors over {len(train)} sets of points: training "
        f"{middle['train'][0]:.3f} at degree 1 "
        f"and {middle['train'][-1]:.3f} at {degrees[-1]}, validation "
        f"{middle['validation'][0]:.3f}, "
        f"{middle['validation'][low.bottom]:.3f} at degree {degrees[low.bottom]} and "
        f"{middle['validation'][-1]:.3g} at "
        f"{degrees[-1]}. Ridge narrows the gap of degree {degrees[-1]} in a share of {narrower} "
        f"of the sets, from "
        f"{np.median(gap):.3g} to {np.median(ridge_gap):.3g}. The degree with the lowest training "
        f"error has a test "
        f"error (geometric mean) {10**better.middle:.3g} times that of the degree with the lowest "
        f"validation error.",
        validation_ends_above_lowest_log10=[low.first, low.last],
        degrees=degrees,
        median_training_error=middle["train"],
        median_validation_error=middle["validation"],
        ridge_narrows_gap=narrower,
        training_choice_over_validation_choice_log10=better,
    )


# training_loop


@claim(
    "4.26",
    "training_loop",
    "Each epoch goes through all batches, validates, and saves the model if it is the best so far.",
)
def procedure(results):
    visits, updates, loss = results["visits"], int(results["updates"]), results["validation_loss"]
    once = (
        bool((visits == training_loop.COUNTED["epochs"]).all())
        and updates == training_loop.COUNTED["epochs"] * visits.size // 32
    )
    kept = results["best_epoch"] == loss.argmin(axis=1)
    error = np.abs(results["restored_loss"] / loss.min(axis=1) - 1).max()
    resumed = bool(results["resumed_same"])
    return holds_if(
        every(once, bool(kept.all()), bool(error < 1e-5), resumed),
        f"In {training_loop.COUNTED['epochs']} epochs of {visits.size} examples each was visited "
        f"{visits.min():g} to "
        f"{visits.max():g} times, in {updates} updates. In {kept.sum()} of {len(loss)} seeds the "
        f"kept parameters are "
        f"those of the epoch with the lowest validation loss, and give that loss again to "
        f"{error:.0e}. A run cut off "
        f"after epoch {results['cut_at']} of {loss.shape[1]} and resumed "
        f"{'ends bit for bit as' if resumed else 'ends elsewhere than'} the whole one.",
        visits=[visits.min(), visits.max()],
        updates=updates,
        restored_error=error,
        resumed_same=resumed,
    )


# under_and_overfitting


def fits(results, width: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each seed's network, by position in `widths` and epoch, fits training data and new
    data: a training loss below the lowest test loss of all networks does, and a test loss within a
    tenth of that one.
    """
    train, test = results["train_loss"][width, :, epoch], results["test_loss"]
    lowest = test.mean(axis=1).min()
    return train < lowest, test[width, :, epoch] < 1.1 * lowest


@claim(
    "1.31",
    "under_and_overfitting",
    "Both losses high and close is underfitting, too few epochs or parameters; a low training and "
    "a high validation "
    "loss is overfitting, too many; the optimum lies between.",
)
def between(results):
    train, validation, widths = results["train_loss"], results["validation_loss"], results["widths"]
    by_width, by_epoch = valley(validation[:, :, -1].T), valley(validation[-1])
    w, e = np.unravel_index(validation.mean(axis=1).argmin(), validation.mean(axis=1).shape)
    lowest = validation.mean(axis=1).min()
    close = np.abs(validation - train) < train - lowest
    narrow, short = close[0, :, -1], close[-1, :, 0]
    apart = (train[-1, :, -1] < lowest) & (validation[-1, :, -1] > 1.1 * lowest)
    signatures = [share_interval(seen) for seen in (narrow, short, apart)]
    few, many = ((train[end, :, -1].mean(), validation[end, :, -1].mean()) for end in (0, -1))
    return holds_if(
        every(by_width.interior, by_epoch.interior, *(share.above(0.5) for share in signatures)),
        f"Means of {train.shape[1]} seeds: {widths[0]} hidden unit ends with a training loss of "
        f"{few[0]:.3g} and a "
        f"validation loss of {few[1]:.3g}, high and close in {narrow.sum()} seeds; {widths[-1]} "
        f"with {many[0]:.2g} and "
        f"{many[1]:.3g}, low and far apart in {apart.sum()}, and after the first epoch high and "
        f"close in "
        f"{short.sum()}. The lowest validation loss at the end is that of "
        f"{widths[by_width.bottom]}, {validation[by_width.bottom, :, -1].mean():.3g}, on the "
        f"whole map {lowest:.3g}, "
        f"with {widths[w]} units after {e + 1} epochs.",
        ends_over_widths_above_lowest=[by_width.first, by_width.last],
        ends_over_epochs_above_lowest=[by_epoch.first, by_epoch.last],
        underfitting_seen=signatures[:2],
        overfitting_seen=signatures[2],
    )


@claim(
    "4.23",
    "under_and_overfitting",
    "Overfitting is a good fit to the training data with bad predictions for new data.",
)
def overfitting(results):
    found = judged(results, {"too wide and trained too long": (-1, -1)}, (True, False))
    line = (
        "A fit to the training data is a loss below that one, and a fit to new data a loss at "
        "most a tenth above it."
    )
    return found._replace(evidence=f"{found.evidence} {line}")


@claim(
    "4.24",
    "under_and_overfitting",
    "Underfitting is a bad fit to the training data, with bad predictions for new data as well.",
)
def underfitting(results):
    found = judged(results, {"too narrow": (0, -1), "trained too short": (-1, 0)}, (False, False))
    line = (
        "A fit to the training data is a loss below that one, and a fit to new data a loss at "
        "most a tenth above it."
    )
    return found._replace(evidence=f"{found.evidence} {line}")


def judged(results, corners: dict[str, tuple[int, int]], answer: tuple[bool, bool]) -> Verdict:
    """Holds where most seeds in each of these corners of the map fit (training data, new data) as
    the answer says.
    """
    shares, said = {}, []
    for name, (width, epoch) in corners.items():
        train, new = fits(results, width, epoch)
        agree = (train == answer[0]) & (new == answer[1])
        shares[name.replace(" ", "_")] = share_interval(agree)
        means = [results[split][width, :, epoch].mean() for split in ("train_loss", "test_loss")]
        said.append(
            f"{agree.sum()} of {agree.size} networks that are {name}, mean losses {means[0]:.3g} "
            f"and {means[1]:.3g}"
        )
    return holds_if(
        every(*(share.above(0.5) for share in shares.values())),
        f"By the losses on training and test rows this is so in {'; '.join(said)}. The lowest "
        f"mean test loss of all "
        f"widths and epochs is {results['test_loss'].mean(axis=1).min():.3g}.",
        **shares,
    )
