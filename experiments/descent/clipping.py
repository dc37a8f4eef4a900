"""Clipping the gradient by value and by norm.

Question: What do the two ways of clipping do to a gradient's direction, and does training suffer?
Source:   Sharif (claims 2.28 and 2.29).
Command:  python -m experiments run clipping
Expected: By value it turns, (10, 0.1) by 5.14°; by norm it does not. Networks learn at too high a
          rate with either.
Cost:     about 6 s quick and 10 s in full on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """What clipping does to gradients at the starts (ways, seeds) and to special ones, in float64,
    and the accuracy of no clipping, by value and by norm (3, seeds).
    """
    net, moons = fnn.mlp((2, 16, 16, 2)), data.load("moons")
    with jax.enable_x64(True):
        clips = optim.clip_by_value(config.value), optim.clip_by_global_norm(config.norm)
        keys = jax.random.split(jax.random.key(0), config.seeds)
        measured = jax.jit(jax.vmap(lambda key: examine(net, moons.train, clips, key)))(keys)
        after = clipped(optim.clip_by_value(1.0), pair := jnp.array([10.0, 0.1]))
        special = {"pair_angle": angle(pair, after), "pair_norm": jnp.linalg.norm(after)}
        special |= {
            "zero": clipped(clips[1], jnp.zeros(3)),
            "nan": clipped(clips[1], jnp.array([1.0, jnp.nan])),
        }
    sweep = fnn.sweep(
        lambda hyper: (
            net,
            losses.softmax_cross_entropy,
            clipping_sgd(hyper, config.learning_rate),
        ),
        moons,
        epochs=config.epochs,
        batch_size=32,
        seeds=range(config.seeds),
        hyper=[
            {"value": v, "norm": n}
            for v, n in ((OFF, OFF), (config.value, OFF), (OFF, config.norm))
        ],
    )
    numbers = {"norm_limit": config.norm, "learning_rate": config.learning_rate}
    found = {name: np.asarray(value).T for name, value in (measured | special | numbers).items()}
    return found | {"accuracy": sweep.final("test_accuracy")}


def clipping_sgd(hyper, learning_rate: float) -> optax.GradientTransformation:
    """Both ways in a row, of which one or both are off: so all three trainings are one program."""
    by_value, by_norm = (
        optim.clip_by_value(hyper["value"]),
        optim.clip_by_global_norm(hyper["norm"]),
    )
    return optax.chain(by_value, by_norm, optim.sgd(learning_rate))


def examine(net, train, clips, key):
    """What each way of clipping does to the gradient at a start, and to one a millionth as long."""
    params, _ = net.init(key)
    _, grads = fnn.value_and_grad(net, losses.softmax_cross_entropy)(
        params, train.x.astype(float), train.y
    )
    g = ravel_pytree(grads)[0]
    small, after = 1e-6 * g, [clipped(clip, g) for clip in clips]
    return {
        "angle": jnp.array([angle(g, each) for each in after]),
        "before": jnp.linalg.norm(g),
        "after": jnp.array([jnp.linalg.norm(each) for each in after]),
        "twice": jnp.array(
            [abs(clipped(clip, one) - one).max() for clip, one in zip(clips, after, strict=True)]
        ),
        "below": jnp.array([abs(clipped(clip, small) - small).max() for clip in clips]),
    }


def clipped(clip: optax.GradientTransformation, g):
    """The gradient after clipping."""
    return clip.update(g, clip.init(g))[0]


def angle(u, v):
    """Between two vectors, in degrees; accurate near 0, where arccos is not."""
    u, v = u / jnp.linalg.norm(u), v / jnp.linalg.norm(v)
    return jnp.degrees(2 * jnp.arctan2(jnp.linalg.norm(u - v), jnp.linalg.norm(u + v)))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """By how much gradients turn, and accuracies."""
    figure, (top, bottom) = draw.figure(rows=2, height=2.8)
    for way, turns in zip(WAYS, results["angle"], strict=True):
        top.hist(
            turns,
            bins=np.linspace(0, max(1.0, results["angle"].max()), 41).tolist(),
            alpha=0.6,
            label=way,
        )
    top.set(xlabel="angle between gradient and clipped gradient (degrees)", ylabel="networks")
    top.legend(frameon=False, fontsize=8)
    draw.strips(bottom, results["accuracy"], ("no clipping", *WAYS), ("diverged",) * 3)
    bottom.set(xlabel="test accuracy on two moons")
    return {"clipping": figure}
