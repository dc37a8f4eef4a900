"""What the doctor says: versions, settings and trials, each a line with what to do about it."""

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import jax
import jaxlib

from fnn import compiler
from fnn.devices import usable_cores
from fnn.doctor.canaries import CANARIES, Canary
from fnn.doctor.children import Trial, attempt_all
from fnn.doctor.library import soon_tried
from fnn.doctor.trial import Outcome

SEEDS = (0, 1)  # of each canary of a fault: two draws of its sizes


class Line(NamedTuple):
    """A subject, what was found, and what to do about it ("" where there is nothing to do)."""

    subject: str
    found: str
    advice: str = ""


class Report(NamedTuple):
    """What the doctor found.

    lines    in the order in which they are printed
    trials   of programs compiled as fnn compiles its own
    exposed  trials, compiled by a plain `jax.jit`, that went wrong
    """

    lines: tuple[Line, ...]
    trials: tuple[Outcome, ...]
    exposed: tuple[Outcome, ...]

    @property
    def right(self) -> bool:
        """Tell whether every program that was compiled as fnn's are is right."""
        return all(outcome.status == "right" for outcome in self.trials)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "right": self.right,
            "lines": [line._asdict() for line in self.lines],
            "trials": [outcome._asdict() for outcome in self.trials],
            "exposed": [outcome._asdict() for outcome in self.exposed],
        }

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    def __str__(self) -> str:
        width = max(len(line.subject) for line in self.lines)
        text = []
        for line in self.lines:
            text.append(f"{line.subject:<{width}}  {line.found}")
            if line.advice:
                text.append(f"{'':<{width}}  → {line.advice}")
        return "\n".join(text)


def examine(canaries: Sequence[Canary] | None = None) -> Report:
    """Look at this machine: versions and settings, and whether XLA computes what programs say.

    canaries  what is tried; None for those of every known fault and of the library
    """
    of_faults = list(CANARIES if canaries is None else canaries)
    of_library = soon_tried() if canaries is None else []
    drawn = [(canary, seed) for canary in of_faults for seed in SEEDS]
    ours: list[Trial] = [(canary, 0, True) for canary in of_library]  # which take longest
    ours += [(canary, seed, True) for canary, seed in drawn if is_avoided(canary)]
    plain: list[Trial] = [(canary, seed, False) for canary, seed in drawn]
    outcomes = attempt_all(ours + plain)
    trials = tuple(outcomes[: len(ours)])
    exposed = tuple(each for each in outcomes[len(ours) :] if each.status != "right")
    lines = (*versions(), *settings(), verdict(trials), exposure(exposed))
    return Report(lines, trials, exposed)


def is_avoided(canary: Canary) -> bool:
    """Return whether fnn's programs are to be right about a canary, with the options they use.

    Where the running jaxlib does not know such an option, the canary shows what that costs.
    """
    faults = [fault for fault in compiler.FAULTS if fault.name == canary.name]
    return all(fault.option.used for fault in faults)


def versions() -> list[Line]:
    """Say what is installed."""
    names = [installed(name) for name in ("fnn", "jax", "jaxlib", "optax", "numpy")]
    present = [fault.name for fault in compiler.present()]
    known = ", ".join(present) if present else "none"
    return [
        Line("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Line("versions", ", ".join(names)),
        Line("known faults", f"of jaxlib {jaxlib.__version__}: {known}"),
    ]


def installed(name: str) -> str:
    """Return a package and its version; fnn itself may run from a clone that is not installed."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} (not installed)"


def settings() -> list[Line]:
    """Say what JAX is set to."""
    return [devices(), precision(), generator(), flags()]


def devices() -> Line:
    """Say what JAX computes on."""
    kinds = [device.device_kind for device in jax.devices()]
    found = ", ".join(f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds))
    cores = usable_cores()
    if jax.default_backend() == "cpu" and len(kinds) < cores:
        return Line(
            "devices",
            found,
            f"a sweep uses one of {cores} cores: call fnn.use_all_devices() first, or set "
            f"JAX_NUM_CPU_DEVICES={cores}",
        )
    return Line("devices", found)


def precision() -> Line:
    """Say which floating-point numbers arrays have by default."""
    if jax.config.values["jax_enable_x64"]:
        return Line("x64", "on: arrays are float64 by default")
    return Line("x64", "off: arrays are float32 by default; JAX_ENABLE_X64=1 makes them float64")


def generator() -> Line:
    """Say how random numbers are drawn."""
    found = jax.config.values["jax_default_prng_impl"]
    if found == "threefry2x32":
        return Line("random numbers", found)
    advice = "fnn refuses to train, for several seeds draw alike: unset JAX_DEFAULT_PRNG_IMPL"
    return Line("random numbers", found, advice)


def flags() -> Line:
    """Say what XLA is told by the environment."""
    return Line("XLA_FLAGS", os.environ.get("XLA_FLAGS") or "not set")


def verdict(trials: Sequence[Outcome]) -> Line:
    """Say whether fnn's own programs are right."""
    wrong = [outcome for outcome in trials if outcome.status != "right"]
    right = len(trials) - len(wrong)
    found = f"{right} of {len(trials)} programs are right"
    if not wrong:
        return Line("fnn", found)
    advice = f"{told(wrong)}. Do not trust results of this installation: use another jaxlib"
    return Line("fnn", found, advice)


def exposure(wrong: Sequence[Outcome]) -> Line:
    """Say whether a user's own `jax.jit` meets a known fault, and what avoids that."""
    if not wrong:
        return Line("your own jax.jit", "meets none of the known faults")
    found = f"meets known faults: {told(wrong)}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {compiler.xla_flags()}".strip()
    advice = f'set XLA_FLAGS="{flags}" before JAX starts; fnn needs no flag'
    if compiler.NO_ALGEBRAIC_SIMPLIFIER.flag in flags:
        advice += ". Without algsimp XLA may crash on long programs: leave it out if yours do"
    return Line("your own jax.jit", found, advice)


def told(outcomes: Sequence[Outcome]) -> str:
    """Return what went wrong, each canary once."""
    by_name = {outcome.name: outcome for outcome in outcomes}
    return "; ".join(
        f"{name} ({outcome.status}{' ' * bool(outcome.detail)}{outcome.detail})"
        for name, outcome in by_name.items()
    )
