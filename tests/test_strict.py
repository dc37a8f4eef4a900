"""Everything that trains, under JAX's strictest settings, on 1 and on 8 devices: no key is used
twice, no dtype and no rank is promoted silently, no warning is given, and the numbers are the same
bit for bit.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STRICT = {
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_DEBUG_KEY_REUSE": "1",
    "PYTHONWARNINGS": "error",
}
PROGRAM = """
import hashlib
import jax, numpy as np
import fnn
from fnn import data, initializers, losses, optim
from tests.problems import blobs, line

D, options = blobs(), dict(epochs=2, batch_size=10, progress=False)
CE = losses.softmax_cross_entropy
net = fnn.mlp((3, 8, 3), batch_norm="before", dropout=0.2)
found = []

noise = data.label_noise(0.1, 3)
fnn.train(net, CE, optim.adamw(1e-2), D, transform_train=noise, patience=1, **options)
assert fnn.check_network(fnn.mlp((3, 4, 3)), CE, D.train.x[:4], D.train.y[:4]).passed
of_one_output = ("squared_error", "absolute_error", "huber", "sigmoid_cross_entropy")
for loss in map(losses.get, of_one_output):
    y = (D.train.y > 0).astype(np.float32)
    params, _ = fnn.mlp((3, 1)).init(jax.random.key(0))
    found.append(fnn.value_and_grad(fnn.mlp((3, 1)), loss)(params, D.train.x, y))
rules = (optim.sgd, optim.momentum, optim.nesterov, optim.adagrad)
rules += (optim.adadelta, optim.rmsprop, optim.adam)
for rule in rules:
    params, _ = net.init(jax.random.key(1))
    optimizer = rule(1e-2)
    found.append(jax.jit(optimizer.update)(params, optimizer.init(params), params))

def builder(hyper):
    noise = data.label_noise(hyper["noise"], 3)
    return fnn.mlp((3, 8, 3), dropout=hyper["dropout"]), CE, optim.adam(hyper["rate"]), noise

grid = {"rate": [1e-2, 1e-1], "dropout": [0.1], "noise": [0.0, 0.2]}
sweep = fnn.sweep(builder, D, seeds=range(20), hyper=grid, **options)
sweep.summary(interval="bootstrap"), sweep.best()
found += [sweep.history, sweep.params(0)]
def scaled_normal(key, hyper):
    return {"a": jax.random.normal(key) * hyper["s"]}

scales = {"s": [1.0, 2.0]}
function = fnn.sweep_function(scaled_normal, seeds=range(9), hyper=scales, progress=False)
found.append(function.values)
text = b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(found))
print(jax.device_count(), hashlib.sha256(text).hexdigest())
"""


def hash_on(devices: int) -> str:
    """What the program prints of its numbers; it raises nothing and warns of nothing."""
    environment = os.environ | STRICT | {"JAX_NUM_CPU_DEVICES": str(devices)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    counted, found = done.stdout.split()
    assert counted == str(devices)
    return found


@pytest.mark.slow
def test_strict_settings():
    assert hash_on(devices=2)


@pytest.mark.optimized(otherwise=False)
def test_one_and_eight_devices_agree_bit_for_bit():
    assert hash_on(devices=1) == hash_on(devices=8)
