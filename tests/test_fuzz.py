"""Wrong arguments of every kind: each call does what it says or raises ValueError or TypeError that
names the argument.

Two kinds of properties. A wrong argument among right ones is refused under its own name, or turns
out to be right and the finished thing then computes finite numbers. Random arrays go through an
oracle in NumPy that says which arguments are wrong; where none is, the values must be the oracle's.

About 740 cases as it stands, and 7,300 with scripts/test --all. Both are the same at every run.
"""

import datetime
import decimal
import fractions

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fnn
from fnn import activations, checks, data, initializers, layers, losses, optim, penalties
from fnn.course import perceptron, perturbation
from fnn.course.perceptron import PerceptronParams
from tests.amounts import amount
from tests.problems import blobs

KEY = jax.random.key(0)
REFUSED = object()


def cases(short: int, long: int):
    return settings(
        max_examples=amount(short, long),
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def attempt(call, *names: str):
    """What call() returns, or REFUSED where it raised an error of the right kind with one of the
    names in it.
    """
    try:
        return call()
    except (ValueError, TypeError) as error:
        refusal = error
    assert not isinstance(refusal, jax.errors.JAXTypeError), f"a tracer error: {refusal}"
    assert any(name in str(refusal) for name in names), (
        f"none of {names} in {type(refusal).__name__}: {refusal}"
    )
    return REFUSED


def assert_finite(tree) -> None:
    for leaf in jax.tree.leaves(tree):
        if hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, np.floating):
            assert np.isfinite(np.asarray(leaf, float)).all(), f"not finite: {leaf}"


# -------------------- one wrong argument among right ones

JUNK = [
    None,
    True,
    False,
    0,
    1,
    -1,
    3,
    10**10,
    10**30,
    10**400,
    0.0,
    0.5,
    1.0,
    -0.5,
    2.0,
    float("nan"),
    float("inf"),
    -float("inf"),
    1e300,
    -1e300,
    1e-60,
    1e-320,
    1e-40,
    1 - 1e-12,
    1j,
    "",
    "relu",
    "he",
    "junk",
    "a" * 1000,
    b"ab",
    (),
    [],
    {},
    set(),
    [1, 2],
    (2, 3),
    ("a", "b"),
    {"a": 1},
    [[1, 2], [3]],
    np.array(0.3),
    np.array([0.1, 0.2]),
    np.array("a"),
    np.array(None),
    np.array(True),
    np.array([]),
    np.array(["a", "b"]),
    np.float16(0.5),
    np.float32(0.1),
    np.longdouble("0.1"),
    np.int8(3),
    np.bool_(True),
    np.ones((2, 2)),
    np.ones((2, 2)) * 1j,
    np.array(1j),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.array([1, None]),
    jnp.array(0.3),
    jnp.array([1, 2]),
    jnp.array(1j),
    jnp.array(True),
    KEY,
    jax.random.split(KEY, 3),
    ml_dtypes.bfloat16(0.5),
    fractions.Fraction(1, 2),
    decimal.Decimal("0.5"),
    datetime.timedelta(1),
    np.datetime64("2020-01-01"),
    range(3),
    iter([1, 2]),
    len,
    int,
    float,
    object(),
    lambda: 0,
    lambda *args: None,
    lambda *args: "a",
    Ellipsis,
    NotImplemented,
    Exception,
    type,
    np,
    fnn,
    losses.squared_error,
    losses.huber,
    optim.adam,
    optim.sgd(0.1),
    layers.dense,
    layers.dense(2, 2),
    penalties.l2,
    penalties.l2(0.1),
    data.load,
    initializers.normal,
    initializers.he,
    activations.relu,
    activations.make_relu,
]
junk = (
    st.sampled_from(range(len(JUNK))).map(JUNK.__getitem__)
    | st.floats()
    | st.integers(-5, 5)
    | st.text(max_size=5)
)

X = np.array([[0.5, -1.0], [1.5, 2.0], [-0.5, 0.25], [1.0, -2.0]])
Y = np.array([0, 1, 1, 0])
NET = fnn.mlp((2, 3, 2))
PARAMS, _ = NET.init(KEY)
WEIGHTS = {"w": jnp.array([[0.5, -1.0], [2.0, 0.25]]), "b": jnp.array([1.0, -1.0])}


def layer_works(layer: fnn.Layer) -> None:
    params, state = layer.init(KEY)
    step = fnn.value_and_grad(
        fnn.layers.serial(fnn.layers.dense(2, 2), layer),
        fnn.Loss("sum", lambda p, t: p.sum(0), _ones_like),
    )
    outer, outer_state = fnn.layers.serial(fnn.layers.dense(2, 2), layer).init(KEY)
    assert_finite((params, state, step(outer, X, Y, state=outer_state, key=KEY)))


def _ones_like(prediction, target):
    return jnp.ones_like(prediction)


def optimizer_works(optimizer) -> None:
    grads = jax.tree.map(lambda w: w.at[0].set(0), WEIGHTS)
    state = optimizer.init(WEIGHTS)
    for _ in range(2):
        updates, state = optimizer.update(grads, state, WEIGHTS)
        assert_finite((updates, state))
        assert not checks.difference(updates, WEIGHTS)


def loss_works(loss: fnn.Loss) -> None:
    prediction, target = jnp.array([[0.25, 0.5], [0.75, 0.5]]), jnp.array([[1.0, 0.0], [0.0, 1.0]])
    value, gradient = loss.forward(prediction, target), loss.backward(prediction, target)
    assert_finite((value, gradient))
    assert (value.shape, gradient.shape) == ((2,), (2, 2))


def penalty_works(penalty: fnn.Penalty) -> None:
    assert_finite((penalty.value(WEIGHTS), penalty.gradient(WEIGHTS)))


def initializer_works(init) -> None:
    W = init(KEY, (2, 3))
    assert_finite(W)
    assert W.shape == (2, 3)


def activation_works(activation: activations.Activation) -> None:
    z = jnp.array([[-1.0, 0.0], [1.0, 2.0]])
    assert_finite((activation.value(z), activation.backward(z, z)))


def nothing(result) -> None:
    pass


RATE = dict(learning_rate=0.1)
GRAPH = dict(
    inputs=("a", "b"),
    nodes={"h": (("a", "b"), "tanh"), "y": (("h",), "identity", 2)},
    outputs=("y", "y2"),
)
GRAPH["nodes"]["y2"] = (("h", "a"), "relu")
GRAPH["outputs"] = ("y", "y2")
FIT = dict(
    x=X, y=Y, key=KEY, epochs=2, learning_rate=1.0, params=PerceptronParams(np.zeros(2), 0.0)
)
TRIALS = dict(
    loss=lambda w: jnp.sum(w**2), params=jnp.array([1.0, 2.0]), key=KEY, steps=2, sigma=0.1
)
BATCH = dict(params=PARAMS, x=X, y=Y, state=(), key=None, train=True, weights=None)

CALLS = {
    "mlp": (
        fnn.mlp,
        dict(
            sizes=(2, 3, 2),
            activation="tanh",
            output="identity",
            init="he",
            batch_norm=None,
            dropout=0.1,
        ),
        layer_works,
    ),
    "dense": (layers.dense, dict(n_in=2, n_out=2, init="he"), layer_works),
    "batch_norm": (layers.batch_norm, dict(features=2, momentum=0.9, epsilon=1e-5), layer_works),
    "dropout": (layers.dropout, dict(drop_rate=0.5), layer_works),
    "activation": (layers.activation, dict(activation="tanh"), layer_works),
    "repeat": (layers.repeat, dict(layer=layers.dense(2, 2), times=2), layer_works),
    "graph": (layers.graph, GRAPH | dict(init="he"), layer_works),
    "make_relu": (activations.make_relu, dict(at_zero=0.5), activation_works),
    "make_leaky_relu": (activations.make_leaky_relu, dict(slope=0.5), activation_works),
    "make_elu": (activations.make_elu, dict(alpha=0.5), activation_works),
    "activations.get": (activations.get, dict(activation="tanh"), activation_works),
    "sgd": (optim.sgd, RATE, optimizer_works),
    "momentum": (optim.momentum, RATE | dict(decay=0.9, convention="ema"), optimizer_works),
    "nesterov": (optim.nesterov, RATE | dict(decay=0.9, form="lookahead"), optimizer_works),
    "adagrad": (optim.adagrad, RATE | dict(initial_accumulator=0.1, eps=1e-8), optimizer_works),
    "adadelta": (
        optim.adadelta,
        RATE | dict(decay=0.9, eps=1e-6),
        optimizer_works,
    ),
    "rmsprop": (optim.rmsprop, RATE | dict(decay=0.9, eps=1e-8), optimizer_works),
    "adam": (
        optim.adam,
        RATE | dict(b1=0.9, b2=0.99, eps=1e-8, bias_correction=True),
        optimizer_works,
    ),
    "adamw": (
        optim.adamw,
        RATE | dict(b1=0.9, b2=0.99, eps=1e-8, weight_decay=0.1),
        optimizer_works,
    ),
    "clip_by_value": (optim.clip_by_value, dict(high=1.0, low=-1.0), optimizer_works),
    "clip_by_global_norm": (optim.clip_by_global_norm, dict(max_norm=1.0), optimizer_works),
    "huber": (losses.huber, dict(delta=1.0), loss_works),
    "smoothed": (losses.smoothed, dict(loss=losses.softmax_cross_entropy, amount=0.1), loss_works),
    "losses.get": (losses.get, dict(loss="huber"), loss_works),
    "l1": (penalties.l1, dict(strength=0.1), penalty_works),
    "l2": (penalties.l2, dict(strength=0.1), penalty_works),
    "penalized": (
        penalties.penalized,
        dict(loss=losses.huber(), penalty=penalties.l2(0.1)),
        loss_works,
    ),
    "constant": (initializers.constant, dict(value=0.1), initializer_works),
    "uniform": (initializers.uniform, dict(low=-0.1, high=0.1), initializer_works),
    "normal": (initializers.normal, dict(sigma=0.1), initializer_works),
    "initializers.get": (initializers.get, dict(init="he"), nothing),
    "he": (initializers.he, dict(key=KEY, shape=(2, 3)), assert_finite),
    "orthogonal": (initializers.orthogonal, dict(key=KEY, shape=(2, 3)), assert_finite),
    "from_arrays": (
        data.from_arrays,
        dict(
            x=np.arange(40.0).reshape(20, 2),
            y=np.arange(20) % 3,
            validation=0.2,
            test=0.2,
            seed=0,
            standardize=True,
        ),
        assert_finite,
    ),
    "load": (data.load, dict(name="xor"), assert_finite),
    "label_noise": (
        data.label_noise,
        dict(rate=0.5, classes=3),
        lambda f: f(KEY, jnp.asarray(X), jnp.asarray(Y)),
    ),
    "scale": (data.load("moons").scale, dict(x=X), assert_finite),
    "apply": (
        lambda **given: fnn.apply(NET, **given),
        {name: BATCH[name] for name in ("params", "x", "state", "key", "train")},
        assert_finite,
    ),
    "apply net": (lambda net: fnn.apply(net, PARAMS, X), dict(net=NET), assert_finite),
    "value_and_grad": (
        fnn.value_and_grad,
        dict(net=NET, loss=losses.softmax_cross_entropy, reduction="mean", has_state=False),
        lambda f: assert_finite(f(PARAMS, X, Y)),
    ),
    "its function": (fnn.value_and_grad(NET, losses.softmax_cross_entropy), BATCH, assert_finite),
    "predict": (perceptron.predict, dict(params=FIT["params"], x=X), nothing),
    "fit": (perceptron.fit, FIT, assert_finite),
    "one_at_a_time": (perturbation.one_at_a_time, TRIALS, assert_finite),
    "all_in_parallel": (
        perturbation.all_in_parallel,
        TRIALS | dict(learning_rate=0.1, trials=2),
        assert_finite,
    ),
}
FEATURES = "x: got 2 features"  # which the layer does not take
MENTIONED = {
    "n_in": ("n_in", FEATURES),
    "features": ("features", FEATURES),
    "inputs": ("inputs", "nodes", FEATURES),
    "nodes": ("nodes", "outputs"),
    "sizes": ("sizes", FEATURES),
    "name": ("data",),
    "layer": ("layer", "repeat"),
    "loss": ("loss", "smoothed"),
}
ARGUMENTS = [(name, argument) for name, (_, right, _) in CALLS.items() for argument in right]


@pytest.mark.every(1)
@pytest.mark.parametrize("name", CALLS)
def test_right_arguments(name):
    """Otherwise the property below would hold of calls that never work."""
    call, right, works = CALLS[name]
    works(call(**right))


def of_the_caller(argument: str, value) -> bool:
    """Functions in the place of a schedule, an initializer or a loss are the caller's own; so are
    numbers that float32 holds, but not their product with others.
    """
    own = callable(value) and argument in ("learning_rate", "init", "loss", "net")
    return own or (isinstance(value, float) and 1e4 < abs(value) < 3.5e38)


@cases(260, 2600)
@given(st.sampled_from(ARGUMENTS), junk)
def test_one_wrong_argument(which, value):
    assert_refused_or_right(*which, value)


ADDED = [name for name, (_, _, works) in CALLS.items() if works in (layer_works, optimizer_works)]


@pytest.mark.slow
@pytest.mark.every(4)
@pytest.mark.parametrize("name", ADDED)
def test_every_wrong_argument(name):
    """All of JUNK in the place of each argument, for one who adds a layer or an optimizer: -k NAME
    runs it.
    """
    _, right, _ = CALLS[name]
    for argument in right:
        for value in JUNK:
            assert_refused_or_right(name, argument, value)


def assert_refused_or_right(name, argument, value) -> None:
    call, right, works = CALLS[name]
    if not of_the_caller(argument, value):
        attempt(
            lambda: works(call(**right | {argument: value})), *MENTIONED.get(argument, (argument,))
        )


# -------------------- arrays and their oracle

DTYPES = [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int32",
    "int64",
    "uint8",
    "int8",
    "bool",
    "complex64",
    "object",
    "<U3",
    "float128",
    "float8_e4m3fn",
    "int4",
]
REAL = DTYPES[:9]
PLANTED = [float("nan"), float("inf"), -float("inf"), 1e300]


@st.composite
def arrays(draw, shapes, low=-3, high=3, whole=False):
    """An array of one of the shapes: mostly small real numbers, sometimes with a wrong dtype or a
    planted value.
    """
    shape = draw(st.sampled_from(shapes))
    dtype = np.dtype(draw(st.sampled_from(REAL[:2] * 3 + REAL * 2 + DTYPES)))
    if whole:
        dtype = draw(
            st.sampled_from([np.dtype("int32")] * 8 + [np.dtype("int64"), np.dtype("uint8"), dtype])
        )
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = rng.integers(low, high + 1, shape) if whole else rng.uniform(low, high, shape)
    if dtype.kind in "ub":
        values = np.abs(values)
    array = np.asarray(values).astype(dtype)
    if jax.dtypes.issubdtype(dtype, np.floating) and array.size and draw(st.integers(0, 5)) == 0:
        with np.errstate(over="ignore", invalid="ignore"):
            array.flat[draw(st.integers(0, array.size - 1))] = np.float64(
                draw(st.sampled_from(PLANTED))
            ).astype(dtype)
    return array


def is_real(array: np.ndarray) -> bool:
    return array.dtype.name in REAL


def is_good(array: np.ndarray) -> bool:
    """Real, not empty, and finite as float32."""
    if not is_real(array) or array.size == 0:
        return False
    with np.errstate(over="ignore"):
        return bool(np.isfinite(array.astype(np.float32)).all())


def taken(array: np.ndarray) -> np.ndarray:
    """Data may come as objects: what is then looked at are their numbers."""
    return np.array(array.tolist()).reshape(array.shape) if array.dtype == object else array


def is_integer(array: np.ndarray) -> bool:
    return array.dtype.kind in "iu"


def are_classes(y: np.ndarray, outputs: int) -> bool:
    if y.ndim == 1:
        return is_integer(y) and outputs > 1 and y.min() >= 0 and y.max() < outputs
    return (
        outputs > 1
        and are_probabilities(y)
        and bool((np.abs(y.astype(float).sum(axis=1) - 1) < 1e-3).all())
    )


def are_probabilities(y: np.ndarray) -> bool:
    return bool((y.astype(float) >= 0).all() and (y.astype(float) <= 1).all())


def anything(y: np.ndarray) -> bool:
    return True


def one_hot(y: np.ndarray, outputs: int) -> np.ndarray:
    return np.eye(outputs)[y.astype(int)] if y.ndim == 1 else y.astype(float)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cross_entropy(z, t):
    return -(t * np.log(softmax(z))).sum(axis=1), softmax(z) - t


def binary_cross_entropy(z, t):
    return (np.logaddexp(0, z) - t * z).sum(axis=1), sigmoid(z) - t


def huber(p, t):
    e = p - t
    return np.where(abs(e) <= 1, e**2 / 2, abs(e) - 0.5).sum(axis=1), np.clip(e, -1, 1)


# name -> output activation, categorical, what a right target is beside its shape, (z, t) -> value
# and ∂/∂z by example
LOSSES = {
    "squared_error": (
        "identity",
        False,
        anything,
        lambda p, t: (((p - t) ** 2).sum(axis=1), 2 * (p - t)),
    ),
    "absolute_error": (
        "identity",
        False,
        anything,
        lambda p, t: (abs(p - t).sum(axis=1), np.sign(p - t)),
    ),
    "huber": ("identity", False, anything, huber),
    "sigmoid_cross_entropy": ("identity", False, are_probabilities, binary_cross_entropy),
    "binary_cross_entropy": ("sigmoid", False, are_probabilities, binary_cross_entropy),
    "softmax_cross_entropy": ("identity", True, None, cross_entropy),
    "categorical_cross_entropy": ("softmax", True, None, cross_entropy),
}
NETS = {
    (output, outputs): fnn.mlp(
        (2, 3, outputs), activation="tanh", output=output, init=initializers.normal(0.5)
    )
    for output in ("identity", "sigmoid", "softmax")
    for outputs in (1, 2, 3)
}
FACTORS = {"mean": lambda w: w / w.sum(), "sum": lambda w: w, "half_sum": lambda w: w / 2}
EXAMPLES = 4
X_SHAPES = [(EXAMPLES, 2)] * 8 + [
    (EXAMPLES, 1),
    (EXAMPLES, 3),
    (3, 2),
    (EXAMPLES,),
    (2,),
    (0, 2),
    (EXAMPLES, 0),
    (),
    (EXAMPLES, 2, 1),
]
Y_SHAPES = (
    [(EXAMPLES,)] * 4
    + [(EXAMPLES, 1), (EXAMPLES, 2), (EXAMPLES, 3)] * 2
    + [(1,), (3,), (1, 2), (), (0,), (2, 4), (EXAMPLES, 1, 1)]
)
W_SHAPES = [(EXAMPLES,)] * 6 + [(3,), (1,), (), (EXAMPLES, 1), (0,)]


def forward(params, x):
    """a₁ and z₂ of a 2-3-k network, in float64."""
    (W1, b1), (W2, b2) = (
        (np.asarray(p.W, float), np.asarray(p.b, float)) for p in (params[0], params[2])
    )
    a = np.tanh(x @ W1.T + b1)
    return a, a @ W2.T + b2


def wrong_x(x) -> bool:
    return (
        x.shape != (EXAMPLES, 2) and (x.ndim != 2 or x.shape[1] != 2 or 0 in x.shape)
    ) or not is_good(x)


def wrong_y(name, y, examples, outputs) -> bool:
    _, categorical, right, _ = LOSSES[name]
    if y.shape[:1] != (examples,) or not is_good(y):
        return True
    if categorical:
        return y.ndim > 2 or (y.ndim == 2 and y.shape[1] != outputs) or not are_classes(y, outputs)
    return (y.shape != (examples, outputs) and (y.ndim, outputs) != (1, 1)) or not right(y)


def wrong_weights(w, examples) -> bool:
    return w is not None and (
        w.shape != (examples,) or not is_good(w) or (w < 0).any() or not w.any()
    )


@cases(70, 700)
@given(arrays(X_SHAPES), st.sampled_from([1, 2, 3]))
def test_apply(x, outputs):
    net = NETS["identity", outputs]
    params, _ = net.init(KEY)
    y = attempt(lambda: fnn.apply(net, params, x), "x")
    assert (y is REFUSED) == wrong_x(x), (x, y)
    if y is not REFUSED:
        np.testing.assert_allclose(y, forward(params, x.astype(float))[1], rtol=1e-4, atol=1e-5)


@st.composite
def right_arrays(draw, shape, low=-3, high=3, whole=False):
    """An array in which nothing is wrong."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    if whole:
        return rng.integers(low, high + 1, shape).astype(
            draw(st.sampled_from(["int32", "int64", "uint8"]))
        )
    return rng.uniform(low, high, shape).astype(
        draw(st.sampled_from(["float32", "float64", "float16"]))
    )


def right_targets(categorical: bool, unit: bool, outputs: int):
    """Labels or rows of the identity for the categorical losses, otherwise numbers of the
    prediction's shape.
    """
    if categorical:
        labels = right_arrays((EXAMPLES,), 0, outputs - 1, whole=True)
        return labels | labels.map(lambda y: np.eye(outputs, dtype=np.float32)[y])
    low, high = (0, 1) if unit else (-3, 3)
    rows = right_arrays((EXAMPLES, outputs), low, high)
    return rows | right_arrays((EXAMPLES,), low, high) if outputs == 1 else rows


def any_targets(categorical: bool):
    """Anything, of which some is right."""
    labels = arrays(Y_SHAPES, low=-1, high=2, whole=True)
    labels |= arrays([(EXAMPLES,)], low=-1, high=3, whole=True)
    return (
        labels | arrays(Y_SHAPES)
        if categorical
        else arrays(Y_SHAPES) | arrays(Y_SHAPES, low=0, high=1)
    )


@pytest.mark.slow
@cases(130, 1300)
@given(st.data())
def test_value_and_grad(draws):
    name = draws.draw(st.sampled_from(list(LOSSES)))
    output, categorical, right, oracle = LOSSES[name]
    reduction, outputs = (
        draws.draw(st.sampled_from(list(FACTORS))),
        draws.draw(st.sampled_from([1, 2, 2, 3])),
    )
    odd = draws.draw(st.sampled_from([(), (), (), ("x",), ("y",), ("y",), ("w",), ("x", "y", "w")]))
    x = draws.draw(arrays(X_SHAPES) if "x" in odd else right_arrays((EXAMPLES, 2)))
    y = draws.draw(
        any_targets(categorical)
        if "y" in odd
        else right_targets(categorical, right is not anything, outputs)
    )
    w = draws.draw(
        arrays(W_SHAPES, low=0, high=2)
        if "w" in odd
        else st.none() | right_arrays((EXAMPLES,), 0, 2)
    )
    net = NETS[output, outputs]
    params, _ = net.init(KEY)
    n = x.shape[0] if x.ndim else 1
    wrong = {"x": wrong_x(x), "y": wrong_y(name, y, n, outputs), "weights": wrong_weights(w, n)}
    wrong = [argument for argument, is_wrong in wrong.items() if is_wrong]

    step = fnn.value_and_grad(net, losses.get(name), reduction=reduction)
    got = attempt(lambda: step(params, x, y, weights=w), *wrong)
    assert (got is REFUSED) == bool(wrong), (wrong, name, x, y, w)
    if got is REFUSED:
        return
    value, grads = got
    a, z = forward(params, x.astype(float))
    t = one_hot(y, outputs) if categorical else y.astype(float).reshape(n, -1)
    c = FACTORS[reduction](np.ones(n) if w is None else w.astype(float))
    by_example, dz = oracle(z, t)
    np.testing.assert_allclose(value, c @ by_example, rtol=1e-3, atol=1e-5)
    dz = c[:, None] * dz
    dz1 = dz @ np.asarray(params[2].W, float) * (1 - a**2)
    expected = dz1.T @ x.astype(float), dz1.sum(axis=0), dz.T @ a, dz.sum(axis=0)
    for hand, other in zip(jax.tree.leaves(grads), expected, strict=True):
        np.testing.assert_allclose(hand, other, rtol=1e-3, atol=1e-4)


@cases(30, 300)
@given(st.lists(st.integers(-1, 3), min_size=EXAMPLES, max_size=EXAMPLES), st.sampled_from([2, 3]))
def test_labels(labels, outputs):
    net, y = NETS["identity", outputs], np.array(labels)
    step = fnn.value_and_grad(net, losses.softmax_cross_entropy)
    done = attempt(lambda: step(net.init(KEY)[0], X, y), "y: got label")
    assert (done is REFUSED) == (y.min() < 0 or y.max() >= outputs)


@cases(20, 200)
@given(arrays(X_SHAPES), arrays(Y_SHAPES, low=0, high=1, whole=True), st.integers(0, 3))
def test_perceptron(x, y, seed):
    """Its predictions are those of its weights, and weights of whole numbers stay whole."""
    wrong_target = (
        y.shape != x.shape[:1] or not is_good(y) or not np.isin(y.astype(float), (0, 1)).all()
    )
    wrong = ["x"] * (x.ndim != 2 or not is_good(x)) + ["y"] * wrong_target
    run = attempt(lambda: perceptron.fit(x, y, key=jax.random.key(seed), epochs=2), *wrong)
    assert (run is REFUSED) == bool(wrong), (x, y)
    if run is not REFUSED:
        w, b = (np.asarray(part, float) for part in run.params)
        z = x.astype(float) @ w + b
        clear = np.abs(z) > 1e-3
        np.testing.assert_array_equal(
            np.asarray(perceptron.predict(run.params, x))[clear], z[clear] >= 0
        )


# -------------------- data


def are_several_labels(y):
    """Columns of booleans or of 0 and 1, but not a single one in each row."""
    is_boolean = y.dtype == bool or (y.shape[1] > 1 and set(np.unique(y)) <= {0, 1})
    return is_boolean and (y.shape[1] == 1 or (y.sum(axis=1) != 1).any())


@pytest.mark.filterwarnings("ignore:target .* training rows have")
@cases(50, 500)
@given(
    right_arrays((12, 2))
    | arrays([(12, 2)] * 6 + [(9, 1), (3, 2), (12,), (0, 2), (12, 0), (12, 1, 2)]),
    right_arrays((12,), whole=True, low=0)
    | right_arrays((12,))
    | arrays([(12,)] * 6 + [(9,), (3,), (12, 2), (), (12, 1, 1)])
    | arrays([(12,), (12,), (9,)], whole=True),
    st.sampled_from(
        [
            0.15,
            0.2,
            0.3,
            0.4,
            0.5,
            0.6,
            1e-6,
            0.0,
            1.0,
            np.float32(0.25),
            float("nan"),
            True,
            None,
            "0.1",
            1,
        ]
    ),
    st.sampled_from([0, 1, 2, 3, 2**32 - 1, 2**32, -1]),
    st.booleans(),
)
def test_from_arrays(x, y, test, seed, standardize):
    given, (x, y) = (x, y), (taken(x), taken(y))
    n = len(x) if x.ndim else 0
    test = 0.15 if test is None else test
    fraction = isinstance(test, (float, np.floating)) and 0 < test < 0.85
    wrong = {
        "x": x.ndim != 2 or not is_good(x),
        "y": not is_good(y)
        or y.ndim > 2
        or y.shape[:1] != (n,)
        or (y.ndim == 2 and y.dtype.kind in "iub" and not are_several_labels(y)),
        "test": not fraction or round(float(test) * n) < 1,
        "validation": round(0.15 * n) < 1,
        "train": fraction and round(float(test) * n) + round(0.15 * n) >= n,
        "seed": not 0 <= seed < 2**32,
    }
    is_label = y.ndim == 1 and y.dtype.kind in "iub"
    if not any(wrong.values()) and is_label:  # no class is missing from training
        wrong["y"] = len(np.unique(y)) > n - round(float(test) * n) - round(0.15 * n)
    wrong = [argument for argument, is_wrong in wrong.items() if is_wrong]
    wrong += ["column"] * any(array.dtype == object for array in given)
    made = attempt(
        lambda: data.from_arrays(*given, test=test, seed=seed, standardize=standardize), *wrong
    )
    if y.dtype.kind == "U" and wrong == ["y"]:  # text is labels where each is met often enough
        return
    assert (made is REFUSED) == bool(set(wrong) - {"column"}), (wrong, given, test)
    if made is not REFUSED:
        assert_rows(made, x, y, standardize)


def assert_rows(made, x, y, standardize):
    """Every example once, with its own target, scaled by the training rows."""
    rows = np.concatenate([split.x for split in made.splits.values()]).astype(float)
    got = np.concatenate([split.y for split in made.splits.values()])
    if made.encoding.classes:  # labels that do not begin at 0
        got = np.array(made.encoding.classes)[got].astype(np.int32)
    is_label = y.ndim == 1 and y.dtype.kind in "iub"
    assert got.dtype == (np.int32 if is_label else np.float32)
    if standardize:
        rows = rows * made.scaling.std + made.scaling.mean
    both = [np.column_stack([rows, got]), np.column_stack([x.astype(float), y.astype(float)])]
    both = [table[np.lexsort(np.round(table, 1).T)] for table in both]
    np.testing.assert_allclose(
        np.sort(both[0], axis=0), np.sort(both[1], axis=0), rtol=1e-3, atol=1e-3
    )


@cases(20, 200)
@given(arrays([(3, 2)] * 4 + [(1, 2), (3, 1), (2,), (), (0, 2), (1, 2, 2)]))
def test_scale(x):
    moons = data.load("moons")
    scaled = attempt(lambda: moons.scale(x), "x", "column")
    x = taken(x)
    assert (scaled is REFUSED) == (x.ndim != 2 or x.shape[1] != 2 or not is_good(x)), x
    if scaled is not REFUSED:
        np.testing.assert_allclose(
            scaled * moons.scaling.std + moons.scaling.mean, x.astype(float), 1e-4, 1e-5
        )


# -------------------- updates

RULES = {
    "sgd": optim.sgd(0.5),
    "momentum": optim.momentum(0.5),
    "nesterov": optim.nesterov(0.5),
    "adagrad": optim.adagrad(0.5),
    "adadelta": optim.adadelta(0.5),
    "rmsprop": optim.rmsprop(0.5),
    "adam": optim.adam(0.5),
    "adamw": optim.adamw(0.5),
}
GRADIENTS = [(3,)] * 4 + [(1,), (3, 1), (1, 3), (), (0,), (4,)]


@cases(30, 300)
@given(
    st.sampled_from(list(RULES)),
    arrays(GRADIENTS),
    arrays([(3,)] * 4 + [(1,), (2, 3)]),
    st.booleans(),
)
def test_updates(name, gradient, weights, nested):
    """Refused, or of the parameters' shape: no gradient is stretched."""
    if not (is_real(gradient) and is_real(weights)):
        return
    with np.errstate(over="ignore"):  # 1e300 is inf in float32
        both = [jnp.asarray(array) for array in (gradient, weights)]
    g, w = ([array] if nested else array for array in both)
    same = gradient.shape == weights.shape
    floating = all(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves((g, w)))
    rule = RULES[name]
    done = attempt(
        lambda: rule.update(g, rule.init(w), w), "grads" if floating else "params", "grads"
    )
    assert (done is REFUSED) == (not same or not floating), (gradient, weights)
    if done is not REFUSED:
        assert not checks.difference(done[0], w)
        if is_good(gradient) and is_good(weights) and np.abs(gradient.astype(float)).max() < 1e4:
            assert_finite(done)


# -------------------- graphs

VALUES = {
    "identity": lambda z: z,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softplus": np.log1p,
}


@st.composite
def graphs(draw):
    """inputs, nodes and outputs of an acyclic graph."""
    inputs = tuple(f"x{i}" for i in range(draw(st.integers(1, 3))))
    nodes, known = {}, list(inputs)
    for i in range(draw(st.integers(1, 4))):
        predecessors = tuple(draw(st.lists(st.sampled_from(known), min_size=1, unique=True)))
        width = draw(st.sampled_from([(), (), (2,)]))
        nodes[f"h{i}"] = (predecessors, draw(st.sampled_from(["identity", "tanh", "relu"])), *width)
        known.append(f"h{i}")
    used = {p for spec in nodes.values() for p in spec[0]}
    return inputs, nodes, tuple(name for name in nodes if name not in used)


def graph_values(inputs, nodes, x):
    """Every node's value where all weights are 0.1 and all biases 0."""
    values = {name: x[:, i : i + 1] for i, name in enumerate(inputs)}
    for name, (predecessors, sigma, *width) in nodes.items():
        z = 0.1 * sum(values[p].sum(axis=1, keepdims=True) for p in predecessors)
        values[name] = np.repeat(VALUES[sigma](z), width[0] if width else 1, axis=1)
    return values


@cases(25, 250)
@given(graphs())
def test_graphs(drawn):
    inputs, nodes, outputs = drawn
    x = np.linspace(-2, 3, 2 * len(inputs)).reshape(2, -1)
    net = layers.graph(inputs, nodes, outputs, init=initializers.constant(0.1))
    values = graph_values(inputs, nodes, x)
    expected = np.concatenate([values[name] for name in outputs], axis=1)
    np.testing.assert_allclose(fnn.apply(net, net.init(KEY)[0], x), expected, rtol=1e-5, atol=1e-6)


@cases(40, 400)
@given(graphs(), st.data())
def test_damaged_graphs(drawn, draws):
    """A node's specification replaced: a cycle, a name that is none, junk; refused, or a graph that
    works.
    """
    inputs, nodes, outputs = drawn
    name = draws.draw(st.sampled_from(list(nodes)))
    known = [*inputs, *nodes, "h9"]
    names, any_names = (
        st.lists(st.sampled_from(of), max_size=3).map(tuple)
        for of in (known, [*known, "", 3, None])
    )
    sigma = st.sampled_from(["tanh", "softmax"])
    wrong = st.tuples(any_names, sigma | junk) | st.tuples(names, sigma, junk) | junk | names
    spec = draws.draw(st.tuples(names, sigma) | wrong)

    def build():
        net = layers.graph(inputs, {**nodes, name: spec}, outputs)
        return fnn.apply(net, net.init(KEY)[0], np.ones((2, len(inputs))))

    y = attempt(build, "nodes", "outputs", "width", "activation")
    if y is not REFUSED:
        assert_finite(y)


# -------------------- whole trainings

DATASET = blobs(20, 2, 2)
OPTIMIZER = optim.sgd(0.1)


def builder(hyper):
    return NET, losses.softmax_cross_entropy, OPTIMIZER


def square(key, hyper):
    return {"value": jnp.ones(2)}


RUNS = {
    "train": (
        fnn.train,
        dict(
            net=NET,
            loss=losses.softmax_cross_entropy,
            optimizer=OPTIMIZER,
            dataset=DATASET,
            epochs=1,
            batch_size=7,
            seed=0,
            patience=None,
            transform_train=None,
        ),
    ),
    "sweep": (
        fnn.sweep,
        dict(
            builder=builder,
            dataset=DATASET,
            epochs=1,
            batch_size=7,
            seeds=[0],
            hyper=None,
            patience=None,
        ),
    ),
    "sweep_function": (fnn.sweep_function, dict(f=square, seeds=[0], hyper=None, runs_per_vmap=8)),
}
RUN_ARGUMENTS = [(name, argument) for name, (_, right) in RUNS.items() for argument in right]
WARM: set[str] = set()
COMPILED: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: COMPILED.append(event) if "backend_compile" in event else None
)


def of_another_program(argument, value) -> bool:
    """Whole numbers that are right make another program, which only takes time; functions are the
    caller's own.
    """
    if argument in ("epochs", "batch_size", "patience", "runs_per_vmap", "seeds"):
        return value is range or (
            isinstance(value, (int, np.int8, range)) and not isinstance(value, bool)
        )
    return callable(value) or argument == "hyper"


@cases(60, 450)
@given(st.sampled_from(RUN_ARGUMENTS), junk)
def test_training_with_one_wrong_argument(which, value):
    """Refused before anything is compiled."""
    name, argument = which
    run, right = RUNS[name]
    if of_another_program(argument, value):
        return
    if name not in WARM:
        run(**right, progress=False)
        WARM.add(name)
    before = len(COMPILED)
    done = attempt(
        lambda: run(**right | {argument: value}, progress=False), argument, "seed", "train.y"
    )  # a loss of other targets
    if done is REFUSED:
        assert len(COMPILED) == before, (
            f"{len(COMPILED) - before} programs compiled before the refusal"
        )
    elif name != "sweep_function":
        assert_finite(done.history)


HYPER = [
    3,
    "a",
    [],
    [3],
    [{}],
    {"a": 3},
    {"a": []},
    {"a": [float("nan")]},
    {"a": ["x", []]},
    {"a": [1e300]},
    {3: [1]},
    {"seed": [1]},
    {"a": np.ones((2, 2))},
    [{"a": 1}, {"b": 1}],
    {"a": [1.0]},
    {"a": [10**400]},
    {"a": [1j]},
    {"batch_size": [0]},
    {"batch_size": ["a"]},
    {"a": {}},
    {"a": [np.ones(2)]},
    {"a": None},
    {None: [1]},
]


@pytest.mark.parametrize("hyper", HYPER, ids=repr)
@pytest.mark.parametrize("name", ["sweep", "sweep_function"])
def test_wrong_hyperparameters(name, hyper):
    if hyper == [{}]:
        return  # one setting without names, as None
    run, right = RUNS[name]
    assert (
        attempt(lambda: run(**right | dict(hyper=hyper), progress=False), "hyper", "batch_size")
        is REFUSED
    )


# -------------------- the gradient checker


def objective(w):
    return (w**2).sum()


CHECK = dict(
    loss=objective, gradient=lambda w: 2 * w, params=np.array([1.0, -2.0]), dtype="float64"
)


@cases(8, 120)
@given(st.sampled_from(list(CHECK)), junk)
def test_check_gradient(argument, value):
    if callable(value) or argument == "params":
        return  # functions are judged and not refused; `params` may be any array
    assert (
        attempt(lambda: fnn.check_gradient(**CHECK | {argument: value}), argument) is REFUSED
        or value == "float64"
    )


# -------------------- what this file has found

NORMED, NARROW = (fnn.mlp((2, width, 2), batch_norm="before") for width in (3, 1))
DROPPING = fnn.mlp((2, 3, 2), dropout=0.5)
PERCEPTRON = PerceptronParams(np.ones(2), 0.0)


def step(**given):
    return fnn.value_and_grad(NET, losses.softmax_cross_entropy)(**{**BATCH, **given})


def updated(optimizer, grads, params=WEIGHTS["b"]):
    return optimizer.update(grads, optimizer.init(params), params)


def initialised(**given):
    return layers.dense(3, 3, **given).init(KEY)


def trial(**given):
    return perturbation.one_at_a_time(**{**TRIALS, **given})


def dropped(key):
    return fnn.apply(DROPPING, DROPPING.init(KEY)[0], X, train=True, key=key)


FOUND = {
    # silent NaN and silent nonsense
    "a rate beyond float32": (
        lambda: optim.sgd(1e300),
        "learning_rate: got .*, which is inf in float32",
    ),
    "an epsilon that vanishes": (
        lambda: optim.adam(0.1, eps=1e-60),
        "eps: got 1e-60, which is 0.0 in float32",
    ),
    "a subnormal epsilon": (
        lambda: optim.adagrad(0.1, eps=1e-40),
        "eps: got 1e-40, which is 0.0 in float32",
    ),
    "a decay that rounds to 1": (
        lambda: optim.adam(0.1, b2=1 - 1e-12),
        r"b2: .*, which is 1.0 in float32, .* \[0, 1\)",
    ),
    "weights that vanish": (
        lambda: step(weights=[1e-60] * 4),
        "weights: their sum is 0.0 in float32",
    ),
    "weights that overflow": (
        lambda: step(weights=[3e38] * 4),
        "weights: their sum is inf in float32",
    ),
    "uniform over too much": (
        lambda: initializers.uniform(-3e38, 3e38),
        "high - low: got 6e.38, which is inf",
    ),
    "complex parameters": (
        lambda: step(params=jax.tree.map(lambda w: w + 0j, PARAMS)),
        r"params\[0\].W: got dtype compl",
    ),
    "whole parameters": (
        lambda: fnn.apply(NET, jax.tree.map(lambda w: w.astype(int), PARAMS), X),
        "params.* got dtype int",
    ),
    "whole parameters stand still": (
        lambda: optim.adam(0.1).init(jnp.arange(3)),
        "params: got dtype int32",
    ),
    "a state of one feature": (
        lambda: fnn.apply(NORMED, NORMED.init(KEY)[0], X, state=NARROW.init(KEY)[1]),
        r"state: state\[1\].mean has shape \(1,\) instead of \(3,\)",
    ),
    "gradients of one entry": (
        lambda: updated(optim.adam(0.1), jnp.ones(1)),
        r"grads has shape \(1,\) instead of \(2,\)",
    ),
    "W of one axis": (
        lambda: initialised(init=lambda k, s: jnp.ones(3)),
        r"init: returned shape \(3,\) .*\(3, 3\)",
    ),
    "W of whole numbers": (
        lambda: initialised(init=lambda k, s: jnp.ones(s, int)),
        "init: returned .* of int32",
    ),
    "an array for True": (lambda: optim.sgd(np.array(True)), "learning_rate: got array"),
    "a string for False": (
        lambda: optim.adam(0.1, bias_correction="no"),
        "bias_correction: got 'no', expected True or",
    ),
    "train as a string": (
        lambda: fnn.apply(NET, PARAMS, X, train="no"),
        "train: got 'no', expected True or False",
    ),
    "train that is traced": (
        lambda: jax.jit(lambda t: step(train=t))(True),
        "train: got .*Tracer.*, expected True or",
    ),
    "sizes of bytes": (lambda: fnn.mlp(b"ab"), "sizes: got b'ab'"),
    "complex perceptron": (
        lambda: perceptron.predict(PERCEPTRON._replace(w=np.ones(2) * 1j), X),
        "params.w: got dtype c",
    ),
    "a decay of 7": (lambda: optim.lookahead_origin(WEIGHTS, None, decay=7), "decay: got 7"),
    "a masked array": (
        lambda: data.from_arrays(np.ma.masked_array(X, X > 0), Y),
        "x: got a masked array",
    ),
    # errors that named nothing, or were of another kind
    "a number beyond float64": (
        lambda: optim.sgd(10**400),
        "learning_rate: got 1000.*; whole ones up to",
    ),
    "a whole number beyond int32": (
        lambda: optim.rmsprop(0.1, eps=10**10),
        "eps: got 10000000000, .* use a float",
    ),
    "an iterator": (lambda: layers.dropout(iter([1, 2])), "drop_rate: got <list_iterator"),
    "a string in an array": (lambda: optim.sgd(np.array("a")), "learning_rate: got array"),
    "a key for a number": (lambda: optim.sgd(KEY), "learning_rate: got "),
    "a fraction": (lambda: layers.dropout(fractions.Fraction(1, 2)), "drop_rate: got Fraction"),
    "a long double": (lambda: layers.dropout(np.longdouble("0.1")), "drop_rate: got "),
    "8 bits": (
        lambda: fnn.apply(NET, PARAMS, X.astype(ml_dtypes.float8_e4m3fn)),
        "x: got dtype float8.*16 to 64 bits",
    ),
    "128 bits": (
        lambda: fnn.apply(NET, PARAMS, X.astype(np.longdouble)),
        "x: got dtype .*16 to 64 bits",
    ),
    "a size that is a float": (lambda: fnn.mlp((2, 3.0, 2)), r"sizes\[1\]: got 3.0"),
    "a size beyond int32": (
        lambda: fnn.mlp((2, 10**12)),
        r"sizes\[1\]: got 1000000000000, expected at most 2147483647",
    ),
    "endless training": (
        lambda: fnn.train(**RUNS["train"][1] | dict(epochs=10**12)),
        "epochs: .* at most 2147483647",
    ),
    "endless seeds": (lambda: checks.seeds(range(2**40)), "seeds: got more than 1048576"),
    "batch_norm as an array": (
        lambda: fnn.mlp((2, 3, 2), batch_norm=np.array(["a", "b"])),
        "batch_norm: got array",
    ),
    "an output": (
        lambda: fnn.mlp((2, 2), output="tan"),
        "output: 'tan' is not known; did you mean 'tanh'",
    ),
    "a maker of initializers": (
        lambda: initialised(init=initializers.normal),
        "init: .* call it: fnn.initializers.normal",
    ),
    "a type": (lambda: initialised(init=int), "init: .*; it is called as init"),
    "clipping at a string": (
        lambda: optim.clip_by_value("a"),
        "high: got 'a', expected a finite number",
    ),
    "clipping at arrays": (lambda: optim.clip_by_value(1.0, np.zeros(2)), "low: got array"),
    "no state": (lambda: optim.lookahead_origin(WEIGHTS, None), "state: got None"),
    "another tree": (
        lambda: updated(optim.adam(0.1), {"a": jnp.ones(2)}),
        "grads: grads has the structure",
    ),
    "numbers as gradients": (
        lambda: updated(optim.adam(0.1), [1.0], [jnp.ones(())]),
        r"grads\[0\]: got 1.0, expected an",
    ),
    "smoothing a string": (lambda: losses.smoothed("a", 0.1), "loss: got 'a', expected a Loss"),
    "a vector's shape": (
        lambda: initializers.he(KEY, (3,)),
        r"shape: got \(3,\), expected \(out, in\)",
    ),
    "an empty shape": (lambda: initializers.lecun(KEY, (3, 0)), r"shape\[1\]: got 0"),
    "no inputs": (
        lambda: layers.graph(None, {}, ("a",)),
        "inputs: got None, expected a tuple of names",
    ),
    "an array of inputs": (lambda: layers.graph(np.array(0.3), {}, ("a",)), "inputs: got array"),
    "no nodes": (lambda: layers.graph(("a",), None, ("a",)), "nodes: got None, expected a dict"),
    "nodes that are numbers": (
        lambda: layers.graph(("a",), {3: (("a",), "tanh")}, (3,)),
        "nodes: got 3, expected names",
    ),
    "no predecessors": (
        lambda: layers.graph(("a",), {"b": (None, "tanh")}, ("b",)),
        r"nodes\['b'\]: got None",
    ),
    "no outputs": (
        lambda: layers.graph(("a",), {"b": (("a",), "tanh")}, None),
        "outputs: got None",
    ),
    "at_zero as an array": (lambda: activations.make_relu(np.zeros(2)), "at_zero: got array"),
    "at_zero that is traced": (
        lambda: jax.jit(lambda a: activations.make_relu(a).value(a))(0.5),
        "at_zero: got .*Tracer",
    ),
    "a bias that is None": (
        lambda: perceptron.predict(PERCEPTRON._replace(b=None), X),
        "params.b: got dtype object",
    ),
    "a key that is a number": (lambda: trial(key=3), "key: got 3, expected one random key"),
    "a ragged key": (lambda: dropped([[1], [1, 2]]), "key: got .*, expected one random key"),
    "several keys": (
        lambda: dropped(jax.random.split(KEY, 3)),
        r"key: got shape \(3,\) of key<fry>, expected one",
    ),
    "a key that is a string": (
        lambda: perceptron.fit(**FIT | dict(key="a")),
        "key: got 'a', expected one random key",
    ),
    "no weights": (lambda: trial(params=jnp.ones(0)), "params: got .*, which holds no array"),
    "a long double for weights": (
        lambda: trial(params=np.longdouble("0.1")),
        "params: got dtype .*, expected floating point",
    ),
    "masked weights": (
        lambda: trial(params=np.ma.masked_array([1.0, 2.0], [0, 1])),
        "params: got a masked array",
    ),
    "no loss": (
        lambda: trial(loss=lambda w: None),
        "loss: returned None, expected a floating-point scalar",
    ),
    "too many classes": (
        lambda: data.label_noise(0.1, 2**40),
        "classes: got 1099511627776, expected at most",
    ),
}


@pytest.mark.parametrize(("call", "message"), FOUND.values(), ids=FOUND)
def test_found(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_found_values_that_are_right():
    assert penalties.l1(0.5).value([[1.0], jnp.ones((2, 2))]) == 2.0
    assert perceptron.predict(PerceptronParams([1.0, 1.0], -4), X.astype(np.float16)).tolist() == [
        0,
        0,
        0,
        0,
    ]
    whole = PerceptronParams(np.array([100, 100], np.int8), np.int8(0))
    assert perceptron.predict(whole, np.array([[1, 1], [-1, -1]], np.int8)).tolist() == [
        1,
        0,
    ]  # 200 is no int8
