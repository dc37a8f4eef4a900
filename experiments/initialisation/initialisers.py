"""Rules for drawing the weights of one layer.

Question: What does each rule draw, and does it keep the variance of a layer's outputs and of its
          gradient?
Source:   Between the documents (claim X9) and Sharif (2.24).
Command:  python -m experiments run initialisers
Expected: five variances with n the inputs, the outputs or both; where a layer is not as wide as the
          one before, 1/n keeps one of the two variances and Glorot's rule a bit of each.
Cost:     5 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.claims import claim, depends_on, every, holds_if, mean_interval
from experiments.common import Common
from fnn import layers
from fnn import plot as draw

SHAPES = ((100, 100), (400, 100), (100, 400))  # (out, in)
RULES = {
    "fan_out": lambda out, into: 1 / out,
    "lecun": lambda out, into: 1 / into,
    "glorot": lambda out, into: 2 / (out + into),
    "he": lambda out, into: 2 / into,
    "he_fan_out": lambda out, into: 2 / out,
}
KEEPS = (0.9, 1.1)
"""A variance is kept that a layer changes by less than a tenth."""


@dataclass(frozen=True)
class Config(Common):
    """How many are drawn."""

    seeds: int = 100
    """Matrices of each shape and rule."""


QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64, of single linear layers, (shapes, rules, seeds): the variance of W and the ratios
    of variance.
    """
    with jax.enable_x64(True):
        singles = np.array(
            [[through(config.seeds, shape, name) for name in RULES] for shape in SHAPES]
        )
    return {name: singles[:, :, i] for i, name in enumerate(("variance", "forward", "backward"))}


def through(seeds: int, shape: tuple[int, int], rule: str) -> np.ndarray:
    """Variance of W, of outputs over inputs, of the gradient after over before; (3, seeds), of
    linear layers.
    """
    out, into = shape
    layer = layers.dense(into, out, init=rule)

    def one(key):
        keys = jax.random.split(key, 3)
        params, state = layer.init(keys[0])
        a, dz = jax.random.normal(keys[1], (into, 64)), jax.random.normal(keys[2], (out, 64))
        z, _, residuals = layer.forward(params, state, a)
        _, da = layer.backward(params, residuals, dz)
        return jnp.array([params.W.var(), z.var() / a.var(), da.var() / dz.var()])

    return np.asarray(jax.vmap(one)(jax.random.split(jax.random.key(2), seeds))).T


@claim(
    "X9",
    "The n of a variance of 1/n or 2/n is the layer's own units in one document, its inputs in "
    "the source that it "
    "cites, and the mean of both with Glorot.",
    figure="variances",
)
def conventions(results):
    printed = np.array([[variance(*shape) for variance in RULES.values()] for shape in SHAPES])
    found = results["variance"].mean(axis=-1)
    error = float(np.abs(found / printed - 1).max())
    wide = dict(zip(RULES, found[1], strict=True))
    return holds_if(
        every(error < 0.02, all(len(set(row.round(4))) == len(RULES) for row in found[1:])),
        f"From 100 to 400 units the rules draw variances of "
        f"{', '.join(f'{name} {value:.5f}' for name, value in wide.items())}: five different "
        f"ones, each as its name "
        f"says, to {error:.1%}. The document's form is fan_out. Where layers are equally wide, "
        f"only the 1 and the 2 "
        "are left.",
        variances=found,
        expected=printed,
    )


@claim(
    "2.24",
    "The variance of a layer's outputs should equal that of its inputs, and that of the gradient "
    "likewise on its way "
    "back.",
    figure="variances",
)
def both_variances(results):
    cases, rows = {}, []
    for s, (out, into) in enumerate(SHAPES):
        ratios = {
            n: [mean_interval(results[w][s, r]) for w in ("forward", "backward")]
            for r, n in enumerate(RULES)
        }
        name = f"{into} to {out} units"
        cases[name] = any(
            forward.within(*KEEPS) and back.within(*KEEPS) for forward, back in ratios.values()
        )
        each = [
            f"{n} {ratios[n][0].middle:.2f} and {ratios[n][1].middle:.2f}"
            for n in ("lecun", "fan_out", "glorot")
        ]
        rows.append(f"{name}: {', '.join(each)}")
    return depends_on(
        cases,
        f"Ratios of variance, forward and backward, of a linear layer: {'; '.join(rows)}. Both "
        f"can be 1 only where a "
        "layer is as wide as the one before.",
        forward=results["forward"].mean(axis=-1),
        backward=results["backward"].mean(axis=-1),
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Ratios of variance of one linear layer for each shape and rule."""
    figure, axes = draw.figure(rows=len(SHAPES), height=2.4)
    for s, (axis, (out, into)) in enumerate(zip(axes, SHAPES, strict=True)):
        for w, (way, marker) in enumerate((("forward", "o"), ("backward", "s"))):
            axis.plot(
                np.arange(len(RULES)) + 0.1 * w, results[way][s].mean(axis=-1), marker, label=way
            )
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set(
            yscale="log",
            ylabel="variance out / in",
            title=f"{into} to {out} units, linear",
            ylim=(0.15, 12),
        )
        axis.set_xticks(range(len(RULES)), list(RULES))
        axis.set_yticks([0.25, 0.5, 1, 2, 4, 8], ["¼", "½", "1", "2", "4", "8"])
        axis.minorticks_off()
    axes[0].legend(frameon=False, ncols=2)
    return {"variances": figure}
