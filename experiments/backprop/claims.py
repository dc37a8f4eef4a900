"""The claims about backpropagation, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import math

import numpy as np

from experiments.backprop.backprop_shortcuts import UNITS
from experiments.backprop.cost_of_backprop import LAYERS, ratio_interval
from experiments.backprop.printed_backprop import SHAPES
from experiments.claims import (
    by_name,
    claim,
    depends_on,
    every,
    holds_if,
    named,
    share_interval,
)

EXACT = 1e-12  # relative errors up to here are rounding


def is_exact(errors: np.ndarray) -> bool:
    """Return whether all errors are rounding."""
    return bool((errors <= EXACT).all())


# backprop_shortcuts


@claim(
    "3.13",
    "backprop_shortcuts",
    "Many terms are the same from layer to layer: stored error terms δ save computing them again.",
    figure="reuse",
    code="count_multiplications",
)
def reuse(results):
    depths = results["depths"]
    reused, anew = results["products"].T
    growth_reused = growth(reused, depths)
    growth_anew = growth(anew, depths)
    is_linear = abs(growth_reused - 1) < 0.15
    is_square = growth_anew > 1.8
    saves = (reused < anew)[1:].all()
    counts = f"{reused[-1]:,} multiplications with δ reused and {anew[-1]:,} without"
    evidence = (
        f"All ∂L/∂W of {depths[-1]} layers of {UNITS} units need {counts}. "
        f"With L layers they grow as L^{growth_reused:.2f} and L^{growth_anew:.2f}."
    )
    return holds_if(
        every(is_linear, is_square, saves),
        evidence,
        growth={"reused": growth_reused, "anew": growth_anew},
        multiplications={"reused": reused, "anew": anew},
    )


def growth(counts: np.ndarray, depths: np.ndarray) -> float:
    """Return the power of the depth with which counts grow, from the last two depths."""
    return math.log(counts[-1] / counts[-2]) / math.log(depths[-1] / depths[-2])


@claim(
    "4.6",
    "backprop_shortcuts",
    "∂L/∂W = (∂Z/∂W)ᵀ ∂L/∂Z, and likewise for the inputs.",
    figure="jacobian",
    code="multiply_by_jacobians",
)
def jacobian_product(results):
    error = results["jacobian_error"]
    ratio = results["jacobian_bytes"][:, 0] / results["gradient_bytes"][:, 0]
    widest = results["widths"][-1]
    evidence = (
        f"Full Jacobians and fnn's backward pass agree to {error.max():.0e}, relative. "
        f"Of a layer of {widest} units ∂Z/∂W is {ratio[-1]:.0f} times as large as ∂L/∂W. "
        "Only its product with ∂L/∂Z is needed, which is δ aᵀ."
    )
    return holds_if(
        is_exact(error),
        evidence,
        largest_error=by_name(["W", "input"], error.max(axis=0)),
        bytes_ratio=ratio,
    )


# chain_rule


@claim(
    "1.27",
    "chain_rule",
    "By the chain rule the derivative of sin(log x) is cos(log x)/x.",
    figure="sine",
    code="sine_of_log",
)
def chain_rule(results):
    derivative = results["chain_rule"]
    autodiff = np.abs(derivative - results["chain_autodiff"]).max()
    differences = np.abs(derivative - results["chain_differences"]).max()
    points = [f"{point:.3g}" for point in results["points"]]
    evidence = (
        f"At x = {', '.join(points)} autodiff agrees to {autodiff:.1g}, "
        f"and central differences agree to {differences:.1g}."
    )
    return holds_if(
        bool(autodiff <= EXACT and differences < 1e-8),
        evidence,
        derivatives=by_name(points, derivative),
    )


@claim(
    "4.7",
    "chain_rule",
    "f = (x + y)z at (−2, 5, −4): q = x + y = 3, f = −12, ∂f/∂x = ∂f/∂y = ∂f/∂q = −4, ∂f/∂z = 3.",
    figure="trace",
    code="sum_and_product",
)
def sum_times_z(results):
    values = results["sum_and_product"]
    expected = [3, -12, -4, -4, 3, -4]
    text = ", ".join(f"{value:g}" for value in values)
    evidence = (
        "The function is two layers of fnn, with W = (1, 1) and W = z. "
        f"q, f, ∂f/∂x, ∂f/∂y, ∂f/∂z, ∂f/∂q = {text}."
    )
    return holds_if(bool((values == expected).all()), evidence, values=values)


# cost_of_backprop


AS_LONG = 1.5  # a ratio nearer to 1 than to 2
FEWEST, MOST = 5, 20  # times the model that pass for ten


@claim(
    "1.26",
    "cost_of_backprop",
    "A gradient takes as long as the loss, and needs memory of about ten times the model.",
    code="temporary_bytes",
)
def cost(results):
    batches = results["batches"]
    ratios = [ratio_interval(row) for row in results["ratio"]]
    over_model = results["temporaries"] / results["model"][:, None]
    is_near_ten = ((over_model > FEWEST) & (over_model < MOST)).all(axis=0)
    cases = {"time": every(*(ratio.below(AS_LONG) for ratio in ratios))}
    for batch, near in zip(batches, is_near_ten, strict=True):
        cases[f"memory at batch {batch}"] = near
    means = [ratio.middle for ratio in ratios]
    nearest = np.abs(np.log(over_model / 10)).max(axis=0).argmin()
    low, high = over_model[:, nearest].min(), over_model[:, nearest].max()
    evidence = (
        f"Loss and gradient take {min(means):.3g} to {max(means):.3g} times as long as the loss. "
        f"XLA's temporary arrays take {low:.2g} to {high:.2g} times the model at a batch of "
        f"{batches[nearest]}, in networks of {', '.join(results['widths'].astype(str))} units a "
        f"layer. They grow with the batch. {FEWEST} to {MOST} times count as ten times."
    )
    return depends_on(
        cases,
        evidence,
        time_ratio=by_name(results["widths"], ratios),
        temporaries_over_model=by_name(results["widths"], over_model),
    )


@claim(
    "1.28",
    "cost_of_backprop",
    "The forward pass stores the pre-activation f and the activation h of every neuron.",
    code="compare_residuals",
)
def stored_quantities(results):
    residuals, gradients = results["same_residuals"], results["same_gradients"]
    evidence = (
        f"The forward pass of {LAYERS} layers keeps {residuals.size} arrays. "
        f"Of these {residuals.sum()} are the input and f and h, bit for bit as computed anew. "
        f"{gradients.sum()} of {gradients.size} gradients are the same bits from both."
    )
    return holds_if(
        bool(residuals.all() and gradients.all()),
        evidence,
        same_residuals=residuals.sum(),
        same_gradients=gradients.sum(),
    )


# delta_rule


@claim(
    "2.14",
    "delta_rule",
    "The gradient at the output layer, which the slide announces and leaves empty, is (z − t) "
    "g′(a) y.",
    code="output_error",
)
def output_layer(results):
    error = results["output_error"]
    names = results["activations"]
    evidence = (
        f"(z_k − t_k) g′(a_k) y_h for ½Σ(t − z)² is autodiff's gradient to {error.max():.0e}, "
        f"relative, in {error.shape[-1]} random 3-4-4 networks with each of {', '.join(names)}."
    )
    return holds_if(
        is_exact(error),
        evidence,
        largest_error=by_name(names, error.max(axis=-1)),
        fnn_to_autodiff=results["autodiff_error"],
    )


@claim(
    "2.15",
    "delta_rule",
    "The error depends on a hidden activity through every output unit, and these effects add up.",
    code="hidden_errors",
)
def effects_combine(results):
    combined, strongest = results["combined_error"], results["strongest_error"]
    median_combined = np.median(combined, axis=-1)
    median_strongest = np.median(strongest, axis=-1)
    sum_is_right = (np.quantile(combined, 0.99, axis=-1) < 1e-6).all()
    one_is_wrong = (median_strongest > 1e-2).all()
    evidence = (
        f"Σ_k w_kh δ_k is ∂E/∂y_h by central differences, to {np.median(combined):.0e} in the "
        f"median of {combined.shape[-1]} networks with each of {len(combined)} activations. "
        f"The largest of its terms alone is off by {np.median(strongest):.2g}."
    )
    return holds_if(
        every(sum_is_right, one_is_wrong),
        evidence,
        median_error=by_name(results["activations"], median_combined),
        median_error_of_strongest=by_name(results["activations"], median_strongest),
    )


@claim(
    "2.16",
    "delta_rule",
    "Sigmoid rule: δ_k = z_k(1 − z_k)(t_k − y_k), hidden δ_h = y_h(1 − y_h) Σ w δ, Δw = η δ x.",
    figure="rule",
    code="rule_error",
)
def sigmoid_rule(results):
    as_printed, mended = results["rule_error"]
    median = np.median(as_printed)
    cases = {
        "y_k read as the output z_k": is_exact(mended),
        "y_k read as a hidden activity": is_exact(as_printed),
    }
    evidence = (
        f"With z_k for y_k the step is −η∇½Σ(t − z)² to {mended.max():.0e}, relative, in "
        f"{mended.size} networks. Elsewhere in the document y is the hidden layer: with it the "
        f"median error is {median:.2g}."
    )
    return depends_on(
        cases,
        evidence,
        median_error_as_printed=median,
        largest_error_mended=mended.max(),
    )


# elementwise_delta


@claim(
    "3.11",
    "elementwise_delta",
    "∂L/∂W_K = ∇L ⊙ ∇σ_K(z_K) · a_{K−1}ᵀ, and so on for the layer before and the biases.",
    figure="gradients",
    code="gradient_error",
)
def elementwise_gradients(results):
    errors = by_name(results["outputs"], results["gradient_error"])
    cases = {f"{name} outputs": is_exact(error) for name, error in errors.items()}
    largest = {name: error.max() for name, error in errors.items()}
    by_hadamard, by_jacobian = results["softmax_example"] + 0.0  # no −0
    evidence = (
        f"Largest relative error in random 3-4-5-3 networks: {named(largest, '.2g')}. "
        f"Softmax couples the outputs: ⊙ gives ∂L/∂z = {vector(by_hadamard)} where the Jacobian "
        f"gives p − t = {vector(by_jacobian)}."
    )
    return depends_on(
        cases,
        evidence,
        largest_error=largest,
        softmax_example={"elementwise": by_hadamard, "jacobian": by_jacobian},
    )


def vector(values: np.ndarray) -> str:
    """Return "(0.100, 0.200, …)"."""
    numbers = ", ".join(f"{value:.3f}" for value in values)
    return f"({numbers})"


@claim(
    "3.12",
    "elementwise_delta",
    "The error terms obey δ_l = δ_{l+1}ᵀ · W_{l+1} ⊙ ∇σ_l(z_l).",
    figure="delta",
    code="delta_errors",
)
def row_times_column(results):
    printed, right = results["printed_shape"], results["right_shape"]
    column, summed = results["column_error"], results["summed_error"]
    fits = (printed == right).all()
    evidence = (
        f"⊙ of a row and a column broadcasts to {shape(printed)} where δ_l is {shape(right)}. "
        f"With the row turned into a column it is right to {column.max():.0e}. "
        f"With the matrix summed like a batch ∂L/∂b is off by {np.median(summed):.2g}. "
        f"fnn refuses the matrix: {results['refused']}."
    )
    return holds_if(
        every(fits, is_exact(column)),
        evidence,
        printed_shape=printed,
        right_shape=right,
        largest_column_error=column.max(),
        median_summed_error=np.median(summed, axis=-1),
    )


def shape(lengths: np.ndarray) -> str:
    """Return "4×1"."""
    return "×".join(lengths.astype(str))


# hand_made_example


PRINTED: dict[str, list[float]] = {  # what the document prints
    "o₁ to o₅ and the loss": [5, -8, 5, 0, -4, 81],
    "the derivatives by o₅, o₃, o₁": [-18, 36, 36],
    "the gradients of w₅ and w₁": [-90, 72],
    "w₁ = −0.072": [-0.072],
    "w₅ = −1.91": [-1.91],
    "w₅ = −2.00": [-2.0],
}


@claim(
    "4.18",
    "hand_made_example",
    "In the hand-made network the loss is 81, ∂L/∂w₅ = −90, ∂L/∂w₁ = 72; a step of 10⁻³ gives w₁ "
    "= −0.072, w₅ = −2.00.",
    code="printed_numbers",
)
def hand_made(results):
    computed = results["numbers"]
    cases = {}
    start = 0
    for name, printed in PRINTED.items():
        end = start + len(printed)
        error = np.abs(computed[start:end] - printed).max()
        cases[name] = bool(error < EXACT)
        start = end
    learning_rate = results["learning_rates"][-1]
    evidence = (
        f"w₅ becomes {computed[-1]:.2f} in the step. {arrival(results['loss'][0])} "
        f"At learning rate {learning_rate:g} o₁ of the live unit becomes "
        f"{results['o1'][-1, 1]:.2g} in the first step."
    )
    parameters = ["w₁", "w₂", "w₃", "w₄", "b₁", "b₂", "w₅", "w₆", "b₃"]
    return depends_on(
        cases,
        evidence,
        gradients=by_name(parameters, results["nine"] + 0.0),
        numbers=computed,
        loss_after_step=results["loss"][0, 1],
        loss_after_partial_steps=by_name(["w₁ and w₅", "w₁"], results["partial_loss"]),
    )


def arrival(loss: np.ndarray) -> str:
    """Return a sentence that says at which step the loss is first below 1e-6."""
    is_below = loss < 1e-6
    if is_below.any():
        return f"The loss is first below 1e-6 at step {is_below.argmax()}."
    return f"The loss is never below 1e-6 in {len(loss)} steps."


# layerwise_gradient


@claim(
    "0.14",
    "layerwise_gradient",
    "All parameters [W, B] take one step along the average of the examples' gradients.",
    figure="layers",
    code="compare_steps",
)
def one_vector(results):
    same, error = results["same_bits"], results["average_error"]
    evidence = (
        f"A step as one vector and a step matrix by matrix give {same.sum()} of {same.size} "
        f"parameters the same bits, in {len(same)} random 3-5-2 networks. "
        f"The mean of the examples' gradients is the gradient of their mean loss to "
        f"{error.max():.0e}, relative."
    )
    return holds_if(
        every(same.all(), is_exact(error)),
        evidence,
        share_with_same_bits=same.mean(),
        average_error=error.max(),
    )


@claim(
    "0.15",
    "layerwise_gradient",
    "The gradient is known at the last layer alone, and is handed down from there to every layer.",
    figure="layers",
    code="layer_error",
)
def handed_down(results):
    error, depths = results["layer_error"], results["depths"]
    evidence = (
        "The target enters in ∂L/∂a_K alone. Vector-Jacobian products from there give autodiff's "
        f"gradient of all layers to {error.max():.0e}, relative, in {error.shape[-1]} random "
        f"networks of each of {', '.join(depths.astype(str))} layers."
    )
    largest = by_name(depths, error.max(axis=-1))
    return holds_if(is_exact(error), evidence, largest_error=largest)


@claim(
    "3.16",
    "layerwise_gradient",
    "∂L/∂W_l is n_l × n_{l−1}, like W_l, in every layer.",
    figure="layers",
    code="gradient_shapes",
)
def shape_of_w(results):
    same = (results["shapes"] == results["right_shapes"]).all(axis=1)
    evidence = (
        f"{same.sum()} of {same.size} matrices have a gradient of n_l rows and n_{{l−1}} columns, "
        "in random networks of 1 to 6 layers and 1 to 20 units."
    )
    return holds_if(same.all(), evidence, same=same.sum(), matrices=same.size)


# printed_backprop


@claim(
    "0.16",
    "printed_backprop",
    "The error terms obey δ_k = W_{k+1} f′_k δ_{k+1}, beginning with δ_K = loss′.",
    figure="recursion",
    code="recursion_errors",
)
def printed_recursion(results):
    names = results["activations"]
    as_printed, _, right = np.moveaxis(results["recursion_error"], 2, 0)
    median = np.median(as_printed, axis=-1)
    is_exact_in = (as_printed <= EXACT).all(axis=-1)
    shapes = list(SHAPES)
    lucky = [f"{names[row]} at {shapes[column]}" for row, column in np.argwhere(is_exact_in)]
    evidence = (
        f"Median relative error of δ₁ at width 4: {named(by_name(names, median[:, 1]), '.2g')}. "
        f"It is exact in all networks only for {', '.join(lucky) or 'none'}. "
        f"With f′_K added and Wᵀ for W the error is at most {right.max():.0e}. "
        f"Where widths differ there is no such product: {sizes(results['refused'][0])}."
    )
    return holds_if(
        is_exact_in.all(),
        evidence,
        median_error=by_name(shapes, median.T),
        fnn_to_autodiff=results["autodiff_error"],
    )


def sizes(refusal: str) -> str:
    """Return NumPy's message about shapes without the signature of its function."""
    _, signature, text = refusal.rpartition("signature")
    if not signature:
        return refusal
    _, _, in_brackets = text.rpartition("(")
    return in_brackets.rstrip(")")


@claim(
    "0.17",
    "printed_backprop",
    "Each layer is updated by W_k ← W_k − η δ_k W_k f′_{k−1}.",
    figure="updates",
    code="printed_updates",
)
def printed_update(results):
    reading = "Entry by entry it is δ_i w_ij f′_j, where the gradient is δ_i z_j from below."
    return update_rule(results, 0, reading)


@claim(
    "4.5",
    "printed_backprop",
    "The weights of the first layer are updated by W₁ ← W₁ − lr ∂L/∂z₁.",
    figure="updates",
    code="printed_updates",
)
def derivative_by_z(results):
    reading = "Broadcast, every weight of neuron i moves by δ_i, where ∂L/∂W is δ_i x_j."
    return update_rule(results, 1, reading)


def update_rule(results, number: int, reading: str):
    """Judge one of the printed updates.

    reading  a sentence: what the update is in the shape of W
    """
    names = results["activations"]
    error = results["update_error"][:, :, number]
    uphill = results["uphill"][:, 1, number]
    width_1, width_4 = np.median(error, axis=(0, 2))
    worst = uphill.mean(axis=-1).argmax()
    shares = [share_interval(of_networks) for of_networks in uphill]
    evidence = (
        f"Where widths differ it does not fit W: {sizes(results['refused'][number + 1])}. "
        f"{reading} The median relative error is {width_1:.2g} at width 1 and {width_4:.2g} at "
        f"width 4. With {names[worst]} a share of {shares[worst]} of the steps points uphill."
    )
    return holds_if(
        is_exact(error),
        evidence,
        median_error=by_name(names, np.median(error, axis=-1)),
        share_uphill=by_name(names, shares),
    )


# printed_two_layers


@claim(
    "0.18",
    "printed_two_layers",
    "In a 2-3-1 network with ½Σ(y − z)², δW₃₆ = (z₆ − y) f′₆(z₆) z₃, and so on for nine weights: "
    "f′ at the outputs z.",
    code="slope_errors",
)
def slopes_at_outputs(results):
    errors = results["error_2_3_1"]
    exact, medians = as_printed_by_activation(results, errors)
    evidence = (
        f"Median relative error in {errors.shape[-1]} random networks: {named(medians, '.2g')}. "
        "Where f has the same slope at z = f(a) as at a, the slip does not show. "
        f"With f′ at the pre-activations all 13 gradients are right to {errors[:, 1].max():.0e}."
    )
    return depends_on(
        exact,
        evidence,
        median_error=medians,
        largest_error_of_a_worked_entry=by_name(exact, results["worked_error"]),
        worked_gradients=results["worked_gradients"],
        fnn_to_autodiff=results["autodiff_error"],
    )


@claim(
    "0.19",
    "printed_two_layers",
    "In a 1-1-1 net δW₂ = (z₂ − y) f′₂(z₂) z₁, δB₂ = δ₂, δW₁ = δ₂ w₂ f′₁(z₁) z₀, δB₁ = δ₁ make "
    "one step of descent.",
    figure="1-1-1",
    code="slope_errors",
)
def one_one_one(results):
    errors = results["error_1_1_1"]
    exact, medians = as_printed_by_activation(results, errors)
    evidence = (
        f"Median relative error in {errors.shape[-1]} random networks: {named(medians, '.2g')}. "
        "With f′ at the pre-activations the four gradients, and so the step, are right to "
        f"{errors[:, 1].max():.0e}. The z₆ of the document is left from 2-3-1 and stands for z₂."
    )
    return depends_on(
        exact,
        evidence,
        median_error=medians,
        fnn_to_autodiff=results["autodiff_error"],
    )


def as_printed_by_activation(results, errors: np.ndarray) -> tuple[dict, dict]:
    """Return whether the printed form is exact, and its median error, for each activation."""
    as_printed = by_name(results["activations"], errors[:, 0])
    exact = {name: is_exact(error) for name, error in as_printed.items()}
    medians = {name: np.median(error) for name, error in as_printed.items()}
    return exact, medians


# two_neurons


@claim(
    "1.29",
    "two_neurons",
    "In a 1-2-1 network dL/dφ₁ = 2Δy h₁, dL/dφ₀ = 2Δy, dL/dθ₁₁ = 2Δy φ₁ a′(f₁) x, dL/dθ₀₁ = 2Δy "
    "φ₁ a′(f₁), and so on.",
    code="by_formulas",
)
def one_two_one(results):
    error = np.abs(results["seven"] - results["formulas"]).max()
    deeper = results["deeper_error"]
    evidence = (
        f"Continued to the second neuron, the formulas give fnn's seven gradients to {error:.1g} "
        "with ReLU and tanh, at inputs chosen here. "
        f"With one more hidden layer fnn agrees with autodiff to {deeper:.0e}, relative."
    )
    return holds_if(
        bool(error <= EXACT and deeper <= EXACT),
        evidence,
        gradients=by_name(["ReLU", "tanh"], results["seven"]),
    )
