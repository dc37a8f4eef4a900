"""Rosenblatt's perceptron, 1 iff w·x + b ≥ 0, with its averaged variant.

The step has no useful derivative, so this is not a `Layer`: the rule is its own training algorithm.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from fnn import checks, compiler, tree
from fnn.types import ArrayLike, PRNGKey


class PerceptronParams(NamedTuple):
    """Weights and bias of one unit."""

    w: Float[Array, "features"]
    b: Float[Array, ""]


class Fit(NamedTuple):
    """What `fit` returns. A trajectory has a leading axis of epochs; its last entry is the field it
    belongs to.

    params               after the last visit
    averaged             mean of the weights after each visit, over all visits: (1/nE) Σ w
    mistakes             in each epoch, int32; an epoch without any is convergence
    trajectory           params after each epoch
    averaged_trajectory  averaged after each epoch
    """

    params: PerceptronParams
    averaged: PerceptronParams
    mistakes: Int[Array, "epochs"]
    trajectory: PerceptronParams
    averaged_trajectory: PerceptronParams


def predict(params: PerceptronParams, x: Num[ArrayLike, "batch features"]) -> Int[Array, "batch"]:
    """1 iff w·x + b ≥ 0, else 0, as int32; equality gives 1 (claims 3.1, 3.2).

    Raises ValueError for x that is not (examples, features), has another feature count than w, or
    holds NaN or infinity (values are checked outside jit only).
    """
    checks.features(x)
    _check_params(params, np.shape(x)[1])
    x, params = _floating(x, params)
    return _fires(params, x).astype(jnp.int32)


def fit(
    x: Num[ArrayLike, "batch features"],
    y: Num[ArrayLike, "batch"] | Bool[ArrayLike, "batch"],
    *,
    key: PRNGKey,
    epochs: int,
    learning_rate: float | Array = 1.0,
    params: PerceptronParams | None = None,
) -> Fit:
    """Rosenblatt's rule: at every visit w ← w + η (t − y) x and b ← b + η (t − y), with y the
    prediction.

    x              (batch, features)
    y              (batch,), the targets t, each 0 or 1
    key            epoch e visits every example once, in an order drawn from fold_in(key, e)
    epochs         all of them are run, also after convergence, when nothing moves any more
    learning_rate  η above zero; may be traced
    params         the start; zeros where None

    Separable data: at most (R/γ)² mistakes in all from a zero start, where R is the largest ‖(x,
    1)‖ and γ the smallest distance |u·(x, 1)| for a unit vector u that separates them (Novikoff
    1962). Other data: a mistake in every epoch, for ever, with bounded weights (claim 2.1). There
    the last weights depend on which example came last; their mean, Freund & Schapire's averaged
    perceptron (1999), does not jump (claim 2.2). From a zero start η only rescales w and b, so that
    predictions are those of η = 1 (claim 2.3 says otherwise): bit for bit where η is a power of
    two; any other η is rounded, which may decide an exact tie w·x + b = 0 differently.

    Weights take the widest dtype of x (JAX's default float where x is not floating-point), the
    start and float32: sums of many examples do not fit into 16 bits. Raises ValueError for shapes
    that do not match, targets other than 0 and 1, NaN or infinity (values are checked outside jit
    only), epochs < 1, and a learning rate that is not above zero.
    """
    checks.examples(x, y)
    _check_targets(y)
    checks.count("epochs", epochs)
    checks.positive("learning_rate", learning_rate)
    checks.key("key", key)
    n_features = np.shape(x)[1]
    zeros = PerceptronParams(jnp.zeros(n_features, jnp.float32), jnp.zeros((), jnp.float32))
    start = zeros if params is None else params
    _check_params(start, n_features)
    x, start = _floating(x, start)
    return _fit(start, x, jnp.asarray(y), key, learning_rate, epochs=epochs)


@partial(compiler.jit, static_argnames="epochs")
def _fit(start, x, t, key, learning_rate, *, epochs):
    t, eta = jnp.asarray(t, x.dtype), jnp.asarray(learning_rate, x.dtype)

    def visit(carry, example):
        params, mean = carry
        number, x_i, t_i = example
        error = t_i - _fires(params, x_i)
        params = PerceptronParams(params.w + eta * error * x_i, params.b + eta * error)
        return (params, _extended(mean, number, params)), error != 0

    def epoch(carry, number):
        params, averaged = carry
        order = jax.random.permutation(jax.random.fold_in(key, number), len(t))
        visits = jnp.arange(len(t)), x[order], t[order]
        (params, mean), wrong = jax.lax.scan(visit, (params, tree.zeros_like(params)), visits)
        averaged = _extended(averaged, number, mean)
        return (params, averaged), (params, averaged, jnp.sum(wrong, dtype=jnp.int32))

    carry = start, tree.zeros_like(start)
    (params, averaged), (trajectory, averages, mistakes) = jax.lax.scan(
        epoch, carry, jnp.arange(epochs)
    )
    return Fit(params, averaged, mistakes, trajectory, averages)


def _floating(x, params: PerceptronParams) -> tuple[Array, PerceptronParams]:
    """Both in the widest dtype of x (JAX's default float where x is not floating-point), the
    parameters and float32.
    """
    x = jnp.asarray(x)
    x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(float)
    w, b = map(jnp.asarray, params)
    dtype = jnp.result_type(x, w, b, jnp.float32)
    return x.astype(dtype), PerceptronParams(w.astype(dtype), b.astype(dtype))


def _extended(
    mean: PerceptronParams, n: Int[Array, ""], value: PerceptronParams
) -> PerceptronParams:
    """The mean of n + 1 values from the mean of the first n: a sum of millions of weights would
    lose digits.
    """
    return jax.tree.map(lambda m, v: m + (v - m) / (n + 1), mean, value)


def _fires(params: PerceptronParams, x: Num[Array, "*batch features"]) -> Bool[Array, "*batch"]:
    return x @ params.w + params.b >= 0


# ---------------------------------------------------------------------------------------- refusals


def _check_targets(y) -> None:
    if np.ndim(y) != 1:
        raise ValueError(
            f"y: got shape {np.shape(y)}, expected (examples,): a perceptron has one output."
        )
    if checks.is_concrete(y):
        targets = np.asarray(y)
        other = (targets != 0) & (targets != 1)
        if other.any():
            raise ValueError(
                f"y: got {targets[other][0]} for example {int(np.argmax(other))}, expected 0 or 1. "
                "Use (y > 0) for labels −1 and 1."
            )


def _check_params(params: PerceptronParams, n_features: int) -> None:
    if not isinstance(params, PerceptronParams):
        raise ValueError(f"params: got {type(params).__name__}, expected PerceptronParams(w, b).")
    for name, value, shape in zip(("w", "b"), params, ((n_features,), ()), strict=True):
        value = checks.numbers(f"params.{name}", value)
        if value.shape != shape:
            raise ValueError(
                f"params.{name}: got shape {value.shape}, expected {shape} for x with "
                f"{n_features} features."
            )
        if checks.is_concrete(value):
            checks.finite(f"params.{name}", value)
