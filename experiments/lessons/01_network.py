# %% [markdown]
# # 1. A network is a function
#
# A layer multiplies its input by a matrix W, adds a bias b, and applies an activation to each
# entry. A network applies one layer after the other (claims 0.5, 0.6, 1.1). The network below has
# one input, three hidden ReLU units and one output, and its weights are set by hand.
#
# **Question.** The curve of three ReLU units consists of straight pieces. How many can there be?

# %%
import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import plot
from judging import judge, show

net = fnn.mlp((1, 3, 1), activation="relu")
(hidden, _, output), _ = net.init(jax.random.key(0))
hidden = hidden._replace(W=jnp.array([[1.0], [1.0], [-1.0]]), b=jnp.array([1.0, -0.5, -0.2]))
output = output._replace(W=jnp.array([[0.8, -2.0, 1.5]]), b=jnp.array([-0.5]))
params = (hidden, (), output)

x = np.linspace(-2, 2, 201)[:, None]
y = fnn.apply(net, params, x)
print("W₁", hidden.W.shape, " b₁", hidden.b.shape, " W₂", output.W.shape, " b₂", output.b.shape)
print("x", x.shape, " ->  y", y.shape)

# %% [markdown]
# ## Your cell
#
# Compute the same with NumPy. Each row of x is one example. W has one row for each unit of its
# layer, so z = W x for one example is `x @ W.T` for rows of examples. The ReLU of z is max(0, z).
# The output layer has no activation.


# %% your cell
def forward(W1, b1, W2, b2, x):
    """Return the hidden activations a (examples, hidden) and the output y (examples, outputs)."""
    a = ...
    y = ...
    return a, y


# %%
forward = judge("01_network", forward)
W1, b1, W2, b2 = map(np.asarray, (hidden.W, hidden.b, output.W, output.b))
a, by_hand = forward(W1, b1, W2, b2, x)
print(f"largest difference from fnn: {np.abs(by_hand - y).max():.1e}")

# %% [markdown]
# ## Figure
#
# A ReLU unit is zero on one side of its bend and straight on the other. The output adds the three
# units, each times its weight in W₂. So the curve bends only where a unit bends.

# %%
figure, (axis,) = plot.figure(width=6.4, height=4.0)
for unit, weight in enumerate(np.asarray(output.W[0])):
    label = f"unit {unit + 1}, times its weight {weight:g}"
    axis.plot(x, weight * a[:, unit], linewidth=1.2, linestyle="--", label=label)
axis.plot(x, by_hand, color="black", linewidth=2.2, linestyle="-", label="output: their sum, + b₂")
bends = -np.asarray(hidden.b / hidden.W[:, 0])
values = fnn.apply(net, params, bends[:, None])
axis.plot(bends, values, "o", color="black", label="bend: −b₁/W₁ of a unit")
axis.set(xlabel="input x", ylabel="output y")
axis.set_title("Three ReLU units make a curve with three bends")
axis.legend(fontsize=8)
show(figure, "01_network")
