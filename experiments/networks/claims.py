"""The claims about networks and their notations, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import numpy as np

from experiments.claims import claim, depends_on, every, holds_if, mean_interval
from experiments.networks import components, graphs, nonlinear_operator, notations
from experiments.networks.printed_notations import GATES

# components


@claim(
    "0.1",
    "components",
    "A network is five parts: graph, loss, optimizer, initialisation and fixed-point procedure.",
)
def five_parts(results):
    changed, moved = results["changed"], results["moved"]
    return holds_if(
        every((changed == np.eye(5, dtype=bool)).all(), (moved > 0).all()),
        f"Each of {', '.join(components.PARTS)} was exchanged alone: {np.diag(changed).sum()} of "
        f"5 then "
        f"return something else, "
        f"and {changed.sum() - np.diag(changed).sum()} of the 20 pairs of different parts show a "
        f"changed bit. A "
        f"training of {components.STEPS} steps ends elsewhere after every exchange, by at least "
        f"{moved.min():.2g} in some "
        "parameter.",
        changed=changed,
        moved=moved,
    )


@claim(
    "0.4",
    "components",
    "The output of an input node is the input itself.",
)
def input_nodes(results):
    equal, names = results["inputs_equal"], results["nodes_with_parameters"]
    return holds_if(
        every(equal, list(names) == ["h"]),
        f"A graph that names its two inputs as outputs returns them "
        f"{'bit for bit' if equal else 'changed'}; "
        f"parameters belong to {', '.join(names)} alone, which is no input.",
        inputs_equal=equal,
    )


# deep_network


ROUNDING = 1e-15


@claim(
    "1.5",
    "deep_network",
    "The 1-3-3-1 network written out neuron by neuron is h′ = a[β₁ + Ω₁ a[β₀ + Ω₀ x]], y = β₂ + "
    "Ω₂ h′.",
)
def two_hidden_layers(results):
    error, pieces = results["written_out"].max(), results["pieces"].max(axis=1)
    deep, shallow = results["parameters"]
    folded, means = results["folded_pieces"], [mean_interval(found) for found in results["pieces"]]
    return holds_if(
        every(error <= ROUNDING, deep == shallow == 22, folded > 8, pieces[1] <= 8),
        f"Neurons, matrices and fnn agree within {error:.2g} in float64. 1-3-3-1 has {deep} "
        f"parameters, 1-7-1 "
        f"{shallow}. Folding [0, 1] twice, the deep network has {folded} straight pieces; a "
        f"shallow one of 7 units "
        f"cannot have more than 8. Of {results['pieces'].shape[1]} random ones each, the deep "
        f"have {means[0]} on "
        f"average and the shallow {means[1]}: depth alone does not bring them.",
        written_out=results["written_out"],
        folded_pieces=folded,
        mean_pieces=means,
    )


# graphs


@claim(
    "0.2",
    "graphs",
    "A network is a weighted acyclic graph: z_i = f_i(b_i + Σ w_ji z_j), a bias being an edge "
    "from a ghost.",
)
def weighted_graph(results):
    error, ghost = results["value_error"].max(), results["ghost_error"]
    loops = ~results["loop_free"]
    refused = results["refused"][loops]
    return holds_if(
        every(bool(error <= graphs.CLOSE), bool(ghost <= graphs.CLOSE), bool(refused.all())),
        f"{results['value_error'].size} random graphs with four activations: layer by layer and "
        f"neuron by neuron the "
        f"values agree within {error:.2g} in float64. Biases as weights from a neuron that is "
        f"always 1 change one of "
        f"them by {ghost:.2g}. {refused.sum()} of {loops.sum()} graphs with a cycle are refused.",
        value_error=error,
        ghost_error=ghost,
    )


@claim(
    "0.3",
    "graphs",
    "A layer is made of the nodes that read the same inputs.",
    figure="graph",
)
def shared_input(results):
    same = (results["layers_found"] == results["layers_expected"]).all(axis=1)
    found = list(results["groups_231"]), list(results["groups_skip"])
    return holds_if(
        every(bool(same.all()), found == (["3+4+5", "6"], ["3", "4+5", "6"])),
        f"Weight matrices of the 2-3-1 network, named after their nodes: {', '.join(found[0])}; "
        f"with edges that skip a "
        f"layer: {', '.join(found[1])}. In {same.sum()} of {same.size} random graphs fnn's "
        f"matrices are the classes of "
        "nodes with equal predecessors.",
        same=same.mean(),
        groups=results["groups_231"],
    )


@claim(
    "2.17",
    "graphs",
    "Backpropagation works on any directed graph.",
    figure="errors",
)
def backpropagation(results):
    error, refused = results["gradient_error"].max(), results["refused"][~results["loop_free"]]
    return depends_on(
        {"acyclic graphs": bool(error <= graphs.CLOSE), "graphs with a cycle": not refused.any()},
        f"On {results['gradient_error'].size} random acyclic graphs every entry of the gradient "
        f"equals autodiff's, "
        f"neuron by neuron, within {error:.2g}. With a cycle there is no order in which to "
        f"compute a value, let alone "
        f"its derivative: {refused.sum()} of {refused.size} such graphs are refused.",
        gradient_error=error,
        refused=refused.mean(),
    )


@claim(
    "4.13",
    "graphs",
    "A network is a directed acyclic graph: following the edges never closes a loop.",
    figure="graph",
)
def no_loop(results):
    free, refused = results["loop_free"], results["refused"]
    return holds_if(
        every(bool((refused == ~free).all()), bool(free.any()), bool(not free.all())),
        f"fnn accepts {(free & ~refused).sum()} of {free.sum()} random graphs without a closed "
        f"loop and refuses "
        f"{(refused & ~free).sum()} of {(~free).sum()} into which one was put; which is which was "
        f"decided by "
        "powers of the adjacency matrix.",
        accepted=(free & ~refused).sum(),
        refused=refused.sum(),
    )


# longest_path


@claim(
    "X8",
    "longest_path",
    "An MLP has at least two hidden layers in one document and at least one in another; deep "
    "means more than one.",
    figure="depths",
)
def words(results):
    chains = {hidden: tuple(depth) for hidden, depth in enumerate(results["chain_depths"].tolist())}
    disputed = [hidden for hidden, depth in chains.items() if (depth[1] >= 2) != (depth[1] >= 1)]
    weight_layers, _, longest = results["depths"].T
    differ = (weight_layers != longest).mean()
    counted = all(depth == (hidden + 1, hidden, hidden + 1) for hidden, depth in chains.items())
    return holds_if(
        every(counted, disputed == [1], bool(differ > 0)),
        f"De Marzo's MLP has at least two hidden layers, Sharif's one: they disagree about "
        f"networks with "
        f"{' or '.join(map(str, disputed)) or 'no number of'} hidden layer, which the notes do "
        f"not call "
        f"deep. fnn.layers.depth reports (weight layers, hidden layers, longest path), "
        f"{chains[1]} there. In a chain "
        f"the first and the last are equal; in {100 * differ:.0f}% of {len(longest)} random "
        f"graphs they are not.",
        chains=results["chain_depths"],
        differ=differ,
    )


@claim(
    "2.9",
    "longest_path",
    "Z = g(W₃ f(W₂ f(W₁ x))); the depth of any acyclic graph is its longest path from a source to "
    "a sink.",
)
def longest_path(results):
    errors, right = results["formula_errors"], results["depths"][:, 2] == results["enumerated"]
    return holds_if(
        every(bool((errors <= ROUNDING).all()), bool(right.all())),
        f"The formulas of 1 to {errors.size} layers, printed without biases, equal fnn within "
        f"{errors.max():.2g}. The "
        f"longest path equals the longest of all enumerated ones in {right.sum()} of {right.size} "
        f"random graphs, whose "
        f"depths run from {results['enumerated'].min()} to {results['enumerated'].max()}.",
        formula_errors=errors,
        right=right.mean(),
    )


# matrix_form


CLOSE = 1e-13


@claim(
    "1.6",
    "matrix_form",
    "Matrices are multiplied row by column, in general do not commute, and must fit.",
)
def matrix_product(results):
    (ab, ba), commute = results["example"], results["commute"].mean()
    fit = (results["fits"] == np.eye(len(results["fits"]), dtype=bool)).all()
    return holds_if(
        every(results["rows_by_columns"], (ab != ba).any(), commute < 1, fit),
        f"AB = {ab.tolist()} and BA = {ba.tolist()} for A = [[0, 1], [0, 0]], B = [[0, 0], [1, "
        f"0]]; of "
        f"{results['commute'].size} random pairs of whole numbers {100 * commute:.0f}% commute. "
        f"Of 25 pairs of shapes "
        f"{results['fits'].sum()} have a product, those with as many columns as rows; the others "
        f"raise an error.",
        commute=commute,
        fits=results["fits"],
    )


@claim(
    "1.7",
    "matrix_form",
    "K hidden layers have K + 1 weight matrices Ω₀ … Ω_K and as many bias vectors.",
)
def general_form(results):
    error = results["shape_errors"].max()
    counts = (results["weight_matrices"] == results["hidden_layers"] + 1).all()
    sizes = (results["counted"] == results["formula"]).all()
    return holds_if(
        every(counts, sizes, error <= CLOSE),
        f"{len(results['counted'])} networks of {results['hidden_layers'].min():.0f} to "
        f"{results['hidden_layers'].max():.0f} hidden layers: K + 1 matrices, Σ n_(k+1) (n_k + 1) "
        f"parameters in all of "
        f"them, {results['counted'].min():.0f} to {results['counted'].max():.0f}, and the values "
        f"of the formula within "
        f"{error:.2g}.",
        shape_errors=results["shape_errors"],
        parameters=results["counted"],
    )


# nonlinear_operator


@claim(
    "0.7",
    "nonlinear_operator",
    "The objective is the mean, over the samples, of the loss between the target and g(x).",
)
def objective(results):
    value, gradient = results["risk_error"], results["risk_gradient_error"]
    return holds_if(
        every(value <= 1e-14, gradient <= 1e-14, results["operator_on_target"] != ""),
        f"The loss of a batch equals the mean over single examples within {value:.2g} of itself, "
        f"its gradient within "
        f"{gradient:.2g}. The text beside the formula lets g act on the output: a network of two "
        f"inputs and one output "
        "refuses that.",
        risk_error=value,
        risk_gradient_error=gradient,
    )


@claim(
    "0.8",
    "nonlinear_operator",
    "A network is a non-linear operator with unknown weights and biases.",
)
def nonlinear(results):
    of_input, of_weights = results["beyond_linear"].T
    return depends_on(
        dict(zip(nonlinear_operator.NETWORKS, of_input > 1e-3, strict=True)),
        f"g(u + v) + g(0) − g(u) − g(v) in a 2-4-4-1 network is at most {of_input.min():.2g} of g "
        f"where every "
        f"activation is the identity, and at least {np.sort(of_input)[1]:.2g} elsewhere. As a "
        f"function of its weights "
        f"and biases no network of several layers is linear: there it is at least "
        f"{of_weights.min():.2g}.",
        of_input=of_input,
        of_weights=of_weights,
    )


# notations


def clashes(symbols: np.ndarray, meaning: str) -> dict[str, list[str]]:
    """Letters with this meaning that have another one too, and all of their meanings."""
    _, meanings, letters = symbols.T
    found = {
        letter: sorted(set(meanings[letters == letter])) for letter in letters[meanings == meaning]
    }
    return {letter: several for letter, several in found.items() if len(several) > 1}


@claim(
    "X1",
    "notations",
    "The documents exchange letters between pre-activation and output, and mean the same network.",
)
def letters(results):
    errors, shared = results["errors"], clashes(results["symbols"], "pre-activation")
    return holds_if(
        every(bool(shared), bool((errors <= notations.ROUNDING).all())),
        f"{' and '.join(shared)} stand for either of the two. A 3-4-2 network written out in the "
        f"notation of "
        f"{', '.join(results['documents'])}: pre-activations, activations and outputs differ from "
        f"fnn's by at most "
        f"{errors.max():.2g} in float64.",
        errors=errors,
    )


@claim(
    "X3",
    "notations",
    "ŷ is the truth in one document and the prediction in another, so that only the roles can be "
    "relied on.",
)
def prediction_and_target(results):
    same, flipped = results["exchanged_value"], results["exchanged_gradient"]
    hats = sorted(clashes(results["symbols"], "target").get("ŷ", ()))
    return holds_if(
        every(
            bool(hats),
            bool((results["role_errors"] <= notations.ROUNDING).all()),
            bool(flipped == 0),
        ),
        f"ŷ stands for {' and '.join(f'the {hat}' for hat in hats) or 'one thing'}. With roles "
        f"given by "
        "position, (prediction, target), the squared losses of three documents agree within "
        f"{results['role_errors'].max():.2g}. Exchanging the two changes the squared loss by "
        f"{same:.2g}, so that the "
        f"mistake does not show there, yet turns the gradient round exactly: descent would climb. "
        f"The cross-entropy "
        f"changes by up to {results['exchanged_cross_entropy']:.2g}.",
        role_errors=results["role_errors"],
        exchanged_cross_entropy=results["exchanged_cross_entropy"],
    )


@claim(
    "X7",
    "notations",
    "The letters of the learning rate collide with those of momentum.",
)
def collisions(results):
    documents, meanings, letters = results["symbols"].T
    collide = clashes(results["symbols"], "learning rate")
    rates = sorted(set(letters[meanings == "learning rate"]))
    said = (
        "; ".join(f"{letter} stands for {', '.join(found)}" for letter, found in collide.items())
        or "none collides"
    )
    return holds_if(
        any("momentum" in found for found in collide.values()),
        f"The learning rate has {len(rates)} letters ({', '.join(rates)}) in "
        f"{len(set(documents))} documents; {said}. "
        "In fnn the arguments are words: learning_rate and decay.",
        letters_of_the_rate=rates,
        collisions=collide,
    )


# orientation


@claim(
    "X2",
    "orientation",
    "W is (out, in) in one document, (in, out) in another and a row for each neuron in a third; a "
    "fourth prints Wᵀa "
    "with W of (out, in), which only works if the two widths are equal.",
)
def orientations(results):
    raised = results["literal_raises"]
    only_square = (raised == ~np.eye(len(raised), dtype=bool)).all()
    stored = every(
        bool(results["round_trip"]),
        bool(results["in_out_error"] <= ROUNDING),
        bool(results["refusal"] != ""),
    )
    return holds_if(
        every(bool(only_square), stored),
        f"W[in, out] transposed is fnn's W to the bit, and x W + b then differs by "
        f"{results['in_out_error']:.2g}; "
        f"without the transpose fnn refuses it. Wᵀa with the printed shape cannot be computed for "
        f"{raised.sum()} of "
        f"{raised.size} pairs of widths up to 5, and where it can, at equal widths, it is off by "
        f"up to "
        f"{results['literal_error'].max():.2g}.",
        literal_raises=raised,
        literal_error=results["literal_error"],
        in_out_error=results["in_out_error"],
    )


@claim(
    "3.10",
    "orientation",
    "Layer l computes σ(Wᵀa + b) with W of n_l × n_(l−1), and each of its neurons may have an "
    "activation of its own.",
)
def per_neuron(results):
    neuron, columns = results["neuron_error"], results["columns_error"]
    cases = {
        "single neurons": bool(neuron <= ROUNDING),
        "W of n_(l−1) × n_l": bool(columns <= ROUNDING),
        "the printed shape of W": not results["printed_shape_raises"],
    }
    return depends_on(
        cases,
        f"A layer of 4 neurons with 4 activations on 3 inputs: neuron by neuron it equals fnn's "
        f"within {neuron:.2g}, "
        f"and as Wᵀa with the weights of a neuron in a column of W within {columns:.2g}.",
        neuron_error=neuron,
        columns_error=columns,
    )


# shallow


@claim(
    "1.1",
    "shallow",
    "A shallow network on (1, x) clips lines by ReLU, weights them and adds them up.",
    figure="stages",
)
def clipped_lines(results):
    error, slope, pieces = (
        results["printed_error"].max(),
        results["slope_error"].max(),
        results["pieces"],
    )
    near = results["joint_distance"].max()
    return holds_if(
        every(
            error <= 1e-13,
            slope <= 1e-13,
            pieces.max() <= 4,
            near <= 2,
            results["parameters"] == 10,
        ),
        f"{pieces.size} networks of {results['parameters']} parameters: the form with the dummy "
        f"input 1 equals the one "
        f"with biases within {error:.2g}. The curves have at most {pieces.max()} pieces; every "
        f"joint lies within two "
        "steps of the grid of a −θ_d0/θ_d1, and between these places the slopes equal Σ φ_d θ_d1 "
        "over the active units "
        f"within {slope:.2g}.",
        printed_error=error,
        slope_error=slope,
        pieces=np.bincount(pieces),
    )


@claim(
    "1.4",
    "shallow",
    "Moving the parameters of a shallow network one by one shows what each of them does.",
    figure="moved",
)
def moving(results):
    moved = results["moved"]
    effect = np.ptp(moved, axis=1).max(axis=-1)
    bent = np.abs(np.diff(moved, 2, axis=1)).max(axis=(1, 2))
    return holds_if(
        every(
            bool((effect > 0.01).all()),
            bool((bent[6:] < 1e-12).all()),
            bool((bent[:6] > 0.01).all()),
        ),
        f"Each of the {len(effect)} parameters, moved from 1 below to 1 above its value, changes "
        f"the curve, by "
        f"{effect.min():.2g} to {effect.max():.2g}. The curve is linear in the four φ (second "
        f"differences at most "
        f"{bent[6:].max():.2g}), and not in the six θ (at least {bent[:6].min():.2g}), which move "
        f"the joints.",
        effect=effect,
        second_differences=bent,
    )


# two_three_one


@claim(
    "0.5",
    "two_three_one",
    "The 2-3-1 network written out weight by weight is the same function as the graph.",
)
def expanded(results):
    graph, matrix = results["graph_error"], results["matrix_error"]
    weights, biases = results["weights"], results["biases"]
    return holds_if(
        every(
            bool(graph <= ROUNDING), bool(matrix <= ROUNDING), bool(weights == 9), bool(biases == 4)
        ),
        f"z₃ to z₆ written out differ from the graph by at most {graph:.2g} and the output from "
        f"the matrix form by "
        f"{matrix:.2g}, in float64. {weights} weights and {biases} biases are {weights + biases} "
        "parameters.",
        graph_error=graph,
        matrix_error=matrix,
        parameters=weights + biases,
    )


@claim(
    "0.6",
    "two_three_one",
    "A layer of neurons with one activation is a matrix product: z = f(b + W z of the layer "
    "before).",
)
def compact(results):
    error = results["matrix_error"]
    return holds_if(
        bool(error <= ROUNDING),
        f"Two matrix products give the output of the 2-3-1 network, written out neuron by neuron, "
        f"within "
        f"{error:.2g} in float64.",
        error=error,
    )


@claim(
    "2.7",
    "two_three_one",
    "Input, hidden and output units are fully connected; biases are weights from units that are "
    "always 1.",
)
def always_on(results):
    ghost, matrix = results["ghost_error"], results["matrix_error"]
    return holds_if(
        every(bool(ghost <= ROUNDING), bool(matrix <= ROUNDING)),
        f"Y_j = f(b_j + Σ_i X_i W_ij) equals fnn within {matrix:.2g}, with always-on units within "
        f"{ghost:.2g}. The "
        f"printed index, Y_i, gives {results['printed_units']} hidden values, one for each input, "
        f"where there are 3 "
        "units.",
        ghost_error=ghost,
        matrix_error=matrix,
    )


@claim(
    "4.14",
    "two_three_one",
    "A neuron computes gate(x₁w₁ + … + x_N w_N + b).",
)
def gate(results):
    errors = results["gate_errors"]
    return holds_if(
        bool((errors <= ROUNDING).all()),
        f"A neuron with 5 inputs and the gates {', '.join(GATES)} equals fnn's within "
        f"{errors.max():.2g} in float64.",
        errors=errors,
    )
