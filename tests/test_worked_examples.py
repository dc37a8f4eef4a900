"""The documents' worked examples, to the digits that they or an independent computation give.

E1 Piccoli's (x + y)z (4.7); E2 his hand-made network (4.18); E3a Adornetto's 2-3-1 network (0.18);
E3b De Marzo's 1-2-1 network (1.29); E4 Piccoli's cubic fit (4.8-4.10). Where a document leaves
numbers open they are chosen here.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn import losses, optim
from fnn.backprop import apply, value_and_grad
from fnn.layers import DenseParams, dense, graph, serial
from fnn.mlp import mlp

pytestmark = pytest.mark.usefixtures("x64")

PRINTED = 6e-11  # half a unit of the tenth decimal


def layer(W, b):
    return DenseParams(jnp.array(W, float), jnp.array(b, float))


def one_step(params, grads, rate):
    optimizer = optim.sgd(rate)
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    return optax.apply_updates(params, updates)


# ---------------------------------------------------------------------------------------------- E1


def test_e1_chain_rule_through_a_sum_and_a_product():
    """f = (x + y)z at (−2, 5, −4), the sum being W = (1, 1) and z the weight of a second layer."""
    net = serial(dense(2, 1), dense(1, 1))
    params = (layer([[1, 1]], [0]), layer([[-4]], [0]))
    f, _, residuals = net.forward(params, (), jnp.array([[-2.0], [5.0]]))
    assert residuals[1] == 3  # q
    assert f == -12
    grads, dx = net.backward(params, residuals, jnp.ones((1, 1)))
    np.testing.assert_array_equal(dx, [[-4], [-4]])
    assert grads[1].W == 3  # ∂f/∂z
    assert grads[0].b == -4  # ∂f/∂q


# ---------------------------------------------------------------------------------------------- E2

HAND_MADE = mlp((2, 2, 1))  # o₁, o₂ pre-activations, o₃, o₄ = ReLU of them, o₅ the output
X2, Y2 = np.array([[2.0, 1.0]]), np.array([5.0])
hand_made = jax.jit(value_and_grad(HAND_MADE, losses.squared_error))
halved = value_and_grad(HAND_MADE, losses.squared_error, reduction="half_sum")


def hand_made_params():
    """w₁ … w₄, b₁, b₂ in front of the hidden units; w₅, w₆, b₃ behind them."""
    return (layer([[0, 2], [-4, -1]], [3, 1]), (), layer([[-2, 0]], [6]))


def loss_at(params):
    return float(hand_made(params, X2, Y2)[0])


def test_e2_forward_and_upstream():
    params = hand_made_params()
    out, _, residuals = HAND_MADE.forward(params, (), jnp.asarray(X2.T))
    np.testing.assert_array_equal(residuals[1], [[5], [-8]])  # o₁, o₂
    np.testing.assert_array_equal(residuals[2], [[5], [0]])  # o₃, o₄
    assert out == -4
    assert loss_at(params) == 81
    upstream = losses.squared_error.backward(out, jnp.asarray(Y2))
    assert upstream == -18
    _, d_hidden = dense(2, 1).backward(params[2], residuals[2], upstream)
    np.testing.assert_array_equal(d_hidden, [[36], [0]])  # ∂o₃, ∂o₄
    grads, dx = HAND_MADE.backward(params, residuals, upstream)
    np.testing.assert_array_equal(grads[0].b, [36, 0])  # ∂o₁, ∂o₂
    np.testing.assert_array_equal(dx, [[0], [72]])


def test_e2_gradients():
    _, (hidden, _, output) = hand_made(hand_made_params(), X2, Y2)
    np.testing.assert_array_equal(hidden.W, [[72, 36], [0, 0]])
    np.testing.assert_array_equal(hidden.b, [36, 0])
    np.testing.assert_array_equal(output.W, [[-90, 0]])
    np.testing.assert_array_equal(output.b, [-18])


def test_e2_one_step_and_the_next_loss():
    """The document prints w₅ = −2.00 with −1,91 beside it."""
    start = hand_made_params()
    _, grads = hand_made(start, X2, Y2)
    after = one_step(start, grads, 1e-3)
    np.testing.assert_allclose(after[0].W, [[-0.072, 1.964], [-4, -1]], rtol=1e-15)
    np.testing.assert_allclose(after[0].b, [2.964, 1], rtol=1e-15)
    np.testing.assert_allclose(after[2].W, [[-1.91, 0]], rtol=1e-15)
    np.testing.assert_allclose(after[2].b, [6.018], rtol=1e-15)
    assert abs(loss_at(after) - 65.92530591) < 5e-9

    w1 = start[0]._replace(W=start[0].W.at[0, 0].set(-0.072))
    only_w1_and_w5 = (w1, (), start[2]._replace(W=after[2].W))
    assert abs(loss_at(only_w1_and_w5) - 68.47496300) < 5e-9
    assert abs(loss_at((w1, (), start[2])) - 75.898944) < 5e-9


def test_e2_gradient_descent_reaches_1e_6_at_step_457():
    params, step = hand_made_params(), 0
    value, grads = hand_made(params, X2, Y2)
    while value >= 1e-6 and step < 1000:
        params, step = one_step(params, grads, 1e-3), step + 1
        value, grads = hand_made(params, X2, Y2)
    assert step == 457
    start = hand_made_params()
    np.testing.assert_array_equal(params[0].W[1], start[0].W[1])  # unit 2 never learns
    assert params[0].b[1] == start[0].b[1]
    assert params[2].W[0, 1] == 0


@pytest.mark.parametrize("rate", [0.01, 5 / 216 - 1e-6, 5 / 216 + 1e-6, 0.05])
def test_e2_dead_relu_threshold(rate):
    """o₁ after one step is 5 − 216 lr: above 5/216 the only live unit dies."""
    _, grads = hand_made(hand_made_params(), X2, Y2)
    after = one_step(hand_made_params(), grads, rate)
    _, _, residuals = HAND_MADE.forward(after, (), jnp.asarray(X2.T))
    np.testing.assert_allclose(residuals[1][0], [5 - 216 * rate], atol=1e-13)
    _, grads = hand_made(after, X2, Y2)
    assert bool(grads[0].W.any()) == (rate < 5 / 216)


def test_e2_at_005_only_the_output_bias_learns():
    """L_t = 3.61 · .81^(t−1)"""
    _, grads = hand_made(hand_made_params(), X2, Y2)
    params = after = one_step(hand_made_params(), grads, 0.05)
    for t in range(1, 30):
        value, grads = hand_made(params, X2, Y2)
        np.testing.assert_allclose(value, 3.61 * 0.81 ** (t - 1), rtol=1e-11)
        params = one_step(params, grads, 0.05)
    np.testing.assert_array_equal(params[0].W, after[0].W)
    np.testing.assert_array_equal(params[0].b, after[0].b)
    np.testing.assert_array_equal(params[2].W, after[2].W)


def test_e2_with_the_half_convention():
    value, grads = halved(hand_made_params(), X2, Y2)
    assert value == 40.5
    after = one_step(hand_made_params(), grads, 1e-3)
    np.testing.assert_allclose(after[0].W[0, 0], -0.036, rtol=1e-15)
    np.testing.assert_allclose(after[2].W[0, 0], -1.955, rtol=1e-15)


# --------------------------------------------------------------------------------------------- E3a


def sigmoid_2_3_1():
    """W's rows are the nodes 3, 4, 5: (w₁₃, w₂₃), (w₁₄, w₂₄), (w₁₅, w₂₅)."""
    hidden = layer([[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]], [0.01, -0.02, 0.03])
    return hidden, layer([[0.7, -0.8, 0.9]], [0.04])


GRAPH_2_3_1 = {str(i): (("1", "2"), "sigmoid") for i in (3, 4, 5)} | {
    "6": (("3", "4", "5"), "sigmoid")
}
X3, Y3 = np.array([[0.5, -1.0]]), np.array([0.8])


def test_e3a_forward():
    hidden, output = sigmoid_2_3_1()
    net = graph(("1", "2"), GRAPH_2_3_1, ("3", "4", "5", "6"))
    z = apply(net, {"3+4+5": hidden, "6": output}, X3)
    expected = [[0.465057054842, 0.361236824851, 0.706822221094, 0.670995384197]]
    np.testing.assert_allclose(z, expected, rtol=0, atol=5e-13)


@pytest.mark.parametrize("form", ["mlp", "graph"])
def test_e3a_all_13_gradients(form):
    """0.18 with ½Σ(y − z₆)², the bias gradients, which the document leaves out, included."""
    hidden, output = sigmoid_2_3_1()
    if form == "mlp":
        net, params = (
            mlp((2, 3, 1), activation="sigmoid", output="sigmoid"),
            (hidden, (), output, ()),
        )
    else:
        net, params = graph(("1", "2"), GRAPH_2_3_1, ("6",)), {"3+4+5": hidden, "6": output}
    value, grads = value_and_grad(net, losses.squared_error, reduction="half_sum")(params, X3, Y3)
    assert abs(float(value) - 0.00832109544927) < 5e-15
    hidden, output = (grads[0], grads[2]) if form == "mlp" else (grads["3+4+5"], grads["6"])
    w13_w23_to_w25 = [
        [-0.0024797535, 0.0049595071],
        [0.0026285646, -0.0052571292],
        [-0.0026557093, 0.0053114186],
    ]
    np.testing.assert_allclose(hidden.W, w13_w23_to_w25, rtol=0, atol=PRINTED)
    np.testing.assert_allclose(
        hidden.b, [-0.0049595071, 0.0052571292, -0.0053114186], rtol=0, atol=PRINTED
    )
    np.testing.assert_allclose(
        output.W, [[-0.013244422, -0.0102877118, -0.0201296845]], rtol=0, atol=PRINTED
    )
    np.testing.assert_allclose(output.b, [-0.0284791336], rtol=0, atol=PRINTED)


# --------------------------------------------------------------------------------------------- E3b


@pytest.mark.parametrize(
    ("sigma", "y", "value", "d_phi", "d_phi0", "d_theta", "d_theta0"),
    [
        ("relu", 1.01, 1e-4, [0.016, 0], 0.02, [0.036, 0], [0.024, 0]),
        (
            "tanh",
            1.05076295,
            0.0025768774,
            [0.06741693, -0.02957578],
            0.10152591,
            [0.10216545, -0.09755561],
            [0.06811030, -0.06503708],
        ),
    ],
)
def test_e3b_all_7_gradients(sigma, y, value, d_phi, d_phi0, d_theta, d_theta0):
    """1.29, and the gradients that it leaves as an exercise."""
    net = mlp((1, 2, 1), activation=sigma)
    params = (layer([[0.6], [-0.4]], [-0.1, 0.3]), (), layer([[1.2, -0.7]], [0.05]))
    x, target = np.array([[1.5]]), np.array([1.0])
    np.testing.assert_allclose(apply(net, params, x), [[y]], rtol=0, atol=5e-9)
    loss, (theta, _, phi) = value_and_grad(net, losses.squared_error)(params, x, target)
    np.testing.assert_allclose(loss, value, rtol=0, atol=PRINTED)
    for grad, printed in (
        (phi.W[0], d_phi),
        (phi.b[0], d_phi0),
        (theta.W[:, 0], d_theta),
        (theta.b, d_theta0),
    ):
        np.testing.assert_allclose(grad, printed, rtol=0, atol=5e-9)


# ---------------------------------------------------------------------------------------------- E4

CUBIC = mlp((3, 1))  # w₁x³ + w₂x² + w₃x, and w₄ as the bias
INITS = np.array([[-9, 2, 1, 30], [-9, 2, 1, -20], [-40, 0, 0, 0], [0, 0, 0, 0]], float)
sum_of_squares = value_and_grad(CUBIC, losses.squared_error, reduction="sum")


def cubic_data(n, bound):
    """y = x³ − 2x² − 3x + 4 + noise of standard deviation ½; the document gives neither points nor
    noise.
    """
    x = np.linspace(-bound, bound, n)
    design = np.stack([x**3, x**2, x, np.ones(n)], axis=1)
    return design, design @ [1, -2, -3, 4] + 0.5 * np.random.default_rng(0).normal(size=n)


def critical_rate(design):
    return 2 / np.linalg.eigvalsh(2 * design.T @ design).max()


def least_squares(design, y):
    w, *_ = np.linalg.lstsq(design, y, rcond=None)
    return w, ((design @ w - y) ** 2).sum()


@jax.jit
def descend(w, features, y, rates):
    """The losses before each update, one rate an update, and the parameters at the end."""
    optimizer = optim.sgd(1.0)

    def update(params, rate):
        value, grads = sum_of_squares(params, features, y)
        grads = jax.tree.map(lambda g: rate * g, grads)
        updates, _ = optimizer.update(grads, optimizer.init(params), params)
        return optax.apply_updates(params, updates), value

    (params,), values = jax.lax.scan(update, (DenseParams(w[None, :3], w[3:]),), rates)
    return values, jnp.append(params.W[0], params.b)


def descents(inits, data, rate, steps):
    design, y = data
    values, ends = jax.vmap(descend, in_axes=(0, None, None, None))(
        inits, design[:, :3], y, np.full(steps, rate)
    )
    return np.asarray(values), np.asarray(ends)


def steps_to_a_thousandth(values, optimum):
    """Updates until the excess over the least loss is a thousandth of what it is at the start."""
    excess = (values - optimum) / (values[:, :1] - optimum)
    assert (excess[:, -1] < 1e-3).all()
    return np.argmax(excess < 1e-3, axis=1).tolist()


SETS = {"100": (100, 2), "50": (50, 2), "13": (13, 3)}


def test_e4_the_data():
    data = cubic_data(*SETS["100"])
    w, optimum = least_squares(*data)
    np.testing.assert_allclose(w, [0.964505, -2.062499, -2.894904, 4.125564], rtol=0, atol=5e-7)
    assert abs(optimum - 22.323796) < 5e-7
    values, _ = descents(INITS, data, 0.0, 1)
    np.testing.assert_allclose(values[:, 0], [1.736e5, 1.096e5, 1.551e6, 1009], rtol=5e-4)


@pytest.mark.parametrize(("points", "rate"), [("100", 9.20e-4), ("50", 1.74e-3), ("13", 4.68e-4)])
def test_e4_critical_learning_rates(points, rate):
    """2/λmax(2XᵀX): a hundredth below it the excess loss falls, a hundredth above it grows without
    end.
    """
    data = cubic_data(*SETS[points])
    critical = critical_rate(data[0])
    np.testing.assert_allclose(critical, rate, rtol=5e-3)
    _, optimum = least_squares(*data)
    below, _ = descents(INITS, data, 0.99 * critical, 3000)
    above, _ = descents(INITS, data, 1.01 * critical, 3000)
    assert (below[:, -1] - optimum < 1e-6).all()
    assert (above[:, -1] > 1e10).all()


def test_e4_at_7_5e_4_every_start_reaches_least_squares():
    """4.8, 4.9: convex, so all starts end at the same point."""
    data = cubic_data(*SETS["100"])
    w, optimum = least_squares(*data)
    values, ends = descents(INITS, data, 7.5e-4, 3000)
    assert steps_to_a_thousandth(values, optimum) == [45, 51, 22, 89]
    np.testing.assert_allclose(ends, np.tile(w, (4, 1)), rtol=0, atol=1e-6)


def test_e4_at_7_5e_4_with_half_as_many_points():
    data = cubic_data(*SETS["50"])
    _, optimum = least_squares(*data)
    values, _ = descents(INITS[3:], data, 7.5e-4, 3000)
    assert steps_to_a_thousandth(values, optimum) == [179]


@pytest.mark.parametrize(("points", "steps"), [("100", 3375), ("50", 6763), ("13", 10196)])
def test_e4_at_2e_5(points, steps):
    """4.10: slow everywhere."""
    data = cubic_data(*SETS[points])
    _, optimum = least_squares(*data)
    values, _ = descents(INITS[3:], data, 2e-5, 12_000)
    assert steps_to_a_thousandth(values, optimum) == [steps]


def test_e4_at_7_5e_4_the_13_point_set_diverges():
    values, _ = descents(INITS, cubic_data(*SETS["13"]), 7.5e-4, 30)
    assert (values[:, -1] > 1e20).all()
