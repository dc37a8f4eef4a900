"""The claims about networks and their notations, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import numpy as np

from experiments.claims import by_name, claim, depends_on, every, holds_if, mean_interval
from experiments.networks import graphs, notations
from experiments.networks.components import PARTS
from experiments.networks.nonlinear_operator import NETWORKS
from experiments.networks.printed_notations import GATES
from experiments.networks.shallow import NAMES

ROUNDING = 1e-15
CLOSE = 1e-13


def is_rounding(errors: np.ndarray) -> bool:
    """Return whether all errors are at most ROUNDING."""
    return bool((errors <= ROUNDING).all())


# components


@claim(
    "0.1",
    "components",
    "A network is five parts: graph, loss, optimizer, initialisation and fixed-point procedure.",
    code="outputs_of_parts",
)
def five_parts(results):
    changed, moved = results["changed"], results["moved"]
    own = np.diag(changed).sum()
    others = changed.sum() - own
    only_own = (changed == np.eye(5, dtype=bool)).all()
    evidence = (
        f"Each of {', '.join(PARTS)} was exchanged alone: {own} of 5 then return something else, "
        f"and {others} of the 20 pairs of different parts show a changed bit. "
        f"A whole training ends elsewhere after every exchange, by at least {moved.min():.2g}."
    )
    return holds_if(
        every(only_own, (moved > 0).all()),
        evidence,
        changed=changed,
        moved=by_name(PARTS, moved),
    )


@claim(
    "0.4",
    "components",
    "The output of an input node is the input itself.",
    code="inputs_of_a_graph",
)
def input_nodes(results):
    equal = results["inputs_equal"]
    names = results["nodes_with_parameters"].tolist()
    shown = "bit for bit" if equal else "changed"
    evidence = (
        f"A graph that names its two inputs as outputs returns them {shown}. "
        f"Parameters belong to {', '.join(names)}."
    )
    return holds_if(
        every(equal, names == ["h"]),
        evidence,
        inputs_equal=equal,
        nodes_with_parameters=len(names),
    )


# deep_network


@claim(
    "1.5",
    "deep_network",
    "The 1-3-3-1 network written out neuron by neuron is h′ = a[β₁ + Ω₁ a[β₀ + Ω₀ x]], y = β₂ + "
    "Ω₂ h′.",
    code="by_matrices",
)
def two_hidden_layers(results):
    error = results["written_out"].max()
    deep, shallow = results["parameters"]
    folded = results["folded_pieces"]
    of_deep, of_shallow = results["pieces"]
    mean_of_deep, mean_of_shallow = mean_interval(of_deep), mean_interval(of_shallow)
    same_size = deep == shallow == 22
    has_more_pieces = folded > 8 and of_shallow.max() <= 8
    evidence = (
        f"Neurons, matrices and fnn agree within {error:.2g} in float64. "
        f"Folding [0, 1] twice, the {deep} parameters make {folded} straight pieces; a shallow "
        f"network of {shallow} cannot have more than 8. "
        f"Depth alone does not bring them: random deep networks have {mean_of_deep} on average, "
        f"shallow ones {mean_of_shallow}."
    )
    return holds_if(
        every(is_rounding(error), same_size, has_more_pieces),
        evidence,
        written_out=by_name(["neurons", "matrices"], results["written_out"]),
        folded_pieces=folded,
        mean_pieces={"deep": mean_of_deep, "shallow": mean_of_shallow},
    )


# graphs


@claim(
    "0.2",
    "graphs",
    "A network is a weighted acyclic graph: z_i = f_i(b_i + Σ w_ji z_j), a bias being an edge "
    "from a ghost.",
    code="loss_by_neurons",
)
def weighted_graph(results):
    error, ghost = results["value_error"].max(), results["ghost_error"]
    has_loop = ~results["loop_free"]
    refused = results["refused"][has_loop]
    evidence = (
        f"On {results['value_error'].size} random graphs layers and single neurons agree within "
        f"{error:.2g} in float64. "
        f"Biases as weights from a neuron that is always 1 change one of them by {ghost:.2g}. "
        f"{refused.sum()} of {refused.size} graphs with a cycle are refused."
    )
    return holds_if(
        every(error <= graphs.CLOSE, ghost <= graphs.CLOSE, refused.all()),
        evidence,
        value_error=error,
        ghost_error=ghost,
    )


@claim(
    "0.3",
    "graphs",
    "A layer is made of the nodes that read the same inputs.",
    figure="graph",
    code="compare_layers",
)
def shared_input(results):
    same = (results["layers_found"] == results["layers_expected"]).all(axis=1)
    of_231, of_skip = results["groups_231"].tolist(), results["groups_skip"].tolist()
    right_groups = of_231 == ["3+4+5", "6"] and of_skip == ["3", "4+5", "6"]
    evidence = (
        f"The weight matrices of the 2-3-1 network belong to the nodes {', '.join(of_231)}. "
        f"With edges that skip a layer they belong to {', '.join(of_skip)}. "
        f"In {same.sum()} of {same.size} random graphs they are the classes of nodes with equal "
        "predecessors."
    )
    return holds_if(every(same.all(), right_groups), evidence, share_of_graphs=same.mean())


@claim(
    "2.17",
    "graphs",
    "Backpropagation works on any directed graph.",
    figure="errors",
    code="values_and_gradient",
)
def backpropagation(results):
    error = results["gradient_error"].max()
    has_loop = ~results["loop_free"]
    refused = results["refused"][has_loop]
    cases = {
        "acyclic graphs": bool(error <= graphs.CLOSE),
        "graphs with a cycle": not refused.any(),
    }
    evidence = (
        f"On {results['gradient_error'].size} random acyclic graphs the gradient equals autodiff's "
        f"by single neurons within {error:.2g}. "
        f"In a cycle there is no order in which to compute values: {refused.sum()} of "
        f"{refused.size} such graphs are refused."
    )
    return depends_on(cases, evidence, gradient_error=error, share_refused=refused.mean())


@claim(
    "4.13",
    "graphs",
    "A network is a directed acyclic graph: following the edges never closes a loop.",
    figure="graph",
    code="try_loops",
)
def no_loop(results):
    loop_free, refused = results["loop_free"], results["refused"]
    accepted_free = (loop_free & ~refused).sum()
    refused_loops = (refused & ~loop_free).sum()
    evidence = (
        f"fnn accepts {accepted_free} of {loop_free.sum()} random graphs without a closed loop, "
        f"and refuses {refused_loops} of {(~loop_free).sum()} into which one was put. "
        "Powers of the adjacency matrix decide which is which."
    )
    return holds_if(
        every((refused == ~loop_free).all(), loop_free.any(), not loop_free.all()),
        evidence,
        accepted=accepted_free,
        refused=refused.sum(),
    )


# longest_path


@claim(
    "X8",
    "longest_path",
    "An MLP has at least two hidden layers in one document and at least one in another; deep "
    "means more than one.",
    figure="depths",
    code="chain",
)
def words(results):
    chains = results["chain_depths"]
    hidden = np.arange(len(chains))
    right = np.column_stack([hidden + 1, hidden, hidden + 1])
    by_fnn = chains[:, 1]
    disputed = hidden[(by_fnn >= 2) != (by_fnn >= 1)].tolist()
    weight_layers, _, longest = results["depths"].T
    share = (weight_layers != longest).mean()
    number = " or ".join(map(str, disputed)) or "no"
    evidence = (
        "De Marzo's MLP has at least two hidden layers, Sharif's one: they disagree about "
        f"networks with {number} hidden layer, which the notes do not call deep. "
        "In a chain weight layers and longest path are equal. "
        f"They differ in {100 * share:.0f}% of {len(longest)} random graphs."
    )
    return holds_if(
        every((chains == right).all(), disputed == [1], share > 0),
        evidence,
        chains=by_name(hidden, chains),
        share_that_differ=share,
    )


@claim(
    "2.9",
    "longest_path",
    "Z = g(W₃ f(W₂ f(W₁ x))); the depth of any acyclic graph is its longest path from a source to "
    "a sink.",
    code="formula_error",
)
def longest_path(results):
    errors, enumerated = results["formula_errors"], results["enumerated"]
    is_right = results["depths"][:, 2] == enumerated
    evidence = (
        f"The formulas of 1 to {errors.size} layers, printed without biases, equal fnn within "
        f"{errors.max():.2g}. "
        f"The longest path is the longest of all enumerated ones in {is_right.sum()} of "
        f"{is_right.size} random graphs, of depth {enumerated.min()} to {enumerated.max()}."
    )
    return holds_if(
        every(is_rounding(errors), is_right.all()),
        evidence,
        formula_errors=errors,
        share_right=is_right.mean(),
    )


# matrix_form


@claim(
    "1.6",
    "matrix_form",
    "Matrices are multiplied row by column, in general do not commute, and must fit.",
    code="multiply",
)
def matrix_product(results):
    ab, ba = results["example"]
    commute, fits = results["commute"], results["fits"]
    only_fitting = (fits == np.eye(len(fits), dtype=bool)).all()
    evidence = (
        f"AB = {ab.tolist()} and BA = {ba.tolist()} for A = [[0, 1], [0, 0]] and its transpose B. "
        f"{100 * commute.mean():.0f}% of {commute.size} random pairs of whole numbers commute. "
        f"{fits.sum()} of {fits.size} pairs of shapes have a product: those that fit."
    )
    return holds_if(
        every(results["rows_by_columns"], (ab != ba).any(), commute.mean() < 1, only_fitting),
        evidence,
        share_that_commute=commute.mean(),
        fits=fits,
    )


@claim(
    "1.7",
    "matrix_form",
    "K hidden layers have K + 1 weight matrices Ω₀ … Ω_K and as many bias vectors.",
    code="by_matrices",
)
def general_form(results):
    errors, hidden = results["shape_errors"], results["hidden_layers"]
    counted = results["counted"]
    one_more = (results["weight_matrices"] == hidden + 1).all()
    same_size = (counted == results["formula"]).all()
    evidence = (
        f"{len(counted)} networks of {hidden.min():.0f} to {hidden.max():.0f} hidden layers have "
        f"K + 1 matrices and Σ n_(k+1) (n_k + 1) parameters, {counted.min():.0f} to "
        f"{counted.max():.0f}. The formula gives fnn's values within {errors.max():.2g}."
    )
    return holds_if(
        every(one_more, same_size, errors.max() <= CLOSE),
        evidence,
        shape_errors=errors,
        parameters=counted,
    )


# nonlinear_operator


@claim(
    "0.7",
    "nonlinear_operator",
    "The objective is the mean, over the samples, of the loss between the target and g(x).",
    code="empirical_risk",
)
def objective(results):
    value, gradient = results["risk_error"], results["risk_gradient_error"]
    is_refused = results["operator_on_target"] != ""
    answer = "refuses that" if is_refused else "allows that"
    evidence = (
        f"The loss of a batch is the mean over single examples within {value:.2g} of itself, its "
        f"gradient within {gradient:.2g}. "
        f"The text beside the formula lets g act on the output: a 2-4-4-1 network {answer}."
    )
    return holds_if(
        every(value <= 1e-14, gradient <= 1e-14, is_refused),
        evidence,
        risk_error=value,
        risk_gradient_error=gradient,
    )


@claim(
    "0.8",
    "nonlinear_operator",
    "A network is a non-linear operator with unknown weights and biases.",
    code="beyond_linear",
)
def nonlinear(results):
    of_input, of_weights = results["beyond_linear"].T
    most_linear, next_one, *_ = np.sort(of_input)
    evidence = (
        f"g(u + v) + g(0) − g(u) − g(v) of the input is {most_linear:.2g} of g where every "
        f"activation is the identity, and at least {next_one:.2g} elsewhere. "
        f"Of the weights and biases it is at least {of_weights.min():.2g} in every network."
    )
    return depends_on(
        by_name(NETWORKS, of_input > 1e-3),
        evidence,
        of_input=by_name(NETWORKS, of_input),
        of_weights=by_name(NETWORKS, of_weights),
    )


# notations


def clashes(symbols: np.ndarray, meaning: str) -> dict[str, list[str]]:
    """Return the letters that mean this and something else too, with all of their meanings."""
    _, meanings, letters = symbols.T
    several = {}
    for letter in letters[meanings == meaning]:
        of_letter = sorted(set(meanings[letters == letter]))
        if len(of_letter) > 1:
            several[letter] = of_letter
    return several


@claim(
    "X1",
    "notations",
    "The documents exchange letters between pre-activation and output, and mean the same network.",
    code="notation_errors",
)
def letters(results):
    errors = results["errors"]
    shared = clashes(results["symbols"], "pre-activation")
    evidence = (
        f"{' and '.join(shared) or 'No letter'} can stand for either of the two. "
        f"A 3-4-2 network in the notation of {', '.join(results['documents'])} differs from fnn's "
        f"by at most {errors.max():.2g} in float64."
    )
    return holds_if(
        every(bool(shared), (errors <= notations.ROUNDING).all()),
        evidence,
        errors=by_name(results["documents"], errors),
    )


@claim(
    "X3",
    "notations",
    "ŷ is the truth in one document and the prediction in another, so that only the roles can be "
    "relied on.",
    code="exchange",
)
def prediction_and_target(results):
    roles = results["role_errors"]
    value, gradient = results["exchanged_value"], results["exchanged_gradient"]
    meanings = clashes(results["symbols"], "target").get("ŷ", ["one thing"])
    has_two_meanings = len(meanings) > 1
    evidence = (
        f"ŷ stands for {' and '.join(meanings)}. "
        f"By position, (prediction, target), the losses of the documents agree within "
        f"{roles.max():.2g}. "
        f"Exchanging the two changes the squared loss by {value:.2g}, and its gradient g becomes "
        f"−g within {gradient:.2g}: descent would climb."
    )
    return holds_if(
        every(has_two_meanings, (roles <= notations.ROUNDING).all(), gradient == 0),
        evidence,
        role_errors=roles,
        exchanged_cross_entropy=results["exchanged_cross_entropy"],
    )


@claim(
    "X7",
    "notations",
    "The letters of the learning rate collide with those of momentum.",
    code="table",
)
def collisions(results):
    documents, meanings, letters = results["symbols"].T
    rates = sorted(set(letters[meanings == "learning rate"]))
    collide = clashes(results["symbols"], "learning rate")
    sentences = [f"{letter} stands for {', '.join(of)}." for letter, of in collide.items()]
    evidence = (
        f"The learning rate is {', '.join(rates)} in {len(set(documents))} documents. "
        f"{' '.join(sentences) or 'None of them collides.'} "
        "In fnn the arguments are words: learning_rate and decay."
    )
    return holds_if(
        any("momentum" in of_letter for of_letter in collide.values()),
        evidence,
        letters_of_the_rate=len(rates),
        meanings={letter: len(of_letter) for letter, of_letter in collide.items()},
    )


# orientation


@claim(
    "X2",
    "orientation",
    "W is (out, in) in one document, (in, out) in another and a row for each neuron in a third; a "
    "fourth prints Wᵀa with W of (out, in), which only works if the two widths are equal.",
    code="transposed",
)
def orientations(results):
    raised, error = results["literal_raises"], results["in_out_error"]
    only_square = (raised == ~np.eye(len(raised), dtype=bool)).all()
    is_refused = results["refusal"] != ""
    evidence = (
        f"W[in, out] transposed is fnn's W, and x W + b then differs by {error:.2g}; without the "
        f"transpose fnn refuses it. "
        f"Wᵀa with the printed shape is an error for {raised.sum()} of {raised.size} pairs of "
        f"widths. At equal widths it is off by up to {results['literal_error'].max():.2g}."
    )
    return holds_if(
        every(only_square, results["round_trip"], is_rounding(error), is_refused),
        evidence,
        literal_raises=raised,
        literal_error=results["literal_error"],
        in_out_error=error,
    )


@claim(
    "3.10",
    "orientation",
    "Layer l computes σ(Wᵀa + b) with W of n_l × n_(l−1), and each of its neurons may have an "
    "activation of its own.",
    code="mixed_layer",
)
def per_neuron(results):
    neuron, columns = results["neuron_error"], results["columns_error"]
    cases = {
        "single neurons": is_rounding(neuron),
        "W of n_(l−1) × n_l": is_rounding(columns),
        "the printed shape of W": not results["printed_shape_raises"],
    }
    evidence = (
        "A layer of 4 neurons with 4 activations reads 3 inputs. "
        f"Neuron by neuron it equals fnn's within {neuron:.2g}. "
        f"As Wᵀa with the weights of a neuron in a column of W it does within {columns:.2g}."
    )
    return depends_on(cases, evidence, neuron_error=neuron, columns_error=columns)


# shallow


@claim(
    "1.1",
    "shallow",
    "A shallow network on (1, x) clips lines by ReLU, weights them and adds them up.",
    figure="stages",
    code="stages",
)
def clipped_lines(results):
    pieces = results["pieces"]
    error, slope = results["printed_error"].max(), results["slope_error"].max()
    same_curve = error <= CLOSE and slope <= CLOSE
    few_pieces = pieces.max() <= 4
    at_switches = results["joint_distance"].max() <= 2
    evidence = (
        f"The form with the dummy input 1 equals fnn within {error:.2g}, in {pieces.size} "
        f"networks of {results['parameters']} parameters. "
        f"The curves have at most {pieces.max()} pieces, which meet at −θ_d0/θ_d1. "
        f"In between the slope is Σ φ_d θ_d1 over the active units, within {slope:.2g}."
    )
    return holds_if(
        every(same_curve, few_pieces, at_switches, results["parameters"] == 10),
        evidence,
        printed_error=error,
        slope_error=slope,
        joint_distance_in_steps=results["joint_distance"].max(),
        networks_by_pieces=np.bincount(pieces),
    )


@claim(
    "1.4",
    "shallow",
    "Moving the parameters of a shallow network one by one shows what each of them does.",
    figure="moved",
    code="move_each",
)
def moving(results):
    moved = results["moved"]
    effect = np.ptp(moved, axis=1).max(axis=-1)
    bend = np.abs(np.diff(moved, 2, axis=1)).max(axis=(1, 2))
    of_theta, of_phi = np.split(bend, [6])
    all_act = (effect > 0.01).all()
    phi_is_linear = (of_phi < 1e-12).all()
    theta_is_not = (of_theta > 0.01).all()
    evidence = (
        f"Each parameter, moved from 1 below to 1 above, changes the curve by {effect.min():.2g} "
        f"to {effect.max():.2g}. "
        f"The curve is linear in the four φ: second differences are at most {of_phi.max():.2g}. "
        f"In the six θ, which move the joints, they are at least {of_theta.min():.2g}."
    )
    return holds_if(
        every(all_act, phi_is_linear, theta_is_not),
        evidence,
        effect=by_name(NAMES, effect),
        second_differences=by_name(NAMES, bend),
    )


# two_three_one


@claim(
    "0.5",
    "two_three_one",
    "The 2-3-1 network written out weight by weight is the same function as the graph.",
    code="written_out",
)
def expanded(results):
    graph, matrix = results["graph_error"], results["matrix_error"]
    weights, biases = results["weights"], results["biases"]
    has_13 = weights == 9 and biases == 4
    evidence = (
        f"z₃ to z₆ written out differ from the graph by at most {graph:.2g}. "
        f"The output differs from the matrix form by {matrix:.2g}, in float64. "
        f"{weights} weights and {biases} biases are {weights + biases} parameters."
    )
    return holds_if(
        every(is_rounding(graph), is_rounding(matrix), has_13),
        evidence,
        graph_error=graph,
        matrix_error=matrix,
        parameters=weights + biases,
    )


@claim(
    "0.6",
    "two_three_one",
    "A layer of neurons with one activation is a matrix product: z = f(b + W z of the layer "
    "before).",
    code="as_matrices",
)
def compact(results):
    error = results["matrix_error"]
    evidence = (
        "Two matrix products give the output of the 2-3-1 network, written out neuron by neuron, "
        f"within {error:.2g} in float64."
    )
    return holds_if(is_rounding(error), evidence, error=error)


@claim(
    "2.7",
    "two_three_one",
    "Input, hidden and output units are fully connected; biases are weights from units that are "
    "always 1.",
    code="with_always_on_unit",
)
def always_on(results):
    ghost, matrix = results["ghost_error"], results["matrix_error"]
    evidence = (
        f"Y_j = f(b_j + Σ_i X_i W_ij) equals fnn within {matrix:.2g}, and with always-on units "
        f"within {ghost:.2g}. "
        f"The printed index, Y_i, gives {results['printed_units']} hidden values, one for each "
        "input, where there are 3 units."
    )
    return holds_if(
        every(is_rounding(ghost), is_rounding(matrix)),
        evidence,
        ghost_error=ghost,
        matrix_error=matrix,
    )


@claim(
    "4.14",
    "two_three_one",
    "A neuron computes gate(x₁w₁ + … + x_N w_N + b).",
    code="gate_errors",
)
def gate(results):
    errors = results["gate_errors"]
    evidence = (
        f"A neuron with 5 inputs and the gates {', '.join(GATES)} equals fnn's within "
        f"{errors.max():.2g} in float64."
    )
    return holds_if(is_rounding(errors), evidence, errors=by_name(GATES, errors))
