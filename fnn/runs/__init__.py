"""Runs: one, a sweep of them, or any function of a seed, on one engine.

A call of `fnn.train`, `fnn.sweep` or `fnn.sweep_function` comes in: a network with its loss and its
optimizer, the data, seeds and hyperparameters. A `Run` or a `Sweep` goes out: its history, its
parameters, and the epoch at which each run stopped or diverged. In between, the call becomes groups
of runs. A group has one compiled program, which computes its runs in blocks of one fixed shape.

The modules, in the order of reading:

process         the contract: one run as pure functions of a seed
keys            the random keys of a run
step            one update of the parameters
updates         the arguments of an optimizer's update, and its errors
run_data        the training rows of a run, and its splits
evaluate        loss, accuracy and metrics on whole splits
layer_statistics
                the largest numbers of each layer, where a run diverges
monitor         the best epoch, and the end of patience
training        one training run: begin, advance, locate_divergence
blocks          runs in rows and on devices
engine          a process compiled over blocks; it uses no clock and no files
chunks          how many epochs one device call runs
driver          the one host loop: chunks, reports, signals, failures
callback_runner, progress, signals
                callbacks, progress bars, and Ctrl-C and SIGTERM between two chunks
journal         the blocks that are kept, in memory or in a directory, and which signals are obeyed
task, dispatch  the driver for workers in other processes
refusals, splits
                the checks of a call's arguments, and of several splits
placed          data that were checked and copied to the devices
start           the parameters or the finished run from which a run starts
settings        the settings of a sweep
traced          which hyperparameters a program traces, and the settings that it serves
builder         the builder of a sweep, called and checked with every setting
sweep_groups    the programs of a sweep, as groups for the driver
arrays, sweep_arrays, prepared, sweep_collector
                the arrays of a sweep, before and while it runs
missing_runs    the runs that are not finished, run here or by workers
fingerprint, origin
                texts by which a later call is compared with a saved one
train, train_step, sweep, sweep_function
                the functions that a user calls
interrupted     the errors of a sweep that did not end, which can go on
run, results    the results
summary, covered
                their statistics and intervals
retraining, predict, in_units
                runs that are trained again, and predictions in the user's terms
explored, regions
                the page of a sweep, and its decision regions
load            results that were saved

To follow a call instead, read sweep, prepared, sweep_groups, missing_runs, driver, chunks, engine
and training. To add a scheduler of blocks, read driver, dispatch and `missing_runs.driver_of`.

Change the computation of a run in training and step, its entries in the history in
`training.epoch_row` and `history_names`. Change the number of runs of a row in
`engine.default_runs_per_vmap`, and that of rows of a block in `engine.engine_of`. Arguments that
all calls share are refused in refusals, those of one part in its module. Change the layout of a
checkpoint in journal, what identifies a call in `prepared.PreparedSweep.call`, and its files in
`fnn.checkpoint`.
"""

from fnn.runs.process import Process

__all__ = ["Process"]
