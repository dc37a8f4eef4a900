"""Steps that a linear unit takes to learn from a teacher: by trying, one weight at a time or all in
parallel, and by descent on backpropagated gradients.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import losses, optim
from fnn.course import descent, perturbation

EXAMPLES = 128


class Task(NamedTuple):
    """A network and the examples that it learns."""

    net: fnn.Layer
    x: jax.Array
    y: jax.Array

    def loss(self, params):
        """Compute the mean squared error over all examples."""
        predicted = fnn.apply(self.net, params, self.x)
        return jnp.mean(losses.squared_error.value(predicted, self.y))

    def gradient(self, params):
        """Compute its gradient by backpropagation."""
        loss_and_gradient = fnn.value_and_grad(self.net, losses.squared_error)
        return loss_and_gradient(params, self.x, self.y)[1]


def one_at_a_time(task: Task, start, key, sigma, steps: int):
    """Return the loss after each step; σ is in units of the start's weights."""
    sigma = sigma / task.x.shape[1] ** 0.5
    trying = partial(perturbation.one_at_a_time, sigma=sigma)
    return trying(task.loss, start, key=key, steps=steps).history


def all_in_parallel(task: Task, start, key, rate, steps: int):
    """Return the loss after each step; η is in units of one over the number of inputs."""
    rate = rate / task.x.shape[1]
    trying = partial(perturbation.all_in_parallel, sigma=1e-3, learning_rate=rate)
    return trying(task.loss, start, key=key, steps=steps).history


def backpropagation(task: Task, start, key, rate, steps: int):
    """Return the loss after each step of gradient descent."""
    path = descent.trajectory(task.gradient, optim.sgd(rate), start, steps=steps)
    return jax.vmap(task.loss)(path)[1:]


class Method(NamedTuple):
    """A way to learn, with the values of its setting that are tried.

    history         task, start, key, setting, steps -> the loss after each step
    steps_a_weight  whether the steps allowed are counted for each weight
    """

    history: Callable[..., jax.Array]
    settings: np.ndarray
    passes_a_step: int
    steps_a_weight: bool


METHODS = {
    "one at a time": Method(one_at_a_time, np.geomspace(0.05, 5.0, 7), 1, True),
    "all in parallel": Method(all_in_parallel, np.geomspace(0.05, 1.0, 7), 2, True),
    # A backward pass costs about two forward.
    "backpropagation": Method(backpropagation, np.geomspace(0.02, 0.5, 7), 3, False),
}


def steps_until(name: str, weights: int, keys, most: int, fraction: float) -> np.ndarray:
    """Return the steps (settings, seeds) until the loss is this fraction of the start's.

    They are the most allowed where it never is.
    """
    method = METHODS[name]
    longest = most * weights if method.steps_a_weight else most

    def steps_of(key, setting):
        task, start, search = linear_task(key, weights)
        history = method.history(task, start, search, setting, longest)
        goal = fraction * task.loss(start)
        reached = history <= goal
        first = jnp.argmax(reached) + 1
        return jnp.where(reached.any(), first, longest)

    over_seeds = jax.vmap(steps_of, in_axes=(0, None))
    over_settings = jax.jit(jax.vmap(over_seeds, in_axes=(None, 0)))
    return np.asarray(over_settings(keys, method.settings))


def linear_task(key, weights: int):
    """Return a linear unit with the examples of its teacher, its start, and a key for the tries."""
    inputs, teacher, student, search = jax.random.split(key, 4)
    net = fnn.mlp((weights - 1, 1))
    x = jax.random.normal(inputs, (EXAMPLES, weights - 1))
    teacher_params, _ = net.init(teacher)
    y = fnn.apply(net, teacher_params, x)[:, 0]
    start, _ = net.init(student)
    return Task(net, x, y), start, search


def best(steps: np.ndarray, settings: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the steps (seeds,) with the best setting, and the setting.

    It has the lowest median over the first half of the seeds. The steps are those of the others.
    """
    half = steps.shape[1] // 2
    medians = np.median(steps[:, :half], axis=1)
    chosen = int(medians.argmin())
    return steps[chosen, half:], settings[chosen]
