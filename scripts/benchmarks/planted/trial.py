"""One draw put before every contender."""

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
    """What each contender answered (an objection, None where it could not be asked or abstained),
    and our cause.
    """

    fault: str
    network: str
    condition: str
    scale: float
    seed: int
    silent: bool
    answers: dict[str, Answer]


def put(draw: Draw, rivals: bool = True) -> Trial:
    """Asks fnn and, if wanted, the rivals, unless the fault changes nothing at this point."""
    case = draw.case
    fault = FAULTS[draw.fault] if draw.fault >= 0 else None
    trial = Trial(
        fault.name if fault else "",
        str(case.network),
        draw.condition,
        case.scale,
        case.seed,
        False,
        {},
    )
    if fault is not None and changes_nothing(draw):
        return trial._replace(silent=True)
    is_narrow = fault is not None and fault.causes == {"precision loss"}
    # by default float32 code is judged as such
    strict = partial(ours, dtype="float64" if is_narrow else None, manner=draw.manner)
    contenders: dict[str, Callable] = {OURS: strict} | (RIVALS if rivals else {})
    for name, contender in contenders.items():
        if name == "jax f32" and fault is not None and fault.only_in_float64:
            continue
        if name != OURS and draw.manner.startswith("float32"):  # which they are not made for
            continue
        gradient_of = fault.plant(case) if fault else partial(gradient, case)
        trial.answers[name] = contender(case, gradient_of)
    return trial


def changes_nothing(draw: Draw) -> bool:
    """Whether the faulty gradient equals the right one."""
    case = draw.case
    with jax.enable_x64(True):
        numpy = case.network.gradient_in == "numpy"
        params = case.params if numpy else jax.tree.map(jnp.asarray, case.params)
        return is_silent(
            gradient(case, params, case.key), FAULTS[draw.fault].plant(case)(params, case.key)
        )
