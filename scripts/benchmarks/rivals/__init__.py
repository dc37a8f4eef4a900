"""The same training by others.

Each module has prepare(case, problem, runs), which returns a function that trains all runs.
"""
