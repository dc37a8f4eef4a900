"""Learning by trying, late in training: how often a change of one weight helps.

Question: How does the share of helpful perturbations depend on their size and on the loss?
Source:   Sharif (claim 2.11).
Command:  python -m experiments run perturbation_late
Expected: Half of the smallest ones help at every loss; of the large ones a good part at the start
          and hardly any near the minimum.
Cost:     about 5 s quick and 15 s full on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.capacity.linear_unit import Task
from experiments.common import Common, Figures, Results
from fnn import optim
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


def run(config: Config) -> Results:
    """Return the share of perturbations that lower the loss, on the way of training, in float64.

    accepted  (seeds, points, sigmas)
    loss      (seeds, points), over that of the start
    """
    spaced = np.geomspace(1, config.steps + 1, config.points)
    steps = np.unique(spaced.astype(int)) - 1
    keys = jax.random.split(jax.random.key(0), config.seeds)
    with jax.enable_x64(True):
        tried = jax.jit(jax.vmap(partial(tries_on_the_way, config, steps)))
        accepted, loss = tried(keys)
    return {
        "accepted": np.asarray(accepted),
        "loss": np.asarray(loss),
        "sigmas": np.array(config.sigmas),
        "steps": steps,
    }


def tries_on_the_way(config: Config, steps: np.ndarray, key):
    """Return the share of helpful changes (points, sigmas), and the loss at these steps."""
    task, path, tries = trained(config, key)
    points = jax.tree.map(lambda leaf: leaf[steps], path)
    keys = jax.random.split(tries, config.tries)
    over_tries = jax.vmap(partial(helps, task), in_axes=(None, 0, None))
    over_sigmas = jax.vmap(over_tries, in_axes=(None, None, 0))
    over_points = jax.vmap(over_sigmas, in_axes=(0, None, None))
    helped = over_points(points, keys, jnp.array(config.sigmas))
    loss = jax.vmap(task.loss)(points)
    return helped.mean(axis=-1), loss / loss[0]


def helps(task: Task, params, key, sigma):
    """Return whether a random change of one random weight lowers the loss."""
    tried = perturbation.one_at_a_time(task.loss, params, key=key, steps=1, sigma=sigma)
    return tried.accepted[0]


def trained(config: Config, key):
    """Train a tanh network on its teacher. Returns the task, the path, and a key for the tries."""
    inputs, teacher, student, tries = jax.random.split(key, 4)
    net = fnn.mlp(config.sizes, activation="tanh", init="glorot")
    x = jax.random.normal(inputs, (128, config.sizes[0]))
    teacher_params, _ = net.init(teacher)
    y = fnn.apply(net, teacher_params, x)[:, 0]
    task = Task(net, x, y)
    start, _ = net.init(student)
    optimizer = optim.momentum(0.05, decay=0.9)
    path = descent.trajectory(task.gradient, optimizer, start, steps=config.steps)
    return task, path, tries


def plot(results: Results, config: Config) -> Figures:
    """Draw the share of perturbations that help over their size, for each point of training."""
    figure, (axis,) = draw.figure(height=4.2)
    losses = np.median(results["loss"], axis=0)
    style = {"marker": "o", "markersize": 3}
    for point, loss in enumerate(losses):
        shares = results["accepted"][:, point]
        draw.mean_band(axis, results["sigmas"], shares, f"{loss:.2g}", **style)
    axis.set(xscale="log", xlabel="σ of the perturbation")
    axis.set(ylim=(0, 0.55), ylabel="share that lowers the loss")
    axis.set_title(f"A tanh network, mean of {config.seeds} seeds, 95% interval", fontsize=10)
    axis.legend(frameon=False, title="loss / loss at the start", fontsize="small")
    return {"accepted": figure}
