"""Full-batch, mini-batch and stochastic gradients.

Question: How far from the gradient of the whole set is that of a batch, and how many updates does
          an epoch make?
Source:   Sharif (claim 2.38), the deep-learning notes (3.7) and Piccoli (4.27).
Command:  python -m experiments run batch_size
Expected: every batch size is right on average; the variance over batches of B of N examples is S/B
          (N - B)/(N - 1), S being the variance of a single example's gradient; an epoch makes ⌈N/B⌉
          updates.
Cost:     quick and full 4 s on 2 cores, nearly all of it compiling.
"""

import itertools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, losses
from fnn import plot as draw


@dataclass(frozen=True)
class Config(Common):
    """The examples of which all batches are listed, and the batches of an epoch."""

    examples: int = 12
    """Digits; there are 2 to the power of their number batches."""
    epoch_batches: tuple[int, ...] = (100, 32, 1)
    """Out of 100 examples."""


QUICK = Config(quick=True)


def run(config: Config) -> Results:
    """Return the variance of the gradient exactly, in float64, and the updates in an epoch."""
    with jax.enable_x64(True):
        gradients, sizes = all_batches(config.examples)
    updates = updates_in_an_epoch(config.epoch_batches)
    return over_batches(gradients, sizes) | {
        "epoch_batches": np.array(config.epoch_batches),
        "updates": updates,
    }


def all_batches(examples: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute the gradient of a tanh network on every batch of the digits.

    Returns the gradients (batches, parameters) and the sizes of the batches (batches,). The last
    batch is the whole set.
    """
    net = fnn.mlp((64, 4, 10), activation="tanh", init="glorot")
    digits = data.load("digits").train
    loss_and_gradient = fnn.value_and_grad(net, losses.softmax_cross_entropy)
    start, _ = net.init(jax.random.key(0))
    params = jax.tree.map(lambda leaf: leaf.astype(float), start)
    x = digits.x[:examples].astype(float)
    y = digits.y[:examples]

    def gradient_of_batch(is_member):
        _, grads = loss_and_gradient(params, x, y, weights=is_member)
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(grads)])

    subsets = np.array(list(itertools.product((0.0, 1.0), repeat=examples)))
    batches = subsets[1:]  # without the empty one
    gradients = jax.jit(jax.vmap(gradient_of_batch))(batches)
    return np.asarray(gradients), batches.sum(axis=1)


def over_batches(gradients: np.ndarray, sizes: np.ndarray) -> Results:
    """Compare mean and variance over all batches of B of N with the formulas, (N,) each.

    bias     distance of the mean from the full gradient
    formula  of the summed variance, S/B (N − B)/(N − 1)
    """
    full = gradients[-1]
    N = int(sizes.max())
    B = np.arange(1, N + 1)
    of_size = [gradients[sizes == size] for size in B]
    variance = np.array([batches.var(axis=0).sum() for batches in of_size])
    bias = np.array([np.abs(batches.mean(axis=0) - full).max() for batches in of_size])
    S = variance[0]
    return {"bias": bias, "variance": variance, "formula": S / B * (N - B) / (N - 1)}


def updates_in_an_epoch(sizes: tuple[int, ...]) -> np.ndarray:
    """Count the updates of a training in one epoch of 100 examples, (sizes,)."""
    net = fnn.mlp((3, 1), init="zeros")
    sweep = fnn.sweep(
        lambda hyper: (net, losses.squared_error, counter()),
        data.load("cubic"),
        epochs=1,
        batch_size=1,
        seeds=[0],
        hyper={"batch_size": list(sizes)},
    )
    return np.array([sweep.params(setting)[0].b[0, 0] for setting in range(len(sizes))])


def counter() -> optax.GradientTransformation:
    """Return an optimizer that adds 1 to each parameter at each update."""

    def update(grads, state, params):
        return jax.tree.map(jnp.ones_like, grads), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def plot(results: Results, config: Config) -> Figures:
    """Draw the variance over all batches of a size, and its formula."""
    figure, (axis,) = draw.figure()
    variance = results["variance"]
    N = len(variance)
    B = np.arange(1, N + 1)
    with_replacement = variance[0] / B
    axis.plot(B, variance, "o", label="over all batches")
    axis.plot(B, results["formula"], "-", label="S/B · (N − B)/(N − 1)")
    axis.plot(B, with_replacement, ":", color="gray", label="S/B, drawn with replacement")
    axis.set(xlabel=f"batch size, out of {N}", ylabel="summed variance of the gradient")
    axis.legend(frameon=False)
    return {"variance": figure}
