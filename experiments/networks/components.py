"""A network as five parts: graph, loss, optimizer, initialisation and fixed-point procedure.

Question: Can each part be exchanged without a trace in the others?
Source:   Adornetto (claims 0.1, 0.4).
Command:  python -m experiments run components
Expected: exchanging one part changes its own output and no bit of the others'; an input node is its
          input.
Cost:     about 6 s on 2 cores, quick or not, most of it compiling.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.colors import Normalize

import fnn
from experiments.common import Common, Figures, Results
from experiments.networks.parameters import as_mlp, flat, largest_difference, normal
from fnn import layers, losses, optim
from fnn import plot as draw
from fnn.course import descent

SIZES, STEPS = (2, 3, 1), 50
PARTS = ("graph", "loss", "optimizer", "initialisation", "procedure")


class Parts(NamedTuple):
    """The five parts: the graph by its activation, and the procedure by a seed.

    seed  None takes the full batch in each step, a number one random example
    """

    activation: str
    loss: fnn.Loss
    optimizer: Any
    init: str
    seed: int | None


BASE = Parts("tanh", losses.squared_error, optim.sgd(0.1), "he", None)
OTHER = Parts("relu", losses.huber(0.5), optim.adam(0.1), "glorot", 0)


@dataclass(frozen=True)
class Config(Common):
    """Size."""

    examples: int = 64
    """Inputs on which everything is compared."""


QUICK = Config(examples=16, quick=True)


def run(config: Config) -> Results:
    """Exchange one part at a time, in float64.

    changed (part that is looked at, part that is exchanged) is whether any bit of its output is
    another. moved (parts,) is how far a whole training ends from the base's.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(config.examples, 2))
    y = rng.normal(size=config.examples)
    with jax.enable_x64(True):
        swapped = [exchange(number) for number in range(len(PARTS))]
        outputs = outputs_of_parts(BASE, x, y)
        end = end_of_training(BASE, x, y)
        changed = [differ(outputs, outputs_of_parts(parts, x, y)) for parts in swapped]
        moved = [largest_difference(end_of_training(parts, x, y), end) for parts in swapped]
        return {
            "changed": np.array(changed).T,
            "moved": np.array(moved),
            **inputs_of_a_graph(x),
        }


def exchange(number: int) -> Parts:
    """Return the base with one part exchanged."""
    other: dict[str, Any] = {Parts._fields[number]: OTHER[number]}
    return BASE._replace(**other)


def differ(some: list[np.ndarray], others: list[np.ndarray]) -> list[bool]:
    """Return for each part whether any entry of its output is another."""
    return [not np.array_equal(one, other) for one, other in zip(some, others, strict=True)]


def outputs_of_parts(parts: Parts, x, y) -> list[np.ndarray]:
    """Return what each part returns for inputs that do not depend on the other parts."""
    net = network(parts)
    params = as_mlp(normal(np.random.default_rng(1), SIZES))
    prediction = fnn.apply(net, params, x)
    loss = parts.loss.value(jnp.asarray(x), jnp.zeros(x.shape))
    update, _ = parts.optimizer.update(params, parts.optimizer.init(params), params)
    start, _ = net.init(jax.random.key(0))
    linear = fnn.mlp((2, 1))
    linear_start = as_mlp(normal(np.random.default_rng(2), (2, 1)))
    path = train(parts.seed, linear, losses.squared_error, optim.sgd(0.1), linear_start, x, y)
    return [flat(output) for output in (prediction, loss, update, start, path)]


def end_of_training(parts: Parts, x, y) -> np.ndarray:
    """Return the parameters after a training with all five parts."""
    net = network(parts)
    start, _ = net.init(jax.random.key(0))
    path = train(parts.seed, net, parts.loss, parts.optimizer, start, x, y)
    return flat(jax.tree.map(lambda leaf: leaf[-1], path))


def network(parts: Parts) -> fnn.Layer:
    """Return the 2-3-1 network with its activation and its initialiser."""
    return fnn.mlp(SIZES, activation=parts.activation, init=parts.init)


def train(seed: int | None, net: fnn.Layer, loss: fnn.Loss, optimizer, start, x, y):
    """Return the path of a descent from start, on full batches or on one random example a step."""
    loss_and_gradient = fnn.value_and_grad(net, loss)
    x, y = jnp.asarray(x), jnp.asarray(y)

    def gradient(params, key=None):
        rows = slice(None) if key is None else jax.random.randint(key, (1,), 0, len(x))
        _, gradient = loss_and_gradient(params, x[rows], y[rows])
        return gradient

    descend = partial(descent.trajectory, gradient, optimizer, start, steps=STEPS)
    if seed is None:
        return descend(key=None)
    return descend(key=jax.random.key(seed))


def inputs_of_a_graph(x: np.ndarray) -> Results:
    """Return whether a graph shows its inputs as they are, and which nodes have parameters."""
    nodes = {"h": (("x1", "x2"), "tanh")}
    net = layers.graph(("x1", "x2"), nodes, ("x1", "x2", "h"))
    params, _ = net.init(jax.random.key(0))
    shown = fnn.apply(net, params, x)[:, :2]
    return {
        "inputs_equal": np.array(np.array_equal(shown, x)),
        "nodes_with_parameters": np.array(sorted(params)),
    }


def plot(results: Results, config: Config) -> Figures:
    """Draw which part's output changes when which is exchanged."""
    figure, (axis,) = draw.figure(height=4.2)
    changed = results["changed"]
    texts = np.where(changed, "other", "=")
    norm = Normalize(-0.3, 1)
    draw.heatmap(axis, changed.astype(float), texts, PARTS, PARTS, norm=norm, label="")
    axis.set(xlabel="part that is exchanged", ylabel="output of")
    axis.set_title("Exchanging one of five parts")
    return {"exchanged": figure}
