"""Why depth: the tent map folded L times, by 2L units in depth and by 2^L in width.

Question: How many units does a shallow network need for a function that a deep one makes of 2L?
Source:   The deep-learning notes (claim 3.4); De Marzo asks it and leaves the answer out (claim
          1.19).
Command:  python -m experiments run why_deep
Expected: L layers of two ReLU units have 2^L straight pieces on [0, 1]; a hidden layer of H units
          has H + 1 at most, so that it needs 2^L - 1. Training does not find the deep network by
          itself.
Cost:     about 8 s quick and 30 s full on 2 cores.
"""

from dataclasses import dataclass

import jax
import numpy as np

import fnn
from experiments.capacity.built import output_of
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim
from fnn import plot as draw
from fnn.course import constructions


@dataclass(frozen=True)
class Config(Common):
    """Depths of the constructed networks, and the trained ones."""

    depths: int = 12
    """The tent map is folded 1 to this many times."""
    folds: int = 3
    """Of the tent map that networks are trained on."""
    hidden: tuple[tuple[int, ...], ...] = ((24,), (8, 8, 8))
    """Hidden layers of the trained networks: as many units in both."""
    seeds: int = 64
    epochs: int = 300
    learning_rate: float = 3e-3
    """Adam's."""


QUICK = Config(depths=10, seeds=8, epochs=100, quick=True)


def run(config: Config) -> Results:
    """Return units and pieces of built networks (depths,), and the test losses of trained ones."""
    depths = np.arange(1, config.depths + 1)
    with jax.enable_x64(True):
        rows = [built_twice(int(depth)) for depth in depths]
    trained = [relative_losses(config, hidden) for hidden in config.hidden]
    built = {}
    for name in rows[0]:
        built[name] = np.array([row[name] for row in rows])
    return built | {
        "depths": depths,
        "trained_loss": np.array(trained),
        "hidden": np.array(["-".join(map(str, hidden)) for hidden in config.hidden]),
    }


def built_twice(depth: int) -> dict[str, float]:
    """Build the tent map folded `depth` times deep and shallow, and compare the two.

    The grid is finer than the pieces. Nothing is rounded on powers of two.
    """
    intervals = 2 ** (depth + 2)
    x = np.linspace(0, 1, intervals + 1)
    deep = constructions.tent_map(depth)
    y = output_of(deep, x)
    shallow = constructions.interpolation(x[::4], y[::4])
    phase = 2**depth * (x + 1) % 2
    wave = 1 - np.abs(1 - phase)  # goes on beyond 1, within [0, 1]
    difference = output_of(shallow, x) - y
    missed = [np.abs(output_of(built, x + 1) - wave) for built in (deep, shallow)]
    return {
        "pieces": 1 + np.count_nonzero(np.diff(y, 2)),
        "deep_units": units_of(deep),
        "shallow_units": units_of(shallow),
        "difference": np.abs(difference).max(),
        "missed_beyond": min(miss.max() for miss in missed),
    }


def units_of(built) -> int:
    """Return the number of hidden units of (net, params)."""
    _, params = built
    return sum(len(dense.b) for dense in params[:-1] if dense)


def relative_losses(config: Config, hidden: tuple[int, ...]) -> np.ndarray:
    """Train on the tent map, and return the test loss over the variance, (seeds,)."""
    x = np.random.default_rng(0).uniform(0, 1, 1500)
    with jax.enable_x64(True):
        y = output_of(constructions.tent_map(config.folds), x)
    net = fnn.mlp((1, *hidden, 1))
    optimizer = optim.adam(config.learning_rate)
    sweep = fnn.sweep(
        lambda hyper: (net, losses.squared_error, optimizer),
        data.from_arrays(x[:, None], y),
        epochs=config.epochs,
        batch_size=50,
        seeds=range(config.seeds),
    )
    return sweep.final("test_loss")[0] / y.var()


def plot(results: Results, config: Config) -> Figures:
    """Draw units over pieces, the tent map, and what training reaches."""
    figure, (units, tent, reached) = draw.figure(rows=3)
    pieces = results["pieces"]
    units.plot(pieces, results["deep_units"], marker="o", label="deep: 2L")
    units.plot(pieces, pieces - 1, marker="s", label="one hidden layer: at least")
    units.set(xscale="log", yscale="log", xlabel="straight pieces on [0, 1]", ylabel="hidden units")
    units.set_title("Units for a function of so many pieces")
    units.legend(frameon=False)
    x = np.linspace(0, 1, 1025)
    for depth in (1, 2, 4):
        folded = output_of(constructions.tent_map(depth), x)
        tent.plot(x, folded, label=f"{2 * depth} units, {2**depth} pieces")
    tent.set(xlabel="x", ylabel="y", title="The tent map folded 1, 2 and 4 times", ylim=(0, 1.35))
    tent.legend(frameon=False, fontsize="small", ncols=3, columnspacing=0.8, handlelength=1.2)
    names = [f"hidden {name}" for name in results["hidden"]]
    diverged = ["diverged"] * len(names)
    draw.strips(reached, np.log10(results["trained_loss"]), names, diverged)
    reached.set_xlabel("log₁₀ (test loss / variance)")
    reached.set_title(f"Trained on {config.folds} folds, {config.seeds} seeds")
    return {"depth": figure}
