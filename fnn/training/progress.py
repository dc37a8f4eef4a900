"""A progress bar for a compiled run.

The program is compiled once and used by many calls, so it cannot hold a bar; it holds the bar's number, an argument,
and calls back to the table of bars that are open.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Integer

_open_bars: dict[int, Any] = {}
_numbers = count()


@contextmanager
def epoch_bar(epochs: int, show: bool) -> Iterator[int]:
    """Opens a bar over `epochs` and yields its number."""
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    number = next(_numbers)
    with tqdm(total=epochs, unit="epoch", disable=not show) as bar:
        _open_bars[number] = bar
        try:
            yield number
            jax.effects_barrier()  # the last callbacks may still be on their way
            bar.update(epochs - bar.n)
        finally:
            del _open_bars[number]


def report(number: Integer[Array, ""] | int, epoch: Integer[Array, ""], loss: Float[Array, ""], every: int) -> None:
    """From inside a program: tells bar `number` about every `every`-th epoch. The values go out and nothing returns,
    so the numbers of the run are those of a run without a bar."""

    def tell(_):
        jax.debug.callback(_advance, number, epoch, loss)

    lax.cond((epoch + 1) % every == 0, tell, lambda _: None, jnp.int32(0))


def _advance(number, epoch, loss) -> None:
    bar = _open_bars[int(number)]
    bar.set_postfix(validation_loss=f"{float(loss):.4g}", refresh=False)
    bar.update(int(epoch) + 1 - bar.n)
