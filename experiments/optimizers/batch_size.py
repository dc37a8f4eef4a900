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
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """The variance of the gradient exactly, in float64, and the updates in an epoch."""
    with jax.enable_x64(True):
        listed = all_batches(config.examples)
    return listed | updates_in_an_epoch(config.epoch_batches)


def all_batches(N: int) -> dict[str, np.ndarray]:
    """For each B the gradients of a tanh network over all batches of B of N digits: the distance of
    their mean from the full gradient, that of their summed variance from S/B (N − B)/(N − 1), and
    that variance, all (N,).
    """
    net, digits = fnn.mlp((64, 4, 10), activation="tanh", init="glorot"), data.load("digits").train
    gradient = fnn.value_and_grad(net, losses.softmax_cross_entropy)
    params, _ = net.init(jax.random.key(0))
    params, x = jax.tree.map(lambda leaf: leaf.astype(float), (params, jnp.asarray(digits.x[:N])))

    def of_batch(weights):
        grads = gradient(params, x, digits.y[:N], weights=weights)[1]
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(grads)])

    members = np.array(list(itertools.product((0.0, 1.0), repeat=N)))[1:]
    gradients, sizes = np.asarray(jax.jit(jax.vmap(of_batch))(members)), members.sum(axis=1)
    full, S = gradients[-1], gradients[sizes == 1].var(axis=0).sum()
    B = np.arange(1, N + 1)
    variance = np.array([gradients[sizes == b].var(axis=0).sum() for b in B])
    bias = np.array([np.abs(gradients[sizes == b].mean(axis=0) - full).max() for b in B])
    return {"bias": bias, "variance": variance, "formula": S / B * (N - B) / (N - 1)}


def updates_in_an_epoch(sizes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Updates that a training makes in one epoch of 100 examples, counted by an optimizer that adds
    1 at each.
    """
    count = optax.GradientTransformation(
        lambda params: optax.EmptyState(),
        lambda grads, state, params: (jax.tree.map(jnp.ones_like, grads), state),
    )
    net = fnn.mlp((3, 1), init="zeros")
    sweep = fnn.sweep(
        lambda hyper: (net, losses.squared_error, count),
        data.load("cubic"),
        epochs=1,
        batch_size=1,
        seeds=[0],
        hyper={"batch_size": list(sizes)},
    )
    return {
        "epoch_batches": np.array(sizes),
        "updates": np.array([sweep.params(i)[0].b[0, 0] for i in range(len(sizes))]),
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The variance over all batches of a size, and its formula."""
    figure, (axis,) = draw.figure()
    B = np.arange(1, len(results["variance"]) + 1)
    axis.plot(B, results["variance"], "o", label="over all batches")
    axis.plot(B, results["formula"], "-", label="S/B · (N − B)/(N − 1)")
    axis.plot(B, results["variance"][0] / B, ":", color="gray", label="S/B, drawn with replacement")
    axis.set(xlabel=f"batch size, out of {len(B)}", ylabel="summed variance of the gradient")
    axis.legend(frameon=False)
    return {"variance": figure}
