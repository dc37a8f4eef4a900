"""Compile programs under options with which XLA computes what was written.

XLA has faults: it compiles some programs without a warning, and they return wrong numbers or crash.
`FAULTS` lists those that were found on the CPU. Each entry has the versions of jaxlib with the
fault, the programs that it spoils, and the compiler option that avoids it. `jit` is `jax.jit` under
these options, and everything that fnn compiles goes through it. `python -m fnn doctor` runs a
canary for each fault.

A plain `jax.jit` of the user has no such options. The environment variable XLA_FLAGS protects it
too: `xla_flags` returns the value.
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
    flag         as the environment variable XLA_FLAGS takes it
    used         whether fnn's programs are compiled with it; if not, they must not contain the
                 operations that the fault spoils
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
    wrong   the programs that are computed wrongly
    option  the compiler option that avoids it
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
        if jaxlib_version < self.since:
            return False
        return self.until is None or jaxlib_version < self.until


NO_YNN_REDUCTIONS = Option(
    "xla_cpu_experimental_ynn_fusion_type",
    "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT",
    "--xla_cpu_experimental_ynn_fusion_type=-reduce",
)
"""Keeps reductions away from YNNPACK, a library of kernels, and leaves it the products."""

NO_ALGEBRAIC_SIMPLIFIER = Option(
    "xla_disable_hlo_passes", "algsimp", "--xla_disable_hlo_passes=algsimp", used=False
)
"""Skips the pass that rewrites operations by algebraic rules. fnn's programs keep the pass: without
it a sweep compiles a fifth longer, and jaxlib 0.10.2 crashes on some programs of 25 operations. A
test shows that fnn's programs do not contain the operations that the pass gets wrong."""

IN_ORDER = Option(
    "xla_cpu_enable_concurrency_optimized_scheduler",
    False,
    "--xla_cpu_enable_concurrency_optimized_scheduler=false",
)
"""Runs the operations of a step one after the other. XLA would run them side by side where it can.
For small operations that costs more than it saves, since the other cores have runs to compute."""

FAST_COMPILING = Option("xla_backend_optimization_level", 1, "--xla_backend_optimization_level=1")
"""Limits LLVM to the first of its three levels of optimizations. Compiling takes 15 to 25% less
time, and runs take no longer, because XLA has optimized the operations before."""

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
        source="found in fnn; no public report is known",
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
    """Return a function that is compiled as `jax.jit(function, **arguments)`, under `options()`.

    function   a JAX function
    arguments  as `jax.jit` takes them, such as static_argnums

    Nothing is compiled, and no device is used, before the first call. A call inside another jitted
    function becomes a part of that program and is compiled under its options.

        >>> from fnn import compiler
        >>> double = compiler.jit(lambda x: 2 * x)
        >>> float(double(3.0))
        6.0
    """
    return Jitted(function, arguments)


class Jitted:
    """A function compiled under `options()`, with the methods that a function of `jax.jit` has."""

    def __init__(self, function: Callable, arguments: dict[str, Any]) -> None:
        self.function = function
        self.arguments = arguments

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function: as a program, or inside another program as a part of it."""
        if is_within_jit():
            return self.nested(*args, **kwargs)
        try:
            return self.outermost(*args, **kwargs)
        except ValueError as error:  # some versions of JAX differentiate no program with options
            is_about_options = "can only be passed to top-level" in str(error)
            if not is_about_options:
                raise
            return self.nested(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python looks these up before `function` is set, as when copying
            raise AttributeError(name)
        return getattr(self.outermost, name)

    @cached_property
    def outermost(self) -> Any:
        """Return the function as a program, compiled under the options."""
        return jax.jit(self.function, compiler_options=options(), **self.arguments)

    @cached_property
    def nested(self) -> Any:
        """Return the function as a part of another program, where JAX refuses options."""
        return jax.jit(self.function, **self.arguments)


def scan(body: Callable, carry: Any, arrays: Any, **arguments: Any) -> Any:
    """Compute `lax.scan(body, carry, arrays, **arguments)`, compiled under `options()`.

    body       (carry, element) → (carry, output)
    carry      the first value that is carried
    arrays     a pytree of arrays, scanned along their first axis
    arguments  as `lax.scan` takes them

    Returns (last carry, stacked outputs). `lax.scan` compiles its body even outside of any
    `jax.jit`, and then without options.

        >>> import jax.numpy as jnp
        >>> from fnn import compiler
        >>> total, sums = compiler.scan(lambda c, x: (c + x, c + x), 0.0, jnp.arange(4.0))
        >>> sums.tolist()
        [0.0, 1.0, 3.0, 6.0]
    """

    def loop(carry, arrays):
        return lax.scan(body, carry, arrays, **arguments)

    if is_within_jit():
        return loop(carry, arrays)
    return jit(loop)(carry, arrays)


def is_within_jit() -> bool:
    """Return whether a program is being traced.

    While one is, even an operation without inputs gives a tracer. That operation takes 20 to 30
    microseconds, so the state of JAX in which it gave none is remembered.
    """
    from jax.extend.core import get_opaque_trace_state  # later, so that `import fnn` is fast

    state = get_opaque_trace_state()
    if OUTSIDE and state == OUTSIDE[0]:
        return False
    value = lax.iota(np.int32, 1)
    is_traced = isinstance(value, jax.core.Tracer)
    if not is_traced:
        OUTSIDE[:] = [state]
    return is_traced


OUTSIDE: list[Any] = []
"""The last state of JAX in which no program was being traced."""


@cache
def options_to_compile_fast() -> dict[str, str | bool | int]:
    """Return FAST_COMPILING for `Lowered.compile`; {} if XLA_FLAGS sets the level."""
    flags = os.environ.get("XLA_FLAGS", "")
    if FAST_COMPILING.name in flags or not is_known(FAST_COMPILING):
        return {}
    return {FAST_COMPILING.name: FAST_COMPILING.value}


@cache
def options() -> dict[str, str | bool | int]:
    """Return the options of `jax.jit` for fnn's programs, as far as this jaxlib knows them.

    Returns a dictionary from the name of an option to its value. Warns if this jaxlib does not know
    an option that avoids one of its faults.
    """
    chosen: dict[str, str | bool | int] = {}
    if is_known(IN_ORDER):
        chosen[IN_ORDER.name] = IN_ORDER.value
    for fault in present():
        option = fault.option
        if not option.used:
            continue
        if is_known(option):
            chosen[option.name] = option.value
        else:
            warnings.warn(
                f"jaxlib {jaxlib.__version__} does not know the option {option.name}, which "
                f"avoids a known fault ({fault.name}). Run `python -m fnn doctor`: it says whether "
                "fnn's numbers are right here.",
                stacklevel=2,
            )
    return chosen


def present() -> list[Fault]:
    """Return the faults of the running jaxlib."""
    running = version()
    return [fault for fault in FAULTS if fault.is_in(running)]


def xla_flags() -> str:
    """Return the value of XLA_FLAGS that avoids the faults of the running jaxlib everywhere.

    Set it before JAX starts. It protects programs that a plain `jax.jit` compiles.
    """
    flags = [fault.option.flag for fault in present()]
    return " ".join(dict.fromkeys(flags))


def version() -> tuple[int, ...]:
    """Return the version of the running jaxlib as numbers: "0.12.0.1" is (0, 12, 0, 1)."""
    parts = jaxlib.__version__.split(".")
    return tuple(int(part) for part in parts if part.isdigit())


@cache
def is_known(option: Option) -> bool:
    """Return whether the running jaxlib takes an option, by compiling a tiny program with it."""
    tiny = jax.jit(lambda x: x, compiler_options={option.name: option.value})
    try:
        tiny.lower(0.0).compile()
    except jax.errors.JaxRuntimeError as error:
        message = str(error)
        if "No such compile option" in message or "not a valid" in message:
            return False
        raise
    return True
