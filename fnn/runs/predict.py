"""Raw rows in, answers in the user's terms out: for a run, and for the runs of a sweep."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn import compiler
from fnn.backprop import apply, check_loss, check_net
from fnn.data import Encoding
from fnn.types import Layer, Loss, Params, State

OF_LOGITS = {"softmax_cross_entropy": jax.nn.softmax, "sigmoid_cross_entropy": jax.nn.sigmoid}
OF_PROBABILITIES = ("categorical_cross_entropy", "binary_cross_entropy")


def outputs_of_runs(
    net: Layer, params: Params, state: State, x: Float[np.ndarray, "examples features"]
) -> Float[Array, "runs examples outputs"]:
    """Return the outputs of several networks of one kind; leaves of params are (runs, …)."""
    placed = jnp.asarray(x)

    def of_one(params: Params, state: State) -> Array:
        return apply(net, params, placed, state=state)

    return compiler.jit(jax.vmap(of_one))(params, state)


def in_units_of(
    first: Encoding, own: Encoding, outputs: Float[Array, "runs examples outputs"]
) -> Float[np.ndarray, "runs examples outputs"]:
    """Return outputs for scaled targets as if the targets had been scaled as the first's were."""
    if own.units is None or first.units is None:
        return np.asarray(outputs)
    in_own = np.asarray(outputs) * own.units.std + own.units.mean
    return (in_own - first.units.mean) / first.units.std


def answer(
    encoding: Encoding, loss: Loss | None, outputs: Any, *, probabilities: bool, mean: bool = False
) -> np.ndarray:
    """Return outputs (…, examples, outputs) in the user's terms.

    probabilities  (…, examples, classes) instead of labels
    mean           over the first axis: of probabilities where there are some, else of outputs
    """
    is_class = encoding.task != "regression"
    if probabilities and not is_class:
        raise ValueError("probabilities: the targets are real numbers, which have none.")
    if is_class and (probabilities or mean or np.shape(outputs)[-1] == 1):
        shares = probabilities_of(loss, outputs)
        shares = shares.mean(axis=0) if mean else shares
        if probabilities:
            return both_classes(encoding, shares)
        one_each = encoding.task == "multilabel" or shares.shape[-1] == 1
        outputs = shares - 0.5 if one_each else shares
    elif mean:
        outputs = np.mean(np.asarray(outputs), axis=0)
    outputs = np.asarray(outputs)
    decoded = encoding.decode(outputs.reshape(-1, outputs.shape[-1]))
    return decoded.reshape(*outputs.shape[:-1], *decoded.shape[1:])


def probabilities_of(loss: Loss | None, outputs: Any) -> Float[np.ndarray, "... outputs"]:
    """Return the probabilities that a loss takes outputs for; ValueError for other losses."""
    if loss is None:
        raise ValueError("loss: is not known of a run that was loaded; pass loss=, that it had.")
    check_loss(loss)
    if loss.name in OF_LOGITS:
        return np.asarray(OF_LOGITS[loss.name](jnp.asarray(outputs)))
    if loss.name in OF_PROBABILITIES:
        return np.asarray(outputs)
    known = ", ".join([*OF_LOGITS, *OF_PROBABILITIES])
    raise ValueError(f"loss: {loss.name} gives no probabilities; those that do: {known}.")


def both_classes(encoding: Encoding, shares: np.ndarray) -> np.ndarray:
    """Return a column for each class, also where one output is the probability of the second."""
    if shares.shape[-1] > 1 or encoding.task == "multilabel":
        return shares
    return np.concatenate([1 - shares, shares], axis=-1)


def check_known(net: Any, encoding: Any) -> None:
    """Refuse to predict where the network or the preprocessing is not known."""
    if encoding is None:
        raise ValueError(
            "predict: this run does not know how its rows were made; use "
            "fnn.apply(net, run.params, x, state=run.state)."
        )
    if net is None:
        raise ValueError(
            "net: is not known of a run that was loaded or comes from a sweep; pass net=, such as "
            "the one that it was trained with, or sweep.net(setting)."
        )
    check_net(net)
