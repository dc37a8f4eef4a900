"""A user's file, for type checkers: mypy reads it in scripts/test, pyright in a test.

It is never run.
"""

import jax
import numpy as np
import optax

import fnn
from fnn import data, export, figures, initializers, layers, losses, optim, penalties

digits = data.load("digits")
net: fnn.Layer = fnn.mlp((64, 32, 10), activation=("relu",), init="he", dropout=0.1)
params, state = net.init(jax.random.key(0))
logits: jax.Array = fnn.apply(net, params, digits.test.x, state=state)
loss: fnn.Loss = penalties.penalized(losses.huber(delta=0.5), penalties.l2(1e-4))
rule: optax.GradientTransformation = optax.chain(optim.clip_by_global_norm(1.0), optim.adam(1e-3))
run: fnn.Run = fnn.train(
    net, losses.softmax_cross_entropy, rule, digits, epochs=2, batch_size=64, patience=3
)
final: float = run.final("test_accuracy")


def build(hyper: dict[str, float]) -> tuple[fnn.Layer, fnn.Loss, optax.GradientTransformation]:
    """Return the parts of a run."""
    return net, losses.softmax_cross_entropy, optim.adam(hyper["learning_rate"])


sweep: fnn.Sweep = fnn.sweep(
    build, digits, hyper={"learning_rate": [1e-3, 1e-2]}, seeds=range(4), epochs=2, batch_size=64
)
print(sweep.summary(), sweep.best(), sweep.run(0, seed=1).params)
history: np.ndarray = sweep.history["test_accuracy"]
figures.curves(sweep, "validation_loss").savefig("curves.png")
report = fnn.check_gradient(lambda w: (w**2).sum(), lambda w: 2 * w, np.ones(3))
passed: bool = report.passed
step = fnn.train_step(net, losses.softmax_cross_entropy, optim.sgd(0.1))
training = step.init(jax.random.key(0))
training, metrics = step.update(training, digits.train.x[:8], digits.train.y[:8])
export.to_npz("net.npz", params, state)
block = layers.serial(layers.dense(2, 3, init=initializers.orthogonal), layers.activation("tanh"))
race: fnn.Race = fnn.race(
    build,
    digits,
    hyper={"learning_rate": [0.1]},
    guarantee="rung",
    seeds=range(4),
    epochs=8,
    batch_size=64,
)
