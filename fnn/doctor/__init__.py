"""Check whether the numbers are right that this machine computes (`python -m fnn doctor`).

Nothing comes in but the machine; a `Report` goes out. The doctor compiles and runs small programs,
the canaries, in child processes, compares their outputs with those of NumPy, and adds the versions
and settings that matter, each with the advice that follows.

The modules, in the order of reading:

report.py     checks the machine and holds the lines to print
trial.py      compiles and runs a canary and compares its outputs with those of NumPy
canaries.py   has a program for each known fault of XLA, of sizes that show it
library.py    has programs of fnn: every layer, loss, activation and optimizer, and a training
children.py   runs trials in child processes, because one known fault is a crash
child.py      runs trials in the child process

A new fault of XLA is a line of `fnn.compiler.FAULTS` and a canary of the same name in
`canaries.py`. A new kind of program of fnn is an entry of KINDS in `library.py`.
"""

from fnn.doctor.report import Report, check_machine
from fnn.renamed import renamed

__all__ = ["Report", "check_machine"]

renamed(__name__, {"examine": "fnn.doctor.check_machine"})
