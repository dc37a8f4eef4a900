"""A traced program compiled and run: in this process, or in a child, where a crash is an answer."""

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


class Crash(Exception):
    """A signal, such as that of a segmentation fault, ended the process that ran a program."""


def here(closed: ClosedJaxpr, arguments: Sequence[Any], options: Options) -> list[Any]:
    """Return the outputs of a traced program, compiled under these options in this process."""
    function = jax.jit(jaxpr_as_fun(closed), compiler_options=options)
    return fetched(function(*arguments))


def fetched(outputs: Sequence[Any]) -> list[Any]:
    """Return outputs as NumPy's arrays; random keys stay what they are."""
    return [output if is_key(output) else np.asarray(output) for output in outputs]


def in_a_child(seconds: float) -> Run:
    """Return what runs programs as `here` does, each in a child process.

    Raises `Crash` where a signal ends the child, or it gives no answer within the seconds, and
    NotImplementedError where it ends with an exception.
    """

    def run(closed: ClosedJaxpr, arguments: Sequence[Any], options: Options) -> list[Any]:
        try:
            exported = export.export(jax.jit(jaxpr_as_fun(closed)))(*arguments)
        except (ValueError, NotImplementedError) as error:  # a custom call, say
            raise NotImplementedError(f"it cannot be sent to a child process: {error}") from error
        task = (
            bytes(exported.serialize()),
            list(arguments),
            options,
            jax.config.values["jax_enable_x64"],
        )
        command = [sys.executable, "-m", "fnn.compiled.child"]
        try:
            done = subprocess.run(
                command, input=pickle.dumps(task), capture_output=True, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            raise Crash(f"it did not end within {seconds:g} s") from None
        if done.returncode > 0:  # an exception, which is none of the compiled program
            raise NotImplementedError(
                "the child process could not run it: "
                + done.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
            )
        if done.returncode < 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise Crash(": ".join([f"exit status {done.returncode}", *said[-1:]]))
        return pickle.loads(done.stdout)

    return run
