"""Compile and run a traced program, in this process or in a child process that may crash."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jax import export
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from fnn.witness import is_key

Options: TypeAlias = dict[str, Any]  # of `jax.jit(…, compiler_options=)`
Run: TypeAlias = Callable[[ClosedJaxpr, Sequence[Any], Options], list[Any]]

CHILD = [sys.executable, "-m", "fnn.compiled.child"]


class Crash(Exception):
    """A signal, such as that of a segmentation fault, ended the process that ran a program."""


def run_in_this_process(
    closed: ClosedJaxpr, arguments: Sequence[Any], options: Options
) -> list[Any]:
    """Return the outputs of a traced program, compiled under these options in this process."""
    function = jax.jit(jaxpr_as_fun(closed), compiler_options=options)
    return to_numpy(function(*arguments))


def to_numpy(outputs: Sequence[Any]) -> list[Any]:
    """Return outputs as NumPy arrays; random keys stay as they are."""
    return [output if is_key(output) else np.asarray(output) for output in outputs]


def run_in_child(seconds: float) -> Run:
    """Return a function that runs programs as `run_in_this_process` does, each in a child process.

    seconds  how long a program may take

    The function raises `Crash` where a signal ends the child or the seconds have passed, and
    NotImplementedError where the child ends with an exception.
    """

    def run(closed: ClosedJaxpr, arguments: Sequence[Any], options: Options) -> list[Any]:
        task = task_of(closed, arguments, options)
        stdin = pickle.dumps(task)
        try:
            child = subprocess.run(CHILD, input=stdin, capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Crash(f"it did not end within {seconds:g} s") from None
        status = child.returncode
        if status > 0:  # an exception of Python, not a fault of the compiled program
            error = last_line(child.stderr)
            raise NotImplementedError(f"the child process could not run it: {error}")
        if status < 0:
            error = last_line(child.stderr)
            death = f"exit status {status}"
            raise Crash(f"{death}: {error}" if error else death)
        return pickle.loads(child.stdout)

    return run


def last_line(stderr: bytes) -> str:
    """Return the last line that a process wrote, "" if it wrote none."""
    text = stderr.decode(errors="replace")
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def task_of(closed: ClosedJaxpr, arguments: Sequence[Any], options: Options) -> tuple[Any, ...]:
    """Return the task that `fnn.compiled.child` reads.

    Raises NotImplementedError for a program that JAX cannot export, such as one with a custom call.
    """
    function = jax.jit(jaxpr_as_fun(closed))
    try:
        exported = export.export(function)(*arguments)
    except (ValueError, NotImplementedError) as error:
        raise NotImplementedError(f"it cannot be sent to a child process: {error}") from error
    serialized = bytes(exported.serialize())
    is_x64 = jax.config.values["jax_enable_x64"]
    return serialized, list(arguments), options, is_x64
