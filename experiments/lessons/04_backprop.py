# %% [markdown]
# # 4. Backpropagation by hand
#
# Backpropagation computes the gradient of every weight in one walk from the loss to the input. At
# each layer it keeps δ = ∂L/∂z, the slope of the loss by the layer's pre-activation z. The weights
# get δ times the input of their layer, and the layer below gets W transposed times δ, times f′(z)
# (claims 0.16 to 0.18, which one document prints with three slips).
#
# **Question.** Which arrays of the forward pass does the backward pass need again?

# %%
import jax
import numpy as np

import fnn
from fnn import data, losses, plot
from judging import judge, regions, show

x, labels = data.load("xor").train  # the four rows of the XOR table
y = labels[:, None].astype(float)
net = fnn.mlp((2, 4, 1), activation="tanh")
loss_and_gradient = jax.jit(fnn.value_and_grad(net, losses.squared_error))
(hidden, _, output), _ = net.init(jax.random.key(1))
start = {"W1": hidden.W, "b1": hidden.b, "W2": output.W, "b2": output.b}


def forward(p, x):
    """Return the hidden activations a (N, 4) and the prediction (N, 1)."""
    a = np.tanh(x @ p["W1"].T + p["b1"])
    return a, a @ p["W2"].T + p["b2"]


# %% [markdown]
# ## Your cell
#
# The loss is L = (1/N) Σ (prediction − y)². Start with δ₂ = ∂L/∂prediction, of shape (N, 1). Then
# δ₁ = (δ₂ W₂) times f′(z₁), entry by entry. For tanh, f′(z) = 1 − a². A weight's gradient has the
# shape of the weight, and a bias gets the sum of δ over the examples.


# %% your cell
def backward(p, x, y, a, prediction):
    """Return the gradient of each parameter. a and prediction are what forward(p, x) returns."""
    delta2 = ...
    delta1 = ...
    return {"W1": ..., "b1": ..., "W2": ..., "b2": ...}


# %%
backward = judge("04_backprop", backward)

# %% [markdown]
# ## Figure
#
# Now train with your gradient, and beside it with fnn's. XOR needs the hidden layer: no straight
# line separates its two classes (claim 2.6).

# %%
RATE, STEPS = 0.3, 150
mine = {name: np.asarray(value, float) for name, value in start.items()}
theirs, my_losses, their_losses = (hidden, (), output), [], []
for _ in range(STEPS):
    a, prediction = forward(mine, x)
    my_losses.append(np.mean((prediction - y) ** 2))
    gradients = backward(mine, x, y, a, prediction)
    mine = {name: mine[name] - RATE * gradients[name] for name in mine}
    loss, grads = loss_and_gradient(theirs, x, y)
    their_losses.append(loss)
    theirs = jax.tree.map(lambda p, g: p - RATE * g, theirs, grads)

figure, (left, right) = plot.figure(columns=2, width=4.4, height=3.8)
left.plot(my_losses, linewidth=4, alpha=0.5, label="the gradient by hand")
left.plot(their_losses, "--", color="black", label="fnn.value_and_grad")
left.set(xlabel="step of gradient descent", ylabel="mean squared error", yscale="log")
left.set_title("Both gradients train alike", fontsize=11)
left.legend(fontsize=8)
regions(right, lambda points: forward(mine, points)[1][:, 0], x, labels, margin=0.4)
right.plot([], [], "o", color=plot.LINES[0]["color"], label="class 0")
right.plot([], [], "^", color=plot.LINES[4]["color"], label="class 1")
right.set_title("XOR is learned: black is prediction = ½", fontsize=11)
right.legend(fontsize=8, loc="center")
show(figure, "04_backprop")
