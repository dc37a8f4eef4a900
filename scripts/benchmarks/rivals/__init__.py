"""The same training by others: each module has prepare(case, problem, lanes) -> a function that
trains them all.
"""
