"""Clipping the gradient by value and by norm.

Question: What do the two ways of clipping do to a gradient's direction, and does training suffer?
Source:   Sharif (claims 2.28 and 2.29).
Command:  python -m experiments run clipping
Expected: By value it turns, (10, 0.1) by 5.14°; by norm it does not. Networks learn at too high a
          rate with either.
Cost:     about 6 s quick and 10 s in full on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim
from fnn import plot as draw

WAYS = ("by value", "by norm")
OFF = 1e6  # a threshold that no gradient here reaches


@dataclass(frozen=True)
class Config(Common):
    """Starts, thresholds and training."""

    seeds: int = 256
    """Starts of a 2-16-16-2 ReLU network on two moons."""
    value: float = 0.02
    norm: float = 0.1
    """The largest entry that is left by value, and the largest norm by norm."""
    learning_rate: float = 10.0
    epochs: int = 20


QUICK = Config(seeds=48, quick=True)


def run(config: Config) -> Results:
    """Return what clipping does to gradients, (ways, seeds), and the accuracies (3, seeds).

    The gradients are in float64. The accuracies are those of no clipping, by value and by norm.
    """
    net = fnn.mlp((2, 16, 16, 2))
    moons = data.load("moons")
    clips = (optim.clip_by_value(config.value), optim.clip_by_global_norm(config.norm))
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), config.seeds)
        examined = jax.jit(jax.vmap(partial(examine, net, moons.train, clips)))(keys)
        special = special_gradients(clips)
    arrays = {name: np.asarray(value).T for name, value in (examined | special).items()}
    return arrays | {
        "norm_limit": np.array(config.norm),
        "learning_rate": np.array(config.learning_rate),
        "accuracy": train(net, moons, config),
    }


def examine(net, train, clips, key):
    """Clip the gradient at a random start in both ways, (ways,).

    twice  what clipping once more changes
    below  what clipping changes in a gradient a millionth as long
    """
    params, _ = net.init(key)
    loss_and_gradient = fnn.value_and_grad(net, losses.softmax_cross_entropy)
    _, grads = loss_and_gradient(params, train.x.astype(float), train.y)
    g, _ = ravel_pytree(grads)
    small = 1e-6 * g
    after = [clipped(clip, g) for clip in clips]
    twice = [clipped(clip, once) - once for clip, once in zip(clips, after, strict=True)]
    below = [clipped(clip, small) - small for clip in clips]
    return {
        "angle": jnp.array([angle(g, once) for once in after]),
        "before": jnp.linalg.norm(g),
        "after": jnp.array([jnp.linalg.norm(once) for once in after]),
        "twice": jnp.array([abs(change).max() for change in twice]),
        "below": jnp.array([abs(change).max() for change in below]),
    }


def clipped(clip: optax.GradientTransformation, g):
    """Return the gradient after clipping."""
    after, _ = clip.update(g, clip.init(g))
    return after


def angle(u, v):
    """Return the angle between two vectors in degrees; accurate near 0, where arccos is not."""
    u = u / jnp.linalg.norm(u)
    v = v / jnp.linalg.norm(v)
    half_angle = jnp.arctan2(jnp.linalg.norm(u - v), jnp.linalg.norm(u + v))
    return jnp.degrees(2 * half_angle)


def special_gradients(clips):
    """Clip (10, 0.1) by value at 1, and clip zero and a gradient with NaN by norm."""
    _, by_norm = clips
    pair = jnp.array([10.0, 0.1])
    after = clipped(optim.clip_by_value(1.0), pair)
    return {
        "pair_angle": angle(pair, after),
        "pair_norm": jnp.linalg.norm(after),
        "zero": clipped(by_norm, jnp.zeros(3)),
        "nan": clipped(by_norm, jnp.array([1.0, jnp.nan])),
    }


def train(net, moons, config: Config) -> np.ndarray:
    """Train without clipping, by value and by norm: the test accuracies, (3, seeds)."""
    sweep = fnn.sweep(
        lambda hyper: (net, losses.softmax_cross_entropy, clipping_sgd(hyper, config)),
        moons,
        epochs=config.epochs,
        batch_size=32,
        seeds=range(config.seeds),
        hyper=[
            {"value": OFF, "norm": OFF},
            {"value": config.value, "norm": OFF},
            {"value": OFF, "norm": config.norm},
        ],
    )
    return sweep.final("test_accuracy")


def clipping_sgd(hyper, config: Config) -> optax.GradientTransformation:
    """Return SGD behind both ways in a row, of which one or both are off.

    So all three trainings are one program.
    """
    by_value = optim.clip_by_value(hyper["value"])
    by_norm = optim.clip_by_global_norm(hyper["norm"])
    return optax.chain(by_value, by_norm, optim.sgd(config.learning_rate))


def plot(results: Results, config: Config) -> Figures:
    """Draw by how much gradients turn, and the accuracies."""
    figure, (top, bottom) = draw.figure(rows=2, height=2.8)
    widest = max(1.0, results["angle"].max())
    bins = np.linspace(0, widest, 41).tolist()
    for way, turns in zip(WAYS, results["angle"], strict=True):
        top.hist(turns, bins=bins, alpha=0.6, label=way)
    top.set(xlabel="angle between gradient and clipped gradient (degrees)", ylabel="networks")
    top.legend(frameon=False, fontsize=8)
    names = ("no clipping", *WAYS)
    draw.strips(bottom, results["accuracy"], names, empty=["diverged"] * len(names))
    bottom.set(xlabel="test accuracy on two moons")
    return {"clipping": figure}
