"""The largest numbers of each layer."""

import jax
import jax.numpy as jnp
import pytest

import fnn
from fnn.layers import DenseParams
from fnn.runs.layer_statistics import layer_statistics


def test_largest_outputs_and_parameters():
    net = fnn.mlp((2, 2, 1))
    params = (
        DenseParams(W=jnp.array([[1.0, -3.0], [0.5, 0.0]]), b=jnp.array([0.0, 4.0])),
        (),
        DenseParams(W=jnp.array([[2.0, -1.0]]), b=jnp.array([0.25])),
    )
    _, state = net.init(jax.random.key(0))
    x = jnp.array([[1.0, 2.0], [5.0, -1.0]])  # columns are examples
    # z = [[-14, 5], [4.5, 5]], a = [[0, 5], [4.5, 5]], outputs [-4.25, 5.25]
    found = layer_statistics(net, params, state, x)
    assert [each.output for each in found] == pytest.approx([14, 5, 5.25])
    assert [each.parameter for each in found] == pytest.approx([4, 0, 2])
    assert str(found[0]) == "layer 0 (dense 2→2): output 14, parameter 4"
