"""Piccoli's hand-made example: a 2-2-1 ReLU network, worked by hand.

Question: Are the numbers of the hand-made example right, and what happens after its one step?
Source:   Piccoli (claim 4.18).
Command:  python -m experiments run hand_made_example
Expected: all but one: w₅ after a step is −1.91, which stands beside the printed −2.00. The second
          ReLU unit never learns. Descent at 10⁻³ is below 1e-6 at step 457. Above 5/216 the live
          unit dies in the first step.
Cost:     2 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.backprop.random_networks import dense
from experiments.common import Common, Figures, Results
from fnn import diagnostics, losses, optim
from fnn import plot as draw
from fnn.course import descent

X, Y = np.array([[2.0, 1.0]]), np.array([5.0])
NET = fnn.mlp((2, 2, 1))
LOSS_AND_GRADIENT = fnn.value_and_grad(NET, losses.squared_error)


@dataclass(frozen=True)
class Config(Common):
    """Descent."""

    learning_rates: tuple[float, ...] = (1e-3, 0.01, 0.05)
    """The first is the document's."""
    steps: int = 600


QUICK = Config(quick=True)


def run(config: Config) -> Results:
    """Compute the printed numbers and all nine gradients, and descend, in float64.

    loss and the pre-activation o1 are (rates, steps + 1). partial_loss has the loss after a step
    of w₁ and w₅ alone, and of w₁ alone.
    """
    with jax.enable_x64(True):
        params = hand_made_params()
        of_rate = partial(descend, params, config.steps)
        paths = jax.jit(jax.vmap(of_rate))(jnp.array(config.learning_rates))
        path, loss = jax.tree.map(np.asarray, paths)
        after_step = jax.tree.map(lambda leaf: leaf[0, 1], path)
        numbers = printed_numbers(params, after_step)
        _, gradient = LOSS_AND_GRADIENT(params, X, Y)
        partial_loss = loss_after_partial_steps(params, after_step)
    first, _, _ = path
    return {
        "numbers": np.array(numbers),
        "nine": np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(gradient)]),
        "loss": loss,
        "o1": first.W[:, :, 0] @ X[0] + first.b[:, :, 0],
        "partial_loss": np.array(partial_loss),
        "learning_rates": np.array(config.learning_rates),
    }


def hand_made_params() -> tuple:
    """Return the parameters of the document."""
    hidden = dense([[0, 2], [-4, -1]], [3, 1])
    output = dense([[-2, 0]], [6])
    return hidden, (), output


def descend(params, steps: int, learning_rate):
    """Return the parameters and the losses of a descent, each with a leading axis steps + 1."""

    def loss(params):
        value, _ = LOSS_AND_GRADIENT(params, X, Y)
        return value

    def gradient(params):
        _, gradient = LOSS_AND_GRADIENT(params, X, Y)
        return gradient

    path = descent.trajectory(gradient, optim.sgd(learning_rate), params, steps=steps)
    return path, jax.vmap(loss)(path)


def printed_numbers(params, after_step) -> list[float]:
    """Return the numbers that the document prints, in its order: w₅ after the step stands twice."""
    loss, _ = LOSS_AND_GRADIENT(params, X, Y)
    signals = diagnostics.signals(NET, losses.squared_error, params, X, Y)
    (o1, o2), (o3, o4), (o5,) = signals.outputs
    (d_o1, _), (d_o3, _), (d_o5,) = signals.cotangents
    d_first, _, d_second = signals.gradients
    d_w1, d_w5 = d_first.W[0, 0], d_second.W[0, 0]
    first, _, second = after_step
    w1, w5 = first.W[0, 0], second.W[0, 0]
    numbers = [o1, o2, o3, o4, o5, loss, d_o5, d_o3, d_o1, d_w5, d_w1, w1, w5, w5]
    return [float(np.squeeze(number)) for number in numbers]


def loss_after_partial_steps(params, after_step) -> list[float]:
    """Return the loss after a step of w₁ and w₅ alone, and of w₁ alone."""
    first, _, second = params
    W = first.W.at[0, 0].set(after_step[0].W[0, 0])
    first_after = first._replace(W=W)
    second_after = second._replace(W=jnp.asarray(after_step[2].W))  # the gradient of w₆ is 0
    of_both, _ = LOSS_AND_GRADIENT((first_after, (), second_after), X, Y)
    of_w1, _ = LOSS_AND_GRADIENT((first_after, (), second), X, Y)
    return [float(of_both), float(of_w1)]


def plot(results: Results, config: Config) -> Figures:
    """Draw the loss by step, and the pre-activation of the live unit."""
    figure, (top, bottom) = draw.figure(rows=2, height=3.0)
    for row, learning_rate in enumerate(results["learning_rates"]):
        label = f"learning rate {learning_rate:g}"
        loss = np.maximum(results["loss"][row], 1e-14)
        top.plot(loss, label=label)
        bottom.plot(results["o1"][row], label=label)
    top.set(yscale="log", ylabel="loss", title="Hand-made 2-2-1 network")
    top.legend(frameon=False, fontsize=8)
    bottom.axhline(0, color="black", linewidth=1, linestyle=":")
    bottom.set(xlabel="step", ylabel="o₁ (the unit is off below 0)")
    return {"descent": figure}
