"""A table of mixed columns, as people have them."""

import numpy as np

N = 60
COLOURS = np.array(["red", "green", "blue"])


def table(**more):
    columns = {
        "size": np.linspace(0, 10, N),
        "rooms": np.arange(N) % 5,
        "new": np.arange(N) % 2 == 0,
        "colour": COLOURS[np.arange(N) % 3],
        "price": 2e5 + 3e4 * np.sin(np.arange(N)),
    }
    return columns | more
