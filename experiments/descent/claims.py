"""The claims about gradient descent, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import numpy as np

from experiments.claims import (
    claim,
    depends_on,
    every,
    holds_if,
    listed,
    mean_interval,
    share_interval,
)
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
    "need not be the lowest.",
    code="descend",
)
def ends_at_a_local_minimum(results):
    gradient = results["gradient"].max()
    lowest = results["eigenvalues"][:, 0].min()
    minima, counts = np.unique(results["loss"].round(8), return_counts=True)
    starts = counts.sum()
    share = share_interval(results["loss"] < minima[0] + 1e-7)
    are_minima = gradient < FLAT and lowest > 0
    several = len(minima) > 1
    at_rest = (
        f"One tanh neuron with two weights, {starts} random starts: the largest ‖∇L‖ at an end is "
        f"{gradient:.0e}, and the lowest Hessian eigenvalue {lowest:.3g}, so all are minima."
    )
    different = f"They have {len(minima)} different losses, {listed(minima, '.3f')}."
    reached = f"Share of starts that reach the lowest: {share}."
    return holds_if(
        bool(are_minima and several),
        f"{at_rest} {different} {reached}",
        losses=minima,
        starts=counts,
        largest_gradient=gradient,
        lowest_eigenvalue=lowest,
        share_lowest=share,
    )


# cliff


@claim(
    "2.27",
    "cliff",
    "A small gradient leaves the parameters almost where they are; a large one sends them "
    "far away.",
    code="descend",
)
def extreme_gradients(results):
    rate = results["learning_rate"]
    gradients = results["gradients"]
    steps = cliff.lengths(results["plain"])
    slopes = np.linalg.norm(results["slopes"][:-1], axis=1)
    error_on_path = np.abs(steps / (rate * slopes) - 1).max()
    error_alone = np.abs(np.abs(results["moves"]) / (rate * gradients) - 1).max()
    error = max(error_on_path, error_alone)
    way = np.linalg.norm(results["plain"][0] - cliff.MINIMUM)
    plateau = steps[0] / way
    wall = steps.max() / way
    length = f"Every step is η‖g‖ long, within {max(error, 1e-16):.0e}."
    alone = (
        f"So are those of one parameter, for gradients from {gradients[0]:.0e} to "
        f"{gradients[-1]:.0e}."
    )
    far = (
        f"On the plateau the first step is {plateau:.1%} of the way to the minimum; the one from "
        f"the wall, where ‖g‖ = {slopes.max():.3g}, is {wall:.1f} times the way."
    )
    return holds_if(
        every(bool(error < 1e-9), bool(plateau < 0.1), bool(wall > 1)),
        f"{length} {alone} {far}",
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
    code="descend",
)
def cliff_paths(results):
    threshold = results["threshold"]
    limit = results["learning_rate"] * threshold
    plain = cliff.lengths(results["plain"]).max()
    clipped = cliff.lengths(results["clipped"]).max()
    end_plain = np.linalg.norm(results["plain"][-1] - cliff.MINIMUM)
    end_clipped = np.linalg.norm(results["clipped"][-1] - cliff.MINIMUM)
    limited = clipped <= limit * (1 + 1e-12)
    thrown_off = plain > 10 * limit
    nearer = end_clipped < end_plain
    steps = len(results["plain"]) - 1
    longest = (
        f"The longest step is {plain:.3g} without and {clipped:.3g} with the norm clipped at "
        f"{threshold:g}, where ηv = {limit:g}."
    )
    ends = (
        f"After {steps} steps the paths are {end_plain:.3g} and {end_clipped:.3g} from the minimum."
    )
    return holds_if(
        every(bool(limited), bool(thrown_off), bool(nearer)),
        f"{longest} {ends}",
        longest_plain=plain,
        longest_clipped=clipped,
        end_plain=end_plain,
        end_clipped=end_clipped,
    )


# clipping


@claim(
    "2.28",
    "clipping",
    "Clipping every entry of a gradient loses its direction, but works well in practice.",
    code="examine",
)
def by_value(results):
    turns = results["angle"][0]
    median = np.median(turns)
    pair_angle = float(results["pair_angle"])
    pair_norm = float(results["pair_norm"])
    accuracy = np.nan_to_num(results["accuracy"], nan=0.5)
    plain, value, norm = map(mean_interval, accuracy)
    behind = mean_interval(accuracy[2] - accuracy[1])
    loses_direction = median > 1 and round(pair_angle, 2) == 5.14
    has_printed_norm = round(pair_norm, 3) == 1.005
    changes_once = results["twice"][0].max() == 0
    pair = f"(10, 0.1) clipped at 1 turns by {pair_angle:.2f}° and has norm {pair_norm:.3f}."
    networks = (
        f"The gradients of {turns.size} networks turn by {median:.1f}° (median); clipping twice "
        "changes nothing more."
    )
    practice = (
        f"Test accuracy on two moons at rate {results['learning_rate']:g}: {value} by value, "
        f"{norm} by norm ({behind} more), {plain} without clipping."
    )
    return holds_if(
        every(
            bool(loses_direction),
            has_printed_norm,
            bool(changes_once),
            behind.below(0.01),
            value.above(0.95),
        ),
        f"{pair} {networks} {practice}",
        median_angle=median,
        accuracy_by_value=value,
        accuracy_by_norm=norm,
        accuracy_without=plain,
    )


@claim(
    "2.29",
    "clipping",
    "Clipping by norm, g ← v g/‖g‖ where ‖g‖ > v, keeps the direction and limits the norm to v.",
    code="examine",
)
def by_norm(results):
    limit = results["norm_limit"]
    turns = results["angle"][1].max()
    after = results["after"][1]
    share = (results["before"] > limit).mean()
    keeps_direction = turns < 1e-6
    limited = (after <= limit * (1 + 1e-12)).all()
    short_unchanged = (results["below"][1] == 0).all()
    zero_unchanged = (results["zero"] == 0).all()
    nan_shows = np.isnan(results["nan"]).all()
    longer = (
        f"{share:.0%} of the gradients of {after.size} networks are longer than v = {limit:g}: "
        f"they turn by at most {max(turns, 1e-16):.0e}°, and none is longer than v after it."
    )
    rest = "Shorter ones stay as they are, zero stays zero, and a NaN shows in every entry."
    return holds_if(
        every(
            bool(keeps_direction),
            bool(share > 0),
            bool(limited),
            bool(short_unchanged and zero_unchanged and nan_shows),
        ),
        f"{longer} {rest}",
        largest_angle=turns,
        largest_norm=after.max(),
        share_clipped=share,
    )


# cubic_fit

TOLERANCE = 1e-3  # of the loss above the minimum, relative to that at the start


@claim(
    "4.8",
    "cubic_fit",
    "Gradient descent on the summed squared error fits a cubic; the loss has one minimum, "
    "whatever the start.",
    code="descend",
)
def every_start_arrives(results):
    points = next(iter(cubic_fit.POINTS))
    rate = results["rates"][-1]
    weights = results["least_squares"][0]
    minimum = results["minimum"][0]
    reached = results["reached"]
    distance = np.abs(reached - weights).max()
    ends = (
        f"{points}, rate {rate:g}: from {len(reached)} starts the weights end within "
        f"{distance:.1e} of least squares."
    )
    fit = f"That is {listed(weights, '.6f')}, with the loss {minimum:.6f}."
    return holds_if(
        bool(distance < 1e-6),
        f"{ends} {fit}",
        distance=distance,
        least_squares=weights,
        minimum=minimum,
    )


@claim(
    "4.9",
    "cubic_fit",
    "Four starts, near and far, all descend to the same minimum.",
    code="descend",
)
def starts(results):
    loss_of_starts = results["loss"][0, -1]
    first_losses = loss_of_starts[:, 0]
    minimum = results["minimum"][0]
    updates = [cubic_fit.arrival(loss, minimum, TOLERANCE) for loss in loss_of_starts]
    distance = np.abs(results["reached"] - results["least_squares"][0]).max(axis=1)
    all_arrive = None not in updates
    same_minimum = (distance < 1e-6).all()
    far = f"The losses at the starts are {listed(first_losses, '.4g')}."
    arrival = (
        f"Updates to a thousandth of the starting excess at {results['rates'][-1]:g}: "
        f"{', '.join(map(str, updates))}."
    )
    ends = f"In the end all are within {distance.max():.0e} of the weights of least squares."
    return holds_if(
        all_arrive and bool(same_minimum),
        f"{far} {arrival} {ends}",
        starting_losses=first_losses,
        updates=updates,
    )


@claim(
    "4.10",
    "cubic_fit",
    "The rate 2e-5 is slow and 7.5e-4 is fast.",
    code="descend",
)
def rates(results):
    from_zero = results["loss"][:, :, 3]
    critical = results["critical_rate"]
    slow_steps, fast_steps, cases, fates = [], [], {}, []
    for points, (at_low, at_high), minimum in zip(
        cubic_fit.POINTS, from_zero, results["minimum"], strict=True
    ):
        slow = cubic_fit.arrival(at_low, minimum, TOLERANCE)
        fast = cubic_fit.arrival(at_high, minimum, TOLERANCE)
        slow_steps.append(slow)
        fast_steps.append(fast)
        cases[points] = fast is not None and (slow is None or fast < slow)
        fate_at_low = cubic_fit.verdict(at_low, minimum, TOLERANCE)
        fate_at_high = cubic_fit.verdict(at_high, minimum, TOLERANCE)
        fates.append(f"{points}: {fate_at_low} and {fate_at_high}")
    low, high = results["rates"]
    updates = (
        f"Updates from zero to a thousandth of the starting excess at {low:g} and {high:g}, for "
        f"{'; '.join(fates)}."
    )
    limits = (
        "The points are not printed; for the three sets tried here descent diverges above the "
        f"rates {listed(critical, '.3g')}."
    )
    return depends_on(
        cases, f"{updates} {limits}", slow=slow_steps, fast=fast_steps, critical_rate=critical
    )


@claim(
    "4.11",
    "cubic_fit",
    "The curve of the loss shows whether training works.",
    code="descend",
)
def monitored(results):
    below_critical = results["critical_rate"][:, None] > results["rates"]
    changes = np.diff(results["loss"][:, :, :, :20], axis=-1)
    falls = (changes <= 0).all(axis=(-1, -2))
    agree = falls == below_critical
    evidence = (
        "In the first 20 updates the loss falls at every step exactly where the rate is below the "
        f"critical one: {agree.sum()} of {agree.size} pairs of points and rate."
    )
    return holds_if(bool(agree.all()), evidence, falls=falls, below_critical=below_critical)


# double_well

MARGIN = 0.05  # by how much larger a share of escapes has to be


@claim(
    "1.22",
    "double_well",
    "Gradient descent is costly on much data and can be stuck in a local minimum; mini-batches "
    "help with both.",
    code="descend",
)
def stochastic_escapes(results):
    sizes = results["batch_sizes"]
    n = int(results["examples"])
    rate = results["learning_rates"][-1]
    starts = results["ends"].shape[-1]
    escaped = [[share_interval(ends < 0) for ends in of_size] for of_size in results["ends"]]
    at_last_rate = [shares[-1] for shares in escaped]
    *of_batches, full = at_last_rate
    updates = results["updates"].mean(axis=(1, 2))
    cheap = np.array_equal(updates, np.ceil(n / sizes))
    cases = {}
    for size, share in zip(sizes, of_batches, strict=False):
        cases[f"batches of {size}"] = every(cheap, share.above(full.high + MARGIN))
    shares = [f"B = {size}: {share}" for size, share in zip(sizes, at_last_rate, strict=True)]
    ends = (
        f"Share of {starts} starts in the shallow well that end in the deep one, at rate "
        f"{rate:g}: {'; '.join(shares)}."
    )
    cost = (
        f"An epoch has {listed(updates, 'g')} updates of B example gradients, so it costs the same "
        f"{n} whatever B."
    )
    return depends_on(
        cases,
        f"{ends} {cost}",
        batch_sizes=sizes,
        escaped=[[share.middle for share in shares] for shares in escaped],
        single=escaped[0][-1],
        full=full,
        updates=updates,
    )


# fixed_point

FIXED_POINTS = (
    "the network with weights 0 and output bias ½",
    "the saddle of x² − y²",
    "the maximum of −x²",
)


@claim(
    "0.26",
    "fixed_point",
    "Training searches a fixed point, which is the optimum of the loss.",
    figure="residuals",
    code="train",
)
def fixed_points(results):
    residual = results["residual"]
    gradient = results["gradient"]
    special = results["special_residual"]
    ratio = residual / (results["rate"] * gradient)
    error = np.abs(ratio - 1)[gradient > 1e-6].max()
    shrinks = share_interval(residual[:, -1] < 0.01 * residual[:, 0])
    optimal = share_interval(results["loss"][:, -1] < 1e-3)
    is_gradient = bool(error < 1e-6)
    cases = {"most random starts": every(is_gradient, shrinks.above(0.5), optimal.above(0.5))}
    for point, length in zip(FIXED_POINTS, special, strict=True):
        cases[point] = bool(length > 0)
    falls = (
        f"‖T(W) − W‖ is η‖∇L‖ within {error:.0e} and falls to a hundredth from a share of "
        f"{shrinks} of {len(residual)} starts, with a loss below 0.001 at the end from {optimal}."
    )
    others = (
        f"It is {listed(special, 'g')} at three points that are no minima, too; at the network's "
        f"the loss is {results['special_loss']:g}."
    )
    return depends_on(
        cases,
        f"{falls} {others}",
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
    code="descend",
)
def converges(results):
    rates = results["rates"]
    limit = results["limit"]
    converged = np.isfinite(learning_rates.steps_needed(results))
    factor = learning_rates.measured_factor(results)
    error = np.abs(factor - results["predicted"]).max()
    as_predicted = bool(error < 1e-6)
    below = converged[rates < limit]
    above = converged[rates >= limit]
    where = (
        f"On a quadratic with 2/λ_max = {limit:g} it converges at {below.sum()} of {below.size} "
        f"rates below and {above.sum()} of {above.size} rates from there on."
    )
    speed = f"The distance shrinks by max |1 − ηλ| a step, within {max(error, 1e-16):.0e}."
    return depends_on(
        {
            "rates below 2/λ_max": as_predicted and bool(below.all()),
            "rates of 2/λ_max and above": as_predicted and bool(above.all()),
        },
        f"{where} {speed}",
        rates=rates,
        converged=converged,
        measured_factor=factor,
        predicted_factor=results["predicted"],
    )


@claim(
    "2.20",
    "learning_rates",
    "A smaller learning rate descends more slowly.",
    figure="curves",
    code="descend",
)
def lower_is_slower(results):
    rates = results["rates"]
    limit = results["limit"]
    steps = learning_rates.steps_needed(results)
    gentle = rates <= results["turning"]
    up_to_turning = steps[gentle]
    beyond = steps[~gentle]
    at_small_rates = steps[rates < 0.1 * limit]
    doubled = at_small_rates[:-1] / at_small_rates[1:]
    slowest = beyond[np.isfinite(beyond)].max(initial=0)
    never = rates[np.isinf(steps)]
    small = (
        f"Steps to {learning_rates.TOLERANCE:g} of the starting distance: {steps[0]:.0f} at η = "
        f"{rates[0]:g}; at half the rate {doubled.min():.2f} to {doubled.max():.2f} times as many, "
        "while η is small."
    )
    large = (
        f"They are {up_to_turning.min():.0f} at {rates[gentle][-1]:.3g}, and more again above, up "
        f"to {slowest:.0f}."
    )
    diverging = f"All {len(rates)} rates get there; 2/λ_max is {limit:g}."
    if len(never) > 0:
        diverging = (
            f"Of {len(rates)} rates {len(never)} never get there, the lowest of them η = "
            f"{never.min():g}, where 2/λ_max is {limit:g}."
        )
    return depends_on(
        {
            "rates up to 2/(λ_min + λ_max)": bool((np.diff(up_to_turning) < 0).all()),
            "higher rates": bool((beyond[1:] < beyond[:-1]).all()),
        },
        f"{small} {large} {diverging}",
        rates=rates,
        steps=steps,
        halving=doubled,
    )


# newton


@claim(
    "0.10",
    "newton",
    "Many data and parameters make an analytical solution hard, so that a heuristic has to do.",
    code="newton_end",
)
def solving_is_hard(results):
    sizes = results["parameters"]
    ratio = results["newton_operations"] / results["gradient_operations"]
    growth = np.polyfit(np.log(sizes), np.log(ratio), 1)[0]
    kinds = newton.outcomes(results)
    minima = share_interval(kinds == 0)
    others = share_interval(kinds == 1)
    of_newton, of_descent = np.nan_to_num(results["loss"], nan=np.inf)
    better = share_interval(of_descent < of_newton)
    costly = growth > 0.8 and ratio[-1] > sizes[-1] / 2
    linear = (
        f"A linear model is solved by one Newton step (‖∇L‖ {results['linear_gradient']:.0e}); for "
        f"a 2-h-1 network a step costs {ratio[0]:.0f} gradients at {sizes[0]} parameters and "
        f"{ratio[-1]:.0f} at {sizes[-1]}, growing as P^{growth:.2f}."
    )
    solved = (
        f"With {results['solved_parameters']} parameters, {kinds.size} starts, Newton's method "
        f"leads a share of {minima} to a minimum and {others} to another stationary point, the "
        "others to none."
    )
    descent = f"Gradient descent ends with a lower loss in {better}."
    return holds_if(
        every(bool(costly), minima.below(0.5), better.above(0.5)),
        f"{linear} {solved} {descent}",
        parameters=sizes,
        gradients_a_newton_step=ratio,
        growth=growth,
        minima=minima,
        descent_lower=better,
    )


# parabola


@claim(
    "4.2",
    "parabola",
    "The minimum of f(x) = x² is where its derivative 2x is zero, at x = 0.",
    figure="traces",
    code="derivative_on_grid",
)
def derivative_is_zero(results):
    zeros = results["zeros"]
    lowest = results["lowest"]
    error = results["slope_error"].max()
    at_zero = len(zeros) == 1 and zeros[0] == lowest[0] == 0
    where = (
        f"On 10,001 points of [−5, 5] the derivative is zero at {listed(zeros, 'g')} and f least "
        f"at {lowest[0]:g}."
    )
    derivative = f"2x and automatic differentiation differ by at most {error:.1g}."
    return holds_if(
        bool(error < 1e-14 and at_zero),
        f"{where} {derivative}",
        zeros=zeros,
        lowest=lowest,
        slope_error=error,
    )


@claim(
    "4.3",
    "parabola",
    "Starting at a random x, update x by the derivative while f′(x) ≠ 0: so the minimum is found.",
    figure="loop",
    code="literal_loop",
)
def loop_ends(results):
    rates = results["rates"]
    fates = results["fates"]
    steps = np.median(results["steps"], axis=1)
    ends = (fates == "ends").all(axis=1)
    rates_of = {}
    for fate in parabola.FATES:
        has_fate = (fates == fate).any(axis=1)
        rates_of[fate] = listed(rates[has_fate], "g") or "none"
    counts = [f"{n:.0f} at {rate:g}" for rate, n in zip(rates[ends], steps[ends], strict=True)]
    distance = np.abs(results["traces"])
    nearer = rates[distance[:, -1] < distance[:, 0]].max(initial=0)
    floats = (
        f"In float64, from {fates.shape[1]} starts, it stalls at subnormal numbers for the rates "
        f"{rates_of['stalls']}, goes back and forth between two numbers for "
        f"{rates_of['two-cycle']}, and overflows for {rates_of['overflows']}."
    )
    ending = f"Steps where it ends: {', '.join(counts)}."
    descent = (
        f"After {distance.shape[1] - 1} steps x is nearer to 0 up to lr = {nearer:g}: at these it "
        "is not the descent that fails but the test, which should ask for a small slope."
    )
    return depends_on(
        {f"lr = {rate:g}": end for rate, end in zip(rates, ends, strict=True)},
        f"{floats} {ending} {descent}",
        rates=rates,
        ends=ends,
        steps=steps,
    )


# stationary_points

AT_REST = 1e-9  # a gradient or a step shorter than this counts as none


@claim(
    "0.9",
    "stationary_points",
    "Setting the gradient to zero and checking the solutions tells minima, maxima and saddles.",
    figure="chain",
    code="follow",
)
def classified(results):
    c = stationary_points.C
    ends = results["newton_end"]
    low, high = results["newton_eigenvalues"].T
    is_solved = results["newton_gradient"] < AT_REST
    at_origin = is_solved & (np.abs(ends).max(axis=1) < 1e-6)
    in_valley = is_solved & (np.abs(ends.prod(axis=1) - c) < 1e-6)
    elsewhere = is_solved & ~at_origin & ~in_valley
    maxima = is_solved & (high < -1e-6)
    has_both_signs = (low < -1e-3) & (high > 1e-3)
    is_saddle = at_origin.any() and has_both_signs[at_origin].all()
    has_no_loss = (results["newton_loss"][in_valley] < 1e-12).all()
    are_minima = in_valley.any() and (low[in_valley] > -1e-6).all() and has_no_loss
    eigenvalues = results["newton_eigenvalues"][at_origin].mean(axis=0) if at_origin.any() else []
    flat = np.abs(low[in_valley]).max(initial=0)
    solved = (
        f"Linear 1-1-1 chain, L = (w₁w₂ − {c:g})²: Newton's method solves ∇L = 0 from "
        f"{is_solved.sum()} of {is_solved.size} random starts."
    )
    kinds = (
        f"{at_origin.sum()} are at the origin, a strict saddle with Hessian eigenvalues "
        f"{listed(eigenvalues, '.3g') or 'none'}; {in_valley.sum()} on w₁w₂ = {c:g}, the minima "
        f"with loss 0; {maxima.sum()} at a maximum."
    )
    valley = (
        f"On that curve the lower eigenvalue is 0 (within {flat:.0e}), so that there the loss "
        "decides and not the Hessian."
    )
    return holds_if(
        every(bool(is_saddle), bool(are_minima), not elsewhere.any()),
        f"{solved} {kinds} {valley}",
        origin=at_origin.sum(),
        valley=in_valley.sum(),
        unsolved=(~is_solved).sum(),
        eigenvalues_at_origin=eigenvalues,
    )


@claim(
    "1.21",
    "stationary_points",
    "Updates go on until the weights no longer change, which means that a minimum is reached.",
    figure="chain",
    code="follow",
)
def rest_is_a_minimum(results):
    random = minima_at_rest(results, "random")
    ridge = minima_at_rest(results, "ridge")
    lowest = results["ridge_eigenvalues"][:, 0].min()
    loss = results["ridge_loss"].max()
    descents = (
        f"Of {random.size} descents of the 1-1-1 chain from random weights that came to rest, "
        f"{random.sum()} did so at a minimum, and {ridge.sum()} of {ridge.size} that started with "
        "w₁ = −w₂."
    )
    saddle = (
        f"These take steps below {AT_REST:g} at the end; the lowest Hessian eigenvalue there is "
        f"{lowest:.3g} and the loss {loss:.3g}, as on the saddle."
    )
    meaning = "Weights that no longer change show a stationary point, not a minimum."
    return holds_if(
        every(*(bool(minima.all()) if minima.size else None for minima in (random, ridge))),
        f"{descents} {saddle} {meaning}",
        minima_from_random=share_interval(random) if random.size else None,
        minima_from_ridge=ridge.sum(),
        eigenvalue_at_rest=lowest,
    )


def minima_at_rest(results, starts: str) -> np.ndarray:
    """Return which of the descents that came to rest did so at a minimum."""
    is_at_rest = results[f"{starts}_last_step"] < AT_REST
    lowest = results[f"{starts}_eigenvalues"][:, 0]
    return lowest[is_at_rest] > -1e-6


# steepest_descent

SLOPE_ERROR = 1e-6  # of a slope relative to ‖∇F‖: what these differences leave in float64


@claim(
    "0.11",
    "steepest_descent",
    "From any point a differentiable function falls fastest along its negative gradient.",
    figure="slopes",
    code="examine",
)
def falls_fastest(results):
    slopes = results["slopes"]
    points = slopes[..., 0].size
    lowest = slopes.min()
    error = np.abs(results["special"][..., 0] + 1).max()
    further = results["beaten"].mean(axis=1)
    beale, network = further[:, -1]
    along = (
        f"The lowest slope along {slopes.size:,} random unit directions at {points} points is "
        f"{lowest:.6f} ‖∇F‖, and along −∇F/‖∇F‖ it is −‖∇F‖ within {error:.0e} of it."
    )
    short = (
        "It is a statement about short steps: over a length of "
        f"{results['lengths'][-1]:g} the random directions that fall further are {beale:.0%} "
        f"(Beale) and {network:.0%} (network)."
    )
    return holds_if(
        bool(lowest >= -1 - SLOPE_ERROR and error < SLOPE_ERROR),
        f"{along} {short}",
        lowest_slope=lowest,
        error_along_gradient=error,
        lengths=results["lengths"],
        share_that_falls_further=further,
    )


@claim(
    "1.20",
    "steepest_descent",
    "The gradient is the list of the derivatives by each of the n inputs, and points where the "
    "function grows fastest.",
    figure="slopes",
    code="examine",
)
def rises_fastest(results):
    slopes = results["slopes"]
    _, upwards, printed = np.moveaxis(results["special"], -1, 0)
    highest = slopes.max()
    error = np.abs(upwards - 1).max()
    is_highest = bool(highest <= 1 + SLOPE_ERROR)
    along = (
        f"The largest slope along {slopes.size:,} random unit directions is {highest:.6f} ‖∇f‖, "
        f"and along ∇f/‖∇f‖ it is ‖∇f‖ within {error:.0e} of it."
    )
    as_printed = (
        f"Along the printed list it is {printed[0].mean():.2f} ‖∇f‖ on average for Beale's "
        f"function, and {printed.min():.2f} ‖∇f‖ at worst."
    )
    return depends_on(
        {
            "all n derivatives": is_highest and bool(error < SLOPE_ERROR),
            "the list as printed, which has ∂f/∂x₁ twice and no ∂f/∂x₂": is_highest
            and bool((printed > 1 - 1e-3).all()),
        },
        f"{along} {as_printed}",
        highest_slope=highest,
        error_along_gradient=error,
        printed_slopes=printed,
    )


# step_list


@claim(
    "2.19",
    "step_list",
    "From a random start, compute the slope, multiply it by the rate, subtract, and repeat steps "
    "3 to 5 of the list until the slope is almost zero; stochastic descent uses one random example "
    "at a time.",
    code="by_the_list",
)
def list_of_steps(results):
    slope = np.abs(2 * results["anew"])
    steps = slope.shape[1] - 1
    done = (slope < 1e-6).argmax(axis=1)
    nearest = np.abs(results["kept"][:, -1]).min()
    bias = results["bias"].max()
    end = mean_interval(results["one_example"][:, -1])
    anew = (
        f"On x² the slope falls below 1e-6 after {done.min()} to {done.max()} steps, from "
        f"{len(done)} starts."
    )
    kept = (
        "In print the start is an item below step 1, so that steps 3 to 5 by number do not compute "
        f"the slope again: after {steps} steps x is at least {nearest:.2g} from the minimum."
    )
    one = (
        f"Gradients of one of {results['examples']} examples average to the gradient within "
        f"{max(bias, 1e-16):.0e}, and descent by them ends {end} from the minimum."
    )
    return depends_on(
        {
            "a list that computes the slope anew": bool((slope[:, -1] < 1e-6).all()),
            "one random example a step, on average": every(
                bool(bias < 1e-12), end.within(-0.2, 0.2)
            ),
            "steps 3 to 5 as numbered in print, which keep the first slope": bool(nearest < 1e-6),
        },
        f"{anew} {kept} {one}",
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
    code="descend",
)
def step_of_the_gradient(results):
    rates = results["rates"]
    loss = results["train_loss"]
    falls = [share_interval(of_rate[:, 1] < of_rate[:, 0]) for of_rate in loss]
    ratio = results["first_step"] / results["gradient"]
    length = results["gradient"][0].mean()
    is_gradient = np.abs(ratio[0] - 1).max() < 1e-9
    literal = (
        f"Taken literally the first step is as long as ∇L, {length:.3g} on average, and it lowers "
        f"the loss of a share of {falls[0]} of {loss.shape[1]} 2-8-1 networks."
    )
    formula = (
        f"The notes' formula w − μ∇L takes the gradient as a direction: at μ = {rates[-2]:g} the "
        f"step is {ratio[-2].mean():.6g} ‖∇L‖ long, within {results['angle'].max():.0e} rad of "
        f"−∇L, and the share is {falls[-2]}."
    )
    return holds_if(
        every(falls[0].above(0.5), bool(is_gradient)),
        f"{literal} {formula}",
        falls_without_rate=falls[0],
        falls_with_rate=falls[-2],
        length_over_gradient=ratio.mean(axis=1),
    )


@claim(
    "4.22",
    "step_size",
    "A learning rate is there to temper the magnitude of the gradient; not against overfitting, "
    "nor as a condition for speed, nor to find the direction.",
    code="descend",
)
def tempers_the_magnitude(results):
    train = results["train_loss"]
    test = results["test_loss"]
    rows = results["rows"]
    rate = results["rates"][-2]
    angle = results["angle"].max()
    half = train.shape[-1] // 2
    # the gradient tempered: steps of η‖∇L‖, by which the network learns as it does not without
    ratio = results["first_step"][1:] / results["gradient"][1:]
    error = np.abs(ratio / results["rates"][1:, None] - 1).max()
    learned = [share_interval(loss[:, -1] < 0.5 * loss[:, 0]) for loss in train]
    tempered = every(bool(error < 1e-9), learned[0].below(0.1), learned[-2].above(0.9))
    # a rate and half of it have come equally far after `half` and all of the steps
    gap = (test[-2:] - train[-2:]) / rows
    change = mean_interval(gap[1, :, -1] - gap[0, :, half])
    cost = train[-2, :, half].mean() / rows
    slower = share_interval(train[-1, :, -1] > train[-2, :, -1])
    magnitude = (
        f"Magnitude: the step is η‖∇L‖ within {max(error, 1e-16):.0e}, and the training loss "
        f"halves from a share of {learned[0]} of the starts without a rate and {learned[-2]} at "
        f"{rate:g}."
    )
    overfitting = (
        "Overfitting: half the rate for twice the steps changes the test loss minus the training "
        f"loss by {change} an example, where the training loss is {cost:.3g}."
    )
    speed = f"Speed: half the rate makes training slower, not faster, from a share of {slower}."
    direction = f"Direction: the rate turns no step by more than {angle:.0e} rad."
    return depends_on(
        {
            "tempering the magnitude": tempered,
            "not against overfitting": change.within(-0.05 * cost, 0.05 * cost),
            "not a condition for speed": slower.above(0.5),
            "not to find the direction": bool(angle < 1e-6),
        },
        f"{magnitude} {overfitting} {speed} {direction}",
        rates=results["rates"],
        learned=[share.middle for share in learned],
        error_of_length=error,
        largest_angle=angle,
        change_of_gap=change,
        slower_at_half=slower,
    )


# training_procedure


@claim(
    "0.25",
    "training_procedure",
    "The fixed-point procedure: for each epoch reset the optimizer, compute the loss and "
    "propagate it back; the losses are kept in a history.",
    code="train",
)
def procedure(results):
    names = results["names"]
    loss = results["loss"]
    entries = results["printed_entries"]
    starts, epochs = loss.shape[2], loss.shape[3] - 1
    moved = results["moved"].max(axis=1)
    falls = [share_interval(kept[:, -1] < 0.1 * kept[:, 0]) for kept, _ in loss]
    has_settled = np.abs(np.diff(loss[0, 0], axis=-1)) < 1e-12
    cases = {"reset() of the gradients": every(*(share.above(0.5) for share in falls))}
    for name, distance in zip(names, moved, strict=True):
        cases[f"reset() of the state of {name}"] = bool(distance < 1e-12)
    cases["the history, which is appended to after the loop"] = bool((entries == epochs).all())
    cases["stopping at convergence"] = not has_settled[:, :-1].any()
    medians = [
        f"{name} {kept:.1g} and {reset:.1g}"
        for name, (kept, reset) in zip(names, np.median(loss[..., -1], axis=-1), strict=True)
    ]
    states = (
        f"Median loss after {epochs} epochs without, and with the optimizer's state reset each "
        f"epoch: {'; '.join(medians)}."
    )
    gradients = (
        f"Where reset() clears gradients, a share of {falls[0]} of {starts} SGD runs lower the "
        "loss to a tenth."
    )
    history = (
        f"As printed the history has {entries.max()} entry, and nothing tests for convergence: "
        f"{has_settled[:, -2].mean():.0%} of the SGD runs go on after the loss has settled."
    )
    return depends_on(
        cases,
        f"{gradients} {states} {history}",
        falls=[share.middle for share in falls],
        largest_move_by_reset=moved,
        printed_entries=entries,
    )
