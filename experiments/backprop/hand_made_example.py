"""Piccoli's hand-made example: a 2-2-1 ReLU network, worked by hand.

Question: Are the numbers of the hand-made example right, and what happens after its one step?
Source:   Piccoli (claim 4.18).
Command:  python -m experiments run hand_made_example
Expected: all but one: w₅ after a step is −1.91, which stands beside the printed −2.00. The second
          ReLU unit never learns; descent at 10⁻³ is below 1e-6 at step 457, and above 5/216 the
          live unit dies in the first step.
Cost:     2 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import diagnostics, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import DenseParams

X, Y = np.array([[2.0, 1.0]]), np.array([5.0])


@dataclass(frozen=True)
class Config(Common):
    """Descent."""

    learning_rates: tuple[float, ...] = (1e-3, 0.01, 0.05)
    """The first is the document's."""
    steps: int = 600


QUICK = Config(quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: the numbers that are printed as fnn has them, all nine gradients, and from a
    descent at each rate the loss and the pre-activation o₁ (rates, steps + 1), and the loss after
    steps of w₁ and w₅, and of w₁, alone.
    """
    with jax.enable_x64(True):
        net, params = (
            fnn.mlp((2, 2, 1)),
            (layer([[0, 2], [-4, -1]], [3, 1]), (), layer([[-2, 0]], [6])),
        )
        loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)

        def descend(rate):
            path = descent.trajectory(
                lambda w: loss_and_gradient(w, X, Y)[1], optim.sgd(rate), params, steps=config.steps
            )
            return path, jax.vmap(lambda w: loss_and_gradient(w, X, Y)[0])(path)

        path, loss = jax.tree.map(
            np.asarray, jax.jit(jax.vmap(descend))(jnp.array(config.learning_rates))
        )
        found = diagnostics.signals(net, losses.squared_error, params, X, Y)
        first_step = jax.tree.map(lambda leaf: leaf[0, 1], path)
        w1 = params[0]._replace(W=params[0].W.at[0, 0].set(first_step[0].W[0, 0]))
        partial = [
            float(loss_and_gradient((w1, (), last), X, Y)[0])
            for last in (w5_of(params, first_step), params[2])
        ]
    (o12, o34, o5), (d12, d34, d5) = found.outputs, found.cotangents
    first, _, second = found.gradients
    w1_after, w5_after = first_step[0].W[0, 0], first_step[2].W[0, 0]
    numbers = [*o12, *o34, *o5, loss[0, 0], d5[0], d34[0], d12[0], second.W[0, 0], first.W[0, 0]]
    return {
        "numbers": np.array(
            [float(np.squeeze(each)) for each in (*numbers, w1_after, w5_after, w5_after)]
        ),
        "nine": np.concatenate([np.ravel(first.W), first.b, np.ravel(second.W), second.b]),
        "loss": loss,
        "o1": path[0].W[:, :, 0] @ X[0] + path[0].b[:, :, 0],
        "partial_loss": np.array(partial),
        "learning_rates": np.array(config.learning_rates),
    }


def layer(W, b) -> DenseParams:
    """Parameters of a dense layer."""
    return DenseParams(jnp.array(W, float), jnp.array(b, float))


def w5_of(params, stepped) -> DenseParams:
    """The output layer with the step of w₅ alone."""
    return params[2]._replace(W=jnp.asarray(stepped[2].W))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Loss by step, and the pre-activation of the live unit."""
    figure, axes = draw.figure(rows=2, height=3.0)
    for rate, loss, o1 in zip(
        results["learning_rates"], results["loss"], results["o1"], strict=True
    ):
        axes[0].plot(np.maximum(loss, 1e-14), label=f"learning rate {rate:g}")
        axes[1].plot(o1, label=f"learning rate {rate:g}")
    axes[0].set(yscale="log", ylabel="loss", title="Hand-made 2-2-1 network")
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].axhline(0, color="black", linewidth=1, linestyle=":")
    axes[1].set(xlabel="step", ylabel="o₁ (the unit is off below 0)")
    return {"descent": figure}
