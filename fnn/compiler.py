"""Compile programs under options with which XLA computes what they say.

XLA has faults: programs that are compiled without a word and return wrong numbers, or crash.
`FAULTS` is the list of those that were found on the CPU, each with the jaxlib that has it, what
goes wrong, and the compiler option that avoids it. `jit` is `jax.jit` under these options, and
everything that fnn compiles goes through it. `python -m fnn doctor` runs a canary for each fault.

A program of the user's own is compiled by `jax.jit` without these options. `xla_flags` is what
avoids the same faults there, in the environment variable XLA_FLAGS.
"""

import os
import warnings
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, NamedTuple

import jax
import jaxlib
import numpy as np
from jax import lax


class Option(NamedTuple):
    """A compiler option.

    name, value  as `jax.jit` takes them
    flag         as the environment variable XLA_FLAGS does
    used         whether fnn's programs get it; those that do not must lack what the option avoids
    """

    name: str
    value: str | bool | int
    flag: str
    used: bool = True


class Fault(NamedTuple):
    """A fault of XLA on the CPU.

    name    of its canary in `fnn.doctor`
    since   the first jaxlib in which it was seen; those before 0.10.1 were not tried
    until   the first jaxlib in which it is right again; None where the newest still has it
    wrong   what is computed wrongly
    option  avoids it
    source  public reports of it
    """

    name: str
    since: tuple[int, ...]
    until: tuple[int, ...] | None
    wrong: str
    option: Option
    source: str

    def is_in(self, jaxlib_version: tuple[int, ...]) -> bool:
        """Return whether a jaxlib has the fault."""
        return self.since <= jaxlib_version and (self.until is None or jaxlib_version < self.until)


NO_YNN_REDUCTIONS = Option(
    "xla_cpu_experimental_ynn_fusion_type",
    "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT",
    "--xla_cpu_experimental_ynn_fusion_type=-reduce",
)
"""Keep reductions away from YNNPACK, a library of kernels, and leave it the products."""

NO_ALGEBRAIC_SIMPLIFIER = Option(
    "xla_disable_hlo_passes", "algsimp", "--xla_disable_hlo_passes=algsimp", used=False
)
"""Skip the pass that rewrites operations by algebraic rules. fnn's programs keep it: without it a
sweep compiles a fifth longer, jaxlib 0.10.2 ends the process with some programs of 25 operations,
and a test shows that fnn's lack what the pass gets wrong."""

IN_ORDER = Option(
    "xla_cpu_enable_concurrency_optimized_scheduler",
    False,
    "--xla_cpu_enable_concurrency_optimized_scheduler=false",
)
"""Run the operations of a step one after the other. XLA would run them side by side where it can,
which for small ones costs more than it saves: the other cores have work of their own."""

FAST_COMPILING = Option("xla_backend_optimization_level", 1, "--xla_backend_optimization_level=1")
"""Let LLVM do the first of its three levels of optimizations: 15 to 25% less compiling, and runs
that take no longer, for XLA has optimized the operations before."""

FAULTS = (
    Fault(
        "blocked reduction",
        since=(0, 10, 2),
        until=(0, 11, 0),
        wrong="a reduction over few rows of a product, of more than 10,000 numbers",
        option=NO_YNN_REDUCTIONS,
        source="jax-ml/jax#39103",
    ),
    Fault(
        "broadcast product",
        since=(0, 10, 2),
        until=None,
        wrong="a sum over a product with a broadcast number, under vmap",
        option=NO_YNN_REDUCTIONS,
        source="found here; no public report is known",
    ),
    Fault(
        "dilated window",
        since=(0, 10, 2),
        until=None,
        wrong="a reduction over windows of an array with holes",
        option=NO_YNN_REDUCTIONS,
        source="openxla/xla#48714",
    ),
    Fault(
        "shifted update",
        since=(0, 10, 1),
        until=None,
        wrong="an array that is updated by a shifted part of itself, and reshaped",
        option=NO_ALGEBRAIC_SIMPLIFIER,
        source="openxla/xla#49176",
    ),
    Fault(
        "nested slices",
        since=(0, 10, 1),
        until=(0, 12, 0),
        wrong="a slice of a slice whose start lies outside the array",
        option=NO_ALGEBRAIC_SIMPLIFIER,
        source="openxla/xla#49121",
    ),
    Fault(
        "many axes",
        since=(0, 10, 2),
        until=(0, 11, 1),
        wrong="a product and a reduction of arrays with seven axes: the process crashes",
        option=NO_YNN_REDUCTIONS,
        source="jax-ml/jax#39257, jax-ml/jax#40412",
    ),
)


def jit(function: Callable, **arguments: Any) -> "Jitted":
    """Compile a function as `jax.jit(function, **arguments)` does, under `options()`.

    Nothing is compiled, and no device is touched, before the first call. A call from within a
    function that is being jitted becomes a part of that program, whose options hold.
    """
    return Jitted(function, arguments)


class Jitted:
    """A function that is compiled under `options()`, with the methods of what `jax.jit` returns."""

    def __init__(self, function: Callable, arguments: dict[str, Any]) -> None:
        self.function = function
        self.arguments = arguments

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the program of its own, or from within another one its part."""
        if is_within_jit():
            return self.nested(*args, **kwargs)
        try:
            return self.outermost(*args, **kwargs)
        except ValueError as error:  # some versions of JAX differentiate no program with options
            if "can only be passed to top-level" not in str(error):
                raise
            return self.nested(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # of Python, which asks before there is anything to ask
            raise AttributeError(name)
        return getattr(self.outermost, name)

    @cached_property
    def outermost(self) -> Any:
        """Hold the program of its own, under the options."""
        return jax.jit(self.function, compiler_options=options(), **self.arguments)

    @cached_property
    def nested(self) -> Any:
        """Hold the part of another program: JAX refuses options there."""
        return jax.jit(self.function, **self.arguments)


def scan(body: Callable, carry: Any, arrays: Any, **arguments: Any) -> Any:
    """Compute `lax.scan(body, carry, arrays, **arguments)`, compiled under `options()`.

    `lax.scan` compiles its body even outside of any `jax.jit`, and then without options.
    """
    if is_within_jit():
        return lax.scan(body, carry, arrays, **arguments)
    program = jit(lambda carry, arrays: lax.scan(body, carry, arrays, **arguments))
    return program(carry, arrays)


def is_within_jit() -> bool:
    """Return whether a program is being traced: even an operation without inputs is traced then.

    What was found outside of one is remembered, for the operation takes 20 to 30 microseconds.
    """
    from jax.extend.core import get_opaque_trace_state  # `import fnn` loads nothing that can wait

    state = get_opaque_trace_state()
    if OUTSIDE and state == OUTSIDE[0]:
        return False
    within = isinstance(lax.iota(np.int32, 1), jax.core.Tracer)
    if not within:
        OUTSIDE[:] = [state]
    return within


OUTSIDE: list[Any] = []
"""The last state of JAX in which no program was being traced."""


@cache
def options_to_compile_fast() -> dict[str, str | bool | int]:
    """Return FAST_COMPILING for `Lowered.compile`; nothing where XLA_FLAGS sets a level itself."""
    if FAST_COMPILING.name in os.environ.get("XLA_FLAGS", "") or not is_known(FAST_COMPILING):
        return {}
    return {FAST_COMPILING.name: FAST_COMPILING.value}


@cache
def options() -> dict[str, str | bool | int]:
    """Return the options of `jax.jit` for fnn's programs, as far as this jaxlib knows them.

    Warns where an option that avoids a fault of this jaxlib is unknown to it.
    """
    found: dict[str, str | bool | int] = (
        {IN_ORDER.name: IN_ORDER.value} if is_known(IN_ORDER) else {}
    )
    for fault in present():
        if not fault.option.used:
            continue
        if is_known(fault.option):
            found[fault.option.name] = fault.option.value
        else:
            warnings.warn(
                f"jaxlib {jaxlib.__version__} does not know the option {fault.option.name}, which "
                f"avoids a known fault ({fault.name}). Run `python -m fnn doctor`: it says whether "
                "fnn's numbers are right here.",
                stacklevel=2,
            )
    return found


def present() -> list[Fault]:
    """Return the faults of the running jaxlib."""
    return [fault for fault in FAULTS if fault.is_in(version())]


def xla_flags() -> str:
    """Return the value of XLA_FLAGS that avoids the faults of the running jaxlib everywhere."""
    return " ".join(dict.fromkeys(fault.option.flag for fault in present()))


def version() -> tuple[int, ...]:
    """Return the version of the running jaxlib as numbers: "0.12.0.1" is (0, 12, 0, 1)."""
    numbers = jaxlib.__version__.split(".")
    return tuple(int(number) for number in numbers if number.isdigit())


@cache
def is_known(option: Option) -> bool:
    """Return whether the running jaxlib takes an option, by compiling the smallest program."""
    smallest = jax.jit(lambda x: x, compiler_options={option.name: option.value})
    try:
        smallest.lower(0.0).compile()
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" in str(error) or "not a valid" in str(error):
            return False
        raise
    return True
