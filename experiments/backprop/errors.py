"""Errors of gradients against the right ones, refusals of wrong ones, and a drawing of errors."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from matplotlib.axes import Axes

import fnn
from experiments import drawing as draw
from experiments.refused import refusal
from fnn import losses
from fnn.layers import DenseParams


def flat(*arrays: np.ndarray) -> np.ndarray:
    """Return all arrays as one vector for each network, (seeds, entries)."""
    vectors = [array.reshape(len(array), -1) for array in arrays]
    return np.concatenate(vectors, axis=1)


def relative_error(value: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return ‖value − expected‖/‖expected‖ for each network, (seeds,).

    It is 0 where the two are equal, also if both are zero.
    """
    axes = tuple(range(1, np.ndim(expected)))
    difference = np.sqrt(np.sum((value - expected) ** 2, axis=axes))
    norm = np.sqrt(np.sum(np.square(expected), axis=axes))
    unless_divided = np.where(difference > 0, np.inf, 0.0)
    is_divided = (difference > 0) & (norm > 0)
    return np.divide(difference, norm, out=unless_divided, where=is_divided)


def relative_error_of_one(value: np.ndarray, expected: np.ndarray) -> float:
    """Return ‖value − expected‖/‖expected‖ of one array without an axis of seeds."""
    (error,) = relative_error(value[None], expected[None])
    return float(error)


def draw_errors(
    axis: Axes,
    errors: Sequence[np.ndarray] | np.ndarray,
    names: Sequence[str],
    labels: Sequence[str],
    title: str,
) -> None:
    """Draw relative errors as `drawing.spreads` does, with a title and the name of the scale."""
    draw.spreads(axis, errors, names, labels)
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("relative error (median, 5th to 95th percentile)")


def refusal_of_layer(widths: tuple[int, ...], change: Callable[[DenseParams], DenseParams]) -> str:
    """Return fnn's message for a backward pass that changes the gradient of the first layer."""
    net = fnn.mlp(widths, activation="sigmoid", output="sigmoid")
    params, _ = net.init(jax.random.key(0))

    def backward(params, residuals, dy):
        (first, *others), dx = net.backward(params, residuals, dy)
        return (change(first), *others), dx

    wrong = fnn.value_and_grad(net._replace(backward=backward), losses.squared_error)
    x = np.ones((1, widths[0]))
    y = np.ones((1, widths[-1]))
    return refusal(lambda: wrong(params, x, y)).strip(" .")
