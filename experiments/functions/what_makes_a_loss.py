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
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from experiments.functions import scans
from experiments.functions.printed_losses import CANDIDATES, NAMES
from fnn import losses, optim
from fnn.course import descent
from fnn.layers import DenseParams

COARSE = np.arange(-1000, 1001) / 100  # errors on which the candidates are scanned
FINE = np.arange(-10_000, 10_001) / 1000
MARKERS = {"e²": "o", "|e|": ".", "sin e": "x", "1 − cos e": "+", "wrong beyond ½": "^"}


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


def run(config: Config) -> Results:
    """Return properties (candidates,), where descent on them ends, and a line through weights."""
    starts = np.linspace(-6, 6, config.starts)
    with jax.enable_x64(True):
        scanned = [scan(loss) for loss in CANDIDATES]
        ends = np.array([descend(config, loss, starts) for loss in CANDIDATES])
        between, loss_between = line_between_minima()
    names = scanned[0]
    properties = {}
    for name in names:
        properties[name] = np.array([values[name] for values in scanned])
    return properties | {
        "errors": COARSE,
        "starts": starts,
        "ends": ends,
        "works": (np.abs(ends) < config.tolerance).all(axis=1),
        "between": between,
        "loss_between": loss_between,
    }


def scan(loss: fnn.Loss) -> dict[str, Any]:
    """Return the values of a loss on [−10, 10], and its properties there."""
    coarse = values(loss, COARSE)
    fine = values(loss, FINE)
    minima = scans.minima(FINE, fine)
    return {
        "values": coarse,
        "defined": np.isfinite(coarse).all(),
        "continuous": scans.shrinks(np.diff(coarse), np.diff(fine)),
        "differentiable": scans.shrinks(scans.kinks(coarse), scans.kinks(fine)),
        "minima": len(minima),
        "minimum_at_zero": len(minima) > 0 and np.allclose(minima, 0),
    }


def values(loss: fnn.Loss, e: np.ndarray) -> np.ndarray:
    """Return the loss of predictions e for the target 0, NaN where it is not a finite number."""
    predictions = jnp.asarray(e)[:, None]
    target = jnp.zeros((len(e), 1))
    at_errors = np.asarray(loss.value(predictions, target))
    return np.where(np.isfinite(at_errors), at_errors, np.nan)


def descend(config: Config, loss: fnn.Loss, starts: np.ndarray) -> np.ndarray:
    """Return the errors at which gradient descent on the loss ends, (starts,)."""
    target = jnp.zeros((len(starts), 1))
    optimizer = optim.sgd(config.learning_rate)

    def gradient(e):
        return loss.gradient(e, target)

    @jax.jit
    def path_from(e):
        return descent.trajectory(gradient, optimizer, e, steps=config.steps)

    path = np.asarray(path_from(starts[:, None]))
    return path[-1, :, 0]


def line_between_minima() -> tuple[np.ndarray, np.ndarray]:
    """Return the squared error along the line between two minima of a 1-2-1 tanh network.

    The second minimum is the first with its two hidden units exchanged.
    """
    net = fnn.mlp((1, 2, 1), activation="tanh")
    x = np.linspace(-2, 2, 41)[:, None]
    into_hidden = jnp.array([[2.0], [-1.0]])
    out_of_hidden = jnp.array([[1.0, 2.0]])
    hidden = DenseParams(W=into_hidden, b=jnp.array([1.0, 0.5]))
    output = DenseParams(W=out_of_hidden, b=jnp.zeros(1))
    exchanged_hidden = DenseParams(W=hidden.W[::-1], b=hidden.b[::-1])
    exchanged_output = DenseParams(W=output.W[:, ::-1], b=output.b)
    first = (hidden, (), output)
    second = (exchanged_hidden, (), exchanged_output)
    y = np.asarray(fnn.apply(net, first, x))
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)

    def mixed(s):
        left = jax.tree.map(lambda leaf: (1 - s) * leaf, first)
        right = jax.tree.map(lambda leaf: s * leaf, second)
        return jax.tree.map(jnp.add, left, right)

    between = np.linspace(-0.25, 1.25, 151)
    on_line = jax.vmap(mixed)(jnp.asarray(between))
    loss = jax.vmap(lambda params: loss_and_gradient(params, x, y)[0])(on_line)
    return between, np.asarray(loss)


def plot(results: Results, config: Config) -> Figures:
    """Draw the candidates, where descent on them ends, and the loss between two minima."""
    figure, axes = draw.figure(rows=3)
    good, bad, ends = axes
    errors = results["errors"]
    for name, works, curve in zip(NAMES, results["works"], results["values"], strict=True):
        axis = good if works else bad
        axis.plot(errors, curve, label=name)
    good.set(xlabel="error e", ylabel="loss", xlim=(-4, 4), ylim=(-3, 12))
    good.set_title("descended to 0 from every start")
    bad.set(xlabel="error e", ylabel="loss", xlim=(-7, 7), ylim=(-4, 4), title="not")
    for name, marker in MARKERS.items():
        end = results["ends"][NAMES.index(name)]
        ends.plot(results["starts"], end, marker, markersize=5, label=name)
    ends.set(xlabel="error at the start", ylabel="error at the end", ylim=(-9, 16), title="descent")
    draw.legends(axes, size=7)
    weights, (barrier,) = draw.figure()
    barrier.plot(results["between"], results["loss_between"])
    barrier.set_xlabel("from a network (0) to the one with its units exchanged (1)")
    barrier.set_ylabel("mean squared error")
    return {"minima": figure, "weights": weights}
