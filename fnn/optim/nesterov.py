"""Nesterov's accelerated gradient."""

from typing import Literal, NamedTuple

import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.learning_rate import Count, LearningRate
from fnn.optim.shown import shown
from fnn.types import Params


class NesterovState(NamedTuple):
    """Updates so far, and v."""

    steps: Count
    velocity: Params


@shown
def nesterov(
    learning_rate: LearningRate,
    *,
    decay: float = 0.9,
    form: Literal["library", "lookahead"] = "library",
) -> optax.GradientTransformation:
    """The velocity is applied before the gradient is taken. v₀ = 0; no epsilon; α is `decay`.

    "library"    v ← α v + g,  θ̃ ← θ̃ − η (g + α v)
    "lookahead"  as Piccoli prints it: g at θ̃ = θ + α v,  v ← α v − η g,  θ ← θ + v

    An optimizer sees the gradient at the parameters that the caller holds, so in both forms those
    are the lookahead point θ̃, and `lookahead_origin` gives the document's θ back. At a constant η
    the two forms make the same sequence (X6); under a schedule they differ as library and classical
    momentum do. Nesterov 1983, Sutskever et al. 2013; claims 3.9, X6. Deviations: what is held is
    θ̃.
    """
    rate.check(learning_rate)
    checks.fraction("decay", decay)
    step = checks.lookup("form", form, {"library": _library, "lookahead": _lookahead})

    def init(params):
        return NesterovState(rate.start(params), tree.zeros_like(params))

    def update(grads, state, params=None):
        checks.gradients(grads, state.velocity)
        eta = rate.at(learning_rate, state.steps)
        updates, velocity = step(decay, eta, state.velocity, grads)
        return updates, NesterovState(optax.safe_increment(state.steps), velocity)

    return optax.GradientTransformation(init, update)


def _library(alpha, eta, v, g):
    v = tree.accumulate(alpha, v, g)
    return tree.scale(-eta, tree.accumulate(alpha, v, g)), v


def _lookahead(alpha, eta, v, g):
    """θ̃' − θ̃ = (θ + v' + α v') − (θ + α v) = v' + α (v' − v)"""
    new_v = tree.accumulate(alpha, v, tree.scale(-eta, g))
    updates = tree.accumulate(alpha, tree.add(new_v, tree.scale(-1, v)), new_v)
    return updates, new_v


def lookahead_origin(params: Params, state: NesterovState, *, decay: float = 0.9) -> Params:
    """The document's θ = θ̃ − α v, from the parameters and state of `nesterov(form="lookahead")`."""
    checks.fraction("decay", decay)
    checks.instance(
        "state", state, isinstance(state, NesterovState), "the NesterovState of fnn.optim.nesterov"
    )
    return tree.add(params, tree.scale(-decay, state.velocity))
