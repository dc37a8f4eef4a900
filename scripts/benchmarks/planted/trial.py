"""A trial: one draw put before every contender."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from planted.backward import gradient
from planted.catalogue import FAULTS, Draw
from planted.contenders import RIVALS, Answer, ours
from planted.fault import is_silent

OURS = "fnn"
CONTENDERS = (OURS, *RIVALS)


class Trial(NamedTuple):
    """The answers of all contenders to one draw.

    silent  whether the fault changes nothing at this point; then nobody is asked
    """

    fault: str
    network: str
    condition: str
    scale: float
    seed: int
    silent: bool
    answers: dict[str, Answer]


def put(draw: Draw, rivals: bool = True) -> Trial:
    """Ask fnn and, if wanted, the rivals, unless the fault changes nothing at this point."""
    case = draw.case
    fault = FAULTS[draw.fault] if draw.fault >= 0 else None
    trial = Trial(
        fault=fault.name if fault else "",
        network=str(case.network),
        condition=draw.condition,
        scale=case.scale,
        seed=case.seed,
        silent=False,
        answers={},
    )
    if fault is not None and changes_nothing(draw):
        return trial._replace(silent=True)
    is_narrow = fault is not None and fault.causes == {"precision loss"}
    # By default code in float32 is judged by float32's precision.
    dtype = "float64" if is_narrow else None
    contenders: dict[str, Callable] = {OURS: partial(ours, dtype=dtype, manner=draw.manner)}
    if rivals:
        contenders |= RIVALS
    for name, contender in contenders.items():
        if name == "jax f32" and fault is not None and fault.only_in_float64:
            continue
        if name != OURS and draw.manner.startswith("float32"):  # the rivals expect float64
            continue
        gradient_of = fault.plant(case) if fault else partial(gradient, case)
        trial.answers[name] = contender(case, gradient_of)
    return trial


def changes_nothing(draw: Draw) -> bool:
    """Return whether the faulty gradient equals the right one."""
    case = draw.case
    faulty_gradient = FAULTS[draw.fault].plant(case)
    with jax.enable_x64(True):
        params = case.params
        if case.network.gradient_in != "numpy":
            params = jax.tree.map(jnp.asarray, params)
        right = gradient(case, params, case.key)
        faulty = faulty_gradient(params, case.key)
        return is_silent(right, faulty)
