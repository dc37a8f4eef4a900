"""Rosenblatt's perceptron, y = 1 iff w·x + b ≥ 0, with its averaged variant.

The step has no useful derivative, so the perceptron is not a `Layer`. It has its own training rule.
"""

from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from fnn import checks, compiler, tree
from fnn.types import ArrayLike, PRNGKey

Examples: TypeAlias = Num[ArrayLike, "batch features"]
Labels: TypeAlias = Num[ArrayLike, "batch"] | Bool[ArrayLike, "batch"]


class PerceptronParams(NamedTuple):
    """Weights and bias of one unit."""

    w: Float[Array, "features"]
    b: Float[Array, ""]


class Fit(NamedTuple):
    """The result of `fit`.

    params               weights and bias after the last visit
    averaged             mean of the weights after each visit, over all visits: (1/nE) Σ w
    mistakes             (epochs,), int32; an epoch without mistakes means convergence
    trajectory           params after each epoch, leaves (epochs, …)
    averaged_trajectory  averaged after each epoch, leaves (epochs, …)
    """

    params: PerceptronParams
    averaged: PerceptronParams
    mistakes: Int[Array, "epochs"]
    trajectory: PerceptronParams
    averaged_trajectory: PerceptronParams


def predict(params: PerceptronParams, x: Examples) -> Int[Array, "batch"]:
    """Return 1 for each example with w·x + b ≥ 0, else 0, as int32 (claims 3.1, 3.2).

    params  w and b
    x       (batch, features)

    Raises ValueError for x that is not (examples, features), has another feature count than w, or
    holds NaN or infinity (values are checked outside jit only).

    >>> import fnn, jax.numpy as jnp
    >>> from fnn.course.perceptron import PerceptronParams
    >>> params = PerceptronParams(w=jnp.array([1.0, 1.0]), b=jnp.array(-2.0))
    >>> print(fnn.course.perceptron.predict(params, [[1.0, 1.0], [1.0, 0.0]]))
    [1 0]
    """
    checks.features(x)
    _, n_features = np.shape(x)
    _check_params(params, n_features)
    x, params = _in_common_dtype(x, params)
    is_positive = _is_positive(params, x)
    return is_positive.astype(jnp.int32)


def fit(
    x: Examples,
    y: Labels,
    *,
    key: PRNGKey,
    epochs: int,
    learning_rate: float | Array = 1.0,
    params: PerceptronParams | None = None,
) -> Fit:
    """Train a perceptron by Rosenblatt's rule.

    At every visit of an example x with target t and prediction y:

    w ← w + η (t − y) x
    b ← b + η (t − y)

    x              (batch, features)
    y              (batch,), the targets t, each 0 or 1
    key            epoch e visits every example once, in an order drawn from fold_in(key, e)
    epochs         all of them are run, also after convergence, when the weights no longer move
    learning_rate  η above zero; may be traced
    params         the start; zeros where None

    Separable data: from a zero start the rule makes at most (R/γ)² mistakes in all, where R is the
    largest ‖(x, 1)‖ and γ the smallest distance |u·(x, 1)| for a unit vector u that separates the
    classes (Novikoff 1962).

    Other data: the rule makes a mistake in every epoch, for ever, with bounded weights (claim 2.1).
    The last weights then depend on the last example. Their mean, Freund & Schapire's averaged
    perceptron (1999), does not jump (claim 2.2).

    From a zero start η only rescales w and b, so that predictions are those of η = 1 (claim 2.3
    says otherwise). They are equal bit for bit where η is a power of two. Any other η is rounded,
    which may decide an exact tie w·x + b = 0 differently.

    Weights take the widest dtype of x (JAX's default float where x is not floating-point), the
    start and float32: sums of many examples do not fit into 16 bits. Raises ValueError for shapes
    that do not match, targets other than 0 and 1, NaN or infinity (values are checked outside jit
    only), epochs < 1, and a learning rate that is not above zero.

    >>> import fnn, jax
    >>> x, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 0, 0, 1]
    >>> result = fnn.course.perceptron.fit(x, y, key=jax.random.key(0), epochs=10)
    >>> print(fnn.course.perceptron.predict(result.params, x), result.mistakes[-1])
    [0 0 0 1] 0
    """
    checks.examples(x, y)
    _check_targets(y)
    checks.count("epochs", epochs)
    checks.positive("learning_rate", learning_rate)
    checks.key("key", key)
    n_features = np.shape(x)[1]
    start = params
    if start is None:
        w = jnp.zeros(n_features, jnp.float32)
        b = jnp.zeros((), jnp.float32)
        start = PerceptronParams(w, b)
    _check_params(start, n_features)
    x, start = _in_common_dtype(x, start)
    return _fit(start, x, jnp.asarray(y), key, learning_rate, epochs=epochs)


@partial(compiler.jit, static_argnames="epochs")
def _fit(start, x, t, key, learning_rate, *, epochs):
    t = jnp.asarray(t, x.dtype)
    eta = jnp.asarray(learning_rate, x.dtype)
    examples = len(t)

    def visit(carry, example):
        params, mean = carry
        number, x_i, t_i = example
        error = t_i - _is_positive(params, x_i)
        w = params.w + eta * error * x_i
        b = params.b + eta * error
        params = PerceptronParams(w, b)
        mean = _extended(mean, number, params)
        return (params, mean), error != 0

    def epoch(carry, number):
        params, averaged = carry
        epoch_key = jax.random.fold_in(key, number)
        order = jax.random.permutation(epoch_key, examples)
        visits = jnp.arange(examples), x[order], t[order]
        carry = params, tree.zeros_like(params)
        last, is_wrong = jax.lax.scan(visit, carry, visits)
        params, mean = last
        averaged = _extended(averaged, number, mean)
        mistakes = jnp.sum(is_wrong, dtype=jnp.int32)
        return (params, averaged), (params, averaged, mistakes)

    carry = start, tree.zeros_like(start)
    last, after_epochs = jax.lax.scan(epoch, carry, jnp.arange(epochs))
    params, averaged = last
    trajectory, averaged_trajectory, mistakes = after_epochs
    return Fit(params, averaged, mistakes, trajectory, averaged_trajectory)


def _in_common_dtype(x, params: PerceptronParams) -> tuple[Array, PerceptronParams]:
    """Return both in the widest dtype of x, the parameters and float32.

    For x that is not floating-point, JAX's default float counts.
    """
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(float)
    w, b = map(jnp.asarray, params)
    dtype = jnp.result_type(x, w, b, jnp.float32)
    params = PerceptronParams(w.astype(dtype), b.astype(dtype))
    return x.astype(dtype), params


def _extended(
    mean: PerceptronParams, n: Int[Array, ""], value: PerceptronParams
) -> PerceptronParams:
    """Return the mean of n + 1 values, given the mean of the first n and the last value.

    A sum of millions of weights would lose digits.
    """

    def extended(m, v):
        return m + (v - m) / (n + 1)

    return jax.tree.map(extended, mean, value)


def _is_positive(
    params: PerceptronParams, x: Num[Array, "*batch features"]
) -> Bool[Array, "*batch"]:
    """Return whether w·x + b ≥ 0; equality counts as positive."""
    return x @ params.w + params.b >= 0


# ----------------------------------------------------------------------------------------- refusals


def _check_targets(y) -> None:
    if np.ndim(y) != 1:
        raise ValueError(
            f"y: got shape {np.shape(y)}, expected (examples,): a perceptron has one output."
        )
    if checks.is_concrete(y):
        targets = np.asarray(y)
        is_wrong = (targets != 0) & (targets != 1)
        if is_wrong.any():
            example = int(np.argmax(is_wrong))
            raise ValueError(
                f"y: got {targets[example]} for example {example}, expected 0 or 1. "
                "Use (y > 0) for labels −1 and 1."
            )


def _check_params(params: PerceptronParams, n_features: int) -> None:
    if not isinstance(params, PerceptronParams):
        raise ValueError(f"params: got {type(params).__name__}, expected PerceptronParams(w, b).")
    expected = {"w": (n_features,), "b": ()}
    for field, shape in expected.items():
        name = f"params.{field}"
        value = checks.numbers(name, getattr(params, field))
        if value.shape != shape:
            raise ValueError(
                f"{name}: got shape {value.shape}, expected {shape} for x with {n_features} "
                "features."
            )
        if checks.is_concrete(value):
            checks.finite(name, value)
