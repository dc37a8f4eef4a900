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
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import layers, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import DenseParams

SIZES, STEPS = (2, 3, 1), 50
BASE = ("tanh", losses.squared_error, optim.sgd(0.1), "he", None)
OTHER = ("relu", losses.huber(0.5), optim.adam(0.1), "glorot", 0)
PARTS = ("graph", "loss", "optimizer", "initialisation", "procedure")


@dataclass(frozen=True)
class Config(Common):
    """Size."""

    examples: int = 64
    """Inputs on which everything is compared."""


QUICK = Config(examples=16, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64. changed (part that is looked at, part that is exchanged): whether any bit of its
    output is another; moved (parts,): how far a whole training ends from the base's.
    """
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(config.examples, 2)), rng.normal(size=config.examples)
    with jax.enable_x64(True):
        base, end = outputs(BASE, x, y)
        swapped = [
            outputs((*BASE[:part], OTHER[part], *BASE[part + 1 :]), x, y) for part in range(5)
        ]
        return {
            "changed": np.array(
                [[not np.array_equal(base[i], each[i]) for each, _ in swapped] for i in range(5)]
            ),
            "moved": np.array([np.abs(other - end).max() for _, other in swapped]),
            **inputs_of_a_graph(x),
        }


def filled(rng, sizes) -> tuple:
    """Parameters of an mlp, biases too, from N(0, 1)."""
    pairs = pairwise(sizes)
    dense = [
        DenseParams(jnp.array(rng.normal(size=(m, n))), jnp.array(rng.normal(size=m)))
        for n, m in pairs
    ]
    return tuple(part for each in dense for part in (each, ()))[:-1]


def outputs(parts, x, y) -> tuple[list[np.ndarray], np.ndarray]:
    """What each of the five parts returns for inputs that do not depend on the others, and where a
    training of them together ends. The procedure is full batches, or with a seed one random example
    a step.
    """
    activation, loss, optimizer, init, seed = parts
    net, fixed = (
        fnn.mlp(SIZES, activation=activation, init=init),
        filled(np.random.default_rng(1), SIZES),
    )
    start, _ = net.init(jax.random.key(0))
    procedure = partial(
        descent.trajectory, steps=STEPS, key=None if seed is None else jax.random.key(seed)
    )

    def gradient(of, params, key=None):
        rows = slice(None) if key is None else jax.random.randint(key, (1,), 0, len(x))
        return fnn.value_and_grad(*of)(params, jnp.asarray(x)[rows], jnp.asarray(y)[rows])[1]

    probe = fnn.mlp((2, 1)), losses.squared_error
    path = procedure(
        partial(gradient, probe), optim.sgd(0.1), filled(np.random.default_rng(2), (2, 1))
    )
    update, _ = optimizer.update(fixed, optimizer.init(fixed), fixed)
    seen = [
        fnn.apply(net, fixed, x),
        loss.value(jnp.asarray(x), jnp.zeros(x.shape)),
        update,
        start,
        path,
    ]
    end = procedure(partial(gradient, (net, loss)), optimizer, start)
    return [flat(each) for each in seen], flat(jax.tree.map(lambda leaf: leaf[-1], end))


def flat(tree) -> np.ndarray:
    """All entries of a pytree."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def inputs_of_a_graph(x) -> dict[str, np.ndarray]:
    """A graph that shows its input nodes, and to how many nodes its parameters belong."""
    net = layers.graph(("x1", "x2"), {"h": (("x1", "x2"), "tanh")}, ("x1", "x2", "h"))
    params, _ = net.init(jax.random.key(0))
    return {
        "inputs_equal": np.array(np.array_equal(fnn.apply(net, params, x)[:, :2], x)),
        "nodes_with_parameters": np.array(sorted(params)),
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Which part's output changes when which is exchanged."""
    exchanged, (axis,) = draw.figure(height=4.2)
    changed = results["changed"]
    draw.heatmap(
        axis,
        changed.astype(float),
        np.where(changed, "other", "="),
        PARTS,
        PARTS,
        norm=Normalize(-0.3, 1),
        label="",
    )
    axis.set(
        xlabel="part that is exchanged", ylabel="output of", title="Exchanging one of five parts"
    )
    return {"exchanged": exchanged}
