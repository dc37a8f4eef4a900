"""Double descent: the test error of wider and wider networks on MNIST-1D, with and without wrong
labels.

Question: Does the test error fall, rise near the interpolation threshold and fall again below its
          first minimum?
Source:   De Marzo (claim 1.32), after Nakkiran et al. 2020 (arXiv 1912.02292). The set-up is that
          of Greydanus & Kobak 2024 (deep-double-descent.ipynb of MNIST-1D): 40-h-h-10, 4,000
          training and 12,000 test rows, PyTorch's initial weights. They draw 15% of the labels anew
          from all ten classes, so that 13.5% are wrong.
Command:  python -m experiments run double_descent
Expected: with wrong labels the error peaks near h = 47 and ends below its first minimum near h =
          16; with right ones it hardly has a peak. The loss peaks in both, and ends above its first
          minimum.
Cost:     15 to 25 min on 2 cores (160 TFLOP, half of it evaluations of the test rows); 10 s with
          --quick.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
from fnn import data, initializers, losses, optim
from fnn.data import mnist1d

PUBLISHED_ERRORS = ((16, 47.24), (47, 54.05), (300, 45.47))  # %, with wrong labels, one seed
PUBLISHED_PEAKS = (
    (61, 5.79),
    (47, 4.42),
)  # of the test loss with wrong and with right labels, one seed


@dataclass(frozen=True)
class Config(Common):
    """Networks, data and training."""

    seeds: int = 12
    widths: tuple[int, ...] = (
        2,
        3,
        4,
        5,
        7,
        9,
        12,
        16,
        21,
        27,
        36,
        47,
        61,
        80,
        104,
        135,
        177,
        230,
        300,
    )
    """Units of each of the two hidden layers."""
    redrawn: float = 0.15
    """Share of the training labels drawn anew from all ten classes, besides none."""
    train: int = 4000
    test: int = 12_000
    epochs: int = 500


QUICK = Config(seeds=3, widths=(4, 16, 100), train=480, test=500, epochs=150, quick=True)
ALONE = True  # it measures time


def run(config: Config) -> dict[str, np.ndarray]:
    """Errors and losses are (noise, widths, seeds, epochs), right labels first."""
    rates = [0.0, config.redrawn * (1 - 1 / 10)]
    grid: dict[str, Any] = {"noise": rates, "width": config.widths}

    def builder(hyper):
        net = fnn.mlp((40, hyper["width"], hyper["width"], 10), init=pytorch_uniform)
        noise = data.label_noise(hyper["noise"], classes=10)
        return net, losses.softmax_cross_entropy, optim.momentum(0.01, decay=0.9), noise

    start = time.perf_counter(), time.process_time()
    sweep = fnn.sweep(
        builder,
        mnist1d.sized(
            config.train, 20 if config.quick else 100, config.test
        ),  # nothing is chosen by validation
        epochs=config.epochs,
        batch_size=100,
        seeds=range(config.seeds),
        hyper=grid,
    )
    shape = len(rates), len(config.widths), config.seeds, config.epochs
    history = {name: values.reshape(shape) for name, values in sweep.history.items()}
    return {
        "test_error": 1 - history["test_accuracy"],
        "train_error": 1 - history["train_accuracy"],
        "test_loss": history["test_loss"],
        "widths": np.array(config.widths),
        "wrong": np.array(rates),
        "wall_seconds": np.array(time.perf_counter() - start[0]),
        "cpu_seconds": np.array(time.process_time() - start[1]),
    }


def pytorch_uniform(key, shape):
    """W ~ U(−1/√in, 1/√in), a variance of 1/(3 in)."""
    limit = shape[1] ** -0.5
    return initializers.uniform(-limit, limit)(key, shape)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Error and loss by width; the error over epochs."""
    widths = results["widths"]
    figure, axes = draw.figure(rows=3, height=3.0)
    panels = (
        ("test_error", "test error, %", 100),
        ("test_loss", "test loss", 1),
        ("train_error", "training error, %", 100),
    )
    for axis, (name, label, scale) in zip(axes, panels, strict=True):
        for noise, text in ((1, "wrong labels"), (0, "right labels")):
            draw.mean_band(axis, widths, scale * results[name][noise, :, :, -1].T, text)
        axis.set(xscale="log", xlabel="hidden units of each layer, h", ylabel=label)
    axes[0].plot(
        *np.transpose(PUBLISHED_ERRORS), "x", color="black", label="published, wrong labels"
    )
    for peak, marker, text in zip(PUBLISHED_PEAKS, "x+", ("wrong", "right"), strict=True):
        axes[1].plot(
            *peak, marker, color="black", linestyle="", label=f"published peak, {text} labels"
        )
    for axis in axes:
        axis.legend(frameon=False, fontsize=8)
    axes[0].set_title(f"{config.seeds} seeds: mean and its 95% interval", fontsize=10)
    over_epochs, (lines, ground) = draw.figure(rows=2)
    epochs = np.arange(1, results["test_error"].shape[-1] + 1)
    for w in np.unique([np.abs(widths - width).argmin() for width in (16, 47, 104, widths[-1])]):
        draw.mean_band(lines, epochs, 100 * results["test_error"][1, w], f"h = {widths[w]}")
    lines.set(
        xscale="log", xlabel="epoch", ylabel="test error, %", title="With wrong labels, over epochs"
    )
    lines.legend(frameon=False, fontsize=8)
    mean = 100 * results["test_error"][1].mean(axis=1)
    drawn = ground.pcolormesh(
        epochs,
        range(len(widths)),
        mean,
        shading="nearest",
        cmap="viridis",
        vmax=np.percentile(mean, 80),
    )
    over_epochs.colorbar(drawn, ax=ground, label="test error, %", extend="max")
    ground.grid(visible=False)
    draw.names_down(ground, [str(width) for width in widths])
    ground.set(xscale="log", xlabel="epoch", ylabel="hidden units of each layer, h")
    return {"by_width": figure, "over_epochs": over_epochs}
