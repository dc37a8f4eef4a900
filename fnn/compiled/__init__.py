"""Check whether a compiled function computes what was written (`fnn.check_compiled`).

A function and its arguments come in; a `CompiledReport` goes out. The function is traced. The trace
is compiled and run, and NumPy evaluates it too, one operation after the other, in float64. Where an
output is off by more than rounding can explain, the compiler is wrong.

The modules, in the order of reading:

check.py      compiles a function, evaluates it by NumPy, and reports
running.py    compiles and runs a traced program, in this process or in a child process
judging.py    compares outputs of a compiled program with those of NumPy
rounding.py   draws the rounding errors that a right program may have
bisection.py  finds the smallest part of a program that is computed wrongly
remedies.py   finds a compiler option under which the program is computed rightly
report.py     holds the report and prints it
child.py      runs a program in the child process

To let the check judge a new operation, give it a rule in `fnn/numpy_rules.py` and its rounding in
`rounding.py` (ULPS or SUMS). To try another compiler option, add it in `remedies.py`.
"""

from fnn.compiled.check import check_compiled
from fnn.compiled.report import CompiledReport

__all__ = ["CompiledReport", "check_compiled"]
