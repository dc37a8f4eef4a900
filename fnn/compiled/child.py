"""The child process of `fnn.compiled.running.in_a_child`, `python -m fnn.compiled.child`.

It reads a pickled task from standard input (an exported program, its inputs, compiler options, and
whether 64 bits are enabled) and writes the pickled outputs.
"""

import pickle
import sys

import jax
import numpy as np
from jax import export


def main() -> None:
    """Run the program of standard input."""
    text, arguments, options, x64 = pickle.load(sys.stdin.buffer)
    with jax.enable_x64(x64):
        program = jax.jit(export.deserialize(bytearray(text)).call, compiler_options=options)
        outputs = [np.asarray(output) for output in program(*arguments)]
    pickle.dump(outputs, sys.stdout.buffer)


if __name__ == "__main__":
    main()
