"""Check the machine: versions, settings and trials, each as a line with advice."""

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
from fnn.doctor.library import quick_library
from fnn.doctor.trial import Outcome

SEEDS = (0, 1)  # of each canary of a fault: two draws of its sizes


class Line(NamedTuple):
    """A subject, the finding about it, and the advice ("" where there is nothing to do)."""

    subject: str
    found: str
    advice: str = ""


class Report(NamedTuple):
    """The findings of the doctor.

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
        """Return the report as plain JSON."""
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


def check_machine(canaries: Sequence[Canary] | None = None) -> Report:
    """Check versions, settings, and whether XLA computes what programs say.

    canaries  the programs to try; None, the default, for those of every known fault and of the
              library

    Returns a `Report`. Its `right` says whether fnn's own programs are right. The programs run in
    child processes, for 10 to 30 seconds.

        >>> from fnn.doctor import check_machine
        >>> check_machine().right  # doctest: +SKIP
        True
    """
    of_faults = CANARIES if canaries is None else canaries
    of_library = quick_library() if canaries is None else []
    draws = [(canary, seed) for canary in of_faults for seed in SEEDS]
    ours: list[Trial] = []
    plain: list[Trial] = []
    for canary in of_library:  # first, for they take longest
        ours.append((canary, 0, True))
    for canary, seed in draws:
        plain.append((canary, seed, False))
        if is_avoided(canary):
            ours.append((canary, seed, True))
    outcomes = attempt_all(ours + plain)
    of_ours = tuple(outcomes[: len(ours)])
    of_plain = outcomes[len(ours) :]
    exposed = tuple(outcome for outcome in of_plain if outcome.status != "right")
    lines = [*versions(), *settings()]
    lines += [line_of_fnn(of_ours), line_of_plain_jit(exposed)]
    return Report(tuple(lines), of_ours, exposed)


def is_avoided(canary: Canary) -> bool:
    """Return whether fnn's options avoid the fault of a canary, so that its program must be right.

    Where the running jaxlib does not know such an option, the canary shows the consequence.
    """
    faults = [fault for fault in compiler.FAULTS if fault.name == canary.name]
    return all(fault.option.used for fault in faults)


def versions() -> list[Line]:
    """Return lines about the installed versions and the faults that are known in them."""
    packages = ("fnn", "jax", "jaxlib", "optax", "numpy")
    names = ", ".join(installed(package) for package in packages)
    faults = ", ".join(fault.name for fault in compiler.present())
    python = platform.python_version()
    system = f"{platform.system()} {platform.machine()}"
    return [
        Line("python", f"{python} on {system}"),
        Line("versions", names),
        Line("known faults", f"of jaxlib {jaxlib.__version__}: {faults or 'none'}"),
    ]


def installed(name: str) -> str:
    """Return a package and its version; fnn itself may run from a clone that is not installed."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} (not installed)"


def settings() -> list[Line]:
    """Return lines about the settings of JAX."""
    return [line_of_devices(), line_of_precision(), line_of_random_numbers(), line_of_flags()]


def line_of_devices() -> Line:
    """Return a line about the devices that JAX computes on."""
    kinds = [device.device_kind for device in jax.devices()]
    counts = []
    for kind in dict.fromkeys(kinds):
        number = kinds.count(kind)
        counts.append(f"{number} x {kind}")
    devices = ", ".join(counts)
    cores = usable_cores()
    if jax.default_backend() == "cpu" and len(kinds) < cores:
        advice = (
            f"a sweep uses one of {cores} cores: call fnn.use_all_devices() first, or set "
            f"JAX_NUM_CPU_DEVICES={cores}"
        )
        return Line("devices", devices, advice)
    return Line("devices", devices)


def line_of_precision() -> Line:
    """Return a line about the dtype that arrays have by default."""
    if jax.config.values["jax_enable_x64"]:
        return Line("x64", "on: arrays are float64 by default")
    return Line("x64", "off: arrays are float32 by default; JAX_ENABLE_X64=1 makes them float64")


def line_of_random_numbers() -> Line:
    """Return a line about the generator of random numbers."""
    implementation = jax.config.values["jax_default_prng_impl"]
    if implementation == "threefry2x32":
        return Line("random numbers", implementation)
    advice = "fnn refuses to train, for several seeds draw alike: unset JAX_DEFAULT_PRNG_IMPL"
    return Line("random numbers", implementation, advice)


def line_of_flags() -> Line:
    """Return a line about the flags that the environment sets for XLA."""
    flags = os.environ.get("XLA_FLAGS")
    return Line("XLA_FLAGS", flags or "not set")


def line_of_fnn(trials: Sequence[Outcome]) -> Line:
    """Return a line that says whether fnn's own programs are right."""
    wrong = [outcome for outcome in trials if outcome.status != "right"]
    right = len(trials) - len(wrong)
    finding = f"{right} of {len(trials)} programs are right"
    if not wrong:
        return Line("fnn", finding)
    failures = in_words(wrong)
    advice = f"{failures}. Do not trust results of this installation: use another jaxlib"
    return Line("fnn", finding, advice)


def line_of_plain_jit(wrong: Sequence[Outcome]) -> Line:
    """Return a line that says whether a plain `jax.jit` meets known faults, with the remedy."""
    if not wrong:
        return Line("your own jax.jit", "meets none of the known faults")
    finding = f"meets known faults: {in_words(wrong)}"
    set_flags = os.environ.get("XLA_FLAGS", "")
    flags = f"{set_flags} {compiler.xla_flags()}".strip()
    advice = f'set XLA_FLAGS="{flags}" before JAX starts; fnn needs no flag'
    if compiler.NO_ALGEBRAIC_SIMPLIFIER.flag in flags:
        advice += ". Without algsimp XLA may crash on long programs: leave it out if yours do"
    return Line("your own jax.jit", finding, advice)


def in_words(outcomes: Sequence[Outcome]) -> str:
    """Return the failures, each canary once."""
    by_name = {outcome.name: outcome for outcome in outcomes}
    failures = []
    for name, outcome in by_name.items():
        failure = f"{outcome.status} {outcome.detail}".rstrip()
        failures.append(f"{name} ({failure})")
    return "; ".join(failures)
