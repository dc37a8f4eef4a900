"""The claims about backpropagation, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import math

import numpy as np

from experiments.backprop import backprop_shortcuts, cost_of_backprop, printed_backprop
from experiments.claims import claim, depends_on, every, holds_if, share_interval

# backprop_shortcuts


EXACT = 1e-12


@claim(
    "3.13",
    "backprop_shortcuts",
    "Many terms are the same from layer to layer: stored error terms δ save computing them again.",
    figure="reuse",
)
def reuse(results):
    products, depths = results["products"], results["depths"]
    kept, anew = np.log(products[-1] / products[-2]) / np.log(depths[-1] / depths[-2])
    return holds_if(
        bool(abs(kept - 1) < 0.15 and anew > 1.8 and (products[1:, 0] < products[1:, 1]).all()),
        f"Multiplications for all ∂L/∂W of {depths[-1]} layers of {backprop_shortcuts.UNITS} "
        f"units, counted in fnn's "
        f"backward pass: "
        f"{products[-1, 0]:,} with δ reused, {products[-1, 1]:,} without, a factor of "
        f"{products[-1, 1] / products[-1, 0]:.1f}. They grow with L layers as L^{kept:.2f} and "
        f"L^{anew:.2f}.",
        growth=(kept, anew),
        products=products,
    )


@claim(
    "4.6",
    "backprop_shortcuts",
    "∂L/∂W = (∂Z/∂W)ᵀ ∂L/∂Z, and likewise for the inputs.",
    figure="jacobian",
)
def jacobian_product(results):
    error, ratio = results["jacobian_error"], results["jacobian_bytes"] / results["gradient_bytes"]
    return holds_if(
        bool((error <= EXACT).all()),
        f"Full Jacobians and the layer's backward pass agree to {error.max():.0e}, relative, for "
        f"W and for the inputs. "
        f"The Jacobian ∂Z/∂W of a layer of {results['widths'][-1]} units is {ratio[-1, 0]:.0f} "
        f"times as large as the "
        "gradient; nothing of it is needed but its product with ∂L/∂Z, which is δ aᵀ.",
        largest_error=error.max(axis=0),
        bytes_ratio=ratio[:, 0],
    )


# chain_rule


@claim(
    "1.27",
    "chain_rule",
    "By the chain rule the derivative of sin(log x) is cos(log x)/x.",
    figure="sine",
)
def chain_rule(results):
    found = results["chain_rule"]
    autodiff, differences = (
        np.abs(found - results[f"chain_{by}"]).max() for by in ("autodiff", "differences")
    )
    points = ["e" if point == math.e else f"{point:g}" for point in results["points"]]
    return holds_if(
        bool(autodiff <= EXACT and differences < 1e-8),
        f"At x = {', '.join(points)}: {', '.join(f'{v:.7f}' for v in found)}; autodiff "
        f"agrees to {autodiff:.1g}, central differences to {differences:.1g}.",
        values=results["chain_rule"],
    )


@claim(
    "4.7",
    "chain_rule",
    "f = (x + y)z at (−2, 5, −4): q = x + y = 3, f = −12, ∂f/∂x = ∂f/∂y = ∂f/∂q = −4, ∂f/∂z = 3.",
    figure="trace",
)
def sum_times_z(results):
    found = results["sum_and_product"]
    return holds_if(
        bool((found == [3, -12, -4, -4, 3, -4]).all()),
        f"As two layers of fnn, with W = (1, 1) and W = z: q, f, ∂f/∂x, ∂f/∂y, ∂f/∂z, ∂f/∂q = "
        f"{', '.join(f'{v:g}' for v in found)}.",
        found=found,
    )


# cost_of_backprop


AS_LONG = 1.5  # a ratio nearer to 1 than to 2


FEWEST, MOST = 5, 20  # times the model that pass for ten


@claim(
    "1.26",
    "cost_of_backprop",
    "A gradient takes as long as the loss, and needs memory of about ten times the model.",
    figure="cost",
)
def cost(results):
    ratios = [cost_of_backprop.ratio_interval(each) for each in results["ratio"]]
    memory = results["stored"] / results["model"][:, None]
    tenfold = 10 * results["batches"][0] / memory[-1, 0]
    return holds_if(
        every(
            *(ratio.below(AS_LONG) for ratio in ratios),
            bool(((memory > FEWEST) & (memory < MOST)).all()),
        ),
        f"Loss and gradient together take {', '.join(map(str, ratios))} times as long as the "
        f"loss, with {cost_of_backprop.LAYERS} "
        f"layers of {', '.join(map(str, results['widths']))} units and a batch of "
        f"{results['batch_size']} (geometric "
        f"means of {results['ratio'].shape[1]} interleaved ratios, 95% intervals). The forward "
        f"pass stores 2 numbers "
        f"a neuron and example, in proportion to the batch and not to the model. Beside the "
        f"parameters of the widest "
        f"network that is {memory[-1, 0]:.2g} times as much memory at a batch of "
        f"{results['batches'][0]} and "
        f"{memory[-1, -1]:.3g} times at {results['batches'][-1]}; ten times at about "
        f"{tenfold:.0f}.",
        time_ratio=ratios,
        stored_over_model=memory,
    )


@claim(
    "1.28",
    "cost_of_backprop",
    "The forward pass stores the pre-activation f and the activation h of every neuron.",
    figure="memory",
)
def stored_quantities(results):
    residuals, gradients = results["same_residuals"], results["same_gradients"]
    return holds_if(
        bool(residuals.all() and gradients.all()),
        f"{int(residuals.sum())} of {residuals.size} arrays that fnn's forward pass keeps are the "
        f"input and the f and "
        f"h of {cost_of_backprop.LAYERS - 1} hidden layers, bit for bit as computed anew; "
        f"{int(gradients.sum())} "
        f"of {gradients.size} "
        "gradients are the same bits from the kept ones and from those computed anew.",
        same=np.concatenate([residuals, gradients]),
    )


# delta_rule


@claim(
    "2.14",
    "delta_rule",
    "The gradient at the output layer, which the slide announces and leaves empty, is (z − t) "
    "g′(a) y.",
)
def output_layer(results):
    error = results["output_error"]
    return holds_if(
        bool((error <= EXACT).all()),
        f"(z_k − t_k) g′(a_k) y_h for ½Σ(t − z)² is autodiff's gradient to {error.max():.0e}, "
        f"relative, in "
        f"{error.shape[-1]} random 3-4-4 networks with each of "
        f"{', '.join(results['activations'])}.",
        largest_error=error.max(axis=-1),
        fnn_to_autodiff=results["autodiff_error"],
    )


@claim(
    "2.15",
    "delta_rule",
    "The error depends on a hidden activity through every output unit, and these effects add up.",
)
def effects_combine(results):
    error, strongest = results["combined_error"], results["strongest_error"]
    return holds_if(
        bool(
            (np.quantile(error, 0.99, axis=1) < 1e-6).all()
            and (np.median(strongest, axis=1) > 1e-2).all()
        ),
        f"Σ_k w_kh δ_k is ∂E/∂y_h by central differences with a median relative error of "
        f"{np.median(error):.0e} (99 of "
        f"100 below {np.quantile(error, 0.99):.0e}). Each hidden unit's largest effect alone, "
        f"through one of the 4 "
        f"outputs, is off by {np.median(strongest):.2g} (median of {error.shape[-1]} networks "
        f"with each of "
        f"{len(error)} activations).",
        median_error=np.median(error, axis=-1),
        median_error_of_strongest=np.median(strongest, axis=-1),
    )


@claim(
    "2.16",
    "delta_rule",
    "Sigmoid rule: δ_k = z_k(1 − z_k)(t_k − y_k), hidden δ_h = y_h(1 − y_h) Σ w δ, Δw = η δ x.",
    figure="rule",
)
def sigmoid_rule(results):
    as_printed, mended = results["rule_error"]
    return depends_on(
        {
            "y_k read as the output z_k": bool((mended <= EXACT).all()),
            "y_k read as a hidden activity": bool((as_printed <= EXACT).all()),
        },
        f"With z_k for y_k the step is −η∇½Σ(t − z)² to {mended.max():.0e}, relative, in "
        f"{mended.size} networks; "
        f"with y as the hidden layer, which it is elsewhere in the document, the median error is "
        f"{np.median(as_printed):.2g}.",
        median_error_as_printed=np.median(as_printed),
        largest_error_mended=mended.max(),
    )


# elementwise_delta


@claim(
    "3.11",
    "elementwise_delta",
    "∂L/∂W_K = ∇L ⊙ ∇σ_K(z_K) · a_{K−1}ᵀ, and so on for the layer before and the biases.",
    figure="gradients",
)
def elementwise_gradients(results):
    error, names = results["gradient_error"], [str(name) for name in results["outputs"]]
    exact = {
        f"{name} outputs": bool((each <= EXACT).all())
        for name, each in zip(names, error, strict=True)
    }
    by_hadamard, by_jacobian = (
        ", ".join(f"{v:.3f}" for v in row + 0.0) for row in results["softmax_example"]
    )
    errors = [f"{name} {each.max():.0e}" for name, each in zip(names, error, strict=True)]
    return depends_on(
        exact,
        f"Largest relative error of the last two layers' gradients in {error.shape[-1]} random "
        f"3-4-5-3 networks: "
        f"{', '.join(errors)}. Softmax couples "
        f"the outputs: for p = (0.830, 0.064, 0.106) and the first class ⊙ gives ({by_hadamard}), "
        f"the Jacobian p − t = "
        f"({by_jacobian}).",
        median_error=np.median(error, axis=-1),
        softmax_example=results["softmax_example"],
    )


@claim(
    "3.12",
    "elementwise_delta",
    "The error terms obey δ_l = δ_{l+1}ᵀ · W_{l+1} ⊙ ∇σ_l(z_l).",
    figure="delta",
)
def row_times_column(results):
    fits = bool((results["printed_shape"] == results["right_shape"]).all())
    shapes = ["×".join(map(str, results[key])) for key in ("printed_shape", "right_shape")]
    error, summed = results["column_error"], results["summed_error"]
    return holds_if(
        fits and bool((error <= EXACT).all()),
        f"A row ⊙ a column broadcasts silently to {shapes[0]} where δ_l is {shapes[1]}. With the "
        f"row turned into a "
        f"column it is right to {error.max():.0e}; summed like the examples of a batch, the "
        f"matrix gives a bias "
        f"gradient that is off by {np.median(summed):.2g} (median of {summed.shape[-1]} networks "
        f"with each of "
        f"{len(summed)} activations). fnn refuses it: {results['refused']}.",
        printed_shape=results["printed_shape"],
        right_shape=results["right_shape"],
        largest_column_error=error.max(),
        median_summed_error=np.median(summed, axis=-1),
    )


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
)
def hand_made(results):
    found = np.split(
        results["numbers"], np.cumsum([len(printed) for printed in PRINTED.values()])[:-1]
    )
    right = {
        name: bool(np.abs(each - printed).max() < EXACT)
        for (name, printed), each in zip(PRINTED.items(), found, strict=True)
    }
    loss, below = results["loss"], results["loss"][0] < 1e-6
    arrival = (
        f"first below 1e-6 at step {below.argmax()}"
        if below.any()
        else f"never below 1e-6 in {loss.shape[1]} steps"
    )
    return depends_on(
        right,
        f"The nine gradients are {', '.join(f'{v:g}' for v in results['nine'] + 0.0)} (w₁ to w₄, "
        f"b₁, b₂, w₅, w₆, b₃): "
        f"the second ReLU unit is off and never learns. w₅ becomes {results['numbers'][-1]:.2f}. "
        f"The loss after a step "
        f"of all is {loss[0, 1]:.6f}, of w₁ and w₅ {results['partial_loss'][0]:.6f}, with w₅ = "
        f"−2.00 "
        f"{results['partial_loss'][1]:.6f}, and {arrival}. At rate "
        f"{results['learning_rates'][-1]:g} o₁ becomes "
        f"{results['o1'][-1, 1]:.2g} = 5 − 216·rate: the live unit is off.",
        nine=results["nine"],
        numbers=results["numbers"],
        partial_loss=results["partial_loss"],
    )


# layerwise_gradient


@claim(
    "0.14",
    "layerwise_gradient",
    "All parameters [W, B] take one step along the average of the examples' gradients.",
    figure="layers",
)
def one_vector(results):
    same, error = results["same_bits"], results["average_error"]
    return holds_if(
        bool(same.all() and (error <= EXACT).all()),
        f"A step of {len(same)} random 3-5-2 networks as one vector and matrix by matrix: "
        f"{int(same.sum())} of "
        f"{same.size} parameters have the same bits. The mean of 8 examples' gradients is the "
        f"gradient of their mean "
        f"loss to {error.max():.0e}, relative.",
        same_bits=same.mean(),
        average_error=error.max(),
    )


@claim(
    "0.15",
    "layerwise_gradient",
    "The gradient is known at the last layer alone, and is handed down from there to every layer.",
    figure="layers",
)
def handed_down(results):
    error, depths = results["layer_error"], results["depths"]
    return holds_if(
        bool((error <= EXACT).all()),
        f"Vector-Jacobian products from ∂L/∂a_K, the one place where the target enters, give "
        f"autodiff's gradient of "
        f"all layers to {error.max():.0e}, relative, in {error.shape[-1]} random networks of each "
        f"of "
        f"{', '.join(map(str, depths))} layers.",
        largest_error=error.max(axis=-1),
        depths=depths,
    )


@claim(
    "3.16",
    "layerwise_gradient",
    "∂L/∂W_l is n_l × n_{l−1}, like W_l, in every layer.",
    figure="layers",
)
def shape_of_w(results):
    same = (results["shapes"] == results["right_shapes"]).all(axis=1)
    return holds_if(
        bool(same.all()),
        f"{int(same.sum())} of {same.size} matrices, in random networks of 1 to 6 layers and 1 to "
        f"20 units, have a "
        "gradient of n_l rows and n_{l−1} columns.",
        same=same.sum(),
        matrices=same.size,
    )


# printed_backprop


def sizes(refusal: str) -> str:
    """What NumPy says of a product of shapes that do not fit, without the signature of its
    function.
    """
    return (
        refusal.rpartition("signature")[2].rpartition("(")[2].rstrip(")")
        if "signature" in refusal
        else refusal
    )


def medians(errors: np.ndarray, names: np.ndarray) -> str:
    """Over seeds, of errors (activations, seeds)."""
    return ", ".join(
        f"{name} {np.median(each):.2g}" for name, each in zip(names, errors, strict=True)
    )


@claim(
    "0.16",
    "printed_backprop",
    "The error terms obey δ_k = W_{k+1} f′_k δ_{k+1}, beginning with δ_K = loss′.",
    figure="recursion",
)
def printed_recursion(results):
    error, names = results["recursion_error"], results["activations"]
    exact = (error <= EXACT).all(axis=-1)
    lucky = [
        f"{names[a]} of {list(printed_backprop.SHAPES)[s]}" for a, s in np.argwhere(exact[:, :, 0])
    ]
    return holds_if(
        bool(exact[:, :, 0].all()),
        f"Median relative error of δ₁ at width 1: {medians(error[:, 0, 0], names)}; at width 4: "
        f"{medians(error[:, 1, 0], names)}; {error.shape[-1]} random networks each, exact in all "
        f"only for "
        f"{', '.join(lucky) or 'none'}. δ_K = loss′ ⊙ f′_K and δ_k = (W_{{k+1}}ᵀ δ_{{k+1}}) ⊙ "
        f"f′_k agree with fnn to "
        f"{error[:, :, 2].max():.0e}, and fnn with autodiff to {results['autodiff_error']:.0e}. "
        f"For unequal widths "
        f"there is no such product: {sizes(results['refused'][0])}.",
        exact=exact,
        median_error=np.median(error, axis=-1),
    )


def update_rule(results, number: int, right: str):
    """Verdict on one of the printed updates."""
    error, uphill = results["update_error"][:, :, number], results["uphill"][:, :, number]
    line, square = np.median(error, axis=(0, 2))
    shares = zip(results["activations"], uphill[:, 1], strict=True)
    return holds_if(
        bool((error <= EXACT).all()),
        f"Where widths differ its shape does not fit: {sizes(results['refused'][number + 1])}. "
        f"Broadcast to "
        f"the shape of W it is {right} Median relative error over all activations: {line:.2g} at "
        f"width 1, {square:.2g} "
        f"at width 4. Share of {error.shape[-1]} networks of width 4 in which the step points "
        f"uphill: "
        f"{', '.join(f'{name} {share_interval(each)}' for name, each in shares)}.",
        median_error=np.median(error, axis=-1),
        share_uphill=uphill.mean(axis=-1),
    )


@claim(
    "0.17",
    "printed_backprop",
    "Each layer is updated by W_k ← W_k − η δ_k W_k f′_{k−1}.",
    figure="updates",
)
def printed_update(results):
    return update_rule(
        results, 0, "δ_i w_ij f′_j where the gradient is δ_i z_j, from the layer below."
    )


@claim(
    "4.5",
    "printed_backprop",
    "The weights of the first layer are updated by W₁ ← W₁ − lr ∂L/∂z₁.",
    figure="updates",
)
def derivative_by_z(results):
    return update_rule(
        results, 1, "δ_i for every weight of neuron i, where ∂L/∂W is δ_i times the input."
    )


# printed_two_layers


def by_activation(results, key: str):
    """Whether the printed form is exact, and its median error in words, for each activation; and
    the largest error with f′(a).
    """
    error, names = results[key], [str(name) for name in results["activations"]]
    exact = {name: bool((each[0] <= EXACT).all()) for name, each in zip(names, error, strict=True)}
    words = ", ".join(
        f"{name} {np.median(each[0]):.2g}" for name, each in zip(names, error, strict=True)
    )
    return exact, words, error[:, 1].max()


@claim(
    "0.18",
    "printed_two_layers",
    "In a 2-3-1 network with ½Σ(y − z)², δW₃₆ = (z₆ − y) f′₆(z₆) z₃, and so on for nine weights: "
    "f′ at the outputs z.",
)
def slopes_at_outputs(results):
    exact, median, mended = by_activation(results, "error_2_3_1")
    worked = ", ".join(
        f"{name} {error:.2g}" for name, error in zip(exact, results["worked_error"], strict=True)
    )
    return depends_on(
        exact,
        f"Median relative error of the gradient in {results['error_2_3_1'].shape[-1]} random "
        f"networks: {median}. In "
        f"the worked network an entry is off by up to {worked}. An f whose slope is the same at z "
        f"= f(a) as at a hides "
        f"the slip. With f′ at the pre-activations, f′₆(a₆), all 13 gradients are those of "
        f"autodiff to {mended:.0e}, "
        "among them the four of the biases, which are not printed: δb = δ.",
        worked_error=results["worked_error"],
        worked_gradients=results["worked_gradients"],
        fnn_to_autodiff=results["autodiff_error"],
    )


@claim(
    "0.19",
    "printed_two_layers",
    "In a 1-1-1 net δW₂ = (z₂ − y) f′₂(z₂) z₁, δB₂ = δ₂, δW₁ = δ₂ w₂ f′₁(z₁) z₀, δB₁ = δ₁ make "
    "one step of descent.",
    figure="1-1-1",
)
def one_one_one(results):
    exact, median, mended = by_activation(results, "error_1_1_1")
    return depends_on(
        exact,
        f"With f′ at the pre-activations the four gradients, and so the step, are those of "
        f"autodiff to {mended:.0e} in "
        f"{results['error_1_1_1'].shape[-1]} random networks. With f′ at the outputs, as printed, "
        f"the median relative "
        f"error is: {median}. The z₆ of the document is a leftover of its 2-3-1 network and "
        f"stands for z₂.",
        median_error=np.median(results["error_1_1_1"], axis=-1),
        fnn_to_autodiff=results["autodiff_error"],
    )


# two_neurons


@claim(
    "1.29",
    "two_neurons",
    "In a 1-2-1 network dL/dφ₁ = 2Δy h₁, dL/dφ₀ = 2Δy, dL/dθ₁₁ = 2Δy φ₁ a′(f₁) x, dL/dθ₀₁ = 2Δy "
    "φ₁ a′(f₁), and so on.",
)
def one_two_one(results):
    error = np.abs(results["seven"] - results["formulas"]).max()
    return holds_if(
        bool(error <= EXACT and results["deeper_error"] <= EXACT),
        f"Continued to the second neuron, which is left to the reader, the formulas give fnn's "
        f"seven gradients to "
        f"{error:.1g} with ReLU and tanh, at inputs chosen here; with tanh φ₁ "
        f"{results['seven'][1, 0]:.8f}, θ₁₁ "
        f"{results['seven'][1, 3]:.8f}. With one more hidden layer fnn agrees with autodiff to "
        f"{results['deeper_error']:.0e}, relative. The document numbers weights (θ₁₁, θ₂₁) neuron "
        f"first and biases "
        "(θ₀₁, θ₀₂) neuron last.",
        gradients=results["seven"],
    )
