"""The keys of a run: which position each has decides every number that is drawn."""

import jax
import numpy as np
import pytest

from fnn.runs.keys import run_keys


@pytest.mark.parametrize(
    ("name", "position"), [("init", 0), ("shuffle", 1), ("noise", 2), ("data", 3)]
)
def test_each_key_is_that_of_its_position(name, position):
    keys = run_keys(np.uint32(7))
    expected = jax.random.fold_in(jax.random.key(7), position)
    assert jax.random.key_data(getattr(keys, name)).tolist() == (
        jax.random.key_data(expected).tolist()
    )
