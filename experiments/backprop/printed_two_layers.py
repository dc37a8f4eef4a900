"""Two-layer gradients as printed: f′ at the output of a neuron.

Question: Must f′ be taken at the pre-activation a of a neuron, or does its output z do, as printed?
Source:   Adornetto (claims 0.18, 0.19).
Command:  python -m experiments run printed_two_layers
Expected: f′(z) is right where f′ has the same value at z = f(a) as at a, which is so for ReLU and
          the identity; the other three fail. Largest relative error of an entry in the worked 2-3-1
          network: sigmoid 8.2e-2, tanh 0.74, softplus 0.78.
Cost:     quick 5 s, full 6 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.backprop.errors import draw_errors, flat, relative_error
from experiments.backprop.printed_gradients import adornetto_two_layers
from experiments.backprop.random_networks import Flow, dense, flow, largest_autodiff_error
from experiments.common import Common, Figures, Results
from fnn import activations


@dataclass(frozen=True)
class Config(Common):
    """Draws of networks."""

    seeds: int = 1000
    """Networks of each shape, every weight, bias, input and target from N(0, 1)."""
    activations: tuple[str, ...] = ("sigmoid", "tanh", "softplus", "relu", "identity")


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> Results:
    """Compare the printed gradients with autodiff, in random networks and in a worked one.

    error_2_3_1 and error_1_1_1 (activations, 2, seeds) are relative, as printed and with f′(a), in
    float64. worked_error (activations,) is the largest of a printed entry in the worked network.
    worked_gradients are its 13 with the first activation, by fnn.
    """
    names = config.activations
    with jax.enable_x64(True):
        three = [flow((2, 3, 1), name, config.seeds) for name in names]
        one = [flow((1, 1, 1), name, config.seeds) for name in names]
        worked = [flow((2, 3, 1), name, example=worked_example()) for name in names]
        errors_of_three = list(map(slope_errors, three, names))
        errors_of_one = list(map(slope_errors, one, names))
        worst_entries = list(map(worst_entry, worked, names))
    of_worked = worked[0].weight_gradients + worked[0].bias_gradients
    return {
        "activations": np.array(names),
        "error_2_3_1": np.array(errors_of_three),
        "error_1_1_1": np.array(errors_of_one),
        "worked_error": np.array(worst_entries),
        "worked_gradients": flat(*of_worked)[0],
        "autodiff_error": largest_autodiff_error([*three, *one, *worked]),
    }


def worked_example():
    """Return parameters, x and y, chosen here since the document has no numbers."""
    hidden = dense([[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]], [0.01, -0.02, 0.03])
    output = dense([[0.7, -0.8, 0.9]], [0.04])
    x = np.array([0.5, -1.0])
    y = np.array([0.8])
    return (hidden, (), output, ()), x, y


def slope_errors(flow: Flow, activation: str) -> list[np.ndarray]:
    """Return the errors of all gradients with f′(z), as printed, and with f′(a)."""
    as_printed = gradients_with(flow, slopes_at_outputs(flow, activation))
    mended = gradients_with(flow, flow.slope)
    d_W1, d_W2 = flow.autodiff_weights
    d_b1, d_b2 = flow.autodiff_biases
    expected = flat(d_W1, d_b1, d_W2, d_b2)
    return [relative_error(as_printed, expected), relative_error(mended, expected)]


def gradients_with(flow: Flow, slopes: list[np.ndarray]) -> np.ndarray:
    """Return the document's four gradients with the given slopes f′, (seeds, entries)."""
    gradients = adornetto_two_layers(flow.W[1], flow.a, flow.y, slopes)
    return flat(*gradients)


def slopes_at_outputs(flow: Flow, activation: str) -> list[np.ndarray]:
    """Return f′(z) of each layer, where z = f(a) is its output."""
    derivative = activations.get(activation).derivative
    return [np.asarray(derivative(jnp.asarray(z))) for z in flow.a[1:]]


def worst_entry(flow: Flow, activation: str) -> float:
    """Return the largest relative error of one of the nine gradients that are printed."""
    slopes = slopes_at_outputs(flow, activation)
    d_W1, _, d_W2, _ = adornetto_two_layers(flow.W[1], flow.a, flow.y, slopes)
    (printed,) = flat(d_W1, d_W2)
    (expected,) = flat(*flow.autodiff_weights)
    return float(relative_error(printed, expected).max())


def plot(results: Results, config: Config) -> Figures:
    """Draw errors by activation, for each shape of the networks."""
    three = draw_shape("2-3-1", results["error_2_3_1"], config)
    one = draw_shape("1-1-1", results["error_1_1_1"], config)
    return {"2-3-1": three, "1-1-1": one}


def draw_shape(shape: str, errors: np.ndarray, config: Config) -> Figure:
    """Draw errors (activations, 2, seeds)."""
    figure, (axis,) = draw.figure()
    by_form = errors.swapaxes(0, 1)
    title = f"All gradients of {shape} networks, {config.seeds} draws"
    draw_errors(axis, by_form, ["f′(z), as printed", "f′(a)"], config.activations, title)
    return figure
