"""Steps that a linear unit takes to learn from a teacher: by trying, one weight at a time or all in
parallel, and by descent on backpropagated gradients.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import losses, optim
from fnn.course import descent, perturbation

EXAMPLES = 128


class Task(NamedTuple):
    """What one lane learns, and for how many steps at most."""

    net: fnn.Layer
    x: jax.Array
    y: jax.Array
    params: fnn.types.Params
    longest: int

    def loss(self, params):
        """Mean squared error over all examples."""
        return jnp.mean(losses.squared_error.value(fnn.apply(self.net, params, self.x), self.y))


def one_at_a_time(task: Task, key, sigma):
    """Loss after each step; σ in units of the start's weights."""
    sigma = sigma / task.x.shape[1] ** 0.5
    return perturbation.one_at_a_time(
        task.loss, task.params, key=key, steps=task.longest, sigma=sigma
    ).history


def all_in_parallel(task: Task, key, rate):
    """Loss after each step; η in units of one over the number of inputs."""
    options = {"sigma": 1e-3, "learning_rate": rate / task.x.shape[1]}
    return perturbation.all_in_parallel(
        task.loss, task.params, key=key, steps=task.longest, **options
    ).history


def backpropagation(task: Task, key, rate):
    """Loss after each step of gradient descent."""
    gradient = fnn.value_and_grad(task.net, losses.squared_error)
    path = descent.trajectory(
        lambda params: gradient(params, task.x, task.y)[1],
        optim.sgd(rate),
        task.params,
        steps=task.longest,
    )
    return jax.vmap(task.loss)(path)[1:]


# name -> the loss after each step, settings tried, passes a step, and whether steps are counted by
# weight
METHODS = {
    "one at a time": (one_at_a_time, np.geomspace(0.05, 5.0, 7), 1, True),
    "all in parallel": (all_in_parallel, np.geomspace(0.05, 1.0, 7), 2, True),
    "backpropagation": (
        backpropagation,
        np.geomspace(0.02, 0.5, 7),
        3,
        False,
    ),  # backward costs about two forward
}


def steps_until(
    name: str, weights: int, keys, most: int, fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """Steps (settings, seeds) until a linear unit's loss is this fraction of the start's, the most
    allowed where it never is; and the settings.
    """
    net = fnn.mlp((weights - 1, 1))
    history, settings, _, by_weight = METHODS[name]
    longest = most * (weights if by_weight else 1)

    def lane(key, setting):
        inputs, teacher, student, search = jax.random.split(key, 4)
        x = jax.random.normal(inputs, (EXAMPLES, weights - 1))
        y = fnn.apply(net, net.init(teacher)[0], x)[:, 0]
        task = Task(net, x, y, net.init(student)[0], longest)
        there = history(task, search, setting) <= fraction * task.loss(task.params)
        return jnp.where(there.any(), jnp.argmax(there) + 1, longest)

    over_settings = jax.jit(jax.vmap(jax.vmap(lane, in_axes=(0, None)), in_axes=(None, 0)))
    return np.asarray(over_settings(keys, settings)), settings


def best(steps: np.ndarray, settings: np.ndarray) -> tuple[np.ndarray, float]:
    """The setting of the lowest median over the first half of the seeds, and the steps of the other
    half with it.
    """
    half = steps.shape[1] // 2
    chosen = int(np.median(steps[:, :half], axis=1).argmin())
    return steps[chosen, half:], settings[chosen]
