"""`fnn.race`: a sweep that stops training settings that have lost.

In: a builder, a Dataset and hyperparameters, as `fnn.sweep` takes them, and a guarantee. Out: a
`Race`, which prints the best setting, its confidence and a table, and which holds the finished runs
as a `Sweep`.

Read the modules in this order:

    rungs.py    The rungs: after how many epochs, and on how many seeds, settings are compared.
    compare.py  The comparison at one rung: intervals of paired differences, and who has lost.
    race.py     `fnn.race`: it checks arguments, trains from rung to rung, and drops losers.
    journals.py The directories of a race with checkpoint=.
    errors.py   The errors of a race that did not end, which can go on.
    result.py   `Race`: the outcome, its sentence and its table.

Runs that continue at a rung are packed into blocks anew, so a setting that left costs nothing more.

To change when settings are compared, edit rungs.py. To change the statistics, edit compare.py. To
change the sentence or the table, edit result.py.
"""

from fnn.racing.result import Race

__all__ = ["Race"]
