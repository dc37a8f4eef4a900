"""The claims about gradient descent, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import numpy as np

from experiments.claims import claim, depends_on, every, holds_if, mean_interval, share_interval
from experiments.descent import (
    cliff,
    cubic_fit,
    learning_rates,
    newton,
    parabola,
    stationary_points,
)

# basins


FLAT = 1e-9  # a gradient shorter than this counts as none


@claim(
    "0.13",
    "basins",
    "Following the gradient from a random point until convergence ends at a local minimum, which "
    "need not be the "
    "lowest.",
)
def ends_at_a_local_minimum(results):
    gradient, lowest = results["gradient"].max(), results["eigenvalues"][:, 0].min()
    minima, counts = np.unique(results["loss"].round(8), return_counts=True)
    best = share_interval(results["loss"] < minima[0] + 1e-7)
    return holds_if(
        bool(gradient < FLAT and lowest > 0 and len(minima) > 1),
        f"One tanh neuron with two weights, {counts.sum()} random starts: the largest ‖∇L‖ at an "
        f"end is "
        f"{gradient:.0e}, and the lowest Hessian eigenvalue there {lowest:.3g}, so that all are "
        f"minima. They have "
        f"{len(minima)} different losses, {', '.join(f'{each:.3f}' for each in minima)}; share of "
        f"starts that reach "
        f"the lowest: {best}.",
        losses=minima,
        starts=counts,
        largest_gradient=gradient,
        lowest_eigenvalue=lowest,
        share_lowest=best,
    )


# cliff


@claim(
    "2.27",
    "cliff",
    "A small gradient leaves the parameters almost where they are; a large one sends them "
    "far away.",
)
def extreme_gradients(results):
    rate, steps = results["learning_rate"], cliff.lengths(results["plain"])
    expected = rate * np.linalg.norm(results["slopes"][:-1], axis=1)
    error = np.abs(steps / expected - 1).max()
    alone = np.abs(np.abs(results["moves"]) / (rate * results["gradients"]) - 1).max()
    way = np.linalg.norm(results["plain"][0] - cliff.MINIMUM)
    return holds_if(
        every(bool(max(error, alone) < 1e-9), bool(steps[0] < 0.1 * way), bool(steps.max() > way)),
        f"Every step is η‖g‖ long, within {max(error, 1e-16):.0e}, for gradients of one parameter "
        f"from "
        f"{results['gradients'][0]:.0e} to {results['gradients'][-1]:.0e} too. On the plateau the "
        f"first step is "
        f"{steps[0] / way:.1%} of the way to the minimum; the one from the wall, where ‖g‖ = "
        f"{expected.max() / rate:.3g}, is {steps.max() / way:.1f} times the way.",
        plateau_step=steps[0],
        wall_step=steps.max(),
        way=way,
        moves=results["moves"],
    )


@claim(
    "2.30",
    "cliff",
    "Without clipping the path is thrown far off at a cliff; with clipping it stays near.",
    figure="paths",
)
def cliff_paths(results):
    limit = results["learning_rate"] * results["threshold"]
    plain, clipped = cliff.lengths(results["plain"]).max(), cliff.lengths(results["clipped"]).max()
    ends = {
        name: np.linalg.norm(results[name][-1] - cliff.MINIMUM) for name in ("plain", "clipped")
    }
    return holds_if(
        every(
            bool(clipped <= limit * (1 + 1e-12)),
            bool(plain > 10 * limit),
            bool(ends["clipped"] < ends["plain"]),
        ),
        f"The longest step is {plain:.3g} without and {clipped:.3g} with the norm clipped at "
        f"{results['threshold']:g}, "
        f"where ηv = {limit:g}. After {len(results['plain']) - 1} steps the paths are "
        f"{ends['plain']:.3g} and "
        f"{ends['clipped']:.3g} from the minimum.",
        longest_plain=plain,
        longest_clipped=clipped,
        end_plain=ends["plain"],
        end_clipped=ends["clipped"],
    )


# clipping


@claim(
    "2.28",
    "clipping",
    "Clipping every entry of a gradient loses its direction, but works well in practice.",
)
def by_value(results):
    turns, accuracy = results["angle"][0], np.nan_to_num(results["accuracy"], nan=0.5)
    plain, value, norm = (mean_interval(each) for each in accuracy)
    behind = mean_interval(accuracy[2] - accuracy[1])
    return holds_if(
        every(
            bool(np.median(turns) > 1 and round(float(results["pair_angle"]), 2) == 5.14),
            round(float(results["pair_norm"]), 3) == 1.005,
            bool(results["twice"][0].max() == 0),
            behind.below(0.01),
            value.above(0.95),
        ),
        f"(10, 0.1) clipped at 1 turns by {results['pair_angle']:.2f}° and has norm "
        f"{results['pair_norm']:.3f}; the "
        f"gradients of {turns.size} networks turn by {np.median(turns):.1f}° (median); clipping "
        f"twice changes nothing "
        f"more. Test accuracy on two moons at rate {results['learning_rate']:g}: {value} by "
        f"value, {norm} by norm "
        f"({behind} more), {plain} without clipping.",
        median_angle=np.median(turns),
        accuracy_by_value=value,
        accuracy_by_norm=norm,
        accuracy_without=plain,
    )


@claim(
    "2.29",
    "clipping",
    "Clipping by norm, g ← v g/‖g‖ where ‖g‖ > v, keeps the direction and limits the norm to v.",
)
def by_norm(results):
    turns, after, limit = results["angle"][1].max(), results["after"][1], results["norm_limit"]
    clipped_share = (results["before"] > limit).mean()
    limited = bool((after <= limit * (1 + 1e-12)).all())
    others = (
        (results["below"][1] == 0).all()
        and (results["zero"] == 0).all()
        and np.isnan(results["nan"]).all()
    )
    return holds_if(
        every(bool(turns < 1e-6), bool(clipped_share > 0), limited, bool(others)),
        f"{clipped_share:.0%} of the gradients of {after.size} networks are longer than v = "
        f"{limit:g}: they turn by at "
        f"most {max(turns, 1e-16):.0e}°, and none is longer than v after it. Shorter ones stay as "
        f"they are, zero stays "
        f"zero, and a NaN shows in every entry.",
        largest_angle=turns,
        largest_norm=after.max(),
        share_clipped=clipped_share,
    )


# cubic_fit


@claim(
    "4.8",
    "cubic_fit",
    "Gradient descent on the summed squared error fits a cubic; the loss has one minimum, "
    "whatever the start.",
)
def every_start_arrives(results):
    loss, minimum = results["loss"][0, -1], results["minimum"][0]
    distance = np.abs(results["reached"] - results["least_squares"][0]).max()
    return holds_if(
        bool(distance < 1e-6),
        f"{next(iter(cubic_fit.POINTS))}, rate {results['rates'][-1]:g}: from {len(loss)} starts "
        f"the "
        f"weights end within "
        f"{distance:.1e} of least squares "
        f"({', '.join(f'{w:.6f}' for w in results['least_squares'][0])}), loss "
        f"{minimum:.6f}.",
        distance=distance,
        least_squares=results["least_squares"][0],
        minimum=minimum,
    )


@claim(
    "4.9",
    "cubic_fit",
    "Four starts, near and far, all descend to the same minimum.",
)
def starts(results):
    losses, minimum = results["loss"][0, -1], results["minimum"][0]
    steps = [cubic_fit.arrival(loss, minimum, 1e-3) for loss in losses]
    distance = np.abs(results["reached"] - results["least_squares"][0]).max(axis=1)
    return holds_if(
        all(step is not None for step in steps) and bool((distance < 1e-6).all()),
        f"Losses at the starts {', '.join(f'{loss[0]:.4g}' for loss in losses)}; updates to a "
        f"thousandth of the "
        f"starting excess at {results['rates'][-1]:g}: {', '.join(map(str, steps))}. In the end "
        f"all are within "
        f"{distance.max():.0e} of the weights of least squares.",
        starting_losses=losses[:, 0],
        updates=steps,
    )


@claim(
    "4.10",
    "cubic_fit",
    "The rate 2e-5 is slow and 7.5e-4 is fast.",
)
def rates(results):
    low, high = (
        [
            (loss, minimum, 1e-3)
            for loss, minimum in zip(results["loss"][:, r, 3], results["minimum"], strict=True)
        ]
        for r in (0, 1)
    )
    slow_steps, fast_steps = ([cubic_fit.arrival(*each) for each in at] for at in (low, high))
    fast = [
        quick is not None and (slow is None or quick < slow)
        for slow, quick in zip(slow_steps, fast_steps, strict=True)
    ]
    said = [
        f"{name}: {cubic_fit.verdict(*a)} and {cubic_fit.verdict(*b)}"
        for name, a, b in zip(cubic_fit.POINTS, low, high, strict=True)
    ]
    return depends_on(
        dict(zip(cubic_fit.POINTS, fast, strict=True)),
        "Updates from zero to a thousandth of the starting excess at "
        f"{' and '.join(f'{r:g}' for r in results['rates'])}, for {'; '.join(said)}. The points "
        f"are not printed; the "
        "critical rates of the three sets tried here, above which descent diverges, are "
        f"{', '.join(f'{rate:.3g}' for rate in results['critical_rate'])}.",
        slow=slow_steps,
        fast=fast_steps,
        critical_rate=results["critical_rate"],
    )


@claim(
    "4.11",
    "cubic_fit",
    "The curve of the loss shows whether training works.",
)
def monitored(results):
    below = results["critical_rate"][:, None] > results["rates"]
    falls = (np.diff(results["loss"][:, :, :, :20], axis=-1) <= 0).all(axis=(-1, -2))
    return holds_if(
        bool((falls == below).all()),
        f"In the first 20 updates the loss falls at every step exactly where the rate is below "
        f"the critical one: "
        f"{int((falls == below).sum())} of {below.size} pairs of points and rate.",
        falls=falls,
        below_critical=below,
    )


# double_well


MARGIN = 0.05  # by how much larger a share of escapes has to be


@claim(
    "1.22",
    "double_well",
    "Gradient descent is costly on much data and can be stuck in a local minimum; mini-batches "
    "help with both.",
)
def stochastic_escapes(results):
    sizes, n = results["batch_sizes"], int(results["examples"])
    escaped = [[share_interval(ends < 0) for ends in of_size] for of_size in results["ends"]]
    updates = results["updates"].mean(axis=(1, 2))
    expected = np.ceil(n / sizes)
    full = escaped[-1][-1]
    cheap = bool(np.array_equal(updates, expected))
    found = zip(sizes, escaped, updates, strict=True)
    words = "; ".join(
        f"B = {size}: {shares[-1]}, updates an epoch {count:g}" for size, shares, count in found
    )
    return depends_on(
        {
            f"batches of {size}": every(cheap, shares[-1].above(full.high + MARGIN))
            for size, shares in zip(sizes[:-1], escaped, strict=False)
        },
        f"Share of {results['ends'].shape[-1]} starts in the shallow well that end in the deep "
        f"one, at rate "
        f"{results['learning_rates'][-1]:g}: {words}. An update costs B example gradients, so an "
        f"epoch costs the same "
        f"{n} whatever B.",
        batch_sizes=sizes,
        escaped=[[each.middle for each in shares] for shares in escaped],
        single=escaped[0][-1],
        full=full,
        updates=updates,
    )


# fixed_point


@claim(
    "0.26",
    "fixed_point",
    "Training searches a fixed point, which is the optimum of the loss.",
    figure="residuals",
)
def fixed_points(results):
    residual, gradient, special = (
        results["residual"],
        results["gradient"],
        results["special_residual"],
    )
    error = np.abs(residual / (results["rate"] * gradient) - 1)[gradient > 1e-6].max()
    shrinks = share_interval(residual[:, -1] < 0.01 * residual[:, 0])
    optimal = share_interval(results["loss"][:, -1] < 1e-3)
    names = (
        "the network with weights 0 and output bias ½",
        "the saddle of x² − y²",
        "the maximum of −x²",
    )
    return depends_on(
        {"most random starts": every(bool(error < 1e-6), shrinks.above(0.5), optimal.above(0.5))}
        | {name: bool(each > 0) for name, each in zip(names, special, strict=True)},
        f"‖T(W) − W‖ is η‖∇L‖ within {error:.0e} and falls to a hundredth from a share of "
        f"{shrinks} of "
        f"{len(residual)} starts, with a loss below 0.001 at the end from {optimal}. It is "
        f"{special[0]:g}, "
        f"{special[1]:g} and {special[2]:g} at three points that are no minima, too; at the "
        f"network's the loss is "
        f"{results['special_loss']:g}.",
        error=error,
        shrinks=shrinks,
        optimal=optimal,
        special=special,
    )


# learning_rates


@claim(
    "0.12",
    "learning_rates",
    "Repeating a ← a − η∇F(a) goes on until it has converged; η decides how it behaves.",
    figure="rates",
)
def converges(results):
    converged, below = (
        np.isfinite(learning_rates.steps_needed(results)),
        results["rates"] < results["limit"],
    )
    error = np.abs(learning_rates.measured_factor(results) - results["predicted"]).max()
    as_predicted = bool(error < 1e-6)
    return depends_on(
        {
            "rates below 2/λmax": as_predicted and bool(converged[below].all()),
            "rates of 2/λmax and above": as_predicted and bool(converged[~below].all()),
        },
        f"On a quadratic with 2/λmax = {results['limit']:g} it converges at "
        f"{converged[below].sum()} of {below.sum()} "
        f"rates below and {converged[~below].sum()} of {(~below).sum()} rates from there on. The "
        f"distance shrinks by "
        f"max |1 − ηλ| a step, within {max(error, 1e-16):.0e}.",
        rates=results["rates"],
        converged=converged,
        measured_factor=learning_rates.measured_factor(results),
        predicted_factor=results["predicted"],
    )


@claim(
    "2.20",
    "learning_rates",
    "A smaller learning rate descends more slowly.",
    figure="curves",
)
def lower_is_slower(results):
    steps, rates = learning_rates.steps_needed(results), results["rates"]
    gentle = rates <= results["turning"]
    doubled = [
        steps[i] / steps[i + 1]
        for i in range(len(rates) - 1)
        if rates[i + 1] < 0.1 * results["limit"]
    ]
    beyond = steps[~gentle]
    return depends_on(
        {
            "rates up to 2/(λmin + λmax)": bool((np.diff(steps[gentle]) < 0).all()),
            "higher rates": bool((beyond[1:] < beyond[:-1]).all()),
        },
        f"Steps to {learning_rates.TOLERANCE:g} of the starting distance: {steps[0]:.0f} at η = "
        f"{rates[0]:g}, as "
        f"1/η while that is "
        f"small (at half the rate {min(doubled):.2f} to {max(doubled):.2f} times as many), "
        f"{steps[gentle].min():.0f} "
        f"at {rates[gentle][-1]:.3g}, and more again above, up to "
        f"{beyond[np.isfinite(beyond)].max(initial=0):.0f}; "
        f"never at {np.isinf(steps).sum()} of {len(rates)} rates, the lowest of them η = "
        f"{rates[np.isinf(steps)].min(initial=np.inf):g}, where 2/λmax is {results['limit']:g}.",
        rates=rates,
        steps=steps,
        halving=doubled,
    )


# newton


@claim(
    "0.10",
    "newton",
    "Many data and parameters make an analytical solution hard, so that a heuristic has to do.",
)
def solving_is_hard(results):
    sizes, ratio = (
        results["parameters"],
        results["newton_operations"] / results["gradient_operations"],
    )
    growth = np.polyfit(np.log(sizes), np.log(ratio), 1)[0]
    kinds = newton.outcomes(results)
    shares = [share_interval(kinds == number) for number in range(3)]
    better = share_interval(
        np.nan_to_num(results["loss"][1], nan=np.inf)
        < np.nan_to_num(results["loss"][0], nan=np.inf)
    )
    return holds_if(
        every(
            bool(growth > 0.8 and ratio[-1] > sizes[-1] / 2),
            shares[0].below(0.5),
            better.above(0.5),
        ),
        f"A linear model is solved by one Newton step (‖∇L‖ {results['linear_gradient']:.0e}). "
        f"For a 2-h-1 network a "
        f"step costs {ratio[0]:.0f} gradients at {sizes[0]} parameters and {ratio[-1]:.0f} at "
        f"{sizes[-1]}, growing as "
        f"P^{growth:.2f}. Of {kinds.size} starts of one with {results['solved_parameters']} "
        f"parameters, Newton's "
        f"method leads a share of {shares[0]} to a minimum and {shares[1]} to another stationary "
        f"point, the others to "
        f"none; gradient descent ends with a lower loss in {better}.",
        parameters=sizes,
        gradients_a_newton_step=ratio,
        growth=growth,
        minima=shares[0],
        descent_lower=better,
    )


# parabola


@claim(
    "4.2",
    "parabola",
    "The minimum of f(x) = x² is where its derivative 2x is zero, at x = 0.",
    figure="traces",
)
def derivative_is_zero(results):
    zeros, lowest, error = results["zeros"], results["lowest"], results["slope_error"].max()
    return holds_if(
        bool(error < 1e-14 and len(zeros) == 1 and zeros[0] == lowest[0] == 0),
        f"On 10,001 points of [−5, 5] the derivative is zero at "
        f"{', '.join(f'{x:g}' for x in zeros)} and f least at "
        f"{lowest[0]:g}; 2x and automatic differentiation differ by at most {error:.1g}.",
        zeros=zeros,
        lowest=lowest,
        slope_error=error,
    )


@claim(
    "4.3",
    "parabola",
    "Starting at a random x, update x by the derivative while f′(x) ≠ 0: so the minimum is found.",
    "loop",
)
def loop_ends(results):
    rates, fates, traces = results["rates"], results["fates"], results["traces"]
    ends = (fates == "ends").all(axis=1)
    at = {
        fate: ", ".join(f"{r:g}" for r in rates[(fates == fate).any(axis=1)]) or "none"
        for fate in parabola.FATES
    }
    counts = [
        f"{np.median(n):.0f} at {r:g}"
        for r, n in zip(rates[ends], results["steps"][ends], strict=True)
    ]
    monotone = (np.diff(np.abs(traces), axis=1) <= 0).all(axis=1)
    same_side = (traces[:, 1] >= 0) & monotone
    nearer = np.abs(traces[:, -1]) < np.abs(traces[:, 0])
    return depends_on(
        {f"lr = {rate:g}": end for rate, end in zip(rates, ends, strict=True)},
        f"In float64, from {fates.shape[1]} starts, it stalls at subnormal numbers for the rates "
        f"{at['stalls']}, goes "
        f"back and forth between two numbers for {at['two-cycle']}, and overflows for "
        f"{at['overflows']}. Steps where "
        f"it ends: {', '.join(counts)}. x approaches 0 from one side up to lr = "
        f"{rates[same_side].max(initial=0):g}, "
        f"and is nearer to it after {traces.shape[1] - 1} steps up to lr = "
        f"{rates[nearer].max(initial=0):g}: at these "
        "it is not the descent that fails but the test, which should ask for a small slope.",
        rates=rates,
        ends=ends,
        steps=np.median(results["steps"], axis=1),
    )


# stationary_points


AT_REST = 1e-9  # a gradient or a step shorter than this counts as none


@claim(
    "0.9",
    "stationary_points",
    "Setting the gradient to zero and checking the solutions tells minima, maxima and saddles.",
    "chain",
)
def classified(results):
    ends, eigenvalues = results["newton_end"], results["newton_eigenvalues"]
    solved = results["newton_gradient"] < AT_REST
    origin = solved & (np.abs(ends).max(axis=1) < 1e-6)
    valley = solved & (np.abs(ends.prod(axis=1) - stationary_points.C) < 1e-6)
    low, high = eigenvalues[:, 0], eigenvalues[:, 1]
    at_origin = (
        " and ".join(f"{value:.3g}" for value in eigenvalues[origin].mean(axis=0))
        if origin.any()
        else "none"
    )
    saddle = bool(origin.any() and (low[origin] < -1e-3).all() and (high[origin] > 1e-3).all())
    minima = bool(
        valley.any()
        and (low[valley] > -1e-6).all()
        and (results["newton_loss"][valley] < 1e-12).all()
    )
    return holds_if(
        every(saddle, minima, bool((origin | valley)[solved].all())),
        f"Linear 1-1-1 chain, L = (w₁w₂ − {stationary_points.C:g})²: Newton's method on ∇L = 0 "
        f"solves it from "
        f"{solved.sum()} of "
        f"{solved.size} random starts, {origin.sum()} times at the origin, with Hessian "
        f"eigenvalues "
        f"{at_origin}, a strict saddle, {valley.sum()} times on w₁w₂ = {stationary_points.C:g}, "
        f"the minima with "
        f"loss 0, and "
        f"{(solved & (high < -1e-6)).sum()} times at a maximum. On that curve the lower "
        f"eigenvalue is 0 (within "
        f"{np.abs(low[valley]).max(initial=0):.0e}), so that there the loss decides and not the "
        f"Hessian.",
        origin=origin.sum(),
        valley=valley.sum(),
        unsolved=(~solved).sum(),
        eigenvalues_at_origin=eigenvalues[origin].mean(axis=0),
    )


@claim(
    "1.21",
    "stationary_points",
    "Updates go on until the weights no longer change, which means that a minimum is reached.",
    "chain",
)
def rest_is_a_minimum(results):
    at_rest, lowest = {}, {}
    for name in ("random", "ridge"):
        at_rest[name] = results[f"{name}_last_step"] < AT_REST
        lowest[name] = results[f"{name}_eigenvalues"][:, 0]
    minimum = {name: lowest[name][at_rest[name]] > -1e-6 for name in at_rest}
    return holds_if(
        every(*(bool(each.all()) if each.size else None for each in minimum.values())),
        f"Of {minimum['random'].size} descents of the 1-1-1 chain from random weights that came "
        f"to rest, "
        f"{minimum['random'].sum()} did so at a minimum, and {minimum['ridge'].sum()} of "
        f"{minimum['ridge'].size} that "
        f"started with w₁ = −w₂. These take steps below {AT_REST:g} at the end; the lowest "
        f"eigenvalue of the Hessian "
        f"there is {lowest['ridge'].min():.3g} and the loss {results['ridge_loss'].max():.3g}, as "
        f"on the saddle. "
        "Weights that no longer change show a stationary point, not a minimum.",
        minima_from_random=share_interval(minimum["random"]) if minimum["random"].size else None,
        minima_from_ridge=minimum["ridge"].sum(),
        eigenvalue_at_rest=lowest["ridge"].min(),
    )


# steepest_descent


TOLERANCE = 1e-6  # of a slope relative to ‖∇F‖: what these differences leave in float64


@claim(
    "0.11",
    "steepest_descent",
    "From any point a differentiable function falls fastest along its negative gradient.",
    figure="slopes",
)
def falls_fastest(results):
    slopes, beaten = results["slopes"], results["beaten"].mean(axis=1)
    lowest, error = slopes.min(), np.abs(results["special"][..., 0] + 1).max()
    return holds_if(
        bool(lowest >= -1 - TOLERANCE and error < TOLERANCE),
        f"The lowest slope along {slopes.size:,} random unit directions at {slopes[..., 0].size} "
        f"points is "
        f"{lowest:.6f} ‖∇F‖, and along −∇F/‖∇F‖ it is −‖∇F‖ within {error:.0e} of it. It is a "
        f"statement about short "
        f"steps: over a length of {results['lengths'][-1]:g} the random directions that fall "
        f"further are "
        f"{beaten[0, -1]:.0%} (Beale) and {beaten[1, -1]:.0%} (network).",
        lowest_slope=lowest,
        error_along_gradient=error,
        lengths=results["lengths"],
        share_that_falls_further=beaten,
    )


@claim(
    "1.20",
    "steepest_descent",
    "The gradient is the list of the derivatives by each of the n inputs, and points where the "
    "function grows fastest.",
    figure="slopes",
)
def rises_fastest(results):
    highest, error = results["slopes"].max(), np.abs(results["special"][..., 1] - 1).max()
    printed = results["special"][..., 2]
    fastest = bool(highest <= 1 + TOLERANCE)
    return depends_on(
        {
            "all n derivatives": fastest and bool(error < TOLERANCE),
            "the list as printed, which has ∂f/∂x₁ twice and no ∂f/∂x₂": fastest
            and bool((printed > 1 - 1e-3).all()),
        },
        f"The largest slope along {results['slopes'].size:,} random unit directions is "
        f"{highest:.6f} ‖∇f‖, and along "
        f"∇f/‖∇f‖ it is ‖∇f‖ within {error:.0e} of it. Along the printed list it is "
        f"{printed[0].mean():.2f} ‖∇f‖ on "
        f"average for Beale's function, and {printed.min():.2f} ‖∇f‖ at worst.",
        highest_slope=highest,
        error_along_gradient=error,
        printed_slopes=printed,
    )


# step_list


@claim(
    "2.19",
    "step_list",
    "From a random start, compute the slope, multiply it by the rate, subtract, and repeat steps "
    "3 to 5 of the list "
    "until the slope is almost zero; stochastic descent uses one random example at a time.",
)
def list_of_steps(results):
    slope = np.abs(2 * results["anew"])
    done = (slope < 1e-6).argmax(axis=1)
    nearest, bias = np.abs(results["kept"][:, -1]).min(), results["bias"].max()
    end = mean_interval(results["one_example"][:, -1])
    return depends_on(
        {
            "a list that computes the slope anew": bool((slope[:, -1] < 1e-6).all()),
            "one random example a step, on average": every(
                bool(bias < 1e-12), end.within(-0.2, 0.2)
            ),
            "steps 3 to 5 as numbered in print, which keep the first slope": bool(nearest < 1e-6),
        },
        f"On x² the slope falls below 1e-6 after {done.min()} to {done.max()} steps, from "
        f"{len(done)} starts. In print "
        "the start is an item below step 1, so that steps 3 to 5 by number are the size of the "
        "step, the update and "
        f"the repetition: the slope is not computed again, and after {slope.shape[1] - 1} steps x "
        f"is at least "
        f"{nearest:.2g} from the minimum. One random example costs 1/{results['examples']} of the "
        f"gradient; the single "
        f"ones average to it within {max(bias, 1e-16):.0e}, and descent by them ends {end} from "
        f"the minimum.",
        steps=done,
        distance_with_slope_kept=nearest,
        bias=bias,
        end_with_one_example=end,
    )


# step_size


@claim(
    "3.5",
    "step_size",
    "Each update is a small step whose size is the negative gradient.",
)
def step_of_the_gradient(results):
    loss, rates = results["train_loss"], results["rates"]
    falls = [share_interval(each[:, 1] < each[:, 0]) for each in loss]
    ratio = results["first_step"] / results["gradient"]
    return holds_if(
        every(falls[0].above(0.5), bool(np.abs(ratio[0] - 1).max() < 1e-9)),
        f"Taken literally the first step is as long as ∇L, {results['gradient'][0].mean():.3g} on "
        f"average, and the "
        f"share of {loss.shape[1]} 2-8-1 networks whose loss it lowers is {falls[0]}. The notes' "
        f"formula w − μ∇L "
        f"takes the gradient as a direction: at μ = {rates[-2]:g} the step is "
        f"{ratio[-2].mean():.6g} ‖∇L‖ long, within "
        f"{results['angle'].max():.0e} rad of −∇L, and the share is {falls[-2]}.",
        falls_without_rate=falls[0],
        falls_with_rate=falls[-2],
        length_over_gradient=ratio.mean(axis=1),
    )


@claim(
    "4.22",
    "step_size",
    "A learning rate is there to temper the magnitude of the gradient; not against overfitting, "
    "nor as a condition for "
    "speed, nor to find the direction.",
)
def tempers_the_magnitude(results):
    train, test, rates = results["train_loss"], results["test_loss"], results["rates"]
    half, learned = (
        train.shape[-1] // 2,
        [share_interval(each[:, -1] < 0.5 * each[:, 0]) for each in train],
    )
    gap = (test[-2:] - train[-2:]) / results["rows"]
    change = mean_interval(gap[1, :, -1] - gap[0, :, half])
    cost = train[-2, :, half].mean() / results["rows"]
    slower = share_interval(train[-1, :, -1] > train[-2, :, -1])
    return holds_if(
        every(
            learned[0].below(0.1),
            learned[-2].above(0.9),
            bool(results["angle"].max() < 1e-6),
            slower.above(0.5),
            change.within(-0.05 * cost, 0.05 * cost),
        ),
        f"Share of {train.shape[1]} starts whose training loss halves: {learned[0]} without a "
        f"rate, {learned[-2]} at "
        f"{rates[-2]:g}. The quiz's other answers: it turns no step by more than "
        f"{results['angle'].max():.0e} rad; "
        f"half of it makes training slower from a share of {slower}, so that it is not there for "
        f"speed; and half of it "
        f"for twice the steps changes the test loss minus the training loss by {change} an "
        f"example, where the training "
        f"loss is {cost:.3g} and the difference {gap[0, :, half].mean():.2g}: within a twentieth "
        f"it has no part in "
        "overfitting here.",
        rates=rates,
        learned=[each.middle for each in learned],
        change_of_gap=change,
        slower_at_half=slower,
    )


# training_procedure


@claim(
    "0.25",
    "training_procedure",
    "The fixed-point procedure: for each epoch reset the optimizer, compute the loss and "
    "propagate it back; the losses "
    "are kept in a history.",
)
def procedure(results):
    names, loss, epochs = results["names"], results["loss"], results["loss"].shape[-1] - 1
    fell = [share_interval(kept[:, -1] < 0.1 * kept[:, 0]) for kept, _ in loss]
    same = [bool(moved.max() < 1e-12) for moved in results["moved"]]
    ends = np.median(loss[..., -1], axis=-1)
    words = "; ".join(
        f"{name} {kept:.1g} and {reset:.1g}"
        for name, (kept, reset) in zip(names, ends, strict=True)
    )
    settled = np.abs(np.diff(loss[0, 0], axis=-1)) < 1e-12
    entries = results["printed_entries"]
    return depends_on(
        {"reset() of the gradients": every(*(each.above(0.5) for each in fell))}
        | {
            f"reset() of the state of {name}": bool(each)
            for name, each in zip(names, same, strict=True)
        }
        | {
            "the history, which is appended to after the loop": bool((entries == epochs).all()),
            "stopping at convergence": not settled[:, :-1].any(),
        },
        f"Where reset() clears gradients, a share of {fell[0]} of {loss.shape[2]} SGD runs lower "
        f"the loss to a tenth. "
        f"Median loss after {epochs} epochs without, and with the optimizer's state reset each "
        f"epoch: {words}. As "
        f"indented in print the history has {entries.max()} entry; its append belongs inside the "
        f"loop. Nothing tests "
        f"for convergence: {settled[:, -2].mean():.0%} of the SGD runs go on after the loss has "
        f"ceased to change.",
        falls=[each.middle for each in fell],
        largest_move_by_reset=results["moved"].max(axis=1),
        printed_entries=entries,
    )
