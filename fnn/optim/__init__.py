"""Optimizers, one file each, all `optax.GradientTransformation`s.

update(grads, state, params) -> (updates, state), and params + updates are the new parameters. They
compose with `optax.chain`, `optax.masked` and the rest, and a learning rate is a number, a traced
array or an optax schedule. In the docstrings g is the gradient, θ the parameters, η the learning
rate, t = 1, 2, … the update.
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
