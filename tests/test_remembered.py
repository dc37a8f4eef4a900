"""Equal arguments make one object; whatever may change makes another."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn import activations, initializers, layers, losses, optim, penalties
from fnn.remembered import remembered
from tests.problems import blobs

CE = losses.softmax_cross_entropy
D = blobs()

LAYERS = {  # of 3 features each
    "dense": lambda: layers.dense(3, 4),
    "activation": lambda: layers.activation("relu"),
    "batch_norm": lambda: layers.batch_norm(3, momentum=0.8),
    "dropout": lambda: layers.dropout(0.5),
    "padded": lambda: layers.padded(3, layers.MaskedWidth(2, 8)),
    "serial": lambda: layers.serial(layers.dense(3, 4), layers.activation("relu")),
    "graph": lambda: layers.graph({"x": 3}, {"y": (("x",), "tanh", 3)}, ("y",)),
    "repeat": lambda: layers.repeat(layers.dense(3, 3), 4),
}
MAKERS = LAYERS | {
    "adam": lambda: optim.adam(1e-2),
    "adamw": lambda: optim.adamw(1e-2, weight_decay=0.1),
    "clip": lambda: optim.clip_by_global_norm(1.0),
    "mlp": lambda: fnn.mlp((3, 8, 3), batch_norm="before", dropout=0.2, activation=["tanh"]),
    "mlp with an activation": lambda: fnn.mlp((3, 8, 3), activation=activations.make_elu(0.5)),
    "mlp with an initializer": lambda: fnn.mlp((3, 8, 3), init=initializers.normal(0.1)),
    "mlp of a masked width": lambda: fnn.mlp((3, layers.MaskedWidth(2, 8), 3)),
    "huber": lambda: losses.huber(0.5),
    "smoothed": lambda: losses.smoothed(CE, 0.1),
    "penalized": lambda: penalties.penalized(CE, penalties.l2(0.1)),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_equal_arguments_make_equal_objects(make):
    assert make() == make()
    assert hash(make()) == hash(make())


@pytest.mark.every(1)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_is_made_while_tracing_holds_no_tracer(make):
    made = jax.jit(lambda x: (make(), x)[1]) and make
    kept = []
    jax.eval_shape(lambda x: kept.append(make()) or x, 1.0)
    assert kept[0] == made()
    with jax.check_tracer_leaks():
        if isinstance(kept[0], fnn.Layer):
            kept[0].init(jax.random.key(0))


def test_positions_names_and_defaults_are_the_same_arguments():
    assert optim.adam(1e-2) is optim.adam(learning_rate=1e-2, b1=0.9)
    assert fnn.mlp([3, 8, 3]) is fnn.mlp(sizes=[3, 8, 3])


def test_1_and_1_0_and_true_are_different_arguments():
    @remembered
    def made(value):
        return [value]

    values = [1, 1.0, True, "1", (1,), (1.0,), [1], {"a": 1}, {"a": 1.0}, 0.0, -0.0, None]
    found = [made(value) for value in values]
    assert len({id(each) for each in found}) == len(values)
    assert all(made(value) is each for value, each in zip(values, found, strict=True))


@pytest.mark.parametrize(
    "value",
    [np.ones(2), jnp.ones(()), lambda x: x, object(), np.float32(1)],
    ids=["NumPy", "JAX", "function", "object", "NumPy scalar"],
)
def test_what_may_change_makes_another_object(value):
    @remembered
    def made(value):
        return [value]

    assert made(value) is not made(value)


def test_a_schedule_that_reads_a_global_is_read_again():
    rates = []

    def schedule(count):
        rates.append(count)
        return 0.1

    assert optim.sgd(schedule) is not optim.sgd(schedule)


def test_wrong_arguments_are_refused_as_before():
    with pytest.raises(TypeError, match="unexpected keyword"):
        optim.adam(1e-2, beta=0.9)
    for _ in range(2):
        with pytest.raises(ValueError, match="learning_rate"):
            optim.adam(-1.0)


# ----------------------------------------------------------------------------- compiled once


@pytest.fixture(scope="module")
def after_a_training():
    """The first training of a process also asks, by tiny programs, which options XLA knows."""
    fnn.train(fnn.mlp((3, 3)), CE, optim.sgd(0.1), D, epochs=1, batch_size=42, progress=False)


@pytest.fixture
def compiled(after_a_training, monkeypatch):
    """How many programs are compiled ahead of time."""
    seen, compile_lowered = [], jax.stages.Lowered.compile

    def counted(lowered, *arguments):
        seen.append(1)
        return compile_lowered(lowered, *arguments)

    monkeypatch.setattr(jax.stages.Lowered, "compile", counted)
    return seen


def own_layer():
    """A layer of a user's, made of functions that are new each time."""
    return layers.dense(3, 3)._replace(
        forward=lambda params, state, x, *, key, train: (params.W @ x, state, x)
    )


FOLDS = {
    "fnn's": lambda: (fnn.mlp((3, 5, 3)), CE, optim.adam(1e-2)),
    "optax's": lambda: (fnn.mlp((3, 6, 3)), CE, optax.adam(1e-2)),
    "a chain": lambda: (
        fnn.mlp((3, 7, 3)),
        CE,
        optax.chain(optax.clip(1.0), optax.sgd(optax.cosine_decay_schedule(0.1, 10))),
    ),
    "a user's": lambda: (
        own_layer(),
        CE._replace(forward=lambda p, t: CE.forward(p, t)),
        optim.sgd(0.1),
    ),
}


@pytest.mark.every(1)
@pytest.mark.parametrize("parts", FOLDS.values(), ids=FOLDS)
def test_five_folds_compile_once(parts, compiled):
    runs = [
        fnn.train(*parts(), D, epochs=1, batch_size=9, seed=fold, progress=False)
        for fold in range(5)
    ]
    assert len(compiled) == 2  # the beginning and the advancing of a run
    assert len({float(run.history["train_loss"][0]) for run in runs}) == 5


@pytest.mark.slow
def test_builders_that_are_written_in_the_call_compile_once(compiled):
    for fold in range(3):
        fnn.sweep(
            lambda hyper: (fnn.mlp((3, 9, 3)), CE, optim.sgd(hyper["rate"])),
            D,
            epochs=1,
            batch_size=9,
            seeds=[fold, 8],
            hyper={"rate": [0.1]},
            progress=False,
        )
    assert len(compiled) == 2


@pytest.mark.slow
def test_programs_that_differ_in_a_number_are_both_compiled(compiled):
    def trained(rate):
        optimizer = optax.sgd(rate)
        return fnn.train(
            fnn.mlp((3, 4, 3)), CE, optimizer, D, epochs=1, batch_size=9, progress=False
        )

    one, other = trained(0.1), trained(np.nextafter(np.float32(0.1), 1))
    assert len(compiled) == 4
    assert not np.array_equal(one.params[0].W, other.params[0].W)


def test_programs_that_call_python_are_not_taken_for_equal():
    """What a callback does is not in the text of a program."""

    def trained(factor):
        def forward(prediction, target):
            scale = jax.pure_callback(
                lambda: np.float32(factor), jax.ShapeDtypeStruct((), jnp.float32)
            )
            return scale * CE.forward(prediction, target)

        loss = CE._replace(forward=forward)
        return fnn.train(
            fnn.mlp((3, 3)), loss, optim.sgd(0.1), D, epochs=1, batch_size=42, progress=False
        )

    one, other = trained(1.0), trained(2.0)
    ratio = other.history["train_loss"][0] / one.history["train_loss"][0]
    assert ratio == pytest.approx(2.0)


def test_states_of_other_types_are_not_taken_for_equal():
    """Two optimizers of one program, with states of other names: each run has its own."""

    class Renamed(tuple):
        __slots__ = ()

    jax.tree_util.register_pytree_node(Renamed, lambda s: (list(s), None), lambda _, c: Renamed(c))
    plain = optax.GradientTransformation(
        lambda params: (jnp.zeros(()),), lambda grads, state, params=None: (grads, state)
    )
    renamed = optax.GradientTransformation(
        lambda params: Renamed((jnp.zeros(()),)), lambda grads, state, params=None: (grads, state)
    )
    train = functools.partial(
        fnn.train, fnn.mlp((3, 3)), CE, dataset=D, epochs=1, batch_size=42, progress=False
    )
    assert type(train(plain).optimizer_state) is tuple
    assert type(train(renamed).optimizer_state) is Renamed
