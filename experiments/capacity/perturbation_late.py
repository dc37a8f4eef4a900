"""Learning by trying, late in training: how often a change of one weight helps.

Question: How does the share of helpful perturbations depend on their size and on the loss?
Source:   Sharif (claim 2.11).
Command:  python -m experiments run perturbation_late
Expected: Half of the smallest ones help at every loss; of the large ones a good part at the start
          and hardly any near the minimum.
Cost:     about 5 s quick and 15 s full on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
from fnn import losses, optim
from fnn.course import descent, perturbation


@dataclass(frozen=True)
class Config(Common):
    """Network, training by descent, and what is tried on the way."""

    sizes: tuple[int, ...] = (4, 8, 1)
    """Of the tanh network and of its teacher."""
    seeds: int = 64
    """Draws of data, teacher and start."""
    tries: int = 400
    """Perturbations of each size at each point of each seed."""
    sigmas: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0)
    """Standard deviations of the perturbations, rising; weights are about 0.5."""
    steps: int = 3000
    """Of gradient descent with momentum."""
    points: int = 6
    """At equal distances in the logarithm of the step, at which perturbations are tried."""


QUICK = Config(seeds=32, tries=100, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: accepted (seeds, points, sigmas), the share of perturbations that lower the loss,
    and the loss over that of the start at each point (seeds, points).
    """
    net = fnn.mlp(config.sizes, activation="tanh", init="glorot")
    at = np.unique(np.geomspace(1, config.steps + 1, config.points).astype(int)) - 1

    def lane(key):
        inputs, teacher, student, tries = jax.random.split(key, 4)
        x = jax.random.normal(inputs, (128, config.sizes[0]))
        y = fnn.apply(net, net.init(teacher)[0], x)[:, 0]

        def loss(params):
            return jnp.mean(losses.squared_error.value(fnn.apply(net, params, x), y))

        def helps(params, key, sigma):
            return perturbation.one_at_a_time(loss, params, key=key, steps=1, sigma=sigma).accepted[
                0
            ]

        def gradient(params):
            return fnn.value_and_grad(net, losses.squared_error)(params, x, y)[1]

        path = descent.trajectory(
            gradient, optim.momentum(0.05, decay=0.9), net.init(student)[0], steps=config.steps
        )
        points = jax.tree.map(lambda leaf: leaf[at], path)
        over_tries = jax.vmap(helps, in_axes=(None, 0, None))
        over_sigmas = jax.vmap(over_tries, in_axes=(None, None, 0))
        over_points = jax.vmap(over_sigmas, in_axes=(0, None, None))
        helped = over_points(
            points, jax.random.split(tries, config.tries), jnp.array(config.sigmas)
        )
        value = jax.vmap(loss)(points)
        return helped.mean(axis=-1), value / value[0]

    with jax.enable_x64(True):
        accepted, loss = jax.jit(jax.vmap(lane))(jax.random.split(jax.random.key(0), config.seeds))
    return {
        "accepted": np.asarray(accepted),
        "loss": np.asarray(loss),
        "sigmas": np.array(config.sigmas),
        "steps": at,
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Share of perturbations that help over their size, a line for each point of training."""
    figure, (axis,) = draw.figure(height=4.2)
    for point, loss in enumerate(np.median(results["loss"], axis=0)):
        draw.mean_band(
            axis,
            results["sigmas"],
            results["accepted"][:, point],
            f"{loss:.2g}",
            marker="o",
            markersize=3,
        )
    axis.set(
        xscale="log",
        ylim=(0, 0.55),
        xlabel="σ of the perturbation",
        ylabel="share that lowers the loss",
    )
    axis.set_title(f"A tanh network, mean of {config.seeds} seeds, 95% interval", fontsize=10)
    axis.legend(frameon=False, title="loss / loss at the start", fontsize="small")
    return {"accepted": figure}
