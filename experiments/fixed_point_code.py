"""The training loop as one document prints it, taken at its word.

Question: What does the printed fixed-point procedure do when it is run literally?
Source:   Adornetto (claim 0.25).
Command:  python -m experiments run fixed_point_code
Expected: its history has one entry, it never asks whether it has converged, and its reset of the optimizer is harmless
          if it clears gradients, but turns momentum into plain descent and changes Adam if it clears their state.
Cost:     5 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import numpy as np
import optax
from matplotlib.figure import Figure

import fnn
from experiments.claims import claim, depends_on
from experiments.common import Common
from fnn import data, losses, optim
from fnn import plot as draw

OPTIMIZERS = {"sgd": optim.sgd(0.1), "momentum": optim.momentum(0.02), "adam": optim.adam(0.01)}
RESETS = ("no reset", "gradients", "state")


@dataclass(frozen=True)
class Config(Common):
    """Length of the runs, on 200 moons at once."""

    epochs: int = 300


QUICK = Config(epochs=100, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: the loss before each epoch (optimizers, resets, epochs), the history that the printed code leaves,
    and the epochs that it runs where the gradient is zero from the start."""
    with jax.enable_x64(True):
        x, y = (np.asarray(each[:200]) for each in data.load("moons").train)
        net = fnn.mlp((2, 8, 1), activation="tanh")
        loss_and_gradient = jax.jit(fnn.value_and_grad(net, losses.sigmoid_cross_entropy))
        start, _ = net.init(jax.random.key(0))

        def step(params):
            return loss_and_gradient(params, x.astype(float), y)

        curves = [
            [procedure(step, start, opt, reset, config.epochs)[0] for reset in RESETS] for opt in OPTIMIZERS.values()
        ]
        _, printed = procedure(step, start, OPTIMIZERS["sgd"], "gradients", config.epochs)
        still, _ = procedure(
            lambda params: (0.0, jax.tree.map(np.zeros_like, params)),
            start,
            OPTIMIZERS["sgd"],
            "gradients",
            config.epochs,
        )
    return {"loss": np.array(curves), "history": np.array(printed), "epochs_at_a_fixed_point": np.array(len(still))}


def procedure(loss_and_gradient, params, optimizer, reset: str, epochs: int) -> tuple[list[float], list[float]]:
    """The printed loop. The losses of all epochs, which it does not keep, and its history, which is appended to behind
    the loop. `reset` says what optimizer.reset() clears: sums of gradients, which start at 0 here anyway, or the
    optimizer's state."""
    update = jax.jit(optimizer.update)
    state, seen, history = optimizer.init(params), [], []
    summed = zeros = jax.tree.map(np.zeros_like, params)
    for _ in range(epochs):
        if reset == "gradients":
            summed = zeros
        elif reset == "state":
            state = optimizer.init(params)
        loss, gradient = loss_and_gradient(params)
        summed = jax.tree.map(np.add, summed, gradient) if reset == "gradients" else gradient
        updates, state = update(summed, state, params)
        params = optax.apply_updates(params, updates)
        seen.append(float(loss))
    history.append(float(loss))
    return seen, history


@claim(
    "0.25",
    "Training is a loop over epochs that resets the optimizer, computes the loss and backpropagates until a fixed "
    "point is found; its history holds the evolution of the loss.",
)
def printed_loop(results):
    loss, epochs = results["loss"], results["loss"].shape[-1]
    change = np.abs(loss[:, 1:] - loss[:, :1]).max(axis=-1)  # (optimizers, a reset of gradients or of the state)
    names = list(OPTIMIZERS)
    cases = {
        "the history": bool(len(results["history"]) == epochs),
        "an end at a fixed point": bool(results["epochs_at_a_fixed_point"] < epochs),
        "a reset of the gradients": bool((change[:, 0] == 0).all()),
    } | {f"a reset of {name}'s state": bool(change[n, 1] == 0) for n, name in enumerate(names)}
    finals = [f"{name} {loss[n, 0, -1]:.4f} and {loss[n, 2, -1]:.4f}" for n, name in enumerate(names)]
    return depends_on(
        cases,
        f"Run literally for {epochs} epochs, the history has {len(results['history'])} entry, since it is appended to "
        f"behind the loop, and with a gradient of zero all {results['epochs_at_a_fixed_point']} epochs are run, for "
        f"want of a test. reset() may mean gradients or state; last loss without and with a reset of the state: "
        f"{', '.join(finals)}.",
        change=change,
        entries=len(results["history"]),
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The loss of each optimizer with and without a reset of its state, and what the printed history keeps."""
    figure, axes = draw.figure(rows=len(OPTIMIZERS), height=2.4)
    for axis, name, curves in zip(axes, OPTIMIZERS, results["loss"], strict=True):
        for reset in (0, 2):
            axis.plot(curves[reset], label="no reset" if reset == 0 else "state reset at every epoch")
        axis.set(ylabel="loss", title=name)
    axes[0].plot(config.epochs - 1, results["history"][0], "s", color="black", label="all that the history keeps")
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].legend(frameon=False, fontsize=8)
    axes[-1].set_xlabel("epoch")
    return {"loss": figure}
