"""The report: every claim of the course with its verdict, as pages and as claims.json.

`python -m experiments report` writes it. Read the modules in this order:

    store.py        Results of experiments, stored under a hash of everything that they depend on.
    dark.py         The figures once more, for dark pages.
    records.py      The verdicts on all claims, in the order of the documents.
    recorded.py     The verdicts of the last full report, and what differs from them.
    code.py         The lines of an experiment that compute a claim.
    mathematics.py  The formulas of a sentence as MathML.
    pages.py        The pages and claims.json.
    command.py      The command line, and the processes that compute missing results.
"""
