# %% [markdown]
# # fnn in 100 lines
#
# Network, backpropagation, Adam and training in plain NumPy, and then the same with fnn. Both start
# from the same weights and see the same batches, in float64. After every step all parameters are
# compared: they differ by rounding alone.

# %%
import jax
import numpy as np

import fnn
from fnn import data, losses, optim
from fnn.data import shuffle

SIZES, RATE, EPOCHS, BATCH, SEED = (64, 32, 10), 3e-3, 4, 64, 0

# %% [markdown]
# ## Plain NumPy


# %%
def forward(params, x):
    """Return the hidden pre-activation, the hidden activation and the logits, rows of examples."""
    (W1, b1), (W2, b2) = params
    z1 = x @ W1.T + b1
    a1 = np.maximum(0, z1)
    return z1, a1, a1 @ W2.T + b2


def loss_and_gradient(params, x, y):
    """Return the mean cross-entropy of softmax, and its gradient in the structure of params."""
    z1, a1, logits = forward(params, x)
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[np.arange(len(y)), y]))
    delta2 = (p - np.eye(p.shape[1])[y]) / len(y)
    delta1 = (delta2 @ params[1][0]) * (z1 > 0)
    return loss, [(delta1.T @ x, delta1.sum(axis=0)), (delta2.T @ a1, delta2.sum(axis=0))]


def adam(params, m, v, gradient, t, b1=0.9, b2=0.999, eps=1e-8):
    """Return params, m and v after step t, counted from 1."""
    m = [(b1 * m_i + (1 - b1) * g) for m_i, g in zip(m, gradient, strict=True)]
    v = [(b2 * v_i + (1 - b2) * g**2) for v_i, g in zip(v, gradient, strict=True)]
    steps = [
        RATE * (m_i / (1 - b1**t)) / (np.sqrt(v_i / (1 - b2**t)) + eps)
        for m_i, v_i in zip(m, v, strict=True)
    ]
    return [p - step for p, step in zip(params, steps, strict=True)], m, v


def train(params, x, y, batches):
    """Return the loss before each update, and the parameters after it."""
    flat = [array for layer in params for array in layer]
    m, v = [np.zeros_like(p) for p in flat], [np.zeros_like(p) for p in flat]
    path = []
    for t, rows in enumerate(batches, start=1):
        loss, gradient = loss_and_gradient([flat[:2], flat[2:]], x[rows], y[rows])
        flat, m, v = adam(flat, m, v, [g for layer in gradient for g in layer], t)
        path.append((loss, flat))
    return path


# %% [markdown]
# ## The same with fnn

# %%
with jax.enable_x64(True):
    digits = data.load("digits")
    x, y = digits.train
    net = fnn.mlp(SIZES, activation="relu", init="he")
    parts = net, losses.softmax_cross_entropy, optim.adam(RATE)
    step = fnn.train_step(*parts)
    state = step.init(jax.random.key(SEED))

    start = [tuple(map(np.asarray, state.params[layer])) for layer in (0, 2)]
    key = jax.random.fold_in(jax.random.key(SEED), 1)  # of the shuffle
    orders = [np.asarray(shuffle.permutation(key, len(x), epoch)) for epoch in range(EPOCHS)]
    batches = [o[i : i + BATCH] for o in orders for i in range(0, len(o), BATCH)]

    largest = 0.0
    for rows, (loss, plain) in zip(batches, train(start, x, y, batches), strict=True):
        state, metrics = step.update(state, x[rows], y[rows])
        pairs = [(loss, metrics["loss"]), *zip(plain, jax.tree.leaves(state.params), strict=True)]
        largest = max(largest, *(np.abs(mine - theirs).max() for mine, theirs in pairs))
    print(f"{len(batches)} steps one by one: largest difference {largest:.1e}")
    assert largest < 1e-12

    run = fnn.train(*parts, digits, epochs=EPOCHS, batch_size=BATCH, seed=SEED, progress=False)
    pairs = list(zip(plain, jax.tree.leaves(run.params), strict=True))
    at_the_end = max(np.abs(mine - theirs).max() for mine, theirs in pairs)
    print(f"fnn.train, the whole run as one program: largest difference {at_the_end:.1e}")
    assert at_the_end < 1e-12
    print(f"test accuracy of both: {run.final('test_accuracy'):.3f}")
