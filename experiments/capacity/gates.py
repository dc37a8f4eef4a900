"""Logic gates: which ones a threshold unit can be, and what four of them are together.

Question: Which of the sixteen gates of two inputs is a perceptron, and what does it take to make
          the other two?
Source:   The deep-learning notes (claims 3.2, 3.3).
Command:  python -m experiments run gates
Expected: 14 of 16, by linear programming and by Rosenblatt's rule alike; XOR and its complement
          never. Four NAND units are XOR, but there is no gradient through them to learn it with.
Cost:     about 3 s on 2 cores, quick and full.
"""

from dataclasses import dataclass
from functools import partial
from itertools import product

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure
from scipy.optimize import linprog

import fnn
from experiments import drawing as draw
from experiments.common import Common
from fnn import losses
from fnn.course import constructions, perceptron

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = (np.arange(16)[:, None] >> np.arange(4)) & 1  # gate g gives bit i of g at corner i
NAND, XOR = 0b0111, 0b0110
NAMES = (
    "0 NOR x̄₁x₂ x̄₁ x₁x̄₂ x̄₂ XOR NAND AND XNOR x₂ x̄₁∨x₂ x₁ x₁∨x̄₂ OR 1".split()
)  # in the order of GATES


@dataclass(frozen=True)
class Config(Common):
    """Orders of the corners and the length of training."""

    seeds: int = 256
    """Orders in which each gate's corners are shown."""
    epochs: int = 100


QUICK = Config(seeds=64, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """separable (gates,) by linear programming and learned (gates, seeds) by Rosenblatt's rule; the
    outputs of the two constructions at the corners; which gates NAND reaches; and how the XOR of
    NANDs answers to changed weights.
    """
    keys = jax.random.split(jax.random.key(0), config.seeds)
    fits = jax.vmap(
        lambda y: jax.vmap(lambda key: perceptron.fit(CORNERS, y, key=key, epochs=config.epochs))(
            keys
        )
    )
    net, params = constructions.xor_of_nands()
    try:
        gradient(net, params)
        refusal = ""
    except ValueError as error:
        refusal = str(error)
    return {
        "separable": np.array([separable(gate) for gate in GATES]),
        "learned": np.asarray(fits(GATES).mistakes)[:, :, -1] == 0,
        "nand": output(constructions.nand(), CORNERS),
        "xor": output((net, params), CORNERS),
        "reached": np.array(sorted(closure({0b1100, 0b1010}))),
        "gradient_refusal": np.array(refusal),
        "changed_outputs": changed_outputs(net, params, jax.random.key(1), config.seeds),
        "smooth_gradient": np.linalg.norm(gradient(*constructions.xor_of_nands("sigmoid"))),
    }


def separable(gate: np.ndarray) -> bool:
    """Whether some w, b give s (w·x + b) ≥ 1 at every corner, s = ±1 the sign that the gate asks
    for.
    """
    signed = (2 * gate - 1)[:, None] * np.column_stack([CORNERS, np.ones(4)])
    return bool(linprog(np.zeros(3), A_ub=-signed, b_ub=-np.ones(4), bounds=(None, None)).success)


def closure(gates: set[int]) -> set[int]:
    """All gates that NAND makes of these, as numbers of GATES."""
    more = gates | {15 ^ (a & b) for a, b in product(gates, repeat=2)}
    return gates if more == gates else closure(more)


def changed_outputs(net, params, key, draws: int) -> np.ndarray:
    """The largest change of the four outputs when every weight and bias moves by up to 0.1 at once,
    (draws,).
    """
    flat, unravel = ravel_pytree(params)
    moved = jax.vmap(unravel)(
        flat + jax.random.uniform(key, (draws, len(flat)), minval=-0.1, maxval=0.1)
    )
    outputs = jax.vmap(lambda params: fnn.apply(net, params, CORNERS))(moved)
    return np.abs(np.asarray(outputs - fnn.apply(net, params, CORNERS))).max(axis=(1, 2))


def gradient(net, params) -> np.ndarray:
    """Of the squared error on XOR, all entries."""
    _, grads = fnn.value_and_grad(net, losses.squared_error)(
        params, CORNERS, GATES[XOR].astype(float)
    )
    return np.asarray(ravel_pytree(grads)[0])


def output(built, x: np.ndarray) -> np.ndarray:
    """What (net, params) says of the points."""
    net, params = built
    return np.asarray(fnn.apply(net, params, x))[:, 0]


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Share of orders from which each gate is learned; the regions of NAND and of XOR made of
    NANDs.
    """
    learned, (bars,) = draw.figure()
    colors = [draw.LINES[0 if each else 4]["color"] for each in results["separable"]]
    bars.bar(range(16), results["learned"].mean(axis=1), color=colors)
    draw.names_across(bars, NAMES)
    bars.set(
        ylabel="share of orders that learn it",
        title=f"A perceptron, {config.seeds} orders of the corners",
    )
    regions, axes = draw.figure(rows=2)
    for axis, built, gate, title in (
        (axes[0], constructions.nand(), NAND, "One unit, w = (−2, −2), b = 3: NAND"),
        (axes[1], constructions.xor_of_nands(), XOR, "Four of them: XOR"),
    ):
        draw.regions(axis, partial(output, built), CORNERS, GATES[gate], margin=0.5)
        axis.set_title(title)
    return {"learned": learned, "regions": regions}
