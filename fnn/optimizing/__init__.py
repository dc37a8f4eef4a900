"""`fnn.optimize`: suggest a batch of settings, train it as one program, report, and repeat.

In: a builder, a Dataset, a space of hyperparameters, and an Optuna study or none. Out: an
`Optimized` with a `Trial` for each setting.

Read the modules in this order:

    asking.py    The source of settings: an Optuna study, or points sampled at the beginning.
    optimize.py  `fnn.optimize`: it trains each batch by `fnn.sweep`, or by `fnn.race` to prune.
    result.py    `Optimized` and `Trial`, the outcome and its table.

To add a sampler, edit `sample` in asking.py. To change how a batch is trained, edit `train_batch`
in optimize.py.
"""

from fnn.optimizing.result import Optimized

__all__ = ["Optimized"]
