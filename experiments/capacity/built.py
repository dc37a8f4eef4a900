"""Networks that are built by hand, as pairs (net, params) of fnn.course.constructions."""

import numpy as np

import fnn


def output_of(built, x: np.ndarray) -> np.ndarray:
    """Return the one output of (net, params), (points,).

    x  (points,), or (points, inputs) for more than one input
    """
    net, params = built
    inputs = x[:, None] if x.ndim == 1 else x
    output = fnn.apply(net, params, inputs)
    return np.asarray(output)[:, 0]
