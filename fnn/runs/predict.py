"""Predictions in the user's terms, from raw rows: for a run, and for the runs of a sweep."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn import checks, compiler
from fnn.backprop import apply, check_loss, check_net
from fnn.data import Encoding
from fnn.data.encoding import REAL, SEVERAL_LABELS, check_no_nan
from fnn.types import Layer, Loss, Params, State

PROBABILITIES_OF_LOGITS = {
    "softmax_cross_entropy": jax.nn.softmax,
    "sigmoid_cross_entropy": jax.nn.sigmoid,
}
"""Loss -> the function that makes probabilities of the outputs it takes."""
LOSSES_OF_PROBABILITIES = ("categorical_cross_entropy", "binary_cross_entropy")
"""Losses that take outputs which are probabilities already."""
LOSSES_OF_CLASSES = ("softmax_cross_entropy", "categorical_cross_entropy")
"""Losses whose probabilities are those of one class among several."""

MOST_PROGRAMS = 64  # kept for later calls


@lru_cache(MOST_PROGRAMS)
def outputs_program(net_of: Callable[[Any], Layer]) -> Callable[..., Array]:
    """Return a compiled function (hyper, params, state, x) -> (runs, examples, outputs).

    net_of  hyperparameters -> the network; they are traced, so that a program serves all of them

    Leaves of params and state are (runs, …).
    """

    def outputs(
        hyper: Any, params: Params, state: State, x: Float[Array, "examples features"]
    ) -> Float[Array, "runs examples outputs"]:
        net = net_of(hyper)

        def of_one(params: Params, state: State) -> Array:
            return apply(net, params, x, state=state)

        return jax.vmap(of_one)(params, state)

    return compiler.jit(outputs)


class Constant(NamedTuple):
    """A function of hyperparameters that always returns the same network."""

    net: Layer

    def __call__(self, hyper: Any) -> Layer:
        """Return the network."""
        return self.net


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

    Real targets are labels where the loss is one of probabilities.
    """
    checks.truth("probabilities", probabilities)
    if loss is not None:
        check_loss(loss)
    if encoding.task == REAL and may_be_labels(encoding, loss):
        return labels_by_loss(encoding, loss, outputs, probabilities=probabilities, mean=mean)
    is_class = encoding.task != REAL
    if probabilities and not is_class:
        raise ValueError(
            "probabilities: the targets are real numbers, which have no probabilities; leave "
            "probabilities out."
        )
    is_single = np.shape(outputs)[-1] == 1
    are_several = encoding.task == SEVERAL_LABELS
    by_shares = probabilities or mean or is_single or (are_several and gives_probabilities(loss))
    if is_class and by_shares:
        shares = probabilities_of(loss, outputs)
        if mean:
            shares = shares.mean(axis=0)
        if probabilities:
            return with_column_per_class(encoding, shares)
        outputs = shares - 0.5 if is_single or are_several else shares
    elif mean:
        outputs = np.mean(np.asarray(outputs), axis=0)
    elif are_several and loss is not None and loss.regression:
        # A loss for amounts draws the outputs to 0 and 1.
        outputs = np.asarray(outputs) - 0.5
    return decode_rows(encoding, np.asarray(outputs))


def decode_rows(encoding: Encoding, outputs: np.ndarray) -> np.ndarray:
    """Return outputs (…, examples, outputs) as the encoding decodes each row."""
    flat = outputs.reshape(-1, outputs.shape[-1])
    decoded = encoding.decode(flat)
    return decoded.reshape(*outputs.shape[:-1], *decoded.shape[1:])


def may_be_labels(encoding: Encoding, loss: Loss | None) -> bool:
    """Return whether real targets are labels by their loss, or may be, where that is not known."""
    if loss is None:
        return encoding.units is None and bool(encoding.label_dtype)
    return encoding.units is None and gives_probabilities(loss)


def labels_by_loss(
    encoding: Encoding, loss: Loss | None, outputs: Any, *, probabilities: bool, mean: bool
) -> np.ndarray:
    """Return floats of 0 and 1, or probabilities, of targets that were floats of 0 and 1.

    Each output is 1 where its probability is above ½. Of losses for one class among several, the
    largest output is 1.
    """
    shares = probabilities_of(loss, outputs)
    if mean:
        shares = shares.mean(axis=0)
    flat = shares.reshape(-1, shares.shape[-1])
    check_no_nan(flat)
    if probabilities:
        return with_column_per_class(encoding, shares)
    is_one = shares > 0.5
    if name_of(loss) in LOSSES_OF_CLASSES:
        largest = shares.argmax(axis=-1)
        is_one = largest[..., None] == np.arange(shares.shape[-1])
    labels = is_one.astype(encoding.label_dtype or shares.dtype)
    if shares.shape[-1] == 1:
        return labels[..., 0]
    return labels


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
    name = name_of(loss)
    if name in PROBABILITIES_OF_LOGITS:
        to_probabilities = PROBABILITIES_OF_LOGITS[name]
        return np.asarray(to_probabilities(jnp.asarray(outputs)))
    if name in LOSSES_OF_PROBABILITIES:
        return np.asarray(outputs)
    names = ", ".join([*PROBABILITIES_OF_LOGITS, *LOSSES_OF_PROBABILITIES])
    raise ValueError(f"loss: {loss.name} gives no probabilities; those that do: {names}.")


def name_of(loss: Loss | None) -> str:
    """Return the name of a loss, without the smoothing of its labels; "" of None."""
    if loss is None:
        return ""
    name, _, _ = loss.name.partition("_smoothed(")
    return name


def gives_probabilities(loss: Loss | None) -> bool:
    """Return whether a loss takes outputs for probabilities, or for their logits."""
    name = name_of(loss)
    return name in PROBABILITIES_OF_LOGITS or name in LOSSES_OF_PROBABILITIES


def with_column_per_class(encoding: Encoding, shares: np.ndarray) -> np.ndarray:
    """Return a column for each class. One output is the probability of the second class alone."""
    if shares.shape[-1] > 1 or encoding.task == SEVERAL_LABELS:
        return shares
    both = np.concatenate([1 - shares, shares], axis=-1)
    if len(encoding.classes) == 1:
        return both[..., :1]
    return both


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
