"""`fnn.check_compiled`: does the compiled program compute what was written?

check.py      compiles a function, asks the witness, and reports
judging.py    outputs of a compiled program beside those of the witness
rounding.py   the witness once more, with the rounding that a right program may have
running.py    a traced program compiled and run, here or in a child process
narrowing.py  the smallest part of a program that is computed wrongly
remedies.py   options under which it is computed rightly
report.py     what is said about it
"""

from fnn.compiled.check import check_compiled
from fnn.compiled.report import CompiledReport

__all__ = ["CompiledReport", "check_compiled"]
