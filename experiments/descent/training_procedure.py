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
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.common import Common, Figures, Results
from experiments.descent.fixed_point import network, vector
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


def run(config: Config) -> Results:
    """Return the losses with and without resetting the state, in float64.

    loss             (optimizers, 2, seeds, epochs + 1); the second has its state reset
    moved            by how much the reset moves the end, (optimizers, seeds)
    printed_entries  of the history as printed, (optimizers,)
    """
    optimizers = {
        "SGD": optim.sgd(config.learning_rate),
        "momentum": optim.momentum(config.learning_rate),
        "Adam": optim.adam(config.adam_rate),
    }
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), config.seeds)
        trained = [
            jax.jit(jax.vmap(partial(train, config, optimizer)))(keys)
            for optimizer in optimizers.values()
        ]
    loss = np.stack([np.swapaxes(curves, 0, 1) for curves, _ in trained])
    entries = [len(printed_history(curves[0, 0, :-1])) for curves in loss]
    return {
        "names": np.array(list(optimizers)),
        "loss": loss,
        "moved": np.stack([moved for _, moved in trained]),
        "printed_entries": np.array(entries),
    }


def train(config: Config, optimizer: optax.GradientTransformation, key):
    """Train with an optimizer and with one that forgets its state before each update.

    Returns the losses (2, epochs + 1), and how far apart the two ends are.
    """
    net, loss_and_gradient = network()
    start, _ = net.init(key)

    def train_with(optimizer):
        path = descent.trajectory(
            lambda params: loss_and_gradient(params)[1], optimizer, start, steps=config.epochs
        )
        loss = jax.vmap(lambda params: loss_and_gradient(params)[0])(path)
        end = jax.tree.map(lambda leaf: leaf[-1], path)
        return loss, vector(end)

    loss, end = train_with(optimizer)
    loss_of_reset, end_of_reset = train_with(forgetting(optimizer))
    moved = jnp.abs(end - end_of_reset).max()
    return jnp.stack([loss, loss_of_reset]), moved


def forgetting(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """Return the optimizer with its state reset before each update."""

    def update(grads, state, params):
        return optimizer.update(grads, optimizer.init(params), params)

    return optax.GradientTransformation(optimizer.init, update)


def printed_history(losses_by_epoch) -> list[float]:
    """Return the list `history` as printed: its append stands after the loop."""
    history = []
    for epoch in range(len(losses_by_epoch)):
        loss = losses_by_epoch[epoch]
    history.append(loss)
    return history


def plot(results: Results, config: Config) -> Figures:
    """Draw the median losses with and without resetting."""
    figure, (axis,) = draw.figure(height=4.0)
    for name, pair, style in zip(results["names"], results["loss"], draw.LINES, strict=False):
        kept, reset = np.median(pair, axis=1)
        axis.plot(kept, "-", color=style["color"], label=name)
        axis.plot(reset, ":", color=style["color"], label=f"{name}, state reset")
    axis.set(xscale="symlog", yscale="log", ylim=(1e-10, 10))
    axis.set(xlabel="epoch", ylabel="loss, median of starts")
    axis.set_title("Resetting the optimizer's state each epoch", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"losses": figure}
