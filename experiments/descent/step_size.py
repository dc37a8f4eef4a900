"""The size of a step: what is left of gradient descent without a learning rate.

Question: Can a network take the gradient itself as its step, and what does a learning rate change?
Source:   The deep-learning notes (claim 3.5) and Piccoli's quiz (4.22).
Command:  python -m experiments run step_size
Expected: Steps of the whole gradient raise the loss; a rate shortens them, in the same direction,
          and the network learns. Half the rate for twice the steps leads to the same training and
          test loss.
Cost:     about 4 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import fnn
from experiments.claims import claim, every, holds_if, mean_interval, share_interval
from experiments.common import Common
from fnn import data, losses, optim
from fnn import plot as draw
from fnn.course import descent


@dataclass(frozen=True)
class Config(Common):
    """Rates, starts and steps."""

    seeds: int = 256
    """Starts of a 2-8-1 tanh network."""
    learning_rates: tuple[float, ...] = (1.0, 0.01, 0.005, 0.002, 0.001)
    """1 is descent without a rate; the last is half the one before."""
    steps: int = 600
    """Even: half of them at a rate are compared with all of them at half the rate."""
    rows: int = 100
    """Of the moons data, and as many to test."""


QUICK = Config(seeds=64, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Arrays (rates, seeds), in float64: training and test loss (…, steps + 1) of full-batch
    descent on the summed squared error, length of the first step, its angle to −∇L; and ‖∇L‖ at the
    starts (seeds,).
    """
    with jax.enable_x64(True):
        over_starts = jax.vmap(descend(config), in_axes=(None, 0))
        over_rates = jax.jit(jax.vmap(over_starts, in_axes=(0, None)))
        keys = jax.random.split(jax.random.key(0), config.seeds)
        found = over_rates(jnp.array(config.learning_rates), keys)
    return {name: np.asarray(value) for name, value in found.items()} | {
        "rates": np.array(config.learning_rates),
        "rows": np.array(config.rows),
    }


def descend(config: Config):
    """(rate, key) -> what comes of a descent from a start of its own."""
    net, moons = fnn.mlp((2, 8, 1), activation="tanh"), data.load("moons")
    x, y = (part[: config.rows].astype(float) for part in moons.train)
    test = [part[: config.rows].astype(float) for part in moons.test]
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error, reduction="sum")

    def of(rate, key):
        start, _ = net.init(key)
        path = descent.trajectory(
            lambda w: loss_and_gradient(w, x, y)[1], optim.sgd(rate), start, steps=config.steps
        )
        gradient = ravel_pytree(loss_and_gradient(start, x, y)[1])[0]
        step = ravel_pytree(jax.tree.map(lambda leaf: leaf[1] - leaf[0], path))[0]
        units = step / jnp.linalg.norm(step), -gradient / jnp.linalg.norm(gradient)
        return {
            "train_loss": jax.vmap(lambda w: loss_and_gradient(w, x, y)[0])(path),
            "test_loss": jax.vmap(lambda w: loss_and_gradient(w, *test)[0])(path),
            "first_step": jnp.linalg.norm(step),
            "angle": 2 * jnp.arcsin(jnp.linalg.norm(units[0] - units[1]) / 2),
            "gradient": jnp.linalg.norm(gradient),
        }

    return of


@claim("3.5", "Each update is a small step whose size is the negative gradient.")
def step_of_the_gradient(results):
    loss, rates = results["train_loss"], results["rates"]
    falls = [share_interval(each[:, 1] < each[:, 0]) for each in loss]
    ratio = results["first_step"] / results["gradient"]
    return holds_if(
        every(falls[0].above(0.5), bool(np.abs(ratio[0] - 1).max() < 1e-9)),
        f"Taken literally the first step is as long as ∇L, {results['gradient'][0].mean():.3g} on "
        f"average, and the "
        f"share of {loss.shape[1]} 2-8-1 networks whose loss it lowers is {falls[0]}. The notes' "
        f"formula w − μ∇L "
        f"takes the gradient as a direction: at μ = {rates[-2]:g} the step is "
        f"{ratio[-2].mean():.6g} ‖∇L‖ long, within "
        f"{results['angle'].max():.0e} rad of −∇L, and the share is {falls[-2]}.",
        falls_without_rate=falls[0],
        falls_with_rate=falls[-2],
        length_over_gradient=ratio.mean(axis=1),
    )


@claim(
    "4.22",
    "A learning rate is there to temper the magnitude of the gradient; not against overfitting, "
    "nor as a condition for "
    "speed, nor to find the direction.",
)
def tempers_the_magnitude(results):
    train, test, rates = results["train_loss"], results["test_loss"], results["rates"]
    half, learned = (
        train.shape[-1] // 2,
        [share_interval(each[:, -1] < 0.5 * each[:, 0]) for each in train],
    )
    gap = (test[-2:] - train[-2:]) / results["rows"]
    change = mean_interval(gap[1, :, -1] - gap[0, :, half])
    cost = train[-2, :, half].mean() / results["rows"]
    slower = share_interval(train[-1, :, -1] > train[-2, :, -1])
    return holds_if(
        every(
            learned[0].below(0.1),
            learned[-2].above(0.9),
            bool(results["angle"].max() < 1e-6),
            slower.above(0.5),
            change.within(-0.05 * cost, 0.05 * cost),
        ),
        f"Share of {train.shape[1]} starts whose training loss halves: {learned[0]} without a "
        f"rate, {learned[-2]} at "
        f"{rates[-2]:g}. The quiz's other answers: it turns no step by more than "
        f"{results['angle'].max():.0e} rad; "
        f"half of it makes training slower from a share of {slower}, so that it is not there for "
        f"speed; and half of it "
        f"for twice the steps changes the test loss minus the training loss by {change} an "
        f"example, where the training "
        f"loss is {cost:.3g} and the difference {gap[0, :, half].mean():.2g}: within a twentieth "
        f"it has no part in "
        "overfitting here.",
        rates=rates,
        learned=[each.middle for each in learned],
        change_of_gap=change,
        slower_at_half=slower,
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Median training loss at each rate."""
    figure, (axis,) = draw.figure()
    for rate, loss in zip(results["rates"], results["train_loss"], strict=True):
        middle = np.median(np.where(np.isfinite(loss), loss, np.inf), axis=0)
        axis.plot(
            np.where(middle < 1e8, middle, np.nan),
            label="no rate (1)" if rate == 1 else f"rate {rate:g}",
        )
    axis.set(xscale="symlog", yscale="log", xlabel="step", ylabel="summed squared error")
    axis.set_title(f"Median of {results['train_loss'].shape[1]} starts", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"rates": figure}
