"""The printed training procedure, run as it stands.

Question: What does the printed loop do, and what does resetting the optimizer in each epoch change?
Source:   Adornetto (claim 0.25).
Command:  python -m experiments run training_procedure
Expected: As indented in print the history has one entry, and nothing tests for convergence.
          Resetting the optimizer's state each epoch changes nothing for SGD, takes momentum away,
          and keeps Adam from settling.
Cost:     about 8 s on 2 cores, most of it compiling.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

from experiments.common import Common
from experiments.descent.fixed_point import network
from fnn import optim
from fnn import plot as draw
from fnn.course import descent


@dataclass(frozen=True)
class Config(Common):
    """Starts and training."""

    seeds: int = 256
    """Starts of a 2-8-1 tanh network on XOR."""
    epochs: int = 2000
    """Each is one update on all four rows."""
    learning_rate: float = 0.1
    adam_rate: float = 0.01


QUICK = Config(seeds=64, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: the loss (optimizers, 2, seeds, epochs + 1) with and without resetting the state,
    by how much that moves the end (optimizers, seeds), and how many entries the printed history
    has.
    """
    optimizers = {
        "SGD": optim.sgd(config.learning_rate),
        "momentum": optim.momentum(config.learning_rate),
        "Adam": optim.adam(config.adam_rate),
    }
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), config.seeds)
        found = [
            jax.jit(jax.vmap(lambda key, o=o: train(config, o, key)))(keys)
            for o in optimizers.values()
        ]
        loss = np.stack([np.swapaxes(each["loss"], 0, 1) for each in found])
        moved = np.stack([each["moved"] for each in found])
    entries = [len(printed_history(each[0, 0, :-1])) for each in loss]
    return {
        "names": np.array(list(optimizers)),
        "loss": loss,
        "moved": moved,
        "printed_entries": np.array(entries),
    }


def printed_history(losses_by_epoch) -> list[float]:
    """The list `history` with the indentation that is printed: its append stands after the loop."""
    history = []
    for epoch in range(len(losses_by_epoch)):
        loss = losses_by_epoch[epoch]
    history.append(loss)
    return history


def train(config: Config, optimizer: optax.GradientTransformation, key):
    """The same training with the optimizer and with one that forgets its state before
    each update.
    """
    net, loss_and_gradient = network()

    def forgetting(grads, state, params):
        return optimizer.update(grads, optimizer.init(params), params)

    start, _ = net.init(key)
    paths = [
        descent.trajectory(lambda w: loss_and_gradient(w)[1], each, start, steps=config.epochs)
        for each in (optimizer, optax.GradientTransformation(optimizer.init, forgetting))
    ]
    ends = [ravel_pytree(jax.tree.map(lambda leaf: leaf[-1], path))[0] for path in paths]
    loss = jnp.stack([jax.vmap(lambda w: loss_and_gradient(w)[0])(path) for path in paths])
    return {"loss": loss, "moved": jnp.abs(ends[0] - ends[1]).max()}


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Losses with and without resetting."""
    figure, (axis,) = draw.figure(height=4.0)
    for name, pair, style in zip(results["names"], results["loss"], draw.LINES, strict=False):
        for values, dash, label in zip(
            pair, ("-", ":"), (name, f"{name}, state reset"), strict=True
        ):
            axis.plot(np.median(values, axis=0), dash, color=style["color"], label=label)
    axis.set(
        xscale="symlog",
        yscale="log",
        ylim=(1e-10, 10),
        xlabel="epoch",
        ylabel="loss, median of starts",
    )
    axis.set_title("Resetting the optimizer's state each epoch", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"losses": figure}
