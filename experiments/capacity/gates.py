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
from matplotlib.axes import Axes
from scipy.optimize import linprog

import fnn
from experiments import drawing as draw
from experiments.capacity.built import output_of
from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Return which gates one unit can be and learns, and what constructions from NAND give."""
    net, params = constructions.xor_of_nands()
    smooth = gradient(*constructions.xor_of_nands("sigmoid"))
    from_inputs = closure({0b1100, 0b1010})
    return {
        "separable": np.array([separable(gate) for gate in GATES]),
        "learned": learned(config),
        "nand": output_of(constructions.nand(), CORNERS),
        "xor": output_of((net, params), CORNERS),
        "reached": np.array(sorted(from_inputs)),
        "gradient_refusal": np.array(refusal(net, params)),
        "changed_outputs": changed_outputs(net, params, jax.random.key(1), config.seeds),
        "smooth_gradient": np.asarray(np.linalg.norm(smooth)),
    }


def separable(gate: np.ndarray) -> bool:
    """Return whether some w, b give s (w·x + b) ≥ 1 at every corner.

    s is ±1, the sign that the gate asks for.
    """
    signs = 2 * gate - 1
    with_one = np.column_stack([CORNERS, np.ones(4)])
    signed = signs[:, None] * with_one
    nothing_to_minimise = np.zeros(3)
    program = linprog(nothing_to_minimise, A_ub=-signed, b_ub=-np.ones(4), bounds=(None, None))
    return bool(program.success)


def learned(config: Config) -> np.ndarray:
    """Return whether Rosenblatt's rule learns each gate from each order, (gates, seeds)."""
    keys = jax.random.split(jax.random.key(0), config.seeds)

    def mistakes_of(gate, key):
        fit = perceptron.fit(CORNERS, gate, key=key, epochs=config.epochs)
        return fit.mistakes

    over_orders = jax.vmap(mistakes_of, in_axes=(None, 0))
    mistakes = jax.vmap(over_orders, in_axes=(0, None))(GATES, keys)
    return np.asarray(mistakes)[:, :, -1] == 0


def closure(gates: set[int]) -> set[int]:
    """Return all gates that NAND makes of these, as numbers of GATES."""
    pairs = product(gates, repeat=2)
    more = gates | {15 ^ (a & b) for a, b in pairs}
    return gates if more == gates else closure(more)


def refusal(net: fnn.Layer, params) -> str:
    """Return what fnn says when it is asked for the gradient, nothing if it computes one."""
    try:
        gradient(net, params)
    except ValueError as error:
        return str(error)
    return ""


def gradient(net: fnn.Layer, params) -> np.ndarray:
    """Return the gradient of the squared error on XOR, all entries."""
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    target = GATES[XOR].astype(float)
    _, grads = loss_and_gradient(params, CORNERS, target)
    entries, _ = ravel_pytree(grads)
    return np.asarray(entries)


def changed_outputs(net: fnn.Layer, params, key, draws: int) -> np.ndarray:
    """Return the largest change of the outputs when all weights move by up to 0.1, (draws,)."""
    weights, unravel = ravel_pytree(params)
    changes = jax.random.uniform(key, (draws, len(weights)), minval=-0.1, maxval=0.1)
    moved = jax.vmap(unravel)(weights + changes)
    outputs = jax.vmap(lambda params: fnn.apply(net, params, CORNERS))(moved)
    difference = outputs - fnn.apply(net, params, CORNERS)
    return np.abs(np.asarray(difference)).max(axis=(1, 2))


def plot(results: Results, config: Config) -> Figures:
    """Draw the share of orders that learn each gate, and the regions of NAND and of XOR."""
    shares, (bars,) = draw.figure()
    blue = draw.LINES[0]["color"]
    red = draw.LINES[4]["color"]
    colors = np.where(results["separable"], blue, red)
    bars.bar(range(16), results["learned"].mean(axis=1), color=colors)
    draw.names_across(bars, NAMES)
    bars.set_ylabel("share of orders that learn it")
    bars.set_title(f"A perceptron, {config.seeds} orders of the corners")
    regions, (nand, xor) = draw.figure(rows=2)
    draw_gate(nand, constructions.nand(), NAND)
    draw_gate(xor, constructions.xor_of_nands(), XOR)
    nand.set_title("One unit, w = (−2, −2), b = 3: NAND")
    xor.set_title("Four of them: XOR")
    return {"learned": shares, "regions": regions}


def draw_gate(axis: Axes, built, gate: int) -> None:
    """Draw the regions of (net, params), and the gate at the corners."""
    draw.regions(axis, partial(output_of, built), CORNERS, GATES[gate], margin=0.5)
