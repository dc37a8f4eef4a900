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
from experiments.backprop import printed_gradients as printed
from experiments.backprop.random_networks import Flow, flat, flow, relative_error
from experiments.common import Common
from fnn import activations
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """Draws of networks."""

    seeds: int = 1000
    """Networks of each shape, every weight, bias, input and target from N(0, 1)."""
    activations: tuple[str, ...] = ("sigmoid", "tanh", "softplus", "relu", "identity")


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Relative errors against autodiff in float64, as printed and with f′(a), (activations, 2,
    seeds), over all gradients of a network. worked_error is the largest of a printed entry in the
    worked network, worked_gradients its 13 with the first activation, by fnn.
    """
    names = config.activations
    with jax.enable_x64(True):
        three = [flow((2, 3, 1), name, config.seeds) for name in names]
        one = [flow((1, 1, 1), name, config.seeds) for name in names]
        worked = [flow((2, 3, 1), name, example=worked_example()) for name in names]
        return {
            "activations": np.array(names),
            "error_2_3_1": np.array(
                [both_errors(f, name) for f, name in zip(three, names, strict=True)]
            ),
            "error_1_1_1": np.array(
                [both_errors(f, name) for f, name in zip(one, names, strict=True)]
            ),
            "worked_error": np.array(
                [worst_entry(f, name) for f, name in zip(worked, names, strict=True)]
            ),
            "worked_gradients": flat(*worked[0].weight_gradients, *worked[0].bias_gradients)[0],
            "autodiff_error": np.array(max(f.autodiff_error for f in (*three, *one, *worked))),
        }


def worked_example():
    """Parameters, x and y: chosen here, for the document has no numbers."""
    hidden = [[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]], [0.01, -0.02, 0.03]
    output = [[0.7, -0.8, 0.9]], [0.04]
    layers = (DenseParams(jnp.array(W), jnp.array(b)) for W, b in (hidden, output))
    return (next(layers), (), next(layers), ()), np.array([0.5, -1.0]), np.array([0.8])


def both_slopes(f: Flow, activation: str) -> list[tuple[np.ndarray, ...]]:
    """The printed gradients with f′(z), as printed, and with f′(a)."""
    at_z = [np.asarray(activations.get(activation).derivative(jnp.asarray(z))) for z in f.a[1:]]
    return [printed.adornetto_two_layers(f.W[1], f.a, f.y, slopes) for slopes in (at_z, f.slope)]


def both_errors(f: Flow, activation: str) -> list[np.ndarray]:
    """Of all gradients of a network together."""
    right = flat(
        f.autodiff_weights[0], f.autodiff_biases[0], f.autodiff_weights[1], f.autodiff_biases[1]
    )
    return [relative_error(flat(*found), right) for found in both_slopes(f, activation)]


def worst_entry(f: Flow, activation: str) -> float:
    """The largest relative error of one of the nine gradients that are printed."""
    W1, _, W2, _ = both_slopes(f, activation)[0]
    entries = zip(flat(W1, W2)[0], flat(*f.autodiff_weights)[0], strict=True)
    return max(float(relative_error(found[None], right[None])[0]) for found, right in entries)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Relative errors by activation."""
    drawings = {}
    for name in ("2-3-1", "1-1-1"):
        figure, (axis,) = draw.figure()
        errors = results[f"error_{name.replace('-', '_')}"].swapaxes(0, 1)
        draw.spreads(axis, errors, ("f′(z), as printed", "f′(a)"), config.activations)
        axis.set_title(f"All gradients of {name} networks, {config.seeds} draws", fontsize=10)
        axis.set_xlabel("relative error (median, 5th to 95th percentile)")
        drawings[name] = figure
    return drawings
