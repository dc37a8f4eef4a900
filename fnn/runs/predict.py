"""Predictions in the user's terms, from raw rows: for a run, and for the runs of a sweep."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn import checks, compiler
from fnn.backprop import apply, check_loss, check_net
from fnn.data import Encoding
from fnn.types import Layer, Loss, Params, State

PROBABILITIES_OF_LOGITS = {
    "softmax_cross_entropy": jax.nn.softmax,
    "sigmoid_cross_entropy": jax.nn.sigmoid,
}
"""Loss -> the function that makes probabilities of the outputs it takes."""
LOSSES_OF_PROBABILITIES = ("categorical_cross_entropy", "binary_cross_entropy")
"""Losses that take outputs which are probabilities already."""


def outputs_of_runs(
    net: Layer, params: Params, state: State, x: Float[np.ndarray, "examples features"]
) -> Float[Array, "runs examples outputs"]:
    """Return the outputs of several runs of one network; leaves of params are (runs, …)."""
    placed = jnp.asarray(x)

    def outputs_of_one(params: Params, state: State) -> Array:
        return apply(net, params, placed, state=state)

    return compiler.jit(jax.vmap(outputs_of_one))(params, state)


def in_units_of_first(
    first: Encoding, own: Encoding, outputs: Float[Array, "runs examples outputs"]
) -> Float[np.ndarray, "runs examples outputs"]:
    """Convert outputs for targets that a split scaled by itself to the scale of the first split."""
    if own.units is None or first.units is None:
        return np.asarray(outputs)
    in_units = np.asarray(outputs) * own.units.std + own.units.mean
    return (in_units - first.units.mean) / first.units.std


def decode_outputs(
    encoding: Encoding, loss: Loss | None, outputs: Any, *, probabilities: bool, mean: bool = False
) -> np.ndarray:
    """Return outputs (…, examples, outputs) in the user's terms: labels, or numbers in their units.

    probabilities  return probabilities (…, examples, classes) instead of labels
    mean           take the mean over the first axis: of probabilities for classes, else of outputs
    """
    checks.truth("probabilities", probabilities)
    is_class = encoding.task != "regression"
    if probabilities and not is_class:
        raise ValueError(
            "probabilities: the targets are real numbers, which have no probabilities; leave "
            "probabilities out."
        )
    if is_class and (probabilities or mean or np.shape(outputs)[-1] == 1):
        shares = probabilities_of(loss, outputs)
        if mean:
            shares = shares.mean(axis=0)
        if probabilities:
            return with_column_per_class(encoding, shares)
        one_per_class = encoding.task == "multilabel" or shares.shape[-1] == 1
        outputs = shares - 0.5 if one_per_class else shares
    elif mean:
        outputs = np.mean(np.asarray(outputs), axis=0)
    outputs = np.asarray(outputs)
    flat = outputs.reshape(-1, outputs.shape[-1])
    decoded = encoding.decode(flat)
    return decoded.reshape(*outputs.shape[:-1], *decoded.shape[1:])


def probabilities_of(loss: Loss | None, outputs: Any) -> Float[np.ndarray, "... outputs"]:
    """Return the probabilities that a loss takes outputs for.

    Raises ValueError for losses that do not take outputs for probabilities.
    """
    if loss is None:
        raise ValueError(
            "loss: a run that was loaded or pickled does not know its loss; pass loss=, the loss "
            "that it was trained with."
        )
    check_loss(loss)
    if loss.name in PROBABILITIES_OF_LOGITS:
        to_probabilities = PROBABILITIES_OF_LOGITS[loss.name]
        return np.asarray(to_probabilities(jnp.asarray(outputs)))
    if loss.name in LOSSES_OF_PROBABILITIES:
        return np.asarray(outputs)
    names = ", ".join([*PROBABILITIES_OF_LOGITS, *LOSSES_OF_PROBABILITIES])
    raise ValueError(f"loss: {loss.name} gives no probabilities; those that do: {names}.")


def with_column_per_class(encoding: Encoding, shares: np.ndarray) -> np.ndarray:
    """Return a column for each class. One output is the probability of the second class alone."""
    if shares.shape[-1] > 1 or encoding.task == "multilabel":
        return shares
    return np.concatenate([1 - shares, shares], axis=-1)


def check_can_predict(net: Any, encoding: Any) -> None:
    """Refuse to predict where the network or the preprocessing is not known."""
    if encoding is None:
        raise ValueError(
            "predict: this run does not know the preprocessing of its rows; use "
            "fnn.apply(net, run.params, x, state=run.state)."
        )
    if net is None:
        raise ValueError(
            "net: a run that was loaded or pickled does not know its network; pass net=, such as "
            "the network that it was trained with, or sweep.net(setting)."
        )
    check_net(net)
