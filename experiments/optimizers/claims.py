"""The claims about optimizers and batches, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import numpy as np

from experiments.claims import (
    Interval,
    any_of,
    claim,
    depends_on,
    every,
    holds_if,
    mean_interval,
    share_interval,
)
from experiments.optimizers import noise_floor, sparse_features, velocity
from experiments.optimizers.seven_rules import RULES

# adaptive_rules


PRINTED_MOMENTUM = (
    "Momentum",
    "Nesterov",
    "AdaGrad",
    "AdaDelta",
    "Adam",
)  # the table of claim 4.31


PRINTED_OWN_RATES = ("AdaGrad", "AdaDelta", "Adam")


def with_flag(flags, number: int) -> str:
    """Return the names of the rules that have a flag."""
    names = [name for name, of_rule in flags.items() if of_rule[number]]
    return ", ".join(names) or "none"


@claim(
    "X10",
    "adaptive_rules",
    "Piccoli's AdaDelta is RMSProp, and his Adam lacks the square of the gradient and the bias "
    "correction.",
    code="printed_forms",
)
def names(results):
    adadelta = results["adadelta_printed"]
    to_rmsprop = np.abs(adadelta - results["rmsprop"]).max()
    to_zeiler = np.abs(adadelta - results["adadelta_zeiler"]).max()
    adam = results["adam_printed"]
    is_rmsprop = to_rmsprop < 1e-14 and to_zeiler > 1e-3
    lacks_square = np.isfinite(adam[0]) and np.isnan(adam[1])
    first = (
        f"Over 20 updates the printed AdaDelta differs from RMSProp by {to_rmsprop:.0e} and from "
        f"Zeiler's by {to_zeiler:.2g}."
    )
    second = (
        f"The printed Adam, whose v averages g, steps {adam[0]:.4g} rates at g = 1 and "
        f"{adam[1]:g} at g = −1."
    )
    return holds_if(
        bool(is_rmsprop and lacks_square),
        f"{first} {second}",
        to_rmsprop=to_rmsprop,
        to_zeiler=to_zeiler,
        adam=adam,
    )


@claim(
    "1.24",
    "adaptive_rules",
    "AdaGrad, AdaDelta, RMSProp and Adam all include a momentum and an adaptive rate for each "
    "weight.",
    code="examine",
)
def momentum_and_rates(results):
    flags = {name: results[f"flags {name}"] for name in ("AdaGrad", "AdaDelta", "RMSProp", "Adam")}
    cases = {}
    for name, (has_momentum, has_own_rates, _) in flags.items():
        cases[name] = bool(has_momentum and has_own_rates)
    momentum = (
        "A rule with momentum still moves when the gradient is zero after one that was not, as it "
        f"does with {with_flag(flags, 0)}."
    )
    own_rates = (
        "With a rate for each weight, gradients of 1 and 100 make equal steps, as they do with "
        f"{with_flag(flags, 1)}."
    )
    return depends_on(cases, f"{momentum} {own_rates}", flags=flags)


@claim(
    "3.6",
    "adaptive_rules",
    "What an optimizer does is to adapt the learning rate while training runs.",
    code="examine",
)
def tunes_the_rate(results):
    tuned = {name: bool(results[f"flags {name}"][2]) for name in RULES}
    larger = (
        "Where all gradients are 100 times larger, a rule that leaves its rate as given makes "
        "updates 100 times larger."
    )
    definition = (
        "The definition is too narrow: an optimizer is the rule that turns gradients into updates, "
        "with a rate that it adapts or without."
    )
    return depends_on(tuned, f"{larger} {definition}", tuned=tuned)


@claim(
    "4.30",
    "adaptive_rules",
    "Adam keeps decaying averages of the gradient, both printed with g itself, and combines the "
    "others' advantages.",
    code="printed_forms",
)
def adam(results):
    printed = results["adam_printed"]
    uncorrected = abs(results["adam_uncorrected"][0])
    kingma = abs(results["adam_kingma"][0])
    step = "not a number" if np.isnan(printed[1]) else f"{printed[1]:.4g} rates"
    as_printed = (
        f"With g where g² belongs, v is negative at g = −1 and the first step, m/√v, is {step}."
    )
    squared = (
        "With v ← β₂ v + (1 − β₂) g² and without the bias corrections, which are not printed, it "
        f"is {uncorrected:.3f} rates long."
    )
    both = f"In Kingma and Ba's form, which has both, it is {kingma:.3f} rates long."
    return holds_if(
        bool(np.isfinite(printed).all()),
        f"{as_printed} {squared} {both}",
        printed=printed,
        uncorrected=uncorrected,
        kingma=kingma,
    )


@claim(
    "4.31",
    "adaptive_rules",
    "A table: momentum in Momentum, Nesterov, AdaGrad, AdaDelta, Adam; a rate for each parameter "
    "in the last three.",
    code="examine",
)
def summary_table(results):
    derived, printed, cases, wrong = {}, {}, {}, []
    for name in RULES:
        if name == "RMSProp":  # the table has no such line
            continue
        has_momentum, has_own_rates, _ = map(bool, results[f"flags {name}"])
        derived[name] = (has_momentum, has_own_rates)
        printed[name] = (name in PRINTED_MOMENTUM, name in PRINTED_OWN_RATES)
        cases[name] = derived[name] == printed[name]
        if name in PRINTED_MOMENTUM and not has_momentum:
            wrong.append(name)
    method = (
        "Derived from the updates: moving on at a zero gradient, and equal steps for gradients of "
        "1 and 100."
    )
    errors = (
        f"The table's momentum is wrong for {', '.join(wrong) or 'none'}; GD is SGD with the whole "
        "set as its batch."
    )
    return depends_on(cases, f"{method} {errors}", derived=derived, printed=printed)


# batch_paths


@claim(
    "2.39",
    "batch_paths",
    "The path of batch descent is very smooth, that of stochastic descent is not, and "
    "mini-batches lie between, close to batch descent.",
    code="descend",
)
def roughness(results):
    sizes = results["batch_sizes"]
    rough = results["roughness"]
    small = sizes <= 16
    slope = mean_interval(np.polyfit(np.log(sizes[small]), np.log(rough[small]), 1)[0])
    middle = np.median(rough, axis=1)
    sixteen = rough[sizes == 16][0]
    nearer = mean_interval((rough[0] - sixteen) / (sixteen - rough[-1]))
    falls = (np.diff(middle) < 0).all()
    power = (
        f"The change from step to step falls with the batch size to the power {slope} up to B = "
        f"16, like 1/√B, over {rough.shape[1]} paths."
    )
    medians = (
        f"Its median is {middle[0]:.2g} for one example, {middle[sizes == 16][0]:.2g} for 16 and "
        f"{middle[-1]:.0e} for all {sizes[-1]}."
    )
    between = f"16 examples are {nearer} times as far from one as from all."
    return holds_if(
        every(slope.within(-0.55, -0.45), bool(falls), nearer.above(1)),
        f"{power} {medians} {between}",
        slope=slope,
        nearer=nearer,
        batch_sizes=sizes,
        roughness=middle,
    )


@claim(
    "2.40",
    "batch_paths",
    "With single examples the cost bounces and falls only on average; mini-batches estimate "
    "better and use the hardware better.",
    figure="measures",
    code="descend",
)
def on_average(results):
    sizes = results["batch_sizes"]
    speed = results["speed"]
    early = results["loss"][:, :, :101]
    rises = (np.diff(early, axis=-1) > 0).mean(axis=-1)
    single = mean_interval(rises[0])
    sixteen = mean_interval(rises[sizes == 16][0])
    falls = mean_interval(early[0, :, -1] - early[0, :, 0])
    gains = 2 ** (np.diff(np.log2(speed)) / np.diff(np.log2(results["timed_batches"])))
    faster = speed[-1] > 2 * speed[0]
    bounces = (
        f"In the first 100 steps the loss of a line rises in a share of {single} of the steps with "
        f"one example and {sixteen} with 16; with one it falls by {-falls.middle:.3g} in all."
    )
    hardware = (
        f"A 64-64-10 network takes {speed[0]:.2g} examples a second one by one and {speed[-1]:.2g} "
        f"in batches of {results['timed_batches'][-1]}."
    )
    doubling = (
        f"Doubling the batch brings a factor of {gains[0]:.2f} at first and {gains[-1]:.2f} in the "
        "end."
    )
    return holds_if(
        every(falls.below(0), single.above(0.1), sixteen.below(single.low), bool(faster)),
        f"{bounces} {hardware} {doubling}",
        rises=rises.mean(axis=1),
        falls=falls,
        speed=speed,
        gain_of_a_doubling=gains,
    )


# batch_size


@claim(
    "2.38",
    "batch_size",
    "Full-batch, stochastic and mini-batch gradients estimate the same gradient of the mean cost.",
    code="over_batches",
)
def unbiased(results):
    examples = len(results["bias"])
    bias = results["bias"].max()
    evidence = (
        f"The mean over all batches of B of {examples} digits equals the full gradient of a "
        f"64-4-10 network to {bias:.0e} for every B from 1 to {examples}, float64."
    )
    return holds_if(bool(bias <= 1e-12), evidence, bias=results["bias"])


@claim(
    "4.27",
    "batch_size",
    "Gradients of smaller batches fluctuate more.",
    code="over_batches",
)
def fluctuation(results):
    variance = results["variance"]
    examples = len(variance)
    error = np.abs(variance[:-1] / results["formula"][:-1] - 1).max()
    falls = (np.diff(variance) < 0).all()
    is_formula = error < 1e-12 and variance[-1] < 1e-24
    size = (
        f"The summed variance over all batches of B of {examples} digits falls from "
        f"{variance[0]:.3g} at B = 1 to {variance[-2]:.2g} at B = {examples - 1}."
    )
    formula = f"It is S/B (N − B)/(N − 1), S being that of one example, to {error:.0e}."
    return holds_if(bool(falls and is_formula), f"{size} {formula}", variance=variance, error=error)


@claim(
    "3.7",
    "batch_size",
    "Full-batch uses the entire set for an update, mini-batch a part of it, online a single "
    "example.",
    code="updates_in_an_epoch",
)
def updates(results):
    sizes = results["epoch_batches"]
    counted = results["updates"]
    as_expected = (counted == np.ceil(100 / sizes)).all()
    counts = ", ".join(f"{count:.0f}" for count in counted)
    evidence = (
        "Updates counted in one epoch of 100 examples with batches of "
        f"{', '.join(map(str, sizes))}: {counts}, that is ⌈N/B⌉."
    )
    return holds_if(bool(as_expected), evidence, batch_sizes=sizes, updates=counted)


# batch_size_and_rate


def contrasts(results):
    """Compare the best and the worst batch size, with one rate for all sizes and a rate for each.

    They are chosen by validation loss on the first half of the seeds. The intervals are over the
    second half, of log₁₀ of the ratio of the training losses and of the difference of the test
    accuracies in percent. Settings with a run that diverged are left out.
    """
    half = results["validation_loss"].shape[-1] // 2
    score = results["validation_loss"][..., :half].mean(axis=-1)
    score[~np.isfinite(results["validation_loss"]).all(axis=-1)] = np.nan
    shared = int(np.nanargmin(np.where(np.isnan(score).any(axis=0), np.inf, score.mean(axis=0))))
    own = np.nanargmin(score, axis=1)
    found = {}
    for name, rates in (
        ("one rate for all sizes", np.full_like(own, shared)),
        ("a rate for each size", own),
    ):
        sizes = np.arange(len(own))
        order = score[sizes, rates].argsort()
        best, worst = ((int(b), int(rates[b])) for b in (order[0], order[-1]))
        train = np.log10(results["train_loss"][worst][half:] / results["train_loss"][best][half:])
        test = 100 * (
            results["test_accuracy"][best][half:] - results["test_accuracy"][worst][half:]
        )
        found[name] = best, worst, mean_interval(train), mean_interval(test)
    return found


@claim(
    "2.41",
    "batch_size_and_rate",
    "The batch size matters for the convergence of the cost and for the generalisation of the "
    "model.",
)
def batch_size_matters(results):
    sizes = results["batch_sizes"]
    rates = results["rates"]
    seeds = results["train_loss"].shape[-1] // 2
    tenth = np.log10(1.1)
    cases, texts, numbers = {}, [], {}
    for name, (best, worst, train, test) in contrasts(results).items():
        cases[f"convergence at {name}"] = any_of(train.above(tenth), train.below(-tenth))
        cases[f"generalisation at {name}"] = any_of(test.above(0.5), test.below(-0.5))
        first = f"B = {sizes[best[0]]} (η = {rates[best[1]]:g})"
        second = f"B = {sizes[worst[0]]} (η = {rates[worst[1]]:g})"
        texts.append(
            f"At {name} {first} against {second}: log₁₀ of the second's training loss over the "
            f"first's {train}, the first's test accuracy minus the second's {test} percentage "
            "points."
        )
        numbers[name.replace(" ", "_")] = {"train": train, "test": test}
    chosen = f"Best and worst batch size by validation loss, over {seeds} other seeds."
    line = "It matters where the loss differs by a tenth, the accuracy by half a point."
    return depends_on(cases, f"{chosen} {' '.join(texts)} {line}", **numbers)


# best_optimizer


PRAISED = ("RMSProp", "Adam")


def lead(results, number: int) -> tuple[str, str, Interval]:
    """Return the praised rule and the other rule with the lowest validation losses on a data set.

    The interval is by how much the praised one's test accuracy is higher, in percent.
    """
    rules, loss = results["rules"], results["validation_losses"][number].min(axis=-1)
    praised = np.isin(rules, PRAISED)
    first, rival = (int(np.where(group, loss, np.inf).argmin()) for group in (praised, ~praised))
    difference = 100 * (results["accuracy"][number, first] - results["accuracy"][number, rival])
    return str(rules[first]), str(rules[rival]), mean_interval(difference[np.isfinite(difference)])


@claim(
    "1.25",
    "best_optimizer",
    "For most tasks the optimizer to choose is Adam or RMSProp.",
    code="tuned",
)
def adam_and_rmsprop(results):
    rules = results["rules"]
    budget = results["rates"].shape[-1]
    seeds = results["accuracy"].shape[-1]
    margins, cases, texts = {}, {}, []
    for number, data_set in enumerate(map(str, results["data_sets"])):
        first, rival, margin = lead(results, number)
        margins[data_set] = margin
        cases[data_set] = margin.above(0)
        texts.append(f"{first} minus {rival} on {data_set} {margin}")
    tuning = (
        f"Each of {len(rules)} rules had {budget} learning rates and {seeds} seeds, and the rate "
        "was chosen by validation loss."
    )
    accuracy = (
        "Test accuracy in percent, the better of the two against the best of the others: "
        f"{'; '.join(texts)}."
    )
    return depends_on(
        cases,
        f"{tuning} {accuracy}",
        leads=margins,
        accuracy=np.nanmean(results["accuracy"], axis=-1),
    )


# momentum


def apart(results, one: str, other: str) -> float:
    """Return the largest distance between two paths, component by component."""
    return float(np.abs(results[one] - results[other]).max())


@claim(
    "X5",
    "momentum",
    "The documents print three momentum rules, libraries use a fourth. The two with opposite "
    "signs are one rule; the averaged one is that rule at a rate smaller by 1 − α; the library's "
    "differs only when the rate changes.",
    code="rules",
)
def four_conventions(results):
    updates = len(results["library"]) - 1
    signs = apart(results, "printed notes", "printed piccoli")
    classical = apart(results, "classical", "printed notes")
    averaged = apart(results, "ema", "printed de marzo")
    names = max(classical, averaged)
    scaled = apart(results, "ema", "classical at (1 − α)η")
    constant = apart(results, "library", "classical")
    schedule = apart(results, "library, schedule", "classical, schedule")
    distances = (
        f"Largest distance of two paths over {updates} updates, float64: the two signs {signs:g}; "
        f"averaged and classical at (1 − α)η {scaled:.1g}."
    )
    library = (
        f"Library and classical are {constant:.1g} apart at a constant rate, and {schedule:.2g} "
        "when the rate is halved now and then."
    )
    printed = f"fnn's rules are within {names:.0e} of the printed ones."
    return holds_if(
        signs == 0 and max(names, scaled, constant) < 1e-13 and schedule > 1e-3,
        f"{distances} {library} {printed}",
        signs=signs,
        printed=names,
        scaled=scaled,
        constant=constant,
        schedule=schedule,
    )


@claim(
    "X6",
    "momentum",
    "Library code for Nesterov's gradient holds the lookahead point θ + αv of the printed rule, "
    "not its θ.",
    code="rules",
)
def lookahead_is_held(results):
    updates = len(results["library"]) - 1
    library = apart(results, "nesterov library", "printed nesterov, lookahead")
    named = apart(results, "nesterov lookahead", "printed nesterov, lookahead")
    theta = apart(results, "nesterov library", "printed nesterov")
    evidence = (
        f"Over {updates} updates the library form stays within {library:.0e} of the printed θ + αv "
        f"in float64, and gets {theta:.2g} away from the printed θ."
    )
    return holds_if(
        max(library, named) < 1e-14 and theta > 1e-2,
        evidence,
        to_lookahead=library,
        to_theta=theta,
    )


@claim(
    "3.9",
    "momentum",
    "Momentum corrects an update by the one before, v ← μg + αv and w − v; Nesterov's variant "
    "applies the momentum before it takes the gradient.",
    code="printed_paths",
)
def notes(results):
    momentum = apart(results, "classical", "printed notes")
    nesterov = apart(results, "nesterov lookahead", "printed nesterov, lookahead")
    between = apart(results, "classical", "printed nesterov")
    ends = [results[name][-1] for name in ("printed notes", "printed nesterov")]
    final = [end**2 @ [0.5, 12.5] for end in ends]
    same = (
        f"fnn's classical momentum is within {momentum:.0e} of the printed rule over 200 updates, "
        f"and its lookahead form takes its gradients within {nesterov:.0e} of w + αv."
    )
    another = (
        f"On the narrow valley ½(x₁² + 25 x₂²) they end at losses {final[0]:.1e} and "
        f"{final[1]:.1e}: the moment of the gradient makes another rule."
    )
    return holds_if(
        momentum < 1e-13 and nesterov < 1e-14 and between > 1e-2,
        f"{same} {another}",
        momentum=momentum,
        nesterov=nesterov,
        final=final,
    )


# noise_floor


def floor_power(excess: np.ndarray, rates: np.ndarray, sizes: np.ndarray):
    """Return the power of η/B (N − B)/(N − 1) by which the excess in the last quarter rises."""
    floor = excess[0, ..., -noise_floor.POINTS // 4 :].mean(axis=-1)  # (batch sizes, rates, seeds)
    ratio = np.log(
        rates[None, :] / sizes[:, None] * (noise_floor.N - sizes[:, None]) / (noise_floor.N - 1)
    ).ravel()
    return mean_interval(np.polyfit(ratio, np.log(floor.reshape(-1, floor.shape[-1])), 1)[0])


@claim(
    "3.8",
    "noise_floor",
    "Training by mini-batches ends where training on the whole set does.",
    code="descend",
)
def same_result(results):
    excess = results["excess"]
    points = noise_floor.POINTS
    last_tenth = excess[..., -points // 10 :].mean(axis=-1)
    second_quarter = excess[..., points // 4 : points // 2].mean(axis=-1)
    later = last_tenth / second_quarter
    constant, decaying = (mean_interval(np.log10(ratio).mean(axis=(0, 1))) for ratio in later)
    power = floor_power(excess, results["rates"], results["batch_sizes"])
    starts = len(results["network_distance"])
    same = share_interval(results["network_distance"] < 0.05)
    mini, full = np.median(results["network_loss"], axis=1)
    at_constant_rate = (
        "For a line's squared error the excess loss of the last tenth of the steps over that of "
        f"the second quarter is 10 to the power {constant} at a constant rate, where it stays at a "
        f"floor that rises like η/B (N − B)/(N − 1) to the power {power}."
    )
    at_decaying_rate = f"At a rate that decays it is 10 to the power {decaying}."
    network = (
        "A 1-3-1 network trained with batches of 4 computes the same function as on the whole set, "
        f"to 0.05, from a share of {same} of {starts} starts (median losses {mini:.2g} and "
        f"{full:.2g})."
    )
    return depends_on(
        {
            "a strongly convex loss and a decaying rate": decaying.below(np.log10(0.5)),
            "a strongly convex loss and a constant rate": constant.below(np.log10(0.5)),
            "a small network": same.above(0.95),
        },
        f"{at_constant_rate} {at_decaying_rate} {network}",
        constant=constant,
        decaying=decaying,
        power=power,
        same=same,
        network_loss=[mini, full],
    )


# optimizer_race


def steps_to_leave(paths: np.ndarray) -> np.ndarray:
    """Return the step after which |y| > 1 for each rule; infinity if none."""
    away = np.abs(paths[..., 1]) > 1
    return np.where(away.any(axis=1), away.argmax(axis=1), np.inf)


@claim(
    "4.32",
    "optimizer_race",
    "An animation compares the optimizers on a saddle, on Beale's function and in a long valley: "
    "plain SGD is very slow at the saddle, and the other rules leave it sooner.",
    figure="animation",
    code="race",
)
def ranking(results):
    own = dict(zip(RULES, steps_to_leave(results["saddle"]), strict=True))
    same = dict(zip(RULES, steps_to_leave(results["saddle_at_rate_of_sgd"]), strict=True))
    rates = dict(zip(RULES, results["rates"], strict=True))
    fastest_first = sorted(own, key=own.__getitem__)
    ranked = [f"{name} {own[name]:.0f} (η = {rates[name]:.2g})" for name in fastest_first]
    cases = {}
    for name in RULES:
        if name != "SGD":
            cases[f"{name} at its own rate"] = bool(own[name] < own["SGD"])
    for name in ("Momentum", "Nesterov"):
        cases[f"{name} at SGD's rate"] = bool(same[name] < own["SGD"])
    at_own_rate = (
        "Steps until |y| > 1 on x² − y² from (1, 0.001), each rule at the rate that is fastest on "
        f"Beale's function: {', '.join(ranked)}."
    )
    at_same_rate = (
        f"At SGD's rate Momentum needs {same['Momentum']:.0f} and Nesterov {same['Nesterov']:.0f}."
    )
    return depends_on(
        cases,
        f"{at_own_rate} {at_same_rate}",
        own_rate=own,
        rate_of_sgd=same,
        rates=rates,
    )


# sparse_features


FASTER = np.log10(1.25)  # ends at least a quarter closer


def advantage(distance: np.ndarray) -> Interval:
    """Return log₁₀ of SGD's final distance over AdaGrad's, each at its chosen rate."""
    sgd, adagrad = sparse_features.chosen(distance)[1][..., -1]
    return mean_interval(np.log10(sgd / adagrad))


@claim(
    "4.29",
    "sparse_features",
    "AdaGrad, printed in three forms, has a rate for each parameter, higher for rare features, "
    "and converges faster than SGD; AdaDelta replaces its sum by a decaying average.",
    code="race",
)
def adagrad(results):
    apart = np.abs(results["printed_adagrad"] - results["adagrad"]).max()
    same = np.abs(results["printed_adadelta"] - results["rmsprop"]).max()
    sparse = advantage(results["sparse"])
    dense = advantage(results["dense"])
    rates = len(results["rates"])
    seeds = results["sparse"].shape[2] // 2
    forms = f"The three forms and fnn's differ by at most {apart:.0e}."
    adadelta = (
        f"The printed AdaDelta differs from RMSProp by {same:.0e}; Zeiler's, which bears the name, "
        "also averages the squares of the steps."
    )
    speed = (
        f"Each at its best of {rates} rates, log₁₀ of SGD's final squared distance from the true "
        f"weights over AdaGrad's is {sparse} with rare features, {dense} without ({seeds} seeds), "
        "on this one problem."
    )
    return depends_on(
        {
            "the three forms being one": bool(apart < 1e-14),
            "the decaying average of AdaDelta": bool(same < 1e-14),
            "speed on rare features": sparse.above(FASTER),
            "speed where no feature is rare": dense.above(FASTER),
        },
        f"{forms} {adadelta} {speed}",
        forms=apart,
        adadelta=same,
        sparse=sparse,
        dense=dense,
    )


# velocity


def escape(away: np.ndarray) -> float:
    """Return the update after which |y| > 1; infinity if none."""
    return float(np.argmax(away > 1)) if (away > 1).any() else np.inf


@claim(
    "1.23",
    "velocity",
    "Averaging the gradient with α between 0.9 and 0.99 makes gradient descent faster and its "
    "path more regular.",
    figure="valley",
    code="rules_at",
)
def averaged_gradient(results):
    names = ("descent", "averaged, α = 0.9", "averaged, α = 0.99", "classical, α = 0.9")
    at_200 = [results[name][200] for name in names]
    at_50 = [results[name][50] for name in names]
    descent, averaged, slower, classical = at_200
    change = mean_interval(results["change"][1] / results["change"][0])
    crossings = results["crossings"]
    late = (
        f"½(x₁² + 25 x₂²) at η = 0.02: after 200 updates the loss is {descent:.1e} by descent, "
        f"{averaged:.1e} averaged with α = 0.9, {slower:.1e} with 0.99, and {classical:.1e} by the "
        "classical velocity."
    )
    early = f"After 50 updates it is {at_50[1]:.4f} averaged, {at_50[0]:.4f} by descent."
    steady = (
        f"With noise the averaged steps change by {change} times as much as those of descent; "
        f"without, the path crosses an axis {crossings[1]} times, that of descent {crossings[0]}."
    )
    return depends_on(
        {
            "speed after 200 updates with α = 0.9": averaged < descent,
            "speed after 50 updates with α = 0.9": at_50[1] < at_50[0],
            "speed after 200 updates with α = 0.99": slower < descent,
            "steadiness under noise": change.below(1),
            "steadiness without noise": crossings[1] <= crossings[0],
        },
        f"{late} {early} {steady}",
        at_200=at_200,
        at_50=at_50,
        change=change,
        crossings=crossings,
    )


@claim(
    "4.28",
    "velocity",
    "Gradient descent is slow at saddle points and near the optimum; a velocity overcomes that, "
    "and a higher α means more momentum.",
    figure="saddle",
    code="leave_saddle",
)
def velocity_speeds_up(results):
    gain = results["gain"]
    updates = [escape(away) for away in results["away"]]
    without = results["descent"][200]
    classical = results["classical, α = 0.9"][200]
    leaves_sooner = (np.diff(updates) < 0).all()
    is_exact = np.allclose(gain, 1 / (1 - velocity.ALPHAS), rtol=1e-10)
    with_momentum = ", ".join(f"{count:.0f}" for count in updates[1:])
    gains = ", ".join(f"{factor:.4g}" for factor in gain)
    saddle = (
        f"Updates to leave x² − y² from (1, 0.001): {updates[0]:.0f} by descent, {with_momentum} "
        "with α = 0.5, 0.9, 0.99."
    )
    constant = (
        f"Under a constant gradient the step grows to 1/(1 − α) = {gains} times rate times "
        "gradient."
    )
    valley = (
        f"In the valley the loss after 200 updates is {classical:.1e} with α = 0.9 and "
        f"{without:.1e} without."
    )
    return holds_if(
        bool(leaves_sooner and is_exact and classical < without),
        f"{saddle} {constant} {valley}",
        updates=updates,
        gain=gain,
        near_optimum=[without, classical],
    )
