"""Run a program in the child process of `run_in_child`, `python -m fnn.compiled.child`.

The process reads a pickled task from standard input and writes the pickled outputs to standard
output. A task is an exported program, its inputs, compiler options, and whether 64 bits are
enabled.
"""

import pickle
import sys

import jax
import numpy as np
from jax import export


def main() -> None:
    """Run the program that standard input holds."""
    serialized, arguments, options, is_x64 = pickle.load(sys.stdin.buffer)
    with jax.enable_x64(is_x64):
        exported = export.deserialize(bytearray(serialized))
        program = jax.jit(exported.call, compiler_options=options)
        outputs = program(*arguments)
        arrays = [np.asarray(output) for output in outputs]
    pickle.dump(arrays, sys.stdout.buffer)


if __name__ == "__main__":
    main()
