"""200 random networks: the hand-written gradient in float64 and in float32, and the checker's
opinion of it.

A network is an MLP of depth 1-6 with any activation in each layer, batch norm before, after or
nowhere and perhaps dropout, or (every fifth) a DAG; each with every kind of loss, reduction and
example weights in turn. An error is max |Δ| / max |g| for each leaf, at the leaf's own scale
(`relative_errors`).

float64: all 200 agree with autodiff of the same forward pass to 1e-11, and every CHECKED-th passes
the checker, which takes seconds for a network, most of them compiling.

float32: the truth is the float64 gradient of the same float32 numbers, and the noise floor is κ L
ε: each of L layers rounds sums of at most 7 terms once forward and once backward, ε = 2⁻²³ relative
to the largest term, and κ is by how much terms exceed their sum where they cancel. κ is 2 · 7 or so
where little cancels, which covers TYPICAL networks: at least half of every chunk. Cancellation is
worst behind batch norm, which multiplies the rounding of a feature by 1/√(σ² + 10⁻⁵), up to 316,
and where a probability stands in a denominator; WORST = 2 · 7 · 316 rounded down bounds every
network (351 is the largest that occurs). That this is the arithmetic's noise and not the method's
is the second half of the claim: autodiff in float32 is as far from the truth, within a factor of
COMPARABLE in the geometric mean.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import activations, losses, reductions
from fnn.backprop import feature_major, target_of, value_and_grad
from fnn.layers import BatchNormParams, DenseParams, graph
from fnn.mlp import mlp
from fnn.testing import assert_network
from fnn.types import Layer, Loss

pytestmark = pytest.mark.usefixtures("x64")

N, CHUNKS, CHECKED = (
    200,
    40,
    13,
)  # coprime to 5 and to the number of losses: the checker sees DAGs and every loss
BATCH, INPUTS, OUTPUTS = 7, 3, 2  # few shapes: JAX compiles an operation once for each
EPSILON = np.finfo(np.float32).eps
TYPICAL, WORST, COMPARABLE = 20, 4000, 3
SIGMAS = [name for name in activations.REGISTRY if name != "step"]
LIGHT = {"xla_llvm_disable_expensive_passes": True}  # each program runs once
VANISHES = 1e-10
OUTPUT_OF = {"binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax"}


class Case(NamedTuple):
    net: Layer
    loss: Loss
    data: Any  # (params, state, x, y): float64 values that float32 represents
    options: dict[str, Any]
    depth: int
    run: Callable  # eagerly, or compiled where the shapes are many


def in_float32(tree):
    return jax.tree.map(
        lambda a: a.astype(jnp.float32) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree
    )


def in_float64(tree):
    return jax.tree.map(
        lambda a: a.astype(jnp.float64) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree
    )


def case(seed):
    rng = np.random.default_rng(seed)
    loss = list(losses.REGISTRY.values())[seed % len(losses.REGISTRY)]
    build, run = (random_dag, compiled) if seed % 5 == 4 else (random_mlp, eagerly)
    net, depth = build(rng, OUTPUT_OF.get(loss.name, "identity"))
    params, state = net.init(jax.random.key(seed))
    params = jax.tree.map(lambda leaf: leaf + 0.1 * rng.normal(size=leaf.shape), params)
    data = in_float32(
        (params, state, jnp.asarray(rng.normal(size=(BATCH, INPUTS))), target(loss, rng))
    )
    options = {
        "reduction": str(rng.choice(list(reductions.REGISTRY))),
        "weights": None if rng.random() < 0.5 else rng.uniform(0.5, 2, BATCH).astype(np.float32),
        "key": jax.random.key(seed),
    }
    return Case(net, loss, in_float64(data), options, depth, run)


def random_mlp(rng, output):
    depth, width = int(rng.integers(1, 7)), int(rng.choice([2, 5]))
    placement = [None, "before", "after"][rng.integers(3)] if depth > 1 else None
    # Between two batch norms a linear layer's gradient is what cancellation leaves, 1e-8 of its
    # terms in one case:
    # no method gets eleven digits of that.
    sigmas = [name for name in SIGMAS if name != "identity"] if placement else SIGMAS
    net = mlp(
        (INPUTS, *[width] * (depth - 1), OUTPUTS),
        activation=[str(name) for name in rng.choice(sigmas, depth - 1)],
        output=output,
        init="glorot",
        batch_norm=placement,
        dropout=float(rng.choice([0.0, 0.25])),
    )
    return net, depth


def random_dag(rng, output):
    depth = int(rng.integers(1, 7))
    nodes = {}
    for i in range(depth - 1):
        known = ["x", *nodes]
        predecessors = rng.choice(known, min(2, len(known)), replace=False).tolist()
        nodes[f"n{i}"] = (tuple(predecessors), str(rng.choice(SIGMAS)), 2)
    read = {p for predecessors, _, _ in nodes.values() for p in predecessors}
    nodes["y"] = (tuple(name for name in ("x", *nodes) if name not in read), output, OUTPUTS)
    return graph({"x": INPUTS}, nodes, ("y",), init="glorot"), depth


def target(loss, rng):
    if loss.check is None:
        return jnp.asarray(rng.normal(size=(BATCH, OUTPUTS)))
    if loss.name in ("softmax_cross_entropy", "categorical_cross_entropy"):
        labels = jnp.asarray(rng.integers(0, OUTPUTS, BATCH))
        return labels if rng.random() < 0.5 else jnp.asarray(rng.dirichlet(np.ones(OUTPUTS), BATCH))
    return jnp.asarray(rng.uniform(size=(BATCH, OUTPUTS)))


def eagerly(f, *arguments):
    return f(*arguments)


def compiled(f, *arguments):
    return jax.jit(f, compiler_options=LIGHT)(*arguments)


def by_hand(c, data):
    def f(params, state, x, y):
        weights, key = c.options["weights"], c.options["key"]
        objective = value_and_grad(c.net, c.loss, reduction=c.options["reduction"])
        return objective(params, x, y, state=state, key=key, weights=weights)

    return c.run(f, *data)


def by_autodiff(c, data):
    def f(params, state, x, y):
        weights, key, reduce = (
            c.options["weights"],
            c.options["key"],
            reductions.get(c.options["reduction"]),
        )

        def objective(params):
            prediction, _, _ = c.net.forward(params, state, feature_major(x), key=key, train=True)
            coefficients = reductions.coefficients(reduce, weights, prediction)
            return jnp.sum(coefficients * c.loss.forward(prediction, target_of(y)))

        return jax.value_and_grad(objective)(params)

    return c.run(f, *data)


def relative_errors(actual, expected):
    """max |Δ| / max |g| for each leaf, at the leaf's own scale.

    One exception: what a batch norm subtracts again, such as the bias in front of it, has the
    gradient Σδ = 0, and what either method returns for it is rounding. A bias or shift whose
    gradient is below VANISHES of its weight's or scale's, which is a sum over the same δ, is
    measured at the scale of the latter.
    """
    layers = [jax.tree.leaves(tree, is_leaf=is_layer) for tree in (actual, expected)]
    return np.array([error for pair in zip(*layers, strict=True) for error in layer_errors(*pair)])


def is_layer(node):
    return isinstance(node, (DenseParams, BatchNormParams))


def layer_errors(actual, expected):
    (W, b), (true_W, true_b) = (
        [np.asarray(leaf, np.float64) for leaf in layer] for layer in (actual, expected)
    )
    scale_W, scale_b = np.abs(true_W).max(), np.abs(true_b).max()
    if scale_b < VANISHES * scale_W:
        scale_b = scale_W
    return np.abs(W - true_W).max() / (scale_W or 1.0), np.abs(b - true_b).max() / (scale_b or 1.0)


def chunk(i):
    return [case(seed) for seed in range(i, N, CHUNKS)]


@pytest.mark.slow
@pytest.mark.every(16)
@pytest.mark.parametrize("seed", range(0, N, CHECKED))
def test_the_checker_agrees(seed):
    c = case(seed)
    params, state, x, y = c.data
    assert_network(c.net, c.loss, x, y, params=params, state=state, **c.options)


@pytest.mark.slow
@pytest.mark.every(40)
@pytest.mark.parametrize("i", range(CHUNKS))
def test_float64_and_float32(i):
    hand, automatic = [], []
    for c in chunk(i):
        true_value, truth = by_autodiff(c, c.data)
        value, grads = by_hand(c, c.data)
        assert jax.tree.structure(grads) == jax.tree.structure(c.data[0])
        assert value == true_value
        assert relative_errors(grads, truth).max(initial=0) < 1e-11
        for errors, method in ((hand, by_hand), (automatic, by_autodiff)):
            _, grads = method(c, in_float32(c.data))
            assert {leaf.dtype for leaf in jax.tree.leaves(grads)} == {jnp.dtype("float32")}
            errors.append(relative_errors(grads, truth).max() / (c.depth * EPSILON))
    assert max(hand) < WORST
    assert np.median(hand) < TYPICAL
    ratio = np.exp(np.mean(np.log(np.add(hand, 1)) - np.log(np.add(automatic, 1))))
    assert 1 / COMPARABLE < ratio < COMPARABLE


@pytest.mark.slow
def test_every_loss_layer_and_placement_is_drawn():
    rngs = [np.random.default_rng(seed) for seed in range(N) if seed % 5 != 4]
    structures = [
        jax.tree.structure(random_mlp(rng, "identity")[0].init(jax.random.key(0))) for rng in rngs
    ]
    assert len(set(structures)) >= 6 * 3 - 2
    assert {case(seed).loss.name for seed in range(len(losses.REGISTRY))} == set(losses.REGISTRY)
