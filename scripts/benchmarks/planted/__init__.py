"""Hand-written gradients of small networks, faults planted in them, and the rivals of fnn.

Read the modules in this order:

    networks.py      Networks, their parameters and data, forward pass and loss, without fnn.
    backward.py      The backward pass, each of its steps a function that a fault can replace.
    fault.py         A fault, and the two ways to make one.
    where.py         The networks in which a fault can happen.
    factors.py, entries.py, derivatives.py, products.py, surroundings.py
                     The faults.
    catalogue.py     All faults, all networks, and the draws of a benchmark.
    manners.py       The ways in which people write a loss and its gradient.
    contenders.py    The checkers that are compared.
    trial.py         One draw put before every contender.
    scores.py        The counts of all trials.
    stopwatch.py     The time of one check in a process of its own.
"""
