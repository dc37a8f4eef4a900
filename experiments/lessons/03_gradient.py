# %% [markdown]
# # 3. The gradient says where down is
#
# The gradient has the slope of the loss along each parameter. A step against the gradient lowers
# the loss, if the step is short enough (claims 0.11, 0.12). The learning rate η says how long it
# is: w ← w − η ∂L/∂w.
#
# **Question.** The loss of the network below is a parabola in each direction. What happens when η
# is a little above the largest rate that works, and where does this happen first: along the
# steepest direction or along the flattest?

# %%
import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import data, losses, optim, plot
from fnn.course import descent
from judging import judge, show

x, y = data.load("cubic").train  # y = s³ − 2s² − 3s + 4 + noise, and x = (s³, s², s)
net = fnn.mlp((3, 1))  # one linear layer: y = W x + b
loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
start = jax.tree.map(jnp.zeros_like, net.init(jax.random.key(0))[0])


def descend(rate):
    """Return the loss before each of 200 steps of gradient descent from zero."""
    step = optim.sgd(rate)
    path = descent.trajectory(lambda p: loss_and_gradient(p, x, y)[1], step, start, steps=200)
    return jax.lax.map(lambda p: loss_and_gradient(p, x, y)[0], path)


# %% [markdown]
# ## Your cell
#
# Compute the gradient of L = (1/N) Σ (x w + b − y)² by hand. x is (N, 3), w is (3,), b is a number
# and y is (N,). Write e for the error x w + b − y. The chain rule gives ∂L/∂w = (2/N) Σ e x and
# ∂L/∂b = (2/N) Σ e.


# %% your cell
def gradient(w, b, x, y):
    """Return ∂L/∂w (3,) and ∂L/∂b, a number."""
    return ..., ...


# %%
gradient = judge("03_gradient", gradient)
dw, db = gradient(np.zeros(3), 0.0, x, y)
print(f"gradient at zero: ∂L/∂w = {np.round(dw, 3)}, ∂L/∂b = {db:.3f}")

# %% [markdown]
# ## Figure
#
# The curvatures of the loss are the eigenvalues λ of (2/N) XᵀX, where X has a column of ones for
# b. Descent is stable while η < 2/λ for the largest of them (claim 0.12).

# %%
X = np.column_stack([x, np.ones(len(x))])
critical = 2 / np.linalg.eigvalsh(2 / len(x) * X.T @ X).max()
rates = critical * np.array([0.02, 0.3, 0.95, 1.02])
curves = jax.jit(jax.vmap(descend))(jnp.asarray(rates, float))
best = np.mean((X @ np.linalg.lstsq(X, y, rcond=None)[0] - y) ** 2)

figure, (axis,) = plot.figure(width=6.4, height=4.0)
words = "slow", "better", "fastest here", "it diverges"
for rate, curve, word in zip(rates, curves, words, strict=True):
    axis.plot(curve, label=f"η = {rate:.4f}, {rate / critical:.2f} of the limit: {word}")
axis.axhline(best, color="gray", linewidth=1, linestyle=":", label="least squares: the minimum")
axis.set(xlabel="step", ylabel="mean squared error", yscale="log", ylim=(0.1, 3e4))
axis.set_title(f"Descent works up to η = 2/λ = {critical:.4f}, and diverges beyond")
axis.legend(fontsize=8, loc="upper left")
show(figure, "03_gradient")
