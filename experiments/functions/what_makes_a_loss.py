"""What a function of the error must be to serve as a loss: domain, continuity, slopes, minima, by
scanning it.

Question: Which functions of the error can be descended to a right prediction from every start, and
          what do they share?
Source:   Piccoli (claims 4.4, 4.19, 4.21 and 4.25; the last two are questions of a quiz).
Command:  python -m experiments run what_makes_a_loss
Expected: those that work are continuous and have one minimum, at 0; a slope everywhere is not
          needed (|e|), and some minimum does not suffice (sin e). Of the five of the quiz only 5e²
          − 2 works.
Cost:     about 3 s on 2 cores, quick or full.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from experiments.functions.printed_losses import CANDIDATES, NAMES
from experiments.functions.scans import kinks, minima, shrinks
from fnn import losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """Scan and descent."""

    starts: int = 200
    """Errors in [−6, 6] from which each candidate is descended, an even number: 0 is none of them.
    """
    steps: int = 4000
    learning_rate: float = 0.01
    tolerance: float = 0.05
    """Of the error at the end; more than a step on |e|, which is as long as the learning rate."""


QUICK = Config(starts=40, steps=2000, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Properties (candidates,) and ends (candidates, starts) of descent; a line through the weights
    of a network.
    """
    coarse, fine = np.arange(-1000, 1001) / 100, np.arange(-10_000, 10_001) / 1000
    starts = np.linspace(-6, 6, config.starts)
    with jax.enable_x64(True):
        scans = [(values(loss, coarse), values(loss, fine)) for loss in CANDIDATES]
        ends = [descended(config, loss, starts) for loss in CANDIDATES]
        between, loss_between = line_between_minima()
    found = [minima(fine, scan) for _, scan in scans]
    return {
        "errors": coarse,
        "values": np.array([scan for scan, _ in scans]),
        "defined": np.array([np.isfinite(scan).all() for _, scan in scans]),
        "continuous": np.array([shrinks(*(np.diff(scan) for scan in pair)) for pair in scans]),
        "differentiable": np.array([shrinks(*(kinks(scan) for scan in pair)) for pair in scans]),
        "minima": np.array([len(each) for each in found]),
        "minimum_at_zero": np.array([np.allclose(each, 0) and len(each) > 0 for each in found]),
        "starts": starts,
        "ends": np.array(ends),
        "works": np.array([(np.abs(end) < config.tolerance).all() for end in ends]),
        "between": between,
        "loss_between": loss_between,
    }


def values(loss: fnn.Loss, e: np.ndarray) -> np.ndarray:
    """The loss of predictions e for the target 0, (points,); NaN where it is not a finite
    number.
    """
    found = np.asarray(loss.value(jnp.asarray(e)[:, None], jnp.zeros((len(e), 1))))
    return np.where(np.isfinite(found), found, np.nan)


def descended(config: Config, loss: fnn.Loss, starts: np.ndarray) -> np.ndarray:
    """Errors at which gradient descent on the loss ends, (starts,)."""
    target = jnp.zeros((len(starts), 1))
    optimizer = optim.sgd(config.learning_rate)
    path = jax.jit(
        lambda e: descent.trajectory(
            lambda p: loss.gradient(p, target), optimizer, e, steps=config.steps
        )
    )
    return np.asarray(path(starts[:, None]))[-1, :, 0]


def line_between_minima() -> tuple[np.ndarray, np.ndarray]:
    """The squared error along the line between two minima of a 1-2-1 tanh network: its two hidden
    units, exchanged.
    """
    net, x = fnn.mlp((1, 2, 1), activation="tanh"), np.linspace(-2, 2, 41)[:, None]
    hidden = DenseParams(W=jnp.array([[2.0], [-1.0]]), b=jnp.array([1.0, 0.5]))
    output = DenseParams(W=jnp.array([[1.0, 2.0]]), b=jnp.zeros(1))
    here = (hidden, (), output)
    there = (
        hidden._replace(W=hidden.W[::-1], b=hidden.b[::-1]),
        (),
        output._replace(W=output.W[:, ::-1]),
    )
    y, between = np.asarray(fnn.apply(net, here, x)), np.linspace(-0.25, 1.25, 151)
    loss = fnn.value_and_grad(net, losses.squared_error)
    mixed = jax.vmap(lambda s: jax.tree.map(lambda a, b: (1 - s) * a + s * b, here, there))(
        jnp.asarray(between)
    )
    return between, np.asarray(jax.vmap(lambda params: loss(params, x, y)[0])(mixed))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The candidates and where descent on them ends; the loss between two minima in the weights."""
    figure, (good, bad, ends) = draw.figure(rows=3)
    for i, name in enumerate(NAMES):
        (good if results["works"][i] else bad).plot(
            results["errors"], results["values"][i], label=name
        )
    for name, mark in (
        ("e²", "o"),
        ("|e|", "."),
        ("sin e", "x"),
        ("1 − cos e", "+"),
        ("wrong beyond ½", "^"),
    ):
        ends.plot(
            results["starts"], results["ends"][NAMES.index(name)], mark, markersize=5, label=name
        )
    good.set(
        xlabel="error e",
        ylabel="loss",
        xlim=(-4, 4),
        ylim=(-3, 12),
        title="descended to 0 from every start",
    )
    bad.set(xlabel="error e", ylabel="loss", xlim=(-7, 7), ylim=(-4, 4), title="not")
    ends.set(xlabel="error at the start", ylabel="error at the end", ylim=(-9, 16), title="descent")
    weights, (barrier,) = draw.figure()
    barrier.plot(results["between"], results["loss_between"])
    barrier.set(
        xlabel="from a network (0) to the one with its units exchanged (1)",
        ylabel="mean squared error",
    )
    for axis in (good, bad, ends):
        axis.legend(frameon=False, fontsize=7)
    return {"minima": figure, "weights": weights}
