"""Counter-examples: the formulas of backpropagation as the documents print them, slips included.

Vectors are columns (…, n, 1) and matrices (…, out, in). The right forms are in `fnn.layers`,
`fnn.activations` and `fnn.losses`: δ_K = ∂L/∂a_K ⊙ σ′(z_K), δ_l = (W_{l+1}ᵀ δ_{l+1}) ⊙ σ′(z_l),
∂L/∂W_l = δ_l a_{l−1}ᵀ, ∂L/∂b_l = δ_l.
"""

from collections.abc import Sequence

import numpy as np

Array = np.ndarray


def transpose(matrices: Array) -> Array:
    """Return matrices with rows and columns exchanged: (…, m, n) becomes (…, n, m)."""
    return np.swapaxes(matrices, -1, -2)


def adornetto_first_delta(W: Sequence[Array], slope: Sequence[Array], top: Array) -> Array:
    """Return δ_1 by δ_K = loss′ and δ_k = W_{k+1} f′_k δ_{k+1} (0.16): no f′_K, and W for Wᵀ.

    top  what δ_K is; loss′ as printed
    """
    delta = top
    for k in reversed(range(len(W) - 1)):
        delta = W[k + 1] @ (slope[k] * delta)
    return delta


def adornetto_update(delta: Array, W: Array, slope_before: Array) -> Array:
    """Return δ_k W_k f′_{k−1} as matrix products (0.17), where δ_k z_{k−1}ᵀ is meant."""
    return delta @ W @ slope_before


def adornetto_update_elementwise(delta: Array, W: Array, slope_before: Array) -> Array:
    """Return the same read entry by entry, δ_i w_ij f′_j: the one reading in the shape of W."""
    return delta * W * transpose(slope_before)


def adornetto_two_layers(
    W2: Array, z: Sequence[Array], y: Array, slopes: Sequence[Array]
) -> tuple[Array, Array, Array, Array]:
    """Return δW_1, δB_1, δW_2, δB_2 of ½Σ(y − z)² in a 2-3-1 or 1-1-1 network (0.18, 0.19).

    z       outputs of the layers, the input first
    slopes  f′(z) as printed; f′ at the pre-activations is right
    """
    delta2 = (z[2] - y) * slopes[1]
    delta1 = transpose(W2) @ delta2 * slopes[0]
    dW1 = delta1 @ transpose(z[0])
    dW2 = delta2 @ transpose(z[1])
    return dW1, delta1[..., 0], dW2, delta2[..., 0]


def sharif_output_delta(z: Array, y: Array, t: Array) -> Array:
    """Return z_k (1 − z_k)(t_k − y_k) of the sigmoid rule (2.16).

    y  the hidden activities, as elsewhere in that document
    """
    return z * (1 - z) * (t - y)


def notes_output_gradient(d_loss: Array, slope: Array, a_before: Array) -> Array:
    """Return ∇L(a_K) ⊙ ∇σ_K(z_K) · a_{K−1}ᵀ (3.11): right where σ_K acts on each neuron alone."""
    return d_loss * slope @ transpose(a_before)


def notes_delta(delta_next: Array, W_next: Array, slope: Array) -> Array:
    """Return δ_{l+1}ᵀ · W_{l+1} ⊙ ∇σ_l (3.12), a row times a column entry by entry.

    They broadcast to a matrix.
    """
    return transpose(delta_next) @ W_next * slope


def piccoli_update(delta: Array, W: Array) -> Array:
    """Return ∂L/∂z_1, where W_1 ← W_1 − lr ∂L/∂W_1 is meant (4.5).

    It is broadcast over the columns of W, as NumPy does.
    """
    return np.broadcast_to(delta, W.shape)
