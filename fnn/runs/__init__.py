"""Runs: one, a sweep of them, or any function of a seed, on one engine.

train, sweep, sweep_function   the three doors: each builds a process and reads what comes out
process, training              what one run does, as pure functions of a seed
blocks, engine                 processes compiled over blocks of runs: no clock, no files
driver                         the one host loop: chunks, progress, signals, failures
journal                        keeps blocks: off, in memory, or in a directory
run, results                   what comes out: arrays
"""

from fnn.runs.process import Process

__all__ = ["Process"]
