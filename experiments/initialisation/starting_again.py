"""Where gradient descent ends from different starts, and what starting again is worth.

Question: How far apart do equal networks end that only start elsewhere, and how much better is the
          best of k starts?
Source:   Adornetto (claim 0.24) and Sharif (2.18).
Command:  python -m experiments run starting_again
Expected: on XOR, 2-2-1 networks end in the minimum or in one of several worse places, the same at
          every repetition; the best of ten starts nearly always has it.
Cost:     quick 4 s, full 5 s on 2 cores.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.claims import claim, every, holds_if, share_interval
from experiments.common import Common
from fnn import data, losses, optim
from fnn import plot as draw

SOLVED = 0.05
"""A loss on XOR below which all four rows are right with confidence; the next minimum is above
log(2) / 2 = 0.35.
"""
K = 10
"""Starts in a group of which the best is kept."""


@dataclass(frozen=True)
class Config(Common):
    """Starts and training."""

    seeds: int = 1000
    """Starts of the network."""
    epochs: int = 500
    """Each is one step on all four rows."""
    learning_rate: float = 0.05
    """Adam's."""


QUICK = Config(seeds=200, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """The loss of each start after training, and the same once more; (seeds,)."""
    net = fnn.mlp((2, 2, 1), activation="tanh", init="glorot")
    optimizer = optim.adam(config.learning_rate)

    def builder(hyper):
        return net, losses.sigmoid_cross_entropy, optimizer

    def trained():
        sweep = fnn.sweep(
            builder, data.load("xor"), epochs=config.epochs, batch_size=4, seeds=range(config.seeds)
        )
        return sweep.final("train_loss")[0]

    return {"loss": trained(), "again": trained()}


def best_of(losses: np.ndarray, k: int) -> float:
    """The expected lowest of k of these losses, drawn without replacement."""
    n = len(losses)
    not_below = np.cumprod(
        np.r_[1.0, [(n - k - i) / (n - i) for i in range(n - k)]]
    )  # P(none of the first i)
    share = not_below[:-1] - not_below[1:] if k < n else np.ones(1)
    return float(
        np.sort(losses)[: len(share)] @ share + not_below[-1] * np.sort(losses)[n - k] * (k < n)
    )


@claim("0.24", "Where gradient descent starts decides where it ends.", figure="starts")
def crucial(results):
    values = results["loss"]
    low, middle, high = np.percentile(values, [5, 50, 95])
    repeat = float(np.abs(values - results["again"]).max())
    return holds_if(
        bool(high - low > 0.1 and high - low > 100 * repeat),
        f"Loss of {len(values)} starts of a 2-2-1 network on XOR after training: 5th, 50th and "
        f"95th percentile "
        f"{low:.4f}, {middle:.4f} and {high:.4f}, standard deviation {values.std():.3f}. The same "
        f"start again ends "
        f"within {repeat:g} of itself.",
        percentiles=np.array([low, middle, high]),
        deviation=values.std(),
        repeat=repeat,
    )


@claim(
    "2.18",
    "There are local minima; training again from other random weights helps.",
    figure="best-of-k",
)
def start_again(results):
    values = results["loss"]
    once = share_interval(values < SOLVED)
    groups = values[: len(values) // K * K].reshape(-1, K).min(axis=1)
    best = share_interval(groups < SOLVED)
    curve = np.array([best_of(values, k) for k in range(1, 21)])
    stuck = values[values >= SOLVED]
    return holds_if(
        every(
            once.below(1.0 - 1e-9),
            bool(best.low > once.high),
            bool((np.diff(curve) <= 1e-12).all()),
        ),
        f"{once} of the starts reach a loss below {SOLVED:g}; the others end at "
        f"{stuck.min(initial=np.inf):.2f} or "
        f"above, in a minimum or on a plateau that they have not left. Of {K} starts the best "
        f"does in {best} of the "
        "groups. Expected lowest loss of 1, 2, 5, 10 and 20 starts: "
        f"{', '.join(f'{curve[k - 1]:.3g}' for k in (1, 2, 5, 10, 20))}.",
        once=once,
        best=best,
        curve=curve,
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Final losses, and the expected lowest of k."""
    starts, (axis,) = draw.figure()
    axis.hist(
        np.maximum(results["loss"], 1e-5),
        bins=list(np.geomspace(1e-5, 2, 60)),
        color=draw.LINES[0]["color"],
    )
    axis.set(xscale="log", xlabel=f"loss on XOR after {config.epochs} epochs", ylabel="starts")
    curve, (axis,) = draw.figure(height=3)
    axis.plot(range(1, 21), [best_of(results["loss"], k) for k in range(1, 21)], "o-")
    axis.set(
        yscale="log", xlabel="starts k", ylabel="expected lowest loss", xticks=[1, 5, 10, 15, 20]
    )
    return {"starts": starts, "best-of-k": curve}
