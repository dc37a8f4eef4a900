# %% [markdown]
# # 5. Checking a gradient
#
# The slope of the loss along a weight can be measured: move the weight a little, and see how the
# loss changes. Such a finite difference has two errors. A long step h sees the curvature of the
# loss, and a short step loses digits, because two nearly equal numbers are subtracted.
#
# **Question.** Why is the smallest h not the best one?

# %%
import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import data, losses, plot
from judging import judge, show

with jax.enable_x64(True):
    x, y = (part[:50] for part in data.load("moons").train)
    net = fnn.mlp((2, 8, 1), activation="tanh")
    loss_and_gradient = fnn.value_and_grad(net, losses.sigmoid_cross_entropy)
    (hidden, _, output), _ = net.init(jax.random.key(0))

    def loss_at(w):
        """Return the loss where W₁ is w."""
        return loss_and_gradient((hidden._replace(W=w), (), output), x, y)[0]

    exact = loss_and_gradient((hidden, (), output), x, y)[1][0].W[0, 0]
    steps = np.logspace(-13, 0, 53)
    moved = hidden.W[None] + jnp.zeros((len(steps), 1, 1))
    one = jnp.zeros_like(hidden.W).at[0, 0].set(1.0)
    ahead = jax.vmap(loss_at)(moved + steps[:, None, None] * one)
    behind = jax.vmap(loss_at)(moved - steps[:, None, None] * one)
    here = loss_at(hidden.W)
    forward = np.abs((ahead - here) / steps - exact)
    central = np.abs((ahead - behind) / (2 * steps) - exact)

# %% [markdown]
# ## Your cell
#
# Measure the gradient of any function f of an array w by central differences. For each entry i,
# the slope is (f(w with h added to entry i) − f(w with h taken from entry i)) / (2h). Leave w as
# it was.


# %% your cell
def central_differences(f, w, h=1e-4):
    """Return the slope of f along each entry of w, an array (n,)."""
    slopes = np.zeros_like(w)
    for i in range(len(w)):
        slopes[i] = ...
    return slopes


# %%
central_differences = judge("05_checking", central_differences)

# %% [markdown]
# fnn does this for you, and more: `fnn.check_gradient` measures how large rounding is, compares
# with automatic differentiation, and names the mistake in a wrong gradient.

# %%
weights, inputs = {"w": np.array([0.3, -0.7])}, np.asarray(x, float)
report = fnn.check_gradient(
    lambda p: jnp.mean(jnp.tanh(inputs @ p["w"]) ** 2),
    lambda p: {"w": 2 * inputs.T @ np.tanh(inputs @ p["w"]) / len(inputs)},  # wrong: where is f′?
    weights,
)
print(f"fnn.check_gradient: {report.verdict}. {report.diagnosis}")

# %% [markdown]
# ## Figure

# %%
figure, (axis,) = plot.figure(width=6.4, height=4.0)
axis.plot(steps, forward, label="forward difference: (f(w + h) − f(w)) / h")
axis.plot(steps, central, label="central difference: (f(w + h) − f(w − h)) / 2h")
axis.plot(steps, 2e-16 / steps, color="gray", linestyle=":", label="rounding: 2e-16 / h")
axis.set(xscale="log", yscale="log", ylim=(1e-13, 1), xlabel="step h", ylabel="error of the slope")
axis.set_title("Too long a step is wrong, and too short a step is noise")
axis.legend(fontsize=8, loc="upper center")
show(figure, "05_checking")
