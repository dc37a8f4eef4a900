"""Optimizers, one file each. All are `optax.GradientTransformation`s.

Gradients, a state and parameters flow in; updates and a new state flow out:

    update(grads, state, params) -> (updates, state)
    params + updates             =  the new parameters

They compose with `optax.chain`, `optax.masked` and the rest. A learning rate is a number, a traced
array or an optax schedule. In the docstrings g is the gradient, θ the parameters, η the learning
rate, and t = 1, 2, … the number of the update.

    sgd            θ ← θ − η g; read it first, all others have its shape
    momentum       a velocity, in the three conventions of the documents
    nesterov       a velocity that is applied before the gradient is taken
    adagrad        a rate for each parameter that only falls
    rmsprop        the gradient over its running root mean square
    adadelta       the same, with steps in the units of the parameters
    adam, adamw    running means of g and g²; with weight decay
    clip           clipping, chained before an optimizer
    evaluation     the parameters at which the network of an optimizer is evaluated
    learning_rate  a number, a traced array or a schedule, checked and read
    factory        the decorator of all of them: repr, equal arguments, extra arguments

A new optimizer is a file like sgd.py, a name in the lists below, and an independent recurrence in
tests/optim/recurrences.py. Arithmetic on parameters is in `fnn.tree`.
"""

from fnn.optim.adadelta import AdadeltaState, adadelta
from fnn.optim.adagrad import AdagradState, adagrad
from fnn.optim.adam import AdamState, adam
from fnn.optim.adamw import adamw
from fnn.optim.clip import clip_by_global_norm, clip_by_value
from fnn.optim.evaluation import evaluated_at, evaluation_params
from fnn.optim.learning_rate import LearningRate
from fnn.optim.momentum import MomentumState, momentum
from fnn.optim.nesterov import NesterovState, lookahead_origin, nesterov
from fnn.optim.rmsprop import RMSPropState, rmsprop
from fnn.optim.sgd import SGDState, sgd

__all__ = [
    "AdadeltaState",
    "AdagradState",
    "AdamState",
    "LearningRate",
    "MomentumState",
    "NesterovState",
    "RMSPropState",
    "SGDState",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "clip_by_global_norm",
    "clip_by_value",
    "evaluated_at",
    "evaluation_params",
    "lookahead_origin",
    "momentum",
    "nesterov",
    "rmsprop",
    "sgd",
]
